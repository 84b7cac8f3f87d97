"""Signals on the way out of a command: the first one is obeyed, and no other raises anything."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on POSIX"),
]

# A command that is interrupted from a thread of its own, and again at the moment that follows.
COMMAND = """
import asyncio, atexit, os, signal, sys, threading
import anyio, anyio.to_thread, typer
from pika_async.cli._running import signals
from pika_async.cli._running.run import reported, run
from pika_async.cli._running.trail import Trail

def ctrl_c(*_):
    os.kill(os.getpid(), signal.SIGINT)

{moment}

async def work(scope):
    with scope:
        await anyio.to_thread.run_sync(ctrl_c)
        await anyio.sleep_forever()

trail = Trail()
try:
    with reported(lambda told: print(told.line, flush=True), trail, debug=False):
        run(work, trail)
except typer.Exit as ended:
    sys.exit(ended.exit_code)
"""

MOMENTS = {
    "a thread is told to end": """
from anyio._backends import _asyncio
class Loud(_asyncio.Queue):
    def put_nowait(self, item):
        if item is None:
            ctrl_c()
        super().put_nowait(item)
_asyncio.Queue = Loud
""",
    "the loop is closed": """
close = asyncio.SelectorEventLoop.close
def close_loudly(loop):
    ctrl_c()
    close(loop)
asyncio.SelectorEventLoop.close = close_loudly
""",
    "threads are waited for": """
def wait():
    threading.main_thread().join()
    ctrl_c()
threading.Thread(target=wait).start()
""",
    "what is to be done at exit is done": "atexit.register(ctrl_c)",
    "the interpreter is taken down": """
class Last:
    def __del__(self, ctrl_c=ctrl_c, os=os, signal=signal):
        ctrl_c()
last = Last()
""",
}


def ended(code: str) -> tuple[int, str, str]:
    """How these lines end, which they have to."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        # Not at the terminal of the tests: of a Ctrl-C there it would die, and have no exit code.
        start_new_session=True,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_second_signal_in_the_same_moment_changes_nothing_wherever_it_comes(moment):
    code, out, err = ended(COMMAND.format(moment=MOMENTS[moment]))
    assert (code, err) == (130, "")
    assert out == "interrupted: nothing was started and nothing is charged.\n"


def test_a_later_signal_ends_a_process_that_a_thread_keeps_and_says_nothing_twice():
    keeps = """
signals._SAME_SIGNAL = 0.0
def keep():
    threading.main_thread().join()
    # Whoever begins to wait in the same moment as a signal comes is not woken by it.
    while True:
        ctrl_c()
        threading.Event().wait(0.1)
threading.Thread(target=keep).start()
"""
    code, out, err = ended(COMMAND.format(moment=keeps))
    assert (code, err) == (130, "")
    assert out == "interrupted: nothing was started and nothing is charged.\n"


def test_a_second_signal_leaves_though_nobody_reads_what_is_said():
    """Its handler must wait for no reader: https://github.com/python/cpython/issues/83973,
    https://github.com/booksbyus/zguide/pull/812.
    """
    full = """
signals._SAME_SIGNAL = 0.0
ours, theirs = os.pipe()
os.set_blocking(theirs, False)
try:
    while True:
        os.write(theirs, bytes(4096))
except BlockingIOError:
    os.set_blocking(theirs, True)
os.dup2(theirs, 2)
"""
    code, out, _ = ended(COMMAND.format(moment=full + MOMENTS["the loop is closed"]))
    assert (code, out) == (130, "")


@pytest.mark.parametrize(
    "moment",
    [
        "threads are waited for",
        "what is to be done at exit is done",
        "the interpreter is taken down",
    ],
)
def test_ctrl_c_after_the_command_has_ended_does_not_change_how_it_did(moment):
    code = f"""
import atexit, os, signal, sys, threading
from pika_async.cli import main

def ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)

{MOMENTS[moment]}
sys.argv = ["pika-async", "--version"]
main()
"""
    code, out, err = ended(code)
    assert (code, err) == (0, "")
    assert out.startswith("pika-async ")


def test_ctrl_c_twice_while_modules_are_loaded_is_told_once():
    """That takes half a second."""
    code = """
import os, signal, sys
from pika_async.cli import main

class Finder:
    def find_spec(self, name, *_):
        if name == "typer":
            try:
                os.kill(os.getpid(), signal.SIGINT)
            finally:
                os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
main()
"""
    assert ended(code) == (130, "", "interrupted; nothing was sent\n")
