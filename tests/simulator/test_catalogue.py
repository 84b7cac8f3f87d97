import asyncio
import json

import aiohttp
import anyio
import pytest
from support.faults.every import TABLES, each
from support.faults.table import JSON, NOTHING, PAGE, Broken
from support.tables import every_row

from pika_async import FixedPolling, ModerationError, PikaClient
from pika_async.simulator import FAULTS, Fault, Polls, Simulator
from pika_async.simulator._catalogue import SERVICES, faults_of
from pika_async.simulator._common import COMMON
from pika_async.simulator._media import video

SIZE = video().size
XML = "application/xml"
# What a raw client sees of a connection that breaks.
BREAKS = {
    Broken.RESET: aiohttp.ClientOSError,
    Broken.CLOSED: aiohttp.ServerDisconnectedError,
    Broken.CUT: aiohttp.ClientPayloadError,
}

# What a raw client sees of a file, when it asks for the bytes from 1000 on.
FILES = {
    "400-expired": (400, XML),
    "401-expired": (401, NOTHING),
    "202-copying": (202, JSON),
    "409-copying": (409, NOTHING),
    "json": (200, "video/mp4"),
    "playlist": (200, "video/mp4"),
    "mislabelled": (206, "text/html"),
    "403-expired": (403, XML),
    "404-expired": (404, XML),
    "410-expired": (410, NOTHING),
    "416-range": (416, NOTHING),
    "html": (200, PAGE),
    "429-empty": (429, NOTHING),
    "429-retry-after-seconds": (429, PAGE),
    "429-retry-after-date": (429, PAGE),
    "503-retry-after": (503, PAGE),
    "500-empty": (500, NOTHING),
    "502-html": (502, PAGE),
    "503-html": (503, PAGE),
    "504-html": (504, PAGE),
    "504-empty": (504, NOTHING),
    "520-html": (520, PAGE),
    "524-html": (524, PAGE),
    "408": (408, NOTHING),
    "425": (425, NOTHING),
    "redirect": (302, NOTHING),
    "redirect-loop": (302, NOTHING),
    "ignores-range": (200, "video/mp4"),
    "range-wrong": (206, "video/mp4"),
    "changed": (206, "video/mp4"),
    "no-length": (206, "video/mp4"),
    "no-validators": (206, "video/mp4"),
}
BROKEN_FILES = {
    "reset-before",
    "reset-after",
    "closed-before",
    "closed-after",
    "stalled",
    "slow-headers",
}
LYING_FILES = {
    "cut": (SIZE - 1000, (SIZE - 1000) // 2),
    "truncated": (SIZE - 1000, (SIZE - 1000) // 2),
    "length-too-long": (2 * (SIZE - 1000), SIZE - 1000),
}


def has_marks(value, marks):
    return all(
        has_marks(value[name], mark) if isinstance(mark, dict) else value[name] == mark
        for name, mark in marks.items()
    )


def check_answer(table, truth, reply):
    assert truth.seen == reply.status
    assert truth.kind == (reply.headers.get("Content-Type", ";").partition(";")[0] or None)
    assert (truth.kind is None) == (reply.body == b"")
    assert table.names_request_in is None or reply.headers[table.names_request_in]
    if truth.kind == JSON:
        assert has_marks(reply.json, truth.marks)
    if truth.kind == PAGE:
        assert reply.body.startswith(b"<")


def whole(*, on):
    """Those that come as a whole answer."""
    return each(lambda table: (t for t in getattr(table, f"on_{on}")() if isinstance(t.seen, int)))


def broken(*, on):
    """Those that are told by the connection alone, and at once."""
    return each(lambda table: (t for t in getattr(table, f"on_{on}")() if t.seen in BREAKS))


@every_row("table", TABLES, ids=lambda table: table.service)
def test_the_table_of_a_service_has_a_row_for_every_fault_and_place(table):
    assert table.amiss(faults_of(SERVICES[table.service])) == []


def test_every_service_has_a_table():
    assert {table.service for table in TABLES} == set(SERVICES)


def test_no_two_services_mean_different_things_by_one_name():
    rows = [row for service in SERVICES.values() for row in (*service.faults, *COMMON)]

    assert len({row.name for row in rows}) == len({id(row) for row in rows})


def test_every_file_fault_is_described_here():
    rows = {name for name, row in FAULTS.items() if "download" in row.places}

    assert {*FILES, *LYING_FILES, *BROKEN_FILES, "length-too-short", "custom"} == rows


@whole(on="submit")
async def test_a_submit_meets_a_fault_once_and_the_truth_is_in_jobs(call, table, truth):
    fault = Fault(truth.name)
    call = call.at(table)
    async with Simulator(service=table.service, faults=[fault]) as sim:
        reply = await call.submit(sim.url)
        made = list(sim.jobs)
        again = await call.submit(sim.url)

    check_answer(table, truth, reply)
    assert truth.started == bool(made)
    assert again.status == 200
    first = sim.submissions[0]
    told = [first.job_id] if truth.started else []
    assert (truth.seen, fault, made) == (first.status, first.fault, told)


@whole(on="poll")
async def test_a_poll_meets_a_fault_once(call, table, truth):
    fault = Fault(truth.name, on="poll")
    call = call.at(table)
    async with Simulator(service=table.service, duration=Polls(1), faults=[fault]) as sim:
        await call.submit(sim.url)
        (job,) = sim.jobs.values()
        reply = await call.poll(sim.url, job.id)
        looked = job.polls
        again = await call.poll(sim.url, job.id)

    check_answer(table, truth, reply)
    assert looked == int(truth.started)
    assert again.status == 200
    assert job.polls == looked + 1
    assert [(truth.seen, fault), (200, None)] == [(p.status, p.fault) for p in sim.polls]


@broken(on="submit")
async def test_a_submit_breaks_before_or_after_the_job_was_made(call, table, truth):
    call = call.at(table)
    async with Simulator(service=table.service, faults=[Fault(truth.name)]) as sim:
        with pytest.raises(BREAKS[truth.seen]):
            await call.submit(sim.url)
        assert truth.started == bool(sim.jobs)
        again = await call.submit(sim.url)

    assert again.status == 200
    sent = 200 if truth.seen is Broken.CUT else None
    assert sent == sim.submissions[0].status
    assert truth.started == (sim.submissions[0].job_id is not None)


@broken(on="poll")
async def test_a_poll_breaks(call, table, truth):
    call = call.at(table)
    async with Simulator(service=table.service, faults=[Fault(truth.name, on="poll")]) as sim:
        await call.submit(sim.url)
        (job,) = sim.jobs.values()
        with pytest.raises(BREAKS[truth.seen]):
            await call.poll(sim.url, job.id)

    assert int(truth.started) == job.polls


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("reset-before", aiohttp.ClientOSError),
        ("closed-before", aiohttp.ServerDisconnectedError),
    ],
)
async def test_a_download_breaks(call, name, error):
    async with Simulator(faults=[Fault(name, on="download")]) as sim:
        with pytest.raises(error):
            await call.fetch(sim.media_url + "/video.mp4")

    assert [download.status for download in sim.downloads] == [None]


