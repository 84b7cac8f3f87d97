from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest
import typer.main
from attrs import define, frozen
from support.impatient import IMPATIENT

from pika_async import FixedPolling, PikaClient, RetryPolicy
from pika_async.cli import main
from pika_async.cli._running.signals import ENDING
from pika_async.simulator import Polls, Simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
KEY = "sk-9f8e7d6c5b4a"
_PATIENCE = 30.0

# What typer makes of the verbs is the same each time, and takes longer than most verbs do.
_get_command = cache(typer.main.get_command)


# What these start is a process.
_SLOW_FIXTURES = {"start", "python", "in_terminal"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        is_here = item.path.is_relative_to(HERE)
        if is_here and _SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@frozen
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(duration=Polls(2), api_key=KEY) as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test works in an empty folder, with a key, and does not wait between polls."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIKA_API_KEY", KEY)
    monkeypatch.delenv("PIKA_BASE_URL", raising=False)
    # Help is wrapped to the width of the terminal.
    monkeypatch.setenv("COLUMNS", "100")
    hasty = partial(
        PikaClient, polling=FixedPolling(0.01), retry=RetryPolicy(initial=0.01, outage_budget=0.2)
    )
    monkeypatch.setattr("pika_async.PikaClient", hasty)
    return tmp_path


@pytest.fixture
def pika(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run the command line in this process."""
    monkeypatch.setattr("typer.main.get_command", _get_command)
    # This process goes on after a command that was interrupted.
    monkeypatch.setattr("pika_async.cli.in_front", lambda: False)

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["pika-async", *arguments])
        before = {number: signal.getsignal(number) for number in ENDING}
        try:
            with pytest.raises(SystemExit) as left:
                main()
        finally:
            # A command that was interrupted keeps the signals for the rest of its process.
            for number, handler in before.items():
                signal.signal(number, handler)
        captured = capfd.readouterr()
        return Done(int(left.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``--simulate`` takes seconds for, to be looked at, takes a moment."""
    clients = "pika_async.cli._running.clients"
    monkeypatch.setattr(f"{clients}._SIMULATED_SECONDS", 0.04)
    monkeypatch.setattr(f"{clients}._SIMULATED_INTERVAL", 0.02)


@pytest.fixture
def interrupting(pika: Callable[..., Done]) -> Callable[..., Done]:
    """Run the command line in this process, with a signal as soon as something is there."""

    def run(number: int, when: Callable[[], object], *arguments: str) -> Done:
        def interrupt() -> None:
            deadline = time.monotonic() + _PATIENCE
            while not when() and time.monotonic() < deadline:
                threading.Event().wait(0.01)
            os.kill(os.getpid(), number)

        thread = threading.Thread(target=interrupt)
        thread.start()
        try:
            return pika(*arguments)
        finally:
            thread.join()

    return run


@define
class Command:
    """The command line in a process of its own."""

    process: subprocess.Popen[str]
    seen: str = ""

    def wait_for(self, words: str, stream: str = "stderr") -> str:
        """Read lines until one holds ``words``; return that line."""
        for line in getattr(self.process, stream):
            self.seen += line
            if words in line:
                return line.rstrip("\n")
        raise AssertionError(f"{words!r} never came; what came: {self.seen}")

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def insist(self, number: int) -> None:
        """Send the signal until the process ends; repeated in the same moment, it is one wish."""
        while self.process.poll() is None:
            self.process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.2)

    def end(self) -> Done:
        """Wait for the end. What was read before is not in it."""
        out, err = self.process.communicate(timeout=_PATIENCE)
        return Done(self.process.returncode, out, err)


@contextmanager
def command(*arguments: str, stdin: IO[str] | None = None, **environment: str) -> Iterator[Command]:
    process = subprocess.Popen(
        [sys.executable, IMPATIENT, "-m", "pika_async.cli", *arguments],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
        # Not at the terminal of the tests: of a Ctrl-C there it would die, and have no exit code.
        start_new_session=True,
    )
    # Whoever reads a pipe of a process that hangs is freed by its end.
    watchdog = threading.Timer(_PATIENCE, process.kill)
    watchdog.start()
    with process:
        try:
            yield Command(process)
        finally:
            watchdog.cancel()
            process.kill()


@pytest.fixture
def start() -> Callable[..., Any]:
    return command


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not condition():
            assert time.monotonic() < deadline
            threading.Event().wait(0.01)

    return wait


@pytest.fixture
def python() -> Callable[[str], Done]:
    """Run a few lines in an interpreter of their own."""

    def run(code: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def in_terminal() -> Callable[..., tuple[str, str]]:
    """What went to stdout, a pipe, and to stderr, a terminal."""

    def run(*arguments: str, **environment: str) -> tuple[str, str]:
        ours, theirs = os.openpty()
        with subprocess.Popen(
            [sys.executable, IMPATIENT, "-m", "pika_async.cli", *arguments],
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
            env=os.environ | {"NO_COLOR": "1", "TERM": "xterm-256color"} | environment,
        ) as process:
            os.close(theirs)
            shown = b""
            while piece := _read(ours):
                shown += piece
            assert process.stdout is not None
            out = process.stdout.read()
        os.close(ours)
        assert process.returncode == 0, shown.decode()
        return out, shown.decode()

    return run


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:
        # So Linux ends a pseudo-terminal; others with nothing.
        return b""
