"""A client leaves file descriptors to the rest of its process."""

from __future__ import annotations

import sys

import anyio
import pytest
from support.batches import KEY

from pika_async._http import Endpoint, HTTPRequest, HTTPResponse
from pika_async._wire.api import API
from pika_async._wire.descriptors import Connections, connections, shares
from pika_async.dialects import Gateway
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
        (1024, Connections(512, 256, 32)),
        (256, Connections(128, 64, 8)),
        (3, Connections(1, 1, 1)),
        (0, Connections(1, 1, 1)),
    ],
)
def test_polls_may_have_half_submits_a_quarter_and_all_else_a_thirtysecond_at_each_machine(
    descriptors, expected
):
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


class Asked:
    """A transport that counts how many are asked at once; none is answered before ``all``."""

    def __init__(self, awaited):
        self.under_way = self.most = 0
        self.awaited, self.all = awaited, anyio.Event()

    async def send(self, request, *, timeout=None):
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        if self.under_way == self.awaited:
            self.all.set()
        await self.all.wait()
        await anyio.lowlevel.checkpoint()
        self.under_way -= 1
        return HTTPResponse(status=200, headers={}, body=b"")


def question():
    yield HTTPRequest(method="GET", url="https://api.example/x", headers={})
    return "answer"


@pytest.mark.parametrize(("verb", "most"), [("ask", 3), ("ask_aside", 3), ("converse", 12)])
async def test_questions_at_machines_of_their_own_are_bounded_and_polls_are_not_by_that(verb, most):
    """Prices, histories and addresses of uploads lie elsewhere, and each keeps its connection."""
    transport = Asked(most)
    endpoint = Endpoint(base_url="https://api.example", api_key=KEY)
    api = API(
        endpoint=endpoint, dialect=Gateway(), transport=transport, now=lambda: 0.0, most_aside=3
    )
    answers = []

    async def asked():
        answers.append(await getattr(api, verb)(question()))

    with anyio.fail_after(180):
        async with anyio.create_task_group() as group:
            for _ in range(12):
                group.start_soon(asked)
    assert answers == ["answer"] * 12
    assert transport.most == most


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


AT_THREE_MACHINES = f"""
import asyncio, resource, sys
import pika_async
from pika_async import FixedPolling, GenerationRequest, PikaClient, run_batch
from pika_async.dialects import Fal

async def main():
    url, platform_url, folder = sys.argv[1:]
    png = b"\\x89PNG\\r\\n\\x1a\\n"
    requests = [
        GenerationRequest(f"a cat {{n}}", image=png + n.to_bytes(2, "big") * 50_000)
        for n in range({PROMPTS})
    ]
    async with PikaClient(
        {KEY!r}, base_url=url, dialect=Fal(platform_url=platform_url), polling=FixedPolling(0.3)
    ) as client:
        results = await run_batch(
            client, requests, max_in_flight={PROMPTS}, budget=10_000, price=0.1,
            output_dir=folder, journal=folder + ".journal",
        )
    print(sum(result.ok for result in results))

resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such bound")
async def test_prices_uploads_and_videos_have_what_they_need_beside_the_jobs(tmp_path):
    """With as many descriptors as a Mac allows, an image for each job, and prices elsewhere."""
    slow = [Fault("slow-headers", on=on, times=None, seconds=0.3) for on in ("submit", "poll")]
    async with (
        Simulator(service="fal", faults=slow, duration=Polls(2), api_key=KEY) as sim,
        Simulator(service="fal", api_key=KEY) as platform,
    ):
        command = [sys.executable, "-c", AT_THREE_MACHINES, sim.url, platform.url]
        with anyio.fail_after(180):
            done = await anyio.run_process([*command, str(tmp_path / "videos")], check=False)
    assert (done.stderr.decode(), done.stdout.decode()) == ("", f"{PROMPTS}\n")
    assert len(sim.jobs) == PROMPTS