async def test_a_truncated_answer_has_the_length_of_the_whole_and_half_of_it():
    async with Simulator(faults=[Fault("truncated")]) as sim:
        host, port = sim.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        body = json.dumps({"promptText": "x", "model": "1.5"})[:-1].encode()
        body += b',"options":{"parameters":{},"extend":false}}'
        head = f"POST /pika/generate HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n\
Content-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        sent = await reader.read()
        writer.close()
        await writer.wait_closed()

    headers, _, half = sent.partition(b"\r\n\r\n")
    assert b"200 OK" in headers
    assert f"Content-Length: {len(half) * 2}".encode() in headers


@pytest.mark.parametrize("name", ["stalled", "slow-headers"])
@pytest.mark.parametrize("place", ["submit", "poll", "download"])
async def test_a_silence_ends_with_the_whole_answer(call, name, place):
    async with Simulator(faults=[Fault(name, on=place, seconds=0)]) as sim:
        reply = await call.submit(sim.url)
        if place == "poll":
            reply = await call.poll(sim.url, reply.json["id"])
        if place == "download":
            reply = await call.fetch(sim.media_url + "/video.mp4")

    assert reply.status == 200
    assert (SIZE if place == "download" else int(reply.headers["Content-Length"])) == len(
        reply.body
    )


@pytest.mark.parametrize("name", ["stalled", "slow-headers"])
async def test_the_job_is_made_before_the_silence_and_the_record_too(call, arrival, name):
    fault = Fault(name, seconds=3600)
    async with anyio.create_task_group() as tasks, Simulator(faults=[fault]) as sim:

        async def wait():
            with pytest.raises(aiohttp.ClientError):
                await call.submit(sim.url)

        tasks.start_soon(wait)
        await arrival(sim.submissions)
        assert len(sim.jobs) == 1


@pytest.mark.parametrize("name", FILES)
async def test_a_download_meets_a_fault_once(call, name):
    status, kind = FILES[name]
    async with Simulator(faults=[Fault(name, on="download")]) as sim:
        url = sim.media_url + "/video.mp4"
        reply = await call.fetch(url, Range="bytes=1000-")
        again = await call.fetch(url, Range="bytes=1000-")

    assert (status, kind) == (
        reply.status,
        reply.headers.get("Content-Type", ";").partition(";")[0] or None,
    )
    assert "X-Oneapi-Request-Id" not in reply.headers
    assert (again.status, len(again.body)) == (206, SIZE - 1000)


@pytest.mark.parametrize("name", LYING_FILES)
async def test_a_file_that_is_shorter_than_announced_breaks_off(call, name):
    announced, sent = LYING_FILES[name]
    async with Simulator(faults=[Fault(name, on="download")]) as sim:
        url = sim.media_url + "/video.mp4"
        async with call.session.get(url, headers={"Range": "bytes=1000-"}) as response:
            received = bytearray()

            async def receive():
                async for piece in response.content.iter_any():
                    received.extend(piece)

            with pytest.raises(aiohttp.ClientPayloadError):
                await receive()

    assert announced == response.content_length
    assert sent == len(received)


