"""What is to be reached: every figure that this package is held to, in one place."""

from __future__ import annotations

from attrs import frozen


@frozen
class Target:
    """A bound that is promised, and one that is aimed at."""

    what: str
    how: str
    bound: float | None
    """What must be kept; None where there is an aim only."""
    aim: float | None = None
    unit: str = "× loop"
    at_most: bool = True
    """Whether less is better."""
    elsewhere: str = ""
    """Who shows it, if no benchmark does."""
    short: str = ""
    """What makes it another than its neighbours, where that is not said by ``what``."""

    @property
    def title(self) -> str:
        """In a few words, and no other's."""
        return f"{self.what}, {self.short}" if self.short else self.what

    def keeps(self, measured: float, limit: float) -> bool:
        return measured <= limit if self.at_most else measured >= limit

    def verdict(self, measured: float) -> str:
        if self.bound is not None and not self.keeps(measured, self.bound):
            return "missed"
        if self.aim is None:
            return "met"
        if self.keeps(measured, self.aim):
            return "aim met"
        return "aim missed" if self.bound is None else "met, aim missed"

    @property
    def leading(self) -> str:
        return self.limit(self.aim if self.bound is None else self.bound)

    def limit(self, limit: float | None) -> str:
        if limit is None:
            return ""
        return f"{'≤' if self.at_most else '≥'} {limit:g} {self.unit}".rstrip()


_POLLS = "polls over those of a fixed interval with the same mean delay, ≤ 2 s"
_MISLED = "the same, where progress misleads, mean delay ≤ 3 s"
_INTERVAL = "× fixed interval"

TARGETS = {
    "cpu": Target(
        "CPU per request", "batch of 1,000 jobs, 1 s polls", 1.15, 1.00, short="1,000 jobs"
    ),
    "cpu-many": Target("CPU per request", "the same, 10,000 jobs", 1.20, 1.05, short="10,000 jobs"),
    "equal-delay": Target(
        "CPU per job at equal mean delay",
        "AdaptivePolling against the loop at the fixed interval of the same delay, σ 0.35",
        0.80,
        0.65,
        short="σ 0.35",
    ),
    "equal-delay-instructions": Target(
        "CPU per job at equal mean delay",
        "the same, instructions",
        0.80,
        0.65,
        short="instructions",
    ),
    "growth": Target(
        "growth",
        "CPU per request at 10,000 jobs over that at 100",
        1.35,
        unit="× at 100",
        short="100 to 10,000 jobs",
    ),
    "growth-loop": Target(
        "growth",
        "the same, over the loop's own growth",
        None,
        1.00,
        unit="× loop's growth",
        short="over the loop's",
    ),
    "peers": Target(
        "against peers",
        "CPU per request of 1,000 jobs, each on its own wire shape",
        10.0,
        15.0,
        unit="× pika_async",
        at_most=False,
    ),
    "latency": Target(
        "with 150 ms of latency",
        "1,000 jobs of 5 s, 1 s polls: wall time against a loop without connection limit",
        1.05,
        1.00,
    ),
    "memory": Target(
        "memory per job in flight", "10,000 at once, over the idle client", 6.0, 4.5, unit="KB"
    ),
    "schedule-0.15": Target("polls, σ 0.15", _POLLS, 0.36, 0.30, unit=_INTERVAL),
    "schedule-0.35": Target("polls, σ 0.35", _POLLS, 0.64, 0.60, unit=_INTERVAL),
    "schedule-0.60": Target("polls, σ 0.60", _POLLS, 0.87, 0.83, unit=_INTERVAL),
    "schedule-bimodal": Target("polls, bimodal", _POLLS, 0.60, 0.57, unit=_INTERVAL),
    "schedule-heavy": Target("polls, heavy tail", _POLLS, 0.70, 0.63, unit=_INTERVAL),
    "schedule-progress": Target("polls, with progress", _POLLS, 0.10, 0.06, unit=_INTERVAL),
    "schedule-steps": Target("polls, progress in steps", _MISLED, 0.65, unit=_INTERVAL),
    "schedule-stall": Target("polls, progress stalls", _MISLED, 0.65, unit=_INTERVAL),
    "schedule-noise": Target("polls, noisy progress", _MISLED, 0.40, unit=_INTERVAL),
    "throughput": Target(
        "batch throughput", "2,000 instant jobs, 64 at once: instructions", 1.30, 1.15
    ),
    "throughput-journal": Target(
        "batch throughput, durable journal",
        "2,000 instant jobs, 64 at once: CPU",
        1.10,
        0.90,
        unit="× loop with SQLite, full",
    ),
    "rate-time": Target(
        "rate-limited batch",
        "500 jobs, 100 submits a second allowed: wall time",
        1.15,
        1.08,
        unit="× ideal",
        short="time",
    ),
    "rate-refused": Target(
        "rate-limited batch",
        "the same: submits refused with 429",
        0.1,
        0.03,
        unit="a job",
        short="429s",
    ),
    "download": Target(
        "download",
        "200 MB, CPU per MB, fsync included, against a loop with pieces of 1 MiB",
        1.10,
        1.00,
        unit="× loop, pieces of 1 MiB",
    ),
    "crashes": Target(
        "kill -9 of a journalled batch",
        "100 random moments: resubmissions, lost jobs, files not whole, wrong claims",
        0,
        unit="",
        elsewhere="pytest -m slow tests/crashes --kills 100",
    ),
    "faults": Target(
        "every fault on the wire",
        "on submit and on poll: second POSTs, lost jobs",
        0,
        unit="",
        elsewhere="tests/jobs/test_faults.py",
    ),
    "telemetry": Target(
        "telemetry",
        "with the SDK, exporters that drop all: CPU of a job of 12 polls and its video of 4.4 MB",
        2,
        unit="%",
    ),
    "campaign-rate": Target(
        "campaign on Temporal",
        "engine, worker and service on two cores",
        40,
        60,
        unit="jobs a second",
        at_most=False,
    ),
    "campaign-events": Target("campaign, events", "in all histories", 12, unit="a job"),
    "campaign-bytes": Target("campaign, database", "growth of the engine's", 8, unit="KB a job"),
    "campaign-cpu": Target("campaign, CPU", "of the engine", 25, unit="ms a job", short="engine"),
    "campaign-work": Target(
        "campaign, CPU", "of the worker, HTTP included", 20, unit="ms a job", short="worker"
    ),
    "campaign-waiting-engine": Target(
        "campaign, 2,000 in flight", "the engine, while all wait", 0.3, unit="cores", short="engine"
    ),
    "campaign-waiting-worker": Target(
        "campaign, 2,000 in flight",
        "the worker, polling as by default",
        0.2,
        unit="cores",
        short="worker",
    ),
    "campaign-killed": Target(
        "campaign, a worker killed", "until others have all that it did", 55, unit="seconds"
    ),
    "campaign-kills": Target(
        "campaigns, 100 ends of workers a service",
        "1,000 prompts, kill -9 and SIGTERM, faults: paid twice, lost",
        0,
        unit="",
        elsewhere="pytest -m slow tests/temporal/test_campaign_kills.py --kills 100",
    ),
    "import": Target("import pika_async", "fresh interpreters", 0.10, unit="× aiohttp"),
}
