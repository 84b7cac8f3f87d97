"""Batches in virtual time, every look answered at once, for what a polling policy is worth."""

from __future__ import annotations

import heapq
import math
import random
import statistics
from typing import TYPE_CHECKING

from attrs import frozen
from support.jobs import DONE, REQUEST

from pika_async import Observation, Queued, Running

if TYPE_CHECKING:
    from collections.abc import Callable

    from pika_async import PollPolicy

    Draw = Callable[[random.Random, float], float]
    Report = Callable[[random.Random], Callable[[float], int]]


def chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - chance that can be repeated


def log_normal(sigma: float, median: float = 75.0) -> Draw:
    return lambda source, _: median * math.exp(sigma * source.gauss(0.0, 1.0))


def bimodal(source: random.Random, _: float) -> float:
    return (45.0 if source.random() < 0.5 else 150.0) * math.exp(0.15 * source.gauss(0.0, 1.0))


def power(source: random.Random) -> Callable[[float], int]:
    exponent = source.uniform(0.7, 1.4)
    return lambda done: int(100 * done**exponent)


def stall(source: random.Random) -> Callable[[float], int]:
    top, reached = source.randint(85, 99), source.uniform(0.3, 0.8)
    return lambda done: int(top * min(1.0, done / reached))


def noise(source: random.Random) -> Callable[[float], int]:
    return lambda done: min(max(int(100 * done + source.gauss(0.0, 15.0)), 0), 100)


@frozen
class Outcome:
    """What became of a batch."""

    polls: float
    delay: float
    ratio: float
    """Polls, over those of the fixed interval of the same mean delay."""
    polled_at: list[float]

    def most_polls_in(self, seconds: float) -> int:
        return max(
            sum(start <= moment < start + seconds for moment in self.polled_at)
            for start in self.polled_at[::20]
        )


def simulate(
    policy: PollPolicy,
    draw: Draw,
    seed: int,
    *,
    report: Report | None = None,
    jobs: int = 500,
    in_flight: int = 50,
) -> Outcome:
    source = chance(seed)
    durations: list[float] = []
    delays: list[float] = []
    polled_at: list[float] = []
    due: list[tuple[float, int, float, int, float, int | None]] = []
    reports: list[Callable[[float], int] | None] = []

    def ask(  # noqa: PLR0917 - what a heap keeps of a job
        now: float, number: int, born: float, polls: int, changed: float, progress: int | None
    ) -> None:
        state = Queued() if polls == 0 else Running(progress=progress)
        seen = Observation(
            job_id=str(number),
            request=REQUEST,
            state=state,
            elapsed=now - born,
            unchanged_for=now - changed,
            polls=polls,
        )
        wait = policy.delay(seen, source.random())
        heapq.heappush(due, (now + wait, number, born, polls, changed, progress))

    def start(now: float) -> None:
        durations.append(draw(source, len(durations) / jobs))
        reports.append(None if report is None else report(source))
        ask(now, len(durations) - 1, now, 0, now, None)

    for _ in range(in_flight):
        start(0.0)
    while due:
        now, number, born, polls, changed, before = heapq.heappop(due)
        polled_at.append(now)
        if now - born >= durations[number]:
            delays.append(now - born - durations[number])
            policy.finished(
                Observation(
                    job_id=str(number),
                    request=REQUEST,
                    state=DONE,
                    elapsed=now - born,
                    unchanged_for=0.0,
                    polls=polls + 1,
                )
            )
            if len(durations) < jobs:
                start(now)
            continue
        told = reports[number]
        progress = None if told is None else told((now - born) / durations[number])
        same = polls > 0 and progress == before
        ask(now, number, born, polls + 1, changed if same else now, progress)
    delay = statistics.fmean(delays)
    polls_a_job = len(polled_at) / jobs
    fixed = statistics.fmean(durations) / (2.0 * delay) + 0.5
    return Outcome(polls_a_job, delay, polls_a_job / fixed, polled_at)
