"""Links without a host are made whole where the service that gave them is known."""

from __future__ import annotations

import pytest
from support.tables import every_row

from pika_async import Failed, Queued, Running, Succeeded, Unknown, Video
from pika_async.dialects._links import is_whole, with_whole_links

BASE = "https://api.example:8443/prefix"


def done(**links: str) -> Succeeded:
    return Succeeded(videos=(Video(id="v", job_id="j", **{"url": "", **links}),))


@every_row(
    ("given", "whole"),
    [
        ("/media/v.mp4", "https://api.example:8443/media/v.mp4"),
        ("/media/v.mp4?e=1&s=a%2Fb", "https://api.example:8443/media/v.mp4?e=1&s=a%2Fb"),
        ("//cdn.example/v.mp4", "https://cdn.example/v.mp4"),
        (" /media/v.mp4\n", "https://api.example:8443/media/v.mp4"),
    ],
)
def test_one_without_a_host_is_at_the_service_and_one_without_a_scheme_has_its_scheme(given, whole):
    """What follows the host stays byte for byte: a signature may cover it."""
    assert with_whole_links(done(url=given), BASE).video.url == whole


@every_row(
    "given",
    ["https://cdn.example/v.mp4", "HTTP://cdn.example/v", "media/v.mp4", "v.mp4", "s3://b/v", ""],
)
def test_every_other_one_stays_as_it_came(given):
    """Nobody says where a path begins that does not begin with a slash."""
    state = done(url=given)
    assert with_whole_links(state, BASE) is state


def test_so_is_each_link_of_each_video_also_of_a_job_that_failed():
    """A poster is shown, and a video that did finish is kept."""
    one = Video(id="1", job_id="j", url="/1", share_url="/s", poster_url="/p", thumbnail_url="//t/")
    two = Video(id="2", job_id="j", url="https://cdn.example/2")
    state = with_whole_links(Failed(reason="one failed", videos=(one, two)), "http://h.example")
    first, second = state.videos
    assert first.url == "http://h.example/1"
    assert first.share_url == "http://h.example/s"
    assert first.poster_url == "http://h.example/p"
    assert first.thumbnail_url == "http://t/"
    assert second == two


@every_row("state", [Queued(), Running(progress=5), Unknown(status="/x"), None])
def test_a_job_that_has_not_ended_has_none(state):
    """Each look passes here."""
    assert with_whole_links(state, BASE) is state


@pytest.mark.parametrize(("link", "whole"), [("https://h/", True), ("/v", False), ("", False)])
def test_whole_is_what_has_a_host(link, whole):
    """An empty one is not there yet."""
    assert is_whole(link) is whole
