"""Memory that stays at hand: what a process pays for each answer that it reads."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

# As asyncio reads: into 256 KiB, of which an answer fills a few hundred bytes.
READ = """
import resource, socket

ours, theirs = socket.socketpair()

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(500):
        theirs.send(b"x" * 600)
        ours.recv(256 * 1024)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
"""
KEPT = """
from pika_async._memory import FOR_ANSWERS, keep_freed

keep_freed(FOR_ANSWERS)
"""
OPENED = """
import asyncio
from pika_async import PikaClient

async def opened():
    async with PikaClient("key"):
        pass

asyncio.run(opened())
"""

# Its own variables put an end to what glibc finds by itself.
GLIBC_ALONE = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="it is glibc that maps large blocks: run it on Linux"
)


def faults_of(program: str) -> int:
    """How many pages were made anew for 500 answers."""
    done = subprocess.run(
        [sys.executable, "-c", f"{READ}{program}\nprint(faults())"],
        env=GLIBC_ALONE,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.parametrize("program", [KEPT, OPENED], ids=["kept", "by-a-client"])
def test_the_memory_of_an_answer_is_there_for_the_next_one(program):
    """By itself glibc makes a page anew for each at least."""
    if faults_of("") < 500:
        pytest.skip("this C library keeps such memory by itself: nothing is to be had")
    assert faults_of(program) < 50
