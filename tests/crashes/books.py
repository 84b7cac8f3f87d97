"""The books on a batch that is killed, in which nothing may be missing."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import aiohttp
from attrs import define, field
from crashes.journal import journal_rows
from crashes.nursery import Life, Nursery, Order, prompts

from pika_async.dialects import Finds
from pika_async.simulator import Simulator

MUST_BE_NONE = (
    "prompts submitted twice",
    "prompts lost",
    "results missing",
    "results told and not in the journal",
    "job ids told and not in the journal",
    "job ids in the journal and unknown to the service",
    "jobs at the service of prompts that wait in the journal",
    "uncertain though refused before the last intent",
    "uncertain though the service knows keys",
    "uncertain though the service's history has it",
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
            prompt = self.sim.service_at_work.prompt(job.body)
            if prompt in accepted:
                accepted[prompt].append(job.id)
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
            names = row.get("files", set())
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
        if self.sim.dialect.repeatable:
            self._find("uncertain though the service knows keys", prompt)
        posts = [
            submission
            for submission in self.sim.submissions
            if submission.body is not None
            and self.sim.service_at_work.prompt(submission.body) == prompt
        ]
        if reached:
            self.found["uncertain, and the service had it"] += 1
            if isinstance(self.sim.dialect, Finds):
                self._find("uncertain though the service's history has it", prompt)
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


async def digest_of_video(sim: Simulator) -> str:
    """What every whole file of this simulator's has."""
    async with (
        # Some media hosts turn libraries away by their names.
        aiohttp.ClientSession(headers={"User-Agent": "books"}) as session,
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
