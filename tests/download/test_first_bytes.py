"""The first bytes decide what is a video, whatever it is declared to be."""

from __future__ import annotations

import pytest
from support.media import CLIP, VIDEO, Script, finished, whole
from support.tables import every_row

from pika_async import DownloadError, RetryPolicy
from pika_async.simulator import Fault

NO_VIDEOS = {
    "JSON": b'{"error": "limit"}',
    "XML": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    "a page": b"<!doctype html><html><title>Just a moment...</title></html>" * 20,
    "text": b"quota exceeded",
    "a text with a word of films in it": b"The free quota is used up",
    "an HLS playlist": b"#EXTM3U\n#EXT-X-VERSION:3\nsegment0.ts\n",
    "a DASH manifest": b'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"/>',
    "a JPEG": b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(1000),
    "a PNG": b"\x89PNG\r\n\x1a\n" + bytes(1000),
    "a GIF": b"GIF89a" + bytes(1000),
    "a WebP": b"RIFF\x24\x00\x00\x00WEBPVP8 ",
    "a HEIC": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00",
    "sound": b"ID3\x04" + bytes(1000),
    "an archive": b"PK\x03\x04" + bytes(1000),
    "packed bytes": b"\x1f\x8b\x08\x00" + bytes(1000),
    "a PDF": b"%PDF-1.7\n",
    "zeros": bytes(5000),
    "UTF-16": "Fehler".encode("utf-16"),
    "one byte": b"\0",
}
VIDEOS = {
    "mp4": CLIP,
    "mov": b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  ",
    "mov without a brand": b"\x00\x00\x00\x08wide\x00\x00\x10\x00mdat",
    "fragmented mp4": b"\x00\x00\x00\x18stypmsdh\x00\x00\x00\x00msdhmsix",
    "webm": b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm",
    "mkv": b"\x1a\x45\xdf\xa3\xa3\x42\x86\x81\x01\x42\x82\x88matroska",
    "avi": b"RIFF\x24\x00\x00\x00AVI LIST",
    "transport stream": (b"G\x40\x00\x10" + bytes(184)) * 3,
    "ogg": b"OggS\x00\x02" + bytes(22) + b"\x80theora",
    "flv": b"FLV\x01\x05\x00\x00\x00\x09",
}
DECLARED = ["video/mp4", "text/html; charset=utf-8", "application/octet-stream", "image/jpeg", None]


async def renew():
    return VIDEO


def declared(body, kind):
    return whole(body, **({} if kind is None else {"Content_Type": kind}))


async def saved(script, tmp_path):
    """What was saved, which is there no longer."""
    path = tmp_path / "v.mp4"
    # Its pauses take no time but grow, so that the minute of patience holds few attempts.
    await script.downloader(retry=RetryPolicy(attempts=3)).download(
        VIDEO, path, overwrite=False, renew=renew
    )
    assert [*tmp_path.iterdir()] == [path]
    saved = path.read_bytes()
    path.unlink()
    return saved


@every_row("kind", DECLARED)
@every_row("name", VIDEOS)
async def test_a_video_is_saved_whatever_it_is_declared_to_be(name, kind, tmp_path):
    assert await saved(Script([declared(VIDEOS[name], kind)]), tmp_path) == VIDEOS[name]


@every_row("kind", DECLARED)
@every_row("name", NO_VIDEOS)
async def test_what_is_no_video_is_never_saved(name, kind, tmp_path):
    with pytest.raises(DownloadError, match="what came is no video"):
        await saved(Script([declared(NO_VIDEOS[name], kind)]), tmp_path)
    assert list(tmp_path.iterdir()) == []


@every_row("name", NO_VIDEOS)
async def test_what_is_no_video_is_asked_for_again_as_a_refused_link_is(name, tmp_path):
    script = Script([declared(NO_VIDEOS[name], "video/mp4"), declared(CLIP, "video/mp4")])
    assert await saved(script, tmp_path) == CLIP
    assert [headers.get("Range") for headers in script.asked] == [None, None]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("JSON", r"""begins with '{"error": "limit"}'"""),
        ("a JPEG", "is no video but image/jpeg"),
        ("an HLS playlist", "'#EXTM3U #EXT-X-VERSION:3 segment0.ts'"),
        ("zeros", "'00000000 00000000"),
        ("a HEIC", "is no video but image/heic, declared video/mp4"),
    ],
)
async def test_the_error_says_what_came(name, words, tmp_path):
    with pytest.raises(DownloadError, match=words) as caught:
        await saved(Script([declared(NO_VIDEOS[name], "video/mp4")]), tmp_path)
    assert len(str(caught.value)) < 500


async def test_a_page_that_breaks_off_again_and_again_is_no_progress(tmp_path):
    page = (200, {"Content-Length": "900", "ETag": '"1"'}, b"<html>", True)
    script = Script([page])
    with pytest.raises(DownloadError, match="gave up after 3 attempts"):
        await saved(script, tmp_path)


async def test_of_a_large_page_only_the_beginning_is_read(tmp_path):
    script = Script([whole(b"<p>" * 100_000)], piece=300)
    with pytest.raises(DownloadError):
        await saved(script, tmp_path)
    assert script.pieces_read == 2 * len(script.links)


@pytest.mark.parametrize("name", ["json", "playlist", "html"])
async def test_over_a_real_socket_an_error_with_status_200_is_not_saved(name, tmp_path):
    async with finished(Fault(name, times=None)) as (sim, client, video):
        with pytest.raises(DownloadError, match="what came is no video"):
            await client.download(video, tmp_path / "panda.mp4")
        assert list(tmp_path.iterdir()) == []
        sim.faults.clear()
        assert (await client.download(video, tmp_path / "panda.mp4")).exists()
