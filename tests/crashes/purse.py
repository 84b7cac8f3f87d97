"""What a batch with a budget has spent: by the ledger, by its journal and by its own word."""

from __future__ import annotations

import csv
import io
import random
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from attrs import Factory, define, field
from crashes.journal import journal_entries
from crashes.nursery import Life, Order

from pika_async._gallery import opened, table, totals_of
from pika_async.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterable

# What one video of five seconds costs at each, in millionths of a dollar.
PRICES = {"gateway": 450_000, "pika": 450_000, "fal": 200_000}
# Seconds after a job was made in which the process is killed: its answer, the record of it, the
# next submits and the first looks all lie in them.
_SOON = 0.06


@define
class Purse:
    """A budget, and all that is told of what became of it."""

    sim: Simulator
    order: Order
    found: Counter[str] = field(factory=Counter)

    @property
    def ledger(self) -> int:
        """What the service charges; where it tells no charge, the price of each of its jobs."""
        if self.order.service == "pika":
            return int(self.sim.service_at_work.spent_micro_usd)
        return len(self.sim.jobs) * PRICES[self.order.service]

    def written(self) -> int:
        """What the journal says of all submits."""
        attempts = [
            attempt for entry in journal_entries(self._journal) for attempt in entry.attempts
        ]
        self.found["uncertain in the journal"] = sum(
            attempt.status in ("uncertain", "submitting") for attempt in attempts
        )
        costs = [attempt.charged or attempt.quoted for attempt in attempts]
        return sum(cost.micros for cost in costs)

    def check(self, life: Life) -> None:
        """What must hold whenever a process has ended, however it ended."""
        budget = self.order.budget
        assert budget is not None
        assert self.ledger <= budget, (self.ledger, budget)
        jobs = Counter(self.sim.service_at_work.prompt(job.body) for job in self.sim.jobs.values())
        assert [prompt for prompt, count in jobs.items() if count > 1] == []
        # Written down before it leaves, so that the journal knows of each job.
        assert self.ledger <= self.written() <= budget
        self.found["kills"] += life.killed

    def by_the_report(self) -> tuple[int, int]:
        """The sum of the page's bill, and that of the columns of money."""
        with opened(self._journal, now=0.0) as gallery:
            bill = totals_of(gallery.entries(), gallery.runs).bill
            rows = list(csv.DictReader(io.StringIO("".join(table(gallery)))))
        assert bill.unknown == 0
        spent = ("charged", "estimated", "earlier")
        costs = sum((Decimal(row[name]) for row in rows for name in spent if row[name]), Decimal())
        return sum(money.micros for money in bill.sums), int(costs * 1_000_000)

    def without_a_job(self, told: Iterable[dict[str, Any]]) -> int:
        """Of how many of these results the service has no job."""
        prompt = self.sim.service_at_work.prompt
        known = {prompt(job.body) for job in self.sim.jobs.values()}
        return sum(one["prompt"] not in known for one in told)

    @property
    def _journal(self) -> Path:
        return Path(self.order.journal)


@define
class Killer:
    """Kills processes by the jobs that they have had made: by a seed, and by no clock alone.

    Half of them die inside the request that makes the job, before its answer is sent; the others
    a moment after.
    """

    after: list[int]
    """So many jobs of a process are made, of each process in turn."""
    chance: random.Random
    _life: Life | None = None
    _made: int = 0
    _due: anyio.Event = Factory(anyio.Event)
    _inside: bool = False

    @classmethod
    def drawn(cls, kills: int, jobs: int, seed: int) -> Killer:
        """``kills`` kills within the first ``jobs`` jobs."""
        chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
        return cls([chance.randint(1, jobs // kills) for _ in range(kills)], chance)

    def duration(self, draw: random.Random) -> float:
        """For the simulator: seconds that a job takes, told as it is made."""
        self._made += 1
        if self.after and self._life is not None and self._made >= self.after[0]:
            if self._inside:
                self._life.kill()
            self._due.set()
        return draw.uniform(0.02, 0.15)

    async def until(self, life: Life) -> None:
        """For the nursery: over when the process is to be killed."""
        self._life, self._made, self._due = life, 0, anyio.Event()
        self._inside = self.chance.random() < 0.5
        moment = 0.0 if self._inside else self.chance.uniform(0.0, _SOON)
        await self._due.wait()
        await anyio.sleep(moment)
        self.after.pop(0)
        self._life = None


def kinds(told: Iterable[dict[str, Any]]) -> Counter[str]:
    """How the results of a process end."""
    return Counter(
        "ok"
        if one["ok"]
        else "uncertain"
        if one["uncertain"]
        else "beyond the budget"
        if one["beyond the budget"]
        else "failed"
        for one in told
    )
