"""Polls per job against the mean delay, in virtual time: ours, others' schedules, the optimum.

    python -m benchmarks.schedule [--seeds 3] [--plot benchmarks/results/schedule.png]

500 jobs, 50 in flight, from a cold start. The delay is from the end of a job to the look that sees
it. Every schedule is held against the fixed interval of the same mean delay, which for a mean
duration T and a delay d takes T / (2 * d) + 1/2 polls a job. The optimum knows the distribution
and nothing else. Drifting durations grow from a median of 45 s to 150 s.
"""

from __future__ import annotations

import argparse
import heapq
import importlib
import math
import random
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from pika_async import (
    AdaptivePolling,
    ExponentialPolling,
    FixedPolling,
    GenerationRequest,
    Observation,
    PollPolicy,
    Queued,
    Running,
    Succeeded,
    Video,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Draw = Callable[[random.Random, float], float]
    Report = Callable[[random.Random], Callable[[float], int]]

RESULTS = Path(__file__).parent / "results"
JOBS, IN_FLIGHT, SEEDS = 500, 50, 3
LONGEST = 1150.0
COSTS = (0.01, 0.03, 0.1, 0.3, 1.0)
OURS = AdaptivePolling().look_cost
REQUEST = GenerationRequest("a red panda surfing")
DONE = Succeeded(videos=(Video(id="v", job_id="j", url="https://media.example/v.mp4"),))

# Seconds that other SDKs and loops written by hand wait; one more waits 6 ± 1.5 s.
INTERVALS = (0.1, 0.5, 1.0, 3.0, 5.2)


def log_normal(sigma: float, median: float = 75.0) -> Draw:
    return lambda source, _: median * math.exp(sigma * source.gauss(0.0, 1.0))


def bimodal(source: random.Random, _: float) -> float:
    return (45.0 if source.random() < 0.5 else 150.0) * math.exp(0.15 * source.gauss(0.0, 1.0))


def heavy_tail(source: random.Random, _: float) -> float:
    return float(45.0 * (1.0 - source.random()) ** (-1.0 / 1.8))


def drifting(source: random.Random, done: float) -> float:
    return (45.0 + 105.0 * done) * math.exp(0.35 * source.gauss(0.0, 1.0))


DURATIONS: dict[str, Draw] = {
    "0.15": log_normal(0.15),
    "0.35": log_normal(0.35),
    "0.60": log_normal(0.60),
    "bimodal": bimodal,
    "heavy": heavy_tail,
    "drifting": drifting,
}
TITLES = {
    "0.15": "log-normal, σ 0.15",
    "0.35": "log-normal, σ 0.35",
    "0.60": "log-normal, σ 0.60",
    "bimodal": "bimodal",
    "heavy": "heavy tail",
    "drifting": "drifting",
}


def power(source: random.Random) -> Callable[[float], int]:
    exponent = source.uniform(0.7, 1.4)
    return lambda done: int(100 * done**exponent)


def steps(_: random.Random) -> Callable[[float], int]:
    return lambda done: 25 * int(4 * done)


def stall(source: random.Random) -> Callable[[float], int]:
    top, reached = source.randint(85, 99), source.uniform(0.3, 0.8)
    return lambda done: int(top * min(1.0, done / reached))


def noise(source: random.Random) -> Callable[[float], int]:
    return lambda done: min(max(int(100 * done + source.gauss(0.0, 15.0)), 0), 100)


PROGRESS: dict[str, Report] = {"power": power, "steps": steps, "stall": stall, "noise": noise}


@frozen
class Row:
    """A schedule on one distribution: each figure once for each seed."""

    durations: str
    """A key of ``DURATIONS``."""
    progress: str | None
    """A key of ``PROGRESS``."""
    family: str
    schedule: str
    polls: tuple[float, ...]
    """A job."""
    delays: tuple[float, ...]
    """Seconds, on average."""
    ratios: tuple[float, ...]
    """Polls, over those of the fixed interval of the same mean delay."""
    target: str | None = None
    """Which line of the targets this is."""


@frozen
class Outcome:
    """What became of one run."""

    polls: float
    delay: float
    ratio: float
    polled_at: tuple[float, ...]
    """The moments of all polls, in order."""


@define
class _Flight:
    name: str
    born: float
    duration: float
    report: Callable[[float], int] | None
    polls: int = 0
    state: Queued | Running = field(factory=Queued)
    changed: float = 0.0

    def seen(self, now: float, state: Queued | Running | Succeeded) -> Observation:
        return Observation(
            job_id=self.name,
            request=REQUEST,
            state=state,
            elapsed=now - self.born,
            unchanged_for=now - self.changed,
            polls=self.polls,
        )

    def look(self, now: float) -> Queued | Running | Succeeded:
        self.polls += 1
        age = now - self.born
        if age >= self.duration:
            return DONE
        progress = None if self.report is None else self.report(age / self.duration)
        if self.state != Running(progress=progress):
            self.state, self.changed = Running(progress=progress), now
        return self.state


def simulate(
    policy: PollPolicy,
    draw: Draw,
    seed: int,
    *,
    report: Report | None = None,
    jobs: int = JOBS,
    in_flight: int = IN_FLIGHT,
) -> Outcome:
    """Run a batch in virtual time, every look answered at once."""
    source = random.Random(seed)  # noqa: S311 - chance that can be repeated
    durations: list[float] = []
    delays: list[float] = []
    polled_at: list[float] = []
    due: list[tuple[float, int, _Flight]] = []

    def start(now: float) -> None:
        number = len(durations)
        durations.append(min(draw(source, number / jobs), LONGEST))
        reports = None if report is None else report(source)
        flight = _Flight(str(number), now, durations[-1], reports, changed=now)
        wait = policy.delay(flight.seen(now, flight.state), source.random())
        heapq.heappush(due, (now + wait, number, flight))

    for _ in range(in_flight):
        start(0.0)
    while due:
        now, number, flight = heapq.heappop(due)
        polled_at.append(now)
        state = flight.look(now)
        if state.is_terminal:
            delays.append(now - flight.born - flight.duration)
            policy.finished(flight.seen(now, state))
            if len(durations) < jobs:
                start(now)
        else:
            wait = policy.delay(flight.seen(now, state), source.random())
            heapq.heappush(due, (now + wait, number, flight))
    polls = len(polled_at) / jobs
    delay = statistics.fmean(delays)
    fixed = statistics.fmean(durations) / (2.0 * delay) + 0.5
    return Outcome(polls, delay, polls / fixed, tuple(polled_at))


class Optimum:
    """The schedule of Keller for a distribution of which a large sample is known."""

    def __init__(self, draw: Draw, look_cost: float) -> None:
        source = random.Random(0)  # noqa: S311 - chance that can be repeated
        sample = sorted(min(draw(source, 0.5), LONGEST) for _ in range(200_000))
        self._edges = [0.0, *(1.01**number for number in range(int(math.log(LONGEST, 1.01)) + 1))]
        reached = [len(sample) - bisect_left(sample, edge) for edge in self._edges]
        looks = []
        for number, (edge, end) in enumerate(zip(self._edges, self._edges[1:], strict=False)):
            ends, alive = reached[number] - reached[number + 1], reached[number + 1]
            # Too few to count: as in a tail that has no scale.
            hazard = (
                math.log1p(ends / alive) / (end - edge) if alive >= 20 else (1.0 / max(edge, 1.0))
            )
            looks.append(math.sqrt(hazard / (2.0 * look_cost)) * (end - edge))
        self._looks = [0.0, *accumulate(looks)]

    def delay(self, observation: Observation, random_number: float) -> float:
        """Until one more look is worth its cost; the first is anywhere within the first."""
        edges, looks = self._edges, self._looks
        age = observation.elapsed
        if age >= edges[-2]:
            return 10.0
        number = bisect_right(edges, age) - 1
        part = (age - edges[number]) / (edges[number + 1] - edges[number])
        wanted = looks[number] + part * (looks[number + 1] - looks[number])
        wanted += 0.5 + random_number if observation.polls == 0 else 1.0
        number = min(bisect_right(looks, wanted), len(looks) - 1) - 1
        part = (wanted - looks[number]) / (looks[number + 1] - looks[number])
        return edges[number] + min(part, 1.0) * (edges[number + 1] - edges[number]) - age + 1e-6

    def finished(self, observation: Observation) -> None:
        """Nothing to learn."""


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


def _schedules(name: str) -> Iterator[tuple[str, str, Callable[[], PollPolicy]]]:
    for interval in INTERVALS:
        yield "fixed interval", f"{interval:g} s", lambda interval=interval: FixedPolling(interval)
    yield "fixed interval", "6 ± 1.5 s", Jittered
    for maximum in (2.0, 5.0, 10.0, 30.0):
        yield (
            "exponential backoff",
            f"to {maximum:g} s",
            lambda maximum=maximum: ExponentialPolling(maximum=maximum),
        )
    for cost in COSTS:
        yield "AdaptivePolling", f"{cost:g} s a look", lambda cost=cost: ours(cost)
    if name != "drifting":
        for cost in COSTS:
            known = Optimum(DURATIONS[name], cost)
            yield "optimum, known distribution", f"{cost:g} s a look", lambda known=known: known


def run(seeds: int = SEEDS) -> list[Row]:
    """Everything that is compared; the rows that are held against a target carry its name."""
    rows = []
    for name in DURATIONS:
        for family, schedule, make in _schedules(name):
            held = family == "AdaptivePolling" and schedule.startswith(f"{OURS:g} ")
            target = f"schedule-{name}" if held and name != "drifting" else None
            # Hundreds of polls a job say as much of fewer jobs.
            jobs = 100 if schedule in ("0.1 s", "0.5 s") else JOBS
            rows.append(_row(name, None, family, schedule, make, seeds, target, jobs))
        for cost in COSTS:
            target = "schedule-progress" if cost == OURS and name != "drifting" else None
            schedule = f"{cost:g} s a look"
            family = "AdaptivePolling, progress reported"
            rows.append(
                _row(name, "power", family, schedule, lambda cost=cost: ours(cost), seeds, target)
            )
    for misleading in ("steps", "stall", "noise"):
        for name in ("0.15", "0.35", "0.60", "bimodal", "heavy"):
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
) -> Row:
    report = PROGRESS[progress] if progress else None
    outcomes = [
        simulate(make(), DURATIONS[durations], seed, report=report, jobs=jobs)
        for seed in range(seeds)
    ]
    return Row(
        durations=durations,
        progress=progress,
        family=family,
        schedule=schedule,
        polls=tuple(outcome.polls for outcome in outcomes),
        delays=tuple(outcome.delay for outcome in outcomes),
        ratios=tuple(outcome.ratio for outcome in outcomes),
        target=target,
    )


