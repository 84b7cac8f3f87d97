"""A journalled batch in a process that is killed.

``python -m crashes.nursery`` is the nursery: it reads an :class:`Order` a line, and forks a
process that carries it out. What that process tells goes to the same pipe in single writes, so
that a killed one leaves no half line, and before the word of its end.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import signal
import sqlite3
import sys
import threading
import traceback
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from attrs import define, field, frozen

from pika_async import (
    Batch,
    BudgetError,
    FixedPolling,
    GenerationRequest,
    Money,
    PikaClient,
    RetryPolicy,
    SubmissionUncertainError,
)
from pika_async.dialects import service_named

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

_PATIENCE = 120.0
_HANGING = 0.05
_PARTS = ("charged", "reserved", "estimated")


@frozen(kw_only=True)
class Order:
    """What one process is to do."""

    url: str
    journal: str
    name: str
    """What every prompt begins with, so that no two journals share one."""
    prompts: int
    output_dir: str | None = None
    max_in_flight: int = 16
    polling: float = 0.02
    service: str = "gateway"
    image: str | None = None
    """The file that every request begins with."""
    budget: int | None = None
    """Millionths of a dollar; None: no bound."""
    price: int | None = None
    """What a job is taken to cost, in millionths of a dollar."""
    dies_at: int = 0
    """The SQL statement, counted from 1, before which the process kills itself; 0: none."""


def prompts(order: Order) -> list[str]:
    return [f"{order.name} {number}" for number in range(order.prompts)]


def requests(order: Order) -> list[GenerationRequest]:
    image = None if order.image is None else Path(order.image)
    return [GenerationRequest(prompt, image=image) for prompt in prompts(order)]


# The process that is killed.


async def _carry_out(order: Order) -> None:
    client = PikaClient(
        "key",
        base_url=order.url,
        dialect=service_named(order.service),
        polling=FixedPolling(order.polling),
        # However often the limit says no, no prompt is given up.
        retry=RetryPolicy(attempts=1000, initial=0.1, maximum=1.0),
    )
    async with client:
        _tell({"begun": True})
        async with Batch(
            client,
            requests(order),
            journal=order.journal,
            output_dir=order.output_dir,
            max_in_flight=order.max_in_flight,
            budget=_money(order.budget),
            price=_money(order.price),
            on_transition=lambda transition: _tell({"job": transition.job_id}),
        ) as batch:
            async for result in batch:
                _tell(
                    {
                        "prompt": result.prompt,
                        "job_id": result.job_id,
                        "ok": result.ok,
                        "uncertain": isinstance(result.error, SubmissionUncertainError),
                        "beyond the budget": isinstance(result.error, BudgetError),
                        "error": None if result.error is None else repr(result.error)[:500],
                        "files": [path.name for path in result.files],
                        "resumed": result.resumed,
                    }
                )
            spent = batch.stats.spent
            _tell({"spent": {part: getattr(spent, part).micros for part in _PARTS}})


def _money(micros: int | None) -> Money | None:
    return None if micros is None else Money(micros)


def _tell(what: dict[str, Any]) -> None:
    os.write(sys.stdout.fileno(), json.dumps(what).encode() + b"\n")


def _die_before(statement: int) -> None:
    """Kill this process in the ``statement``-th SQL statement of all its connections.

    The disk hangs for a while first, in which whoever does not wait for it goes on and is caught.
    """
    met = 0

    def count(_: str) -> None:
        nonlocal met
        met += 1
        if met == statement:
            threading.Event().wait(_HANGING)
            os.kill(os.getpid(), signal.SIGKILL)

    connect = sqlite3.connect

    def connect_counted(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **kwargs)
        connection.set_trace_callback(count)
        return connection

    sqlite3.connect = connect_counted  # type: ignore[assignment]


def _live(order: Order) -> None:
    # Forks would draw the same jitter.
    random.seed()
    if order.dies_at:
        _die_before(order.dies_at)
    asyncio.run(_carry_out(order))


def _nurse() -> None:
    logging.disable()
    for line in sys.stdin:
        process = os.fork()
        if not process:
            try:
                _tell({"process": os.getpid()})
                _live(Order(**json.loads(line)))
            except BaseException:  # noqa: BLE001 - nothing may run on in a fork
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(process, 0)
        _tell({"ended": os.waitstatus_to_exitcode(status)})


# The one who kills.


@define
class Life:
    """One process, from its beginning to its end."""

    process: int
    told: list[dict[str, Any]] = field(factory=list)
    """The results that it told of."""
    jobs: set[str] = field(factory=set)
    """The jobs whose transitions it told of."""
    spent: dict[str, int] | None = None
    """What it said it had spent, in millionths of a dollar, when its batch had ended."""
    begun: asyncio.Event = field(factory=asyncio.Event)
    """It is about to open the journal."""
    ended: asyncio.Event = field(factory=asyncio.Event)
    code: int | None = None
    _is_shot: bool = field(default=False, init=False)

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL

    def kill(self) -> None:
        # Once: its number may belong to another process soon.
        if self.code is None and not self._is_shot:
            self._is_shot = True
            os.kill(self.process, signal.SIGKILL)


@define
class Nursery:
    """Starts processes, one at a time."""

    _process: asyncio.subprocess.Process

    async def live(
        self, order: Order, until: Callable[[Life], Awaitable[object]] | None = None
    ) -> Life:
        """Let a process carry out ``order``, and kill it when ``until`` is over."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(attrs.asdict(order)).encode() + b"\n")
        life = Life((await self._word())["process"])
        killer = None if until is None else asyncio.create_task(_kill_after(life, until))
        try:
            async with asyncio.timeout(_PATIENCE):
                while life.code is None:
                    _note(life, await self._word())
        except TimeoutError:
            raise RuntimeError(f"the process hangs: {order}, {life}") from None
        finally:
            if killer is not None:
                killer.cancel()
            life.kill()
        return life

    async def _word(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        assert line, "the nursery has died"
        word: dict[str, Any] = json.loads(line)
        return word


def _note(life: Life, word: dict[str, Any]) -> None:
    if "begun" in word:
        life.begun.set()
    elif "job" in word:
        life.jobs.add(word["job"])
    elif "spent" in word:
        life.spent = word["spent"]
    elif "ended" in word:
        life.code = word["ended"]
        life.ended.set()
    else:
        life.told.append(word)


async def _kill_after(life: Life, until: Callable[[Life], Awaitable[object]]) -> None:
    await until(life)
    life.kill()


@asynccontextmanager
async def nursery() -> AsyncIterator[Nursery]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "crashes.nursery",
        cwd=Path(__file__).parents[1],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Nursery(process)
    finally:
        process.kill()
        await process.communicate()


if __name__ == "__main__":
    _nurse()
