import aiohttp
import pytest

from pika_async.simulator import Fault, Polls, Simulator
from pika_async.simulator._media import video

SIZE = video().size


@pytest.fixture
async def sim():
    async with Simulator(duration=0) as running:
        yield running


async def finished(call, sim):
    await call.submit(sim.url)
    return (await call.poll(sim.url, list(sim.jobs)[-1])).video


async def test_the_media_are_at_another_origin(sim):
    assert sim.url != sim.media_url


async def test_all_links_of_a_video_lead_somewhere(call, sim):
    links = await finished(call, sim)

    kinds = {"resultUrl": "video/mp4", "sharingUrl": "video/mp4"}
    kinds |= {"videoPoster": "image/jpeg", "imageThumb": "image/jpeg"}
    for name, kind in kinds.items():
        reply = await call.fetch(links[name])
        assert (200, kind) == (reply.status, reply.headers["Content-Type"])
        assert len(reply.body) == int(reply.headers["Content-Length"]) > 1000


async def test_the_video_comes_with_what_a_resumption_needs(call, sim):
    reply = await call.fetch(sim.media_url + "/video.mp4")

    assert reply.body[4:8] == b"ftyp"
    assert reply.headers["Accept-Ranges"] == "bytes"
    assert reply.headers["ETag"].startswith('"')
    assert reply.headers["Last-Modified"].endswith("GMT")


async def test_a_download_can_be_resumed(call, sim):
    url = sim.media_url + "/video.mp4"
    whole = await call.fetch(url)

    rest = await call.fetch(url, Range="bytes=1000-", If_Range=whole.headers["ETag"])

    assert rest.status == 206
    assert f"bytes 1000-{SIZE - 1}/{SIZE}" == rest.headers["Content-Range"]
    assert whole.body[1000:] == rest.body


async def test_a_range_beyond_the_end_is_416(call, sim):
    reply = await call.fetch(sim.media_url + "/video.mp4", Range="bytes=999999-")

    assert (reply.status, reply.body) == (416, b"")
    assert f"bytes */{SIZE}" == reply.headers["Content-Range"]


async def test_head_tells_the_length_and_sends_nothing(call, sim):
    reply = await call.request("HEAD", sim.media_url + "/video.mp4")

    assert (200, str(SIZE), b"") == (reply.status, reply.headers["Content-Length"], reply.body)


async def test_a_video_can_be_as_big_as_wanted(call, sim):
    sim.media_bytes = 3_000_000

    reply = await call.fetch(sim.media_url + "/video.mp4")

    assert len(reply.body) == 3_000_000


async def test_downloads_are_recorded(call, sim):
    await call.fetch(sim.media_url + "/video.mp4?x=1", Range="bytes=5-", X_Other="1")

    (download,) = sim.downloads
    assert (
        download.path,
        download.range,
        download.status,
        download.fault,
    ) == ("/video.mp4?x=1", "bytes=5-", 206, None)
    assert download.headers["X-Other"] == "1"


async def test_a_fault_can_be_for_the_files_of_one_job(call, sim):
    one, other = await finished(call, sim), await finished(call, sim)
    sim.faults.append(Fault("404-expired", job_id=list(sim.jobs)[1]))

    replies = [await call.fetch(links["resultUrl"]) for links in (one, other)]

    assert [reply.status for reply in replies] == [200, 404]


async def test_links_that_expire_work_until_the_next_answer(call, sim):
    sim.variants = ["links-expire"]
    links = await finished(call, sim)
    first = await call.fetch(links["resultUrl"])
    renewed = (await call.poll(sim.url, next(iter(sim.jobs)))).video

    assert first.status == 200
    assert (await call.fetch(links["resultUrl"])).status == 403
    assert (await call.fetch(renewed["resultUrl"])).status == 200
    assert (await call.fetch(renewed["videoPoster"])).status == 200


async def test_a_link_for_once_brings_two_fifths_and_is_used_up(call, sim):
    sim.variants = ["links-for-once"]
    links = await finished(call, sim)
    with pytest.raises(aiohttp.ClientPayloadError):
        await call.fetch(links["resultUrl"])
    assert (await call.fetch(links["resultUrl"])).status == 403

    renewed = (await call.poll(sim.url, next(iter(sim.jobs)))).video
    rest = await call.fetch(renewed["resultUrl"], Range=f"bytes={SIZE - 100}-")
    assert (rest.status, len(rest.body)) == (206, 100)


async def test_whatever_is_no_media_file_is_a_stray(call, sim):
    await call.request("GET", sim.media_url + "/elsewhere/pika/feed/x?y=1")
    await call.request("POST", sim.media_url + "/video.mp4")

    first, second = sim.strays
    assert (first.method, first.path) == ("GET", "/elsewhere/pika/feed/x?y=1")
    assert (second.method, second.path) == ("POST", "/video.mp4")
    assert first.headers["Authorization"] == "Bearer key"
    assert sim.downloads == []


async def test_an_api_redirect_leads_to_the_strays(call):
    async with Simulator(
        duration=Polls(1), faults=[Fault("redirect-other-origin", on="poll")]
    ) as sim:
        reply = await call.poll(sim.url, "job")
        await call.request("GET", reply.headers["Location"])

        assert [stray.path for stray in sim.strays] == ["/elsewhere/pika/feed/job"]
        assert reply.headers["Location"].startswith(sim.media_url)
