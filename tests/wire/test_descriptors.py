"""A client leaves file descriptors to the rest of its process."""

from __future__ import annotations

import sys

import anyio
import pytest
from support.batches import KEY

from pika_async._wire.descriptors import Connections, connections, shares
from pika_async.simulator import Fault, Polls, Simulator

PROMPTS = 400
DESCRIPTORS = 128

PROGRAM = f"""
import asyncio, os, resource, sys
import pika_async
from pika_async import FixedPolling, PikaClient, run_batch

async def main():
    most = 0

    def observer(event):
        nonlocal most
        most = max(most, len(os.listdir("/dev/fd")))

    async with PikaClient(
        {KEY!r}, base_url=sys.argv[1], polling=FixedPolling(0.3), observer=observer
    ) as client:
        results = await run_batch(client, ["a cat"] * {PROMPTS}, max_in_flight={PROMPTS})
    print(sum(result.ok for result in results), most)

resource.setrlimit(resource.RLIMIT_NOFILE, ({DESCRIPTORS}, {DESCRIPTORS}))
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("descriptors", "expected"),
    [
        (None, Connections(None, None, None)),
        (1024, Connections(512, 256, 64)),
        (256, Connections(128, 64, 16)),
        (3, Connections(1, 1, 1)),
        (0, Connections(1, 1, 1)),
    ],
)
def test_polls_may_have_half_submits_a_quarter_and_uploads_a_sixteenth(descriptors, expected):
    assert shares(descriptors) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such bound")
@pytest.mark.parametrize("descriptors", [256, -1])
def test_it_is_asked_how_many_the_process_may_have(monkeypatch, descriptors):
    import resource  # noqa: PLC0415 - Windows has none

    soft = resource.RLIM_INFINITY if descriptors < 0 else descriptors
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, resource.RLIM_INFINITY))
    assert connections() == shares(None if descriptors < 0 else descriptors)


def test_where_there_is_no_such_bound_there_is_none(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    assert connections() == Connections(None, None, None)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such bound")
async def test_more_jobs_than_the_process_may_open_files_all_end_well():
    """Answers take so long that each job would want a connection of its own."""
    slow = [Fault("slow-headers", on=on, times=None, seconds=0.3) for on in ("submit", "poll")]
    async with Simulator(faults=slow, duration=Polls(2), api_key=KEY) as sim:
        with anyio.fail_after(180):
            done = await anyio.run_process([sys.executable, "-c", PROGRAM, sim.url], check=False)
    assert done.stderr.decode() == ""
    ok, most = map(int, done.stdout.split())
    assert ok == PROMPTS
    assert len(sim.jobs) == PROMPTS
    assert DESCRIPTORS // 2 < most < DESCRIPTORS