def show(rows: Sequence[Row]) -> None:
    """A table: medians, and from where to where the ratios go."""
    print(f"{'durations':19} {'schedule':52} {'polls':>7} {'delay, s':>9}  × fixed")
    for row in rows:
        ratios = sorted(row.ratios)
        what = f"{row.family}, {row.schedule}"
        print(
            f"{TITLES[row.durations]:19} {what:52} {statistics.median(row.polls):7.1f} "
            f"{statistics.median(row.delays):9.2f}  {statistics.median(ratios):.3f} "
            f"({ratios[0]:.3f} to {ratios[-1]:.3f})"
        )


_LOOKS = {
    "fixed interval": {"color": "#d35400", "marker": "s"},
    "exponential backoff": {"color": "#2471a3", "marker": "^"},
    "AdaptivePolling": {"color": "#0b6e4f", "marker": "o", "linewidth": 2.4},
    "AdaptivePolling, progress reported": {
        "color": "#0b6e4f",
        "marker": "o",
        "markerfacecolor": "white",
        "linestyle": "-.",
    },
    "optimum, known distribution": {"color": "#222222", "linestyle": "--"},
}


def plot(rows: Sequence[Row], path: Path = RESULTS / "schedule.png") -> Path | None:
    """Draw the curves; None where matplotlib is not installed."""
    if not find_spec("matplotlib"):
        return None
    importlib.import_module("matplotlib").use("agg")
    plots = importlib.import_module("matplotlib.pyplot")
    figure, grid = plots.subplots(2, 3, figsize=(13, 8), sharex=True, sharey=True)
    for axes, name in zip(grid.flat, DURATIONS, strict=True):
        _panel(axes, name, [row for row in rows if row.durations == name])
    for axes in grid[1]:
        axes.set_xlabel("mean delay, seconds")
    for axes in grid[:, 0]:
        axes.set_ylabel("polls a job")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    figure.suptitle(
        f"Polls a job against the delay in seeing its end ({JOBS} jobs, {IN_FLIGHT} in flight, "
        "cold start; lower left is better)"
    )
    figure.tight_layout(rect=(0.0, 0.07, 1.0, 1.0))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plots.close(figure)
    return path


def _panel(axes: Any, name: str, rows: Sequence[Row]) -> None:
    axes.set_title(TITLES[name])
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(visible=True, which="major", alpha=0.25)
    for family, looks in _LOOKS.items():
        points = sorted(
            (statistics.median(row.delays), statistics.median(row.polls), row.schedule)
            for row in rows
            if row.family == family
        )
        if not points:
            continue
        axes.plot(
            [delay for delay, _, _ in points],
            [polls for _, polls, _ in points],
            label=family,
            markersize=5,
            **looks,
        )
        if family == "fixed interval":
            for delay, polls, schedule in points:
                axes.annotate(
                    schedule, (delay, polls), (4, 4), textcoords="offset points", fontsize=7
                )


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.schedule", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="runs of each, %(default)s")
    parser.add_argument("--plot", type=Path, default=RESULTS / "schedule.png", metavar="PNG")
    asked = parser.parse_args(argv)
    rows = run(asked.seeds)
    show(rows)
    drawn = plot(rows, asked.plot)
    print(f"drawn: {drawn}" if drawn else "no plot: matplotlib is not installed")


if __name__ == "__main__":
    main()
