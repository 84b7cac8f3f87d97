"""A journalled batch in a process that is killed, and the books in which nothing may be missing.

``python -m benchmarks.crashing`` is the nursery: it reads an :class:`Order` a line, and forks a
process that carries it out. What that process tells goes to the same pipe in single writes, so
that a killed one leaves no half line, and before the word of its end.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import traceback
from collections import Counter
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import attrs
from attrs import define, field, frozen

from pika_async import Batch, FixedPolling, PikaClient, RetryPolicy, SubmissionUncertainError
from pika_async.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

_PATIENCE = 120.0
_HANGING = 0.05


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
    dies_at: int = 0
    """The SQL statement, counted from 1, before which the process kills itself; 0: none."""


def prompts(order: Order) -> list[str]:
    return [f"{order.name} {number}" for number in range(order.prompts)]


# The process that is killed.


async def _carry_out(order: Order) -> None:
    client = PikaClient(
        "key",
        base_url=order.url,
        polling=FixedPolling(order.polling),
        # However often the limit says no, no prompt is given up.
        retry=RetryPolicy(attempts=1000, initial=0.1, maximum=1.0),
    )
    async with client:
        _tell({"begun": True})
        async with Batch(
            client,
            prompts(order),
            journal=order.journal,
            output_dir=order.output_dir,
            max_in_flight=order.max_in_flight,
            on_transition=lambda transition: _tell({"job": transition.job_id}),
        ) as batch:
            async for result in batch:
                _tell(
                    {
                        "prompt": result.prompt,
                        "job_id": result.job_id,
                        "ok": result.ok,
                        "uncertain": isinstance(result.error, SubmissionUncertainError),
                        "error": None if result.error is None else repr(result.error)[:500],
                        "files": [path.name for path in result.files],
                        "resumed": result.resumed,
                    }
                )


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
    begun: asyncio.Event = field(factory=asyncio.Event)
    """It is about to open the journal."""
    ended: asyncio.Event = field(factory=asyncio.Event)
    code: int | None = None

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL

    def kill(self) -> None:
        if self.code is None:
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
        "benchmarks.crashing",
        cwd=Path(__file__).parents[1],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Nursery(process)
    finally:
        process.kill()
        await process.communicate()


# The books.

MUST_BE_NONE = (
    "prompts submitted twice",
    "prompts lost",
    "results missing",
    "results told and not in the journal",
    "job ids told and not in the journal",
    "job ids in the journal and unknown to the service",
    "jobs at the service of prompts that wait in the journal",
    "uncertain though refused before the last intent",
    "files not whole",
    "files missing",
    "whole files downloaded again",
    "requests for a batch that had ended",
    "processes that failed",
)


@define
class Books:
    """What became of the prompts of one journal, by the service's own books.

    The simulator must keep records, have the time of day for its clock, and fail nothing.
    """

    sim: Simulator
    order: Order
    found: Counter[str] = field(factory=Counter)
    examples: dict[str, object] = field(factory=dict)
    """The first of each finding."""
    _whole: dict[str, int] = field(factory=dict)
    """How often the videos of jobs had been asked for when their files were whole."""

    def close_life(self, life: Life) -> None:
        """Check what a process has left behind, killed or not."""
        if life.killed:
            self.found["kills"] += 1
        elif life.code:
            self._find("processes that failed", life.code)
        rows = journal_rows(Path(self.order.journal))
        if life.killed:
            self.found[_phase(life, rows, self.order)] += 1
        self._check_claims(rows, life)
        self._check_files()

    def begin_life(self) -> None:
        """Note what the next process meets."""
        rows = journal_rows(Path(self.order.journal))
        submitted = [row for row in rows.values() if row["status"] == "submitted"]
        self.found["jobs re-attached"] += len(submitted)

    def close(self, last: Life, digest: str) -> None:
        """Check the results of the last process, which was not killed."""
        results = {told["prompt"]: told for told in last.told}
        accepted = self._accepted()
        for prompt in prompts(self.order):
            if len(accepted[prompt]) > 1:
                self._find("prompts submitted twice", (prompt, accepted[prompt]))
            if prompt in results:
                self._close_result(results[prompt], accepted[prompt])
            else:
                self._find("results missing", prompt)
        self.found["prompts"] += self.order.prompts
        self.found["jobs paid for"] += sum(map(len, accepted.values()))
        if self.order.output_dir is not None:
            self._close_files(Path(self.order.output_dir), digest)

    def _close_result(self, told: dict[str, Any], accepted: list[str]) -> None:
        if told["uncertain"]:
            self._count_uncertain(told["prompt"], reached=bool(accepted))
        elif not told["ok"] or told["job_id"] not in accepted:
            self._find("prompts lost", told)
        elif self.order.output_dir is not None and len(told["files"]) != 1:
            self._find("files missing", told)

    def _close_files(self, folder: Path, digest: str) -> None:
        for path in folder.glob("*.mp4"):
            if sha256(path.read_bytes()).hexdigest() != digest:
                self._find("files not whole", path.name)
        self.found["parts left behind"] += len(list(folder.glob("*.part")))
        for asked in self._asked_for().values():
            self.found["videos asked for again after a kill on the way"] += asked - 1

    def requests(self) -> int:
        """How many requests the service has had."""
        return len(self.sim.submissions) + len(self.sim.polls) + len(self.sim.downloads)

    def check_rest(self, life: Life, requests: int) -> None:
        """Check the run of a batch that had ended."""
        if requests:
            self._find("requests for a batch that had ended", requests)
        if len(life.told) != self.order.prompts:
            self._find("results missing", len(life.told))

    def _find(self, what: str, example: object) -> None:
        self.found[what] += 1
        self.examples.setdefault(what, (self.order.name, example))

    def _accepted(self) -> dict[str, list[str]]:
        """The jobs that the service has accepted for each prompt of this journal."""
        accepted: dict[str, list[str]] = {prompt: [] for prompt in prompts(self.order)}
        for job in self.sim.jobs.values():
            if job.body["promptText"] in accepted:
                accepted[job.body["promptText"]].append(job.id)
        return accepted

    def _asked_for(self) -> Counter[str]:
        """How often each video was asked for, by the job's id."""
        ours = {job for jobs in self._accepted().values() for job in jobs}
        asked = (download.path.split("/")[2] for download in self.sim.downloads)
        return Counter(job for job in asked if job in ours)

    def _check_claims(self, rows: dict[str, dict[str, Any]], life: Life) -> None:
        accepted = self._accepted()
        for prompt, row in rows.items():
            if row["job_id"] is not None and row["job_id"] not in accepted[prompt]:
                self._find("job ids in the journal and unknown to the service", row)
            if row["status"] == "waiting" and accepted[prompt]:
                self._find("jobs at the service of prompts that wait in the journal", row)
        for job in life.jobs - {row["job_id"] for row in rows.values()}:
            self._find("job ids told and not in the journal", job)
        for told in life.told:
            row = rows.get(told["prompt"], {})
            names = {file["name"] for file in json.loads(row.get("files") or "[]")}
            known = row.get("status") == "succeeded" and row.get("job_id") == told["job_id"]
            if told["ok"] and not (known and set(told["files"]) <= names):
                self._find("results told and not in the journal", (told, row))

    def _check_files(self) -> None:
        if self.order.output_dir is None:
            return
        asked = self._asked_for()
        for job, count in self._whole.items():
            if asked[job] != count:
                self._find("whole files downloaded again", job)
        present = [path.name for path in Path(self.order.output_dir).glob("*.mp4")]
        self._whole = {
            job: count for job, count in asked.items() if any(job in name for name in present)
        }

    def _count_uncertain(self, prompt: str, *, reached: bool) -> None:
        self.found["uncertain"] += 1
        posts = [
            submission
            for submission in self.sim.submissions
            if submission.body is not None and submission.body["promptText"] == prompt
        ]
        if reached:
            self.found["uncertain, and the service had it"] += 1
        elif not posts:
            self.found["uncertain, and nothing had left"] += 1
        else:
            self.found["uncertain, and refused or on its way again"] += 1
        row = journal_rows(Path(self.order.journal))[prompt]
        refused = [post.at for post in posts if post.status == 429]
        # An intent is undone in one commit after the refusal has come; longer is a mistake.
        if not reached and refused and row["sent_at"] < max(refused):
            self._find("uncertain though refused before the last intent", (row, max(refused)))