async def test_a_file_that_is_longer_than_announced_goes_on():
    async with Simulator(faults=[Fault("length-too-short")]) as sim:
        host, port = sim.media_url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /video.mp4 HTTP/1.1\r\nHost: x\r\n\r\n")
        headers, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    assert f"Content-Length: {SIZE // 2}\r".encode() in headers
    assert len(body) == SIZE


async def test_a_range_can_be_ignored(call):
    async with Simulator(faults=[Fault("ignores-range")]) as sim:
        reply = await call.fetch(sim.media_url + "/video.mp4", Range="bytes=1000-")

    assert len(reply.body) == SIZE
    assert "Accept-Ranges" not in reply.headers


async def test_a_range_can_be_another_than_asked_for(call):
    async with Simulator(faults=[Fault("range-wrong")]) as sim:
        reply = await call.fetch(sim.media_url + "/video.mp4", Range="bytes=1000-")

    assert f"bytes 0-{SIZE - 1}/{SIZE}" == reply.headers["Content-Range"]
    assert len(reply.body) == SIZE


async def test_a_file_can_change_between_two_requests(call):
    async with Simulator(faults=[Fault("changed", after=1)]) as sim:
        url = sim.media_url + "/video.mp4"
        first = await call.fetch(url, Range="bytes=0-999")
        rest = await call.fetch(url, Range="bytes=1000-", If_Range=first.headers["ETag"])

    assert rest.status == 200
    assert first.headers["ETag"] != rest.headers["ETag"]
    assert len(rest.body) == SIZE + 64


async def test_a_file_can_come_without_a_length(call):
    async with Simulator(faults=[Fault("no-length")]) as sim:
        reply = await call.fetch(sim.media_url + "/video.mp4")

    assert "Content-Length" not in reply.headers
    assert len(reply.body) == SIZE


async def test_a_file_can_come_without_validators(call):
    async with Simulator(faults=[Fault("no-validators")]) as sim:
        reply = await call.fetch(sim.media_url + "/video.mp4")

    assert not {"ETag", "Last-Modified"} & set(reply.headers)


async def test_a_redirect_of_a_file_leads_to_it_at_another_origin(call):
    async with Simulator(faults=[Fault("redirect")]) as sim:
        reply = await call.fetch(sim.media_url + "/video.mp4")
        port = sim.media_url.rpartition(":")[2]

    assert f"http://localhost:{port}/video.mp4" == reply.headers["Location"]


async def test_a_redirect_loop_leads_to_itself(call):
    async with Simulator(faults=[Fault("redirect-loop")]) as sim:
        reply = await call.fetch(sim.media_url + "/video.mp4?x=1")

    assert reply.headers["Location"] == "/video.mp4?x=1"


@pytest.mark.parametrize("place", ["submit", "poll", "download"])
async def test_a_custom_fault_answers_what_it_is_given(call, place):
    fault = Fault("custom", on=place, status=599, body={"a": 1}, headers={"X-Custom": "1"})
    async with Simulator(faults=[fault]) as sim:
        reply = await call.submit(sim.url)
        if place == "poll":
            reply = await call.poll(sim.url, "x")
        if place == "download":
            reply = await call.fetch(sim.media_url + "/poster.jpg")

    assert (reply.status, reply.json, reply.headers["X-Custom"]) == (599, {"a": 1}, "1")
    assert (place != "submit") == bool(sim.jobs)


async def test_a_custom_fault_can_create_the_job(call):
    async with Simulator(faults=[Fault("custom", status=500, started=True)]) as sim:
        await call.submit(sim.url)

    assert len(sim.jobs) == 1


async def test_a_row_can_be_given_another_status_and_body(call):
    fault = Fault("truncated", status=502, body="<html>" + "x" * 100)
    async with Simulator(faults=[fault]) as sim:
        with pytest.raises(aiohttp.ClientPayloadError):
            await call.submit(sim.url)

    assert [submission.status for submission in sim.submissions] == [502]


async def test_a_fault_that_would_create_a_job_creates_none_from_a_bad_body(call):
    async with Simulator(faults=[Fault("504-html")]) as sim:
        reply = await call.submit(sim.url, model=1.5)

    assert reply.status == 504
    assert sim.jobs == {}


async def test_a_fault_appended_while_it_runs_strikes(call):
    async with Simulator() as sim:
        sim.faults.append(Fault("502-html"))

        assert [(await call.submit(sim.url)).status for _ in range(2)] == [502, 200]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("failure", ["moderation", "Blocked by moderation"])
async def test_a_failure_that_speaks_of_moderation_is_told_as_each_service_tells_of_it(
    service, failure
):
    async with (
        Simulator(service=service, duration=Polls(1), failure=failure) as sim,
        PikaClient("key", base_url=sim.url, dialect=sim.dialect, polling=FixedPolling(0)) as client,
    ):
        with pytest.raises(ModerationError):
            await client.generate("a red panda")
