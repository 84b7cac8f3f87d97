"""The two web servers among the examples, as programs meet them that send what no page would."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import asynccontextmanager, suppress

import aiohttp
import anyio
import pytest
from support.batches import until
from support.site import KEY, ROOT, Site

from pika_async.dialects import SERVICES
from pika_async.simulator import Fault, Polls, Simulator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="starts and stops servers with signals"),
]

JSON = "application/json"
# What is sent, as what, and whether it is a prompt after all.
REQUESTS = {
    "half a surrogate pair": (b'{"prompt": "a \\ud83d cat"}', JSON, False),
    "half of one and nothing else": (b'{"prompt": "\\udc00"}', JSON, False),
    "half of one beside the prompt": (b'{"prompt": "a cat", "x": "\\ud83d"}', JSON, True),
    "half of one in a name": (b'{"\\ud83d": 1}', JSON, False),
    "lists a hundred thousand deep": (
        b'{"prompt": ' + b"[" * 100_000 + b"]" * 100_000,
        JSON,
        False,
    ),
    "objects fifty thousand deep": (b'{"prompt":' * 50_000 + b"1" + b"}" * 50_000, JSON, False),
    "a charset that is none": (b'{"prompt": "a cat"}', f"{JSON}; charset=klingon", True),
    "a charset that is no text": (b'{"prompt": "a cat"}', f"{JSON}; charset=base64", True),
    "a charset with a null": (b'{"prompt": "a cat"}', f'{JSON}; charset="a%00b"', True),
    "another charset": ('{"prompt": "a cat"}'.encode("utf-16"), f"{JSON}; charset=utf-16", True),
    "no UTF-8": (b'{"prompt": "\xff"}', JSON, False),
    "NaN": (b'{"prompt": NaN}', JSON, False),
    "a number of five thousand digits": (b'{"prompt": ' + b"1" * 5_000 + b"}", JSON, False),
    "a list": (b"[]", JSON, False),
    "a number": (b"7", JSON, False),
    "null": (b"null", JSON, False),
    "nothing": (b"", JSON, False),
    "an object as the prompt": (b'{"prompt": {"a": 1}}', JSON, False),
    "blanks": (b'{"prompt": "  "}', JSON, False),
    "too much": (json.dumps({"prompt": "a" * 1_001}).encode(), JSON, False),
}


@asynccontextmanager
async def running(example, folder, service="gateway", **environment):
    with Simulator(service=service, duration=Polls(3)) as sim:
        site = Site(example, sim, folder, **environment)
        await site.start()
        try:
            yield site
        finally:
            await site.stop()
        assert KEY not in site.log


@pytest.mark.parametrize("example", ["web_aiohttp.py", "web_fastapi.py"])
async def test_what_is_no_prompt_is_refused_with_a_sentence_and_never_breaks_the_server(
    example, tmp_path
):
    wrong = {}
    async with running(example, tmp_path) as site, aiohttp.ClientSession() as session:
        for name, (body, kind, is_prompt) in REQUESTS.items():
            headers = {"Content-Type": kind}
            async with session.post(f"{site.url}/videos", data=body, headers=headers) as answer:
                said, status = await answer.text(), answer.status
            allowed = (202,) if is_prompt else (400, 422)
            if status not in allowed or not (is_prompt or " " in said):
                wrong[name] = (status, said)
        taken = sum(is_prompt for _, _, is_prompt in REQUESTS.values())
        await until(lambda: len(site.sim.submissions) == taken)
        assert "Traceback" not in site.log
    assert wrong == {}


async def events_of(session, site, video):
    async with session.get(f"{site.url}/videos/{video}/events") as stream:
        async for line in stream.content:
            name, _, data = line.decode().rstrip().partition(": ")
            if name == "data":
                yield json.loads(data)


async def asked(session, site, prompt):
    async with session.post(f"{site.url}/videos", json={"prompt": prompt}) as answer:
        assert answer.status == 202
        return (await answer.json())["id"]


async def test_four_jobs_that_never_end_are_in_nobodys_way_and_are_shown_when_they_do(tmp_path):
    async with (
        running("web_fastapi.py", tmp_path, PATIENCE="1") as site,
        aiohttp.ClientSession() as session,
    ):
        site.sim.duration = Polls(10**6)
        stuck = [await asked(session, site, f"stuck {number}") for number in range(4)]
        with anyio.fail_after(60):
            await until(lambda: len(site.sim.jobs) == 4)
            site.sim.duration = Polls(2)
            quick = await asked(session, site, "quick")
            states = [data async for data in events_of(session, site, quick)]
            assert "video" in json.dumps(states[-1]).lower()
            for job in site.sim.jobs.values():
                job.duration = Polls(1)
            late = [data async for data in events_of(session, site, stuck[0])]
        assert "video" in json.dumps(late[-1]).lower()
        assert len(site.sim.submissions) == 5


async def said_until(session, site, video, wanted):
    said = []
    with anyio.fail_after(60):
        async for data in events_of(session, site, video):
            said.append(data)
            if wanted in json.dumps(data).lower():
                break
    return said


TRIED_AGAIN = "It cannot be started just now; it is tried again by itself."


@pytest.mark.parametrize("fault", ["503-no-channel", "403-quota-not-enough"])
async def test_what_it_says_will_be_tried_again_is_tried_again_without_a_restart(tmp_path, fault):
    async with (
        running("web_fastapi.py", tmp_path, PAUSE="0.5") as site,
        aiohttp.ClientSession() as session,
    ):
        site.sim.faults.append(Fault(fault))
        video = await asked(session, site, "a red panda")
        said = await said_until(session, site, video, "succeeded")
        assert TRIED_AGAIN in said
        other = await asked(session, site, "an otter")
        await said_until(session, site, other, "succeeded")
        assert len(site.sim.jobs) == 2


async def test_jobs_that_run_while_another_is_tried_again_are_paid_once(tmp_path):
    async with (
        running("web_fastapi.py", tmp_path, PAUSE="0.5") as site,
        aiohttp.ClientSession() as session,
    ):
        site.sim.duration = Polls(40)
        running_on = await asked(session, site, "a red panda")
        await until(lambda: site.sim.jobs)
        site.sim.faults.append(Fault("503-no-channel", prompt="an otter", times=3))
        late = await asked(session, site, "an otter")
        for video in (running_on, late):
            await said_until(session, site, video, "succeeded")
        assert len(site.sim.jobs) == 2


async def test_a_prompt_that_is_refused_is_told_and_not_tried_again(tmp_path):
    async with (
        running("web_fastapi.py", tmp_path, PAUSE="0.2") as site,
        aiohttp.ClientSession() as session,
    ):
        site.sim.faults.append(Fault("400-invalid-request", prompt="a red panda", times=None))
        video = await asked(session, site, "a red panda")
        said = [data async for data in events_of(session, site, video)]
        assert said[-1] == "The service does not take this prompt."
        await asked(session, site, "an otter")
        await until(lambda: site.sim.jobs)
        assert len(site.sim.submissions) == 2


both = pytest.mark.parametrize("example", ["web_aiohttp.py", "web_fastapi.py"])


@both
@pytest.mark.parametrize("service", SERVICES)
async def test_it_runs_at_every_service(tmp_path, example, service):
    async with (
        running(example, tmp_path, service) as site,
        aiohttp.ClientSession() as session,
    ):
        video = await asked(session, site, "a red panda")
        await said_until(session, site, video, "succeeded")
        async with session.get(f"{site.url}/videos/{video}/file") as answer:
            assert answer.status == 200
            assert answer.headers["Content-Disposition"].startswith("attachment")
            assert (await answer.read())[4:8] == b"ftyp"
        assert len(site.sim.jobs) == 1


@both
async def test_a_stream_that_is_asked_for_once_tells_where_it_stands_and_ends(tmp_path, example):
    async with running(example, tmp_path) as site, aiohttp.ClientSession() as session:
        site.sim.duration = Polls(10)
        video = await asked(session, site, "a red panda")
        where = f"{site.url}/videos/{video}/events?once"
        with anyio.fail_after(60):
            said = ""
            while '"succeeded"' not in said:
                async with session.get(where) as stream:
                    said = await stream.text()
                assert '"a red panda"' in said
                assert "retry: 2000" in said
                await anyio.sleep(0.1)
        assert len(site.sim.submissions) == 1


@both
async def test_no_proxy_keeps_events_back_or_keeps_them_for_later(tmp_path, example):
    async with running(example, tmp_path) as site, aiohttp.ClientSession() as session:
        video = await asked(session, site, "a red panda")
        async with session.get(f"{site.url}/videos/{video}/events?once") as stream:
            assert stream.headers["X-Accel-Buffering"] == "no"
            assert "no-" in stream.headers["Cache-Control"]


@both
async def test_it_is_one_process_also_where_the_environment_asks_for_workers(tmp_path, example):
    async with (
        running(example, tmp_path, WEB_CONCURRENCY="4") as site,
        aiohttp.ClientSession() as session,
    ):
        video = await asked(session, site, "a red panda")
        await said_until(session, site, video, "succeeded")
        assert len(site.sim.jobs) == 1


@both
async def test_a_video_is_a_file_for_good_and_fetched_once(tmp_path, example):
    async with running(example, tmp_path) as site, aiohttp.ClientSession() as session:
        video = await asked(session, site, "a red panda")
        where = f"{site.url}/videos/{video}/file"
        await said_until(session, site, video, "succeeded")

        async def fetched():
            async with session.get(where) as answer:
                assert answer.status == 200
                return await answer.read()

        first, second = await asyncio.gather(fetched(), fetched())
        site.sim.faults.append(Fault("502-html", on="download", times=None))
        assert await fetched() == first == second
        async with session.get(f"{site.url}/videos/nosuch/file") as answer:
            assert (answer.status, await answer.json()) == (
                404,
                {"detail": "There is no such video."},
            )


async def answered(session, site, prompt, key):
    headers = {"Idempotency-Key": key}
    where = f"{site.url}/videos"
    async with session.post(where, json={"prompt": prompt}, headers=headers) as answer:
        return answer.status, await answer.json()


@both
async def test_the_same_key_is_the_same_video_at_once_later_and_after_a_restart(tmp_path, example):
    async with running(example, tmp_path) as site, aiohttp.ClientSession() as session:
        site.sim.faults.append(Fault("slow-headers", seconds=0.3, times=1, started=True))
        first = await asyncio.gather(
            *(answered(session, site, "a red panda", "k") for _ in range(5))
        )
        await said_until(session, site, first[0][1]["id"], "succeeded")
        later = await answered(session, site, "a red panda", "k")
        await site.stop()
        await site.start()
        async with aiohttp.ClientSession() as another_session:
            restarted = await answered(another_session, site, "a red panda", "k")
            other = await answered(another_session, site, "a red panda", "another key")
        assert {status for status, _ in first} == {202}
        assert {said["id"] for _, said in first} == {later[1]["id"]} == {restarted[1]["id"]}
        assert other[1]["id"] != later[1]["id"]
        await until(lambda: len(site.sim.jobs) == 2)
        assert len(site.sim.submissions) == 2


@both
@pytest.mark.parametrize(
    ("prompt", "key", "words"),
    [("an otter", "k", "another prompt"), ("a red panda", "k" * 101, "1 to 100 characters")],
)
async def test_a_key_that_cannot_be_meant_is_refused_with_a_sentence(
    tmp_path, example, prompt, key, words
):
    async with running(example, tmp_path) as site, aiohttp.ClientSession() as session:
        assert (await answered(session, site, "a red panda", "k"))[0] == 202
        status, said = await answered(session, site, prompt, key)
        assert 400 <= status < 500
        assert words in said["detail"]
        await until(lambda: site.sim.jobs)
        assert len(site.sim.submissions) == 1


async def test_a_key_whose_submit_started_nothing_may_ask_again(tmp_path):
    async with running("web_aiohttp.py", tmp_path) as site, aiohttp.ClientSession() as session:
        site.sim.faults.append(Fault("403-quota-not-enough"))
        assert (await answered(session, site, "a red panda", "k"))[0] == 503
        assert (await answered(session, site, "a red panda", "k"))[0] == 202
        assert len(site.sim.jobs) == 1


@pytest.mark.parametrize("killed", [False, True], ids=["lost", "killed"])
async def test_a_key_whose_submit_may_have_started_a_job_never_pays_again(tmp_path, killed):
    async with running("web_aiohttp.py", tmp_path) as site, aiohttp.ClientSession() as session:
        site.sim.faults.append(Fault("slow-headers" if killed else "502-html", started=True))
        first = asyncio.create_task(answered(session, site, "a red panda", "k"))
        await until(lambda: site.sim.submissions)
        if killed:
            await site.stop(kill=True)
            with suppress(aiohttp.ClientError):
                await first
            await site.start()
        else:
            assert (await first)[0] == 503
        async with aiohttp.ClientSession() as another_session:
            status, said = await answered(another_session, site, "a red panda", "k")
        assert (status, said["detail"][:12]) == (422, "Nobody knows")
        assert len(site.sim.submissions) == 1


@pytest.mark.parametrize("started", [True, False], ids=["arrived", "never arrived"])
@pytest.mark.parametrize("service", ["pika", "fal"])
async def test_a_server_that_is_killed_before_the_answer_learns_which_job_it_was(
    tmp_path, service, started
):
    """The database tells what was about to leave: the service is asked, and nothing paid twice."""
    async with running("web_aiohttp.py", tmp_path, service) as site:
        site.sim.faults.append(Fault("slow-headers", started=started))
        async with aiohttp.ClientSession() as session:
            first = asyncio.create_task(answered(session, site, "a red panda", "k"))
            await until(lambda: site.sim.submissions)
            await site.stop(kill=True)
            with suppress(aiohttp.ClientError):
                await first
        await site.start()
        async with aiohttp.ClientSession() as session:
            status, said = await answered(session, site, "a red panda", "k")
            if service == "fal" and not started:
                # A history cannot tell what is not in it yet, so nothing is sent.
                assert (status, said["detail"][:12]) == (422, "Nobody knows")
                assert len(site.sim.submissions) == 1
                return
            assert status == 202
            assert list(site.sim.jobs) == [said["id"]]
            await said_until(session, site, said["id"], "succeeded")
            assert await answered(session, site, "a red panda", "k") == (202, said)
        assert len(site.sim.jobs) == 1


@both
async def test_a_second_process_is_refused_with_a_sentence(tmp_path, example):
    async with running(example, tmp_path) as site, aiohttp.ClientSession() as session:
        await asked(session, site, "a red panda")
        code, said = await another(site)
        assert code != 0
        assert "in use" in said or "give another file" in said
        assert "Traceback" not in said
        await asked(session, site, "an otter")


async def another(site):
    """What a second process with the same file says."""
    twin = Site(site.example, site.sim, site.folder)
    with pytest.raises(AssertionError, match="ended"):
        await twin.start()
    return twin.ended, twin.log


async def test_workers_of_a_server_that_manages_processes_are_refused_with_a_sentence():
    for name in ("web_fastapi", "web_aiohttp"):
        done = await anyio.run_process(
            [sys.executable, "-m", "uvicorn", "--app-dir", "examples", f"{name}:app"],
            check=False,
            cwd=ROOT,
        )
        assert done.returncode != 0
        assert b"This server is one process" in done.stdout + done.stderr
