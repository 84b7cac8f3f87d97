"""A file that one machine lacks spoils no line: others take it, and the owner is told of it."""

from __future__ import annotations

import uuid
from contextlib import asynccontextmanager
from socket import gethostname

import anyio
import pytest
from support.scene import scene

from pika_async import FieldError, GenerationRequest
from pika_async.temporal import Campaign, Finished, Refused, _steps, _submitting
from pika_async.temporal._campaign import aside
from pika_async.temporal._campaign import tries as lines

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def few(monkeypatch):
    """So many tries are enough."""

    def set_(tries):
        for module in (aside, lines):
            monkeypatch.setattr(module, "MOST_UNREAD", tries)
        monkeypatch.setattr(_steps, "MOST_UNREAD", tries)

    return set_


@pytest.fixture
def two_tries(few):
    few(2)


@pytest.fixture
def lacking(monkeypatch):
    """So many submits first go to a machine that has no folder of media."""

    def set_(times):
        left = [FileNotFoundError(2, "No such file or directory")] * times
        reads = _submitting.checked

        def read(request):
            if left:
                problem = "there is no folder"
                raise FieldError("image", "a.png", "a path", problem=problem) from left.pop()
            return reads(request)

        monkeypatch.setattr(_submitting, "checked", read)

    return set_


def pictures(folder, count):
    folder.mkdir()
    paths = [folder / f"{number}.png" for number in range(count)]
    for path in paths:
        path.write_bytes(PNG)
    return paths


@asynccontextmanager
async def started(engine, tmp_path, paths):
    """A campaign with a line for each, of which all may be under way; its worker runs."""
    requests = [GenerationRequest(f"a panda {n}", image=path) for n, path in enumerate(paths)]
    await Campaign.prepare(requests, tmp_path / "store")
    async with scene(engine) as at:
        options = {"queue": at.queue, "account": at.queue, "max_in_flight": len(paths)}
        name = uuid.uuid4().hex
        campaign = await Campaign.start(at.client, name, tmp_path / "store", **options)

        @asynccontextmanager
        async def worker():
            with anyio.fail_after(120):
                async with at.worker():
                    yield campaign

        yield at, worker


async def outcomes(campaign):
    return [one.outcome async for one in campaign.results()]


@pytest.mark.long
async def test_lines_that_a_machine_without_the_folder_took_are_submitted_by_another(
    engine, tmp_path, lacking
):
    """It answers at once, so it takes more of them than any other; none is refused."""
    paths = pictures(tmp_path / "media", 3)
    lacking(4)
    async with started(engine, tmp_path, paths) as (at, worker), worker() as campaign:
        progress = await campaign.result()
        assert (progress.succeeded, progress.refused, len(at.sim.jobs)) == (3, 0, 3)


async def test_a_file_that_is_gone_everywhere_ends_as_refused_and_the_others_go_on(
    engine, tmp_path, few
):
    """After some tries: no other machine had it either. Nothing is charged for it."""
    few(2)
    paths = pictures(tmp_path / "media", 3)
    async with started(engine, tmp_path, paths) as (at, worker):
        paths[1].unlink()
        async with worker() as campaign:
            await campaign.result()
            found = await outcomes(campaign)
        assert len(at.sim.submissions) == 2
    assert [type(one) for one in found] == [Finished, Refused, Finished]
    assert str(paths[1]) in found[1].meaning
    assert "whichever worker took them" in found[1].meaning


async def test_a_file_that_was_exchanged_ends_as_refused_and_the_others_go_on(
    engine, tmp_path, few
):
    """It was sent for the file that was prepared, and paid for."""
    few(2)
    paths = pictures(tmp_path / "media", 3)
    async with started(engine, tmp_path, paths) as (at, worker):
        paths[1].write_bytes(PNG + b"another")
        async with worker() as campaign:
            await campaign.result()
            found = await outcomes(campaign)
        assert len(at.sim.submissions) == 2
    assert [type(one) for one in found] == [Finished, Refused, Finished]
    assert f"another file than was prepared: image: '{paths[1]}'" in found[1].meaning


@pytest.mark.long
async def test_where_no_file_can_be_read_the_campaign_is_paused_with_what_to_do(
    engine, tmp_path, few
):
    """None of its lines is given up; once the folder is there they are submitted."""
    few(3)
    paths = pictures(tmp_path / "media", 3)
    async with started(engine, tmp_path, paths) as (at, worker):
        (tmp_path / "media").rename(tmp_path / "not mounted")
        async with worker() as campaign:
            while (progress := await campaign.progress()).paused is None:  # noqa: ASYNC110 - is asked
                await anyio.sleep(0.1)
            assert gethostname() in progress.paused
            assert f"there is no folder '{tmp_path / 'media'}'" in progress.paused
            assert "mount its folder on that machine" in progress.paused
            assert (progress.refused, at.sim.submissions) == (0, [])
            (tmp_path / "not mounted").rename(tmp_path / "media")
            await campaign.resume()
            assert (await campaign.result()).succeeded == 3


@pytest.mark.parametrize(("tries", "kind"), [(1, Finished), (2, Refused)])
@pytest.mark.usefixtures("two_tries")
async def test_a_single_video_is_put_off_and_given_up_likewise(
    tries, kind, engine, tmp_path, lacking
):
    """As often as a line of a campaign is."""
    (path,) = pictures(tmp_path / "media", 1)
    lacking(tries)
    async with scene(engine) as at, at.worker():
        with anyio.fail_after(120):
            outcome = await at.outcome(GenerationRequest("a red panda", image=path))
        assert isinstance(outcome, kind)
        assert len(at.sim.jobs) == (kind is Finished)