def _phase(life: Life, rows: dict[str, Any], order: Order) -> str:
    if not rows:
        made = Path(order.journal).exists()
        return f"kills before the {'first prompt was in the' if made else 'file of the'} journal"
    if len(life.told) >= order.prompts:
        return "kills after the last result"
    return "kills in the midst"


def journal_rows(journal: Path) -> dict[str, dict[str, Any]]:
    """The items of a journal by prompt, read from a copy: to read a journal is to touch it."""
    if not journal.exists():
        return {}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "journal"
        for ending in ("", "-wal"):
            source = journal.with_name(journal.name + ending)
            if source.exists():
                shutil.copy(source, copy.with_name(copy.name + ending))
        connection = sqlite3.connect(copy)
        try:
            connection.row_factory = sqlite3.Row
            tables = connection.execute("SELECT name FROM sqlite_schema").fetchall()
            if not any(row["name"] == "items" for row in tables):
                return {}
            rows = [dict(row) for row in connection.execute("SELECT * FROM items")]
        finally:
            connection.close()
    return {json.loads(row["request"])["prompt"]: row for row in rows}


async def digest_of_video(sim: Simulator) -> str:
    """What every whole file of this simulator's has."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{sim.media_url}/video.mp4") as answer,
    ):
        digest = sha256(await answer.read()).hexdigest()
    sim.downloads.clear()
    return digest


async def to_its_end(nurse: Nursery, books: Books, digest: str) -> None:
    """Run a journal to its end, and close its books."""
    books.begin_life()
    last = await nurse.live(books.order)
    books.close_life(last)
    books.close(last, digest)


async def once_more(nurse: Nursery, books: Books) -> None:
    """Run what has ended: the same prompts come back, and nothing is sent."""
    before = books.requests()
    life = await nurse.live(books.order)
    books.check_rest(life, books.requests() - before)


if __name__ == "__main__":
    _nurse()
