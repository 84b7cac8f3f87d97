"""Polls per job against the mean delay, in virtual time: ours, others' schedules, the optimum.

    python -m benchmarks.schedule [--seeds 3] [--curves 1] [--plot FILE]

500 jobs, 50 in flight, from a cold start. The delay is from the end of a job to the look that sees
it. Every schedule is held against the fixed interval of the same mean delay, which for a mean
duration T and a delay d takes T / (2 * d) + 1/2 polls a job. The optimum knows the distribution
and nothing else. Drifting durations grow from a median of 45 s to 150 s. What is held against a
target runs with three times as many seeds. With ``--curves 0`` only that is measured, and nothing
is drawn.
"""

from __future__ import annotations

import statistics
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from benchmarks.rig.command import command
from benchmarks.rig.rows import Row
from benchmarks.rig.schedule_plot import Schedule
from benchmarks.rig.schedule_plot import plot as draw
from benchmarks.rig.virtual_jobs import (
    DURATIONS,
    JOBS,
    PROGRESS,
    TITLES,
    Durations,
    Optimum,
    simulate,
)
from pika_async import (
    AdaptivePolling,
    ExponentialPolling,
    FixedPolling,
    Observation,
    PollPolicy,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

QUICK = {"curves": 0}
COSTS = (0.01, 0.03, 0.1, 0.3, 1.0)
OURS = AdaptivePolling().look_cost

# Seconds that other SDKs and loops written by hand wait; one more waits 6 ± 1.5 s.
INTERVALS = (0.1, 0.5, 1.0, 3.0, 5.2)


@frozen
class Jittered:
    """From 4.5 to 7.5 s, as some wait."""

    def delay(self, observation: Observation, random_number: float) -> float:
        """Evenly spread."""
        return 4.5 + 3.0 * random_number

    def finished(self, observation: Observation) -> None:
        """Nothing to learn."""


def ours(look_cost: float = OURS) -> AdaptivePolling:
    """Ours; where a look costs next to nothing, the smallest interval has to give way."""
    return AdaptivePolling(
        look_cost=look_cost, min_interval=min(1.0, 10.0 * look_cost), budget=10_000.0
    )


def _same(policy: PollPolicy) -> PollPolicy:
    return policy


def _schedules(
    name: str, *, optimum: bool = True
) -> Iterator[tuple[str, str, Callable[[], PollPolicy]]]:
    for interval in INTERVALS:
        yield "fixed interval", f"{interval:g} s", partial(FixedPolling, interval)
    yield "fixed interval", "6 ± 1.5 s", Jittered
    for maximum in (2.0, 5.0, 10.0, 30.0):
        yield (
            "exponential backoff",
            f"to {maximum:g} s",
            partial(ExponentialPolling, maximum=maximum),
        )
    for cost in COSTS:
        yield "AdaptivePolling", f"{cost:g} s a look", partial(ours, cost)
    if optimum and name != "drifting":
        known_durations = Durations(DURATIONS[name])
        for cost in COSTS:
            known = Optimum(known_durations, cost)
            yield "optimum, known distribution", f"{cost:g} s a look", partial(_same, known)


def _held(name: str) -> Iterator[tuple[str, str, Callable[[], PollPolicy]]]:
    """Those of them that are held against a target."""
    for family, schedule, make in _schedules(name, optimum=False):
        if family == "AdaptivePolling" and schedule.startswith(f"{OURS:g} "):
            yield family, schedule, make


def compared(seeds: int, *, curves: bool = True) -> list[Schedule]:
    """Everything that is compared; the rows that are held against a target carry its name."""
    rows = []
    for name in DURATIONS:
        for family, schedule, make in _schedules(name) if curves else _held(name):
            held = family == "AdaptivePolling" and schedule.startswith(f"{OURS:g} ")
            target = f"schedule-{name}" if held and name != "drifting" else None
            # Hundreds of polls a job say as much of fewer jobs.
            jobs = 100 if schedule in ("0.1 s", "0.5 s") else JOBS
            rows.append(_row(name, None, family, schedule, make, seeds, target, jobs))
        for cost in COSTS if curves else (OURS,):
            target = "schedule-progress" if cost == OURS and name != "drifting" else None
            schedule = f"{cost:g} s a look"
            family = "AdaptivePolling, progress reported"
            rows.append(_row(name, "power", family, schedule, partial(ours, cost), seeds, target))
    for misleading in ("steps", "stall", "noise"):
        for name in ("0.15", "0.35", "0.60", "bimodal", "heavy") if curves else ("0.35",):
            target = f"schedule-{misleading}" if name == "0.35" else None
            family = "AdaptivePolling, misleading progress"
            rows.append(_row(name, misleading, family, misleading, ours, seeds, target))
    return rows


def _row(  # noqa: PLR0917 - what a row is made of, in its order
    durations: str,
    progress: str | None,
    family: str,
    schedule: str,
    make: Callable[[], PollPolicy],
    seeds: int,
    target: str | None,
    jobs: int = JOBS,
) -> Schedule:
    report = PROGRESS[progress] if progress else None
    if target is not None:
        seeds *= 3
    outcomes = [
        simulate(make(), DURATIONS[durations], seed, report=report, jobs=jobs)
        for seed in range(seeds)
    ]
    return Schedule(
        durations=durations,
        progress=progress,
        family=family,
        schedule=schedule,
        polls=tuple(outcome.polls for outcome in outcomes),
        delays=tuple(outcome.delay for outcome in outcomes),
        ratios=tuple(outcome.ratio for outcome in outcomes),
        target=target,
    )


def run(
    *, seeds: int = 3, curves: int = 1, plot: str = "benchmarks/results/schedule.png"
) -> list[Row]:
    """What ours needs, beside what the fixed interval of the same delay needs; and the plot."""
    schedules = compared(seeds, curves=bool(curves))
    if curves:
        draw(schedules, Path(plot))
    return [
        Row(
            f"{TITLES[one.durations]}, {one.family}, {one.schedule}",
            "× fixed interval",
            one.ratios,
            target=one.target,
            note=f"{statistics.median(one.polls):.1f} polls a job, "
            f"{statistics.median(one.delays):.2f} s late",
        )
        for one in schedules
    ]


def main(argv: Sequence[str] | None = None) -> None:
    command(run, QUICK, argv)


if __name__ == "__main__":
    main()
