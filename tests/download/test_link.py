"""Links that expire, and links that lead to no file yet."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from attrs import evolve
from support.media import (
    CLIP,
    LENGTH,
    NEWER,
    SIZE,
    VIDEO,
    Script,
    client_for,
    finished,
    sleepless,
    whole,
)

from pika_async import (
    AuthenticationError,
    DecodeError,
    DownloadError,
    NotFoundError,
    RetryPolicy,
    ServerError,
    TransportError,
)
from pika_async.simulator import Fault, Polls, Simulator

REFUSED = [400, 401, 403, 404, 410]
ON_ITS_WAY = [202, 204, 409, 423, 425]
STEADY = RetryPolicy(jitter=0.0)


def answer(status, **headers):
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, b"", False


async def saved(script, path, *, renew=None, retry=STEADY):
    target = path / "v.mp4"
    downloader = script.downloader(retry=retry)
    assert await downloader.download(VIDEO, target, overwrite=False, renew=renew) == target
    return target.read_bytes()


def renewing(*outcomes):
    """Renewals one after the other, of which the last stays: links, None, or errors."""
    left = list(outcomes)

    async def renew():
        outcome = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome and evolve(VIDEO, url=outcome)

    return renew


@pytest.mark.parametrize("status", REFUSED)
async def test_a_refused_link_is_renewed_at_once(status, tmp_path):
    script = Script([answer(status), whole()])
    renew = renewing("https://media.example/fresh")
    assert await saved(script, tmp_path, renew=renew) == CLIP
    assert script.links == [VIDEO.url, "https://media.example/fresh"]
    assert script.naps.seconds == []


async def test_a_video_that_came_without_a_link_gets_one_from_the_job(tmp_path):
    """A job may have ended before its link was there: the video is kept, and stays paid for."""
    script = Script([whole()])
    late = renewing(None, None, "https://media.example/late")
    downloader = script.downloader(retry=STEADY)
    path = await downloader.download(
        evolve(VIDEO, url=""), tmp_path / "v.mp4", overwrite=False, renew=late
    )
    assert path.read_bytes() == CLIP
    assert script.links == ["https://media.example/late"]
    assert script.naps.seconds == [0.5, 1.0]


async def test_a_link_that_never_comes_is_an_error_after_a_minute(tmp_path):
    """It says that there is no link, and nothing was asked for at the media host."""
    script = Script([whole()])
    with pytest.raises(DownloadError, match="it has no link, and the service names none"):
        await script.downloader(retry=STEADY).download(
            evolve(VIDEO, url=""), tmp_path / "v.mp4", overwrite=False, renew=renewing(None)
        )
    assert 60 <= sum(script.naps.seconds) < 90
    assert script.links == []


async def test_a_link_that_is_none_is_no_cause_to_ask_the_job(tmp_path):
    """Only what is empty is waited for: an address of another kind stays what it is."""
    script = Script([whole()])
    with pytest.raises(DownloadError, match="is no http"):
        await script.downloader(retry=STEADY).download(
            evolve(VIDEO, url="ftp://media.example/v"),
            tmp_path / "v.mp4",
            overwrite=False,
            renew=renewing("https://media.example/late"),
        )
    assert script.links == []


@pytest.mark.parametrize("status", REFUSED)
async def test_a_link_that_is_refused_for_a_while_after_the_end_is_waited_for(status, tmp_path):
    script = Script([answer(status)] * 7 + [whole()])
    assert await saved(script, tmp_path, renew=renewing(VIDEO.url)) == CLIP
    assert script.naps.seconds == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0]


async def test_it_is_renewed_before_each_try_since_the_fresh_one_may_live_shortly(tmp_path):
    links = [f"https://media.example/{number}" for number in range(4)]
    script = Script([answer(403)] * 4 + [whole()])
    assert await saved(script, tmp_path, renew=renewing(*links)) == CLIP
    assert script.links == [VIDEO.url, *links]


@pytest.mark.parametrize("status", REFUSED)
async def test_after_a_minute_of_refusals_it_is_an_error(status, tmp_path):
    script = Script([answer(status)])
    with pytest.raises(DownloadError, match=f"renewed link does not work: HTTP {status}"):
        await saved(script, tmp_path, renew=renewing(VIDEO.url))
    assert 60 <= sum(script.naps.seconds) < 90
    assert list(tmp_path.iterdir()) == []


async def test_of_a_link_that_wants_a_key_it_is_said_that_none_is_sent(tmp_path):
    """Gateways hand out links to themselves, which "download it again" would never save.

    https://github.com/QuantumNous/new-api/issues/2751
    """
    script = Script([answer(401)])
    with pytest.raises(DownloadError, match="never sends the API key"):
        await saved(script, tmp_path, renew=renewing(VIDEO.url))


@pytest.mark.parametrize("status", ON_ITS_WAY)
async def test_a_file_that_is_on_its_way_is_waited_for_without_a_look_at_the_job(status, tmp_path):
    script = Script([answer(status)] * 5 + [whole()])
    assert await saved(script, tmp_path) == CLIP
    assert script.naps.seconds == [0.5, 0.5, 1.0, 2.0, 4.0]


@pytest.mark.parametrize("status", ON_ITS_WAY)
async def test_it_is_believed_for_as_long_as_an_outage_is_tolerated(status, tmp_path):
    script = Script([answer(status)])
    with pytest.raises(DownloadError, match=f"leads to no file yet, after 3.. s: HTTP {status}"):
        await saved(script, tmp_path)
    assert 300 <= sum(script.naps.seconds) < 330


async def test_an_empty_file_is_one_that_is_not_there_yet(tmp_path):
    script = Script([whole(b"")] * 3 + [whole()])
    assert await saved(script, tmp_path) == CLIP


async def test_a_policy_without_pauses_does_not_ask_without_pauses(tmp_path):
    script = Script([answer(404)])
    with pytest.raises(DownloadError):
        await saved(script, tmp_path, renew=renewing(VIDEO.url), retry=RetryPolicy(maximum=0.0))
    assert script.naps.seconds == [0.5] * 120


@pytest.mark.parametrize("status", [*ON_ITS_WAY, 404, 429, 503])
@pytest.mark.parametrize("form", ["seconds", "date", "date alone"])
async def test_retry_after_is_honoured_as_seconds_and_as_a_date(status, form, tmp_path):
    now = 1_800_000_000.0
    asked = {
        "seconds": {"Retry_After": "7"},
        "date": {
            "Retry_After": formatdate(now + 7, usegmt=True),
            "Date": formatdate(now, usegmt=True),
        },
        # Long past by the clock of this machine, which says nothing.
        "date alone": {"Retry_After": formatdate(0.0, usegmt=True)},
    }[form]
    script = Script([answer(status, **asked), whole()])
    await saved(script, tmp_path, renew=renewing(VIDEO.url))
    expected = [7.0] if form != "date alone" else [] if status == 404 else [0.5]
    assert script.naps.seconds == expected


@pytest.mark.parametrize(
    "error",
    [
        TransportError("broken"),
        ServerError(status=502),
        DecodeError("a page", status=200),
    ],
)
async def test_a_look_at_the_job_that_fails_in_passing_is_waited_out(error, tmp_path):
    script = Script([answer(403), answer(403), whole()])
    renew = renewing(error, "https://media.example/fresh")
    assert await saved(script, tmp_path, renew=renew) == CLIP


@pytest.mark.parametrize("error", [AuthenticationError(status=401), NotFoundError(status=404)])
async def test_a_look_at_the_job_that_fails_for_good_is_the_end(error, tmp_path):
    script = Script([answer(403)])
    with pytest.raises(DownloadError, match="does not work .HTTP 403. and could not be renewed"):
        await saved(script, tmp_path, renew=renewing(error))
    assert len(script.links) == 1


async def test_a_job_that_names_no_video_for_a_moment_is_looked_at_again(tmp_path):
    script = Script([answer(403), answer(403), whole()])
    renew = renewing(None, "https://media.example/fresh")
    assert await saved(script, tmp_path, renew=renew) == CLIP
    assert script.links[-1] == "https://media.example/fresh"


async def test_where_nobody_can_renew_a_link_its_refusal_is_the_end(tmp_path):
    script = Script([answer(403)])
    with pytest.raises(DownloadError, match="cannot be renewed here"):
        await saved(script, tmp_path)
    assert script.naps.seconds == []


class TestOneFileOverManyLinks:
    TAG = '"1"'

    def cut(self, first, last, tag=TAG, total=LENGTH):
        if first == 0:
            headers = {"Content-Length": total, "ETag": tag}
            return 200, headers, CLIP[:last], True
        headers = {"Content-Range": f"bytes {first}-{last - 1}/{total}", "ETag": tag}
        return 206, headers, CLIP[first:last], last < len(CLIP)

    async def test_the_rest_is_fetched_over_the_renewed_link(self, tmp_path):
        script = Script([
            self.cut(0, 8), answer(403), self.cut(8, 14), answer(403), self.cut(14, 20)
        ])  # fmt: skip
        renew = renewing("https://media.example/2", "https://media.example/3")
        assert await saved(script, tmp_path, renew=renew) == CLIP
        assert [headers.get("Range") for headers in script.asked] == [
            None, "bytes=8-", "bytes=8-", "bytes=14-", "bytes=14-",
        ]  # fmt: skip
        assert all(headers.get("If-Range") == self.TAG for headers in script.asked[1:])

    async def test_renewals_that_lead_on_may_be_many(self, tmp_path):
        pieces = [piece for at in range(8, 20) for piece in (answer(401), self.cut(at, at + 1))]
        script = Script([self.cut(0, 8), *pieces])
        assert await saved(script, tmp_path, renew=renewing(VIDEO.url)) == CLIP

    @pytest.mark.parametrize(
        "other",
        [
            whole(NEWER, ETag='"2"'),
            (206, {"Content-Range": "bytes 8-19/20", "ETag": '"2"'}, CLIP[8:], False),
            (206, {"Content-Range": "bytes 8-20/21", "ETag": '"1"'}, CLIP[8:], False),
        ],
        ids=["answered whole", "another ETag", "another length"],
    )
    async def test_a_renewed_link_to_another_file_starts_over(self, other, tmp_path):
        script = Script([self.cut(0, 8), answer(403), other, whole(NEWER)])
        assert await saved(script, tmp_path, renew=renewing(VIDEO.url)) == NEWER

    async def test_links_that_are_good_for_one_request_bring_the_whole_video(self, tmp_path):
        async with (
            Simulator(duration=Polls(1), variants=["links-for-once"], media_bytes=SIZE) as sim,
            client_for(sim) as client,
        ):
            sleepless(client)
            video = (await client.generate("a red panda surfing")).video
            path = await client.download(video, tmp_path / "panda.mp4")
            brought = [request for request in sim.downloads if request.status in (200, 206)]
        assert path.stat().st_size == SIZE
        assert brought[0].status == 200
        assert {request.status for request in brought[1:]} == {206}
        assert len({request.path for request in brought}) == len(brought) < 6


async def test_twenty_seconds_of_nothing_after_the_end_lose_nothing(tmp_path):
    async with finished(Fault("404-expired", times=None)) as (sim, client, video):
        sleepless(client, after=lambda slept: slept > 20 and sim.faults.clear())
        assert (await client.download(video, tmp_path / "panda.mp4")).exists()
        assert len(sim.submissions) == 1
