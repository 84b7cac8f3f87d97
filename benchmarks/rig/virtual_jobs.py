"""Jobs in virtual time: how long they take, what they report, and when each is looked at."""

from __future__ import annotations

import heapq
import math
import random
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from itertools import accumulate
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from pika_async import (
    GenerationRequest,
    Observation,
    PollPolicy,
    Queued,
    Running,
    Succeeded,
    Video,
)

if TYPE_CHECKING:
    Draw = Callable[[random.Random, float], float]
    Report = Callable[[random.Random], Callable[[float], int]]

JOBS, IN_FLIGHT = 500, 50
LONGEST = 1150.0
REQUEST = GenerationRequest("a red panda surfing")
DONE = Succeeded(videos=(Video(id="v", job_id="j", url="https://media.example/v.mp4"),))


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
            at=now,
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


class Durations:
    """A distribution of which a large sample is known."""

    def __init__(self, draw: Draw) -> None:
        source = random.Random(0)  # noqa: S311 - chance that can be repeated
        sample = sorted(min(draw(source, 0.5), LONGEST) for _ in range(200_000))
        self.edges = [0.0, *(1.01**number for number in range(int(math.log(LONGEST, 1.01)) + 1))]
        self.reached = [len(sample) - bisect_left(sample, edge) for edge in self.edges]
        """How many of the sample last until each edge."""


class Optimum:
    """The schedule of Keller for durations that are known."""

    def __init__(self, durations: Durations, look_cost: float) -> None:
        self._edges, reached = durations.edges, durations.reached
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
