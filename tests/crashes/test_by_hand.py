"""A program that writes its submits down by hand is killed at each moment of one: paid for once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
from support.batches import client_for, until

from pika_async import PikaClient, SubmissionUncertainError
from pika_async.dialects import service_named
from pika_async.simulator import Fault, Polls, Simulator

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="processes are killed as on POSIX"),
]

PROMPT = "a red panda surfing"


class Files:
    """A record in a folder; what it is told is on the disk before it answers."""

    def __init__(self, folder: Path, at: Callable[[str], None] = lambda _: None) -> None:
        self._text, self._job = folder / "again", folder / "job"
        self._at = at

    @property
    def text(self) -> str | None:
        return self._text.read_text("ascii") if self._text.exists() else None

    @property
    def job_id(self) -> str | None:
        return self._job.read_text() if self._job.exists() else None

    async def prepared(self, again: str) -> None:
        self._at("before it is prepared")
        self._write(self._text, again)
        self._at("prepared")

    async def leaving(self) -> None:
        self._at("leaving")

    async def accepted(self, job_id: str) -> None:
        self._at("before it is accepted")
        self._write(self._job, job_id)
        self._at("accepted")

    def wanted(self) -> bool:
        return True

    def stayed(self) -> None:
        """Nothing of this is refused."""

    def _write(self, path: Path, text: str) -> None:
        part = path.with_suffix(".part")
        with part.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)


MOMENTS = ("before it is prepared", "prepared", "leaving", "sent", "before it is accepted")


async def _first_life(url: str, service: str, folder: str, dies_at: str) -> None:
    def die(moment: str) -> None:
        if moment == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    client = PikaClient("sk-secret-0123456789", base_url=url, dialect=service_named(service))
    async with client:
        await client.submit(PROMPT, record=Files(Path(folder), die))


async def _killed(sim: Simulator, folder: Path, moment: str) -> None:
    if moment == "sent":
        sim.faults.append(Fault("slow-headers", seconds=600, started=True))
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "crashes.test_by_hand", sim.url, sim.service, folder, moment),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    with anyio.fail_after(60):
        if moment == "sent":
            await until(lambda: sim.submissions)
            child.send_signal(signal.SIGKILL)
        assert await child.wait() == -signal.SIGKILL


@pytest.mark.parametrize("moment", [*MOMENTS, "accepted"])
@pytest.mark.parametrize("service", ["pika", "fal"])
async def test_killed_at_any_moment_the_next_process_has_the_one_job(tmp_path, service, moment):
    """Nothing is stuck as begun: https://github.com/nextcloud/mail/issues/13421."""
    async with Simulator(service=service, duration=Polls(1)) as sim:
        await _killed(sim, tmp_path, moment)
        files = Files(tmp_path)
        assert (files.text is None) == (moment == "before it is prepared")
        assert (files.job_id is None) == (moment != "accepted")
        async with client_for(sim) as client:
            if files.job_id is not None:
                job = client.job(files.job_id)
            else:
                try:
                    job = await client.submit(PROMPT, record=files, again=files.text)
                except SubmissionUncertainError as lost:
                    job = await client.find(lost)
                    if not sim.jobs:
                        # Nobody can tell that it has never left, and so it is not bought.
                        assert (service, job) == ("fal", None)
                        return
            assert job is not None
            assert (await job.result()).video.url
        assert list(sim.jobs) == [job.id]


if __name__ == "__main__":
    asyncio.run(_first_life(*sys.argv[1:]))
