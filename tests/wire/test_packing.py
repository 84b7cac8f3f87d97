"""Answers that came packed although none asked for it, or say so and are not: bytes decide."""

from __future__ import annotations

import gzip
import zlib

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from support.media import CLIP
from support.tables import every_row
from support.wire import KEY

from pika_async import PikaClient, TransportError, Video
from pika_async._wire.transport.packing import unpacked, unpacked_pieces

JSON = b'{"id": "job-1"}'
MOST = 1000


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


@every_row(
    "encoding, body, wanted",
    [
        pytest.param("gzip", gzip.compress(JSON), JSON, id="packed, and says so"),
        pytest.param("x-gzip", gzip.compress(JSON), JSON, id="its old name"),
        pytest.param("", gzip.compress(JSON), JSON, id="packed, and says nothing"),
        pytest.param("gzip", JSON, JSON, id="says so, and is not"),
        pytest.param("deflate", zlib.compress(JSON), JSON, id="zlib"),
        pytest.param("Deflate", raw_deflate(JSON), JSON, id="deflate without its frame"),
        pytest.param("deflate", JSON, JSON, id="says deflate, and is not"),
        pytest.param("deflate", b" <html>", b" <html>", id="says deflate, and is a page"),
        pytest.param("utf-8", JSON, JSON, id="no encoding at all"),
        pytest.param("br", b"\x0b\x05\x80", b"\x0b\x05\x80", id="one that is not known"),
        pytest.param("gzip", b"", b"", id="nothing"),
        pytest.param("gzip", gzip.compress(JSON)[:-9], gzip.compress(JSON)[:-9], id="cut off"),
        pytest.param("gzip", gzip.compress(bytes(MOST)), bytes(MOST), id="as much as is believed"),
        pytest.param("gzip", gzip.compress(bytes(MOST + 1)), None, id="more than is believed"),
    ],
)
def test_bytes_decide_and_not_what_is_said_of_them(encoding, body, wanted):
    """What comes is unpacked where it is packed, and taken as it is where it is not."""
    assert unpacked(body, encoding, MOST) == wanted


async def pieces_of(*pieces: bytes):
    for piece in pieces:
        yield piece


class TestFiles:
    @pytest.mark.parametrize("size", [1, 7, 5_000_000])
    @pytest.mark.parametrize("packed", [True, False])
    async def test_they_are_whole_however_they_come(self, packed, size):
        """A file comes as it was before it was packed, in pieces of any size."""
        whole = b"\0\0\0\x14ftyp" + bytes(3_000_000 if size > 7 else 300)
        sent = gzip.compress(whole) if packed else whole
        sliced = [sent[start : start + size] for start in range(0, len(sent), size)]
        got = [piece async for piece in unpacked_pieces(pieces_of(*sliced))]
        assert b"".join(got) == whole
        assert not packed or max(map(len, got)) <= 2**20

    async def test_nothing_is_nothing(self):
        """An empty file stays an empty file."""
        assert b"".join([piece async for piece in unpacked_pieces(pieces_of())]) == b""

    @pytest.mark.parametrize(
        "sent",
        [gzip.compress(bytes(999))[:-3], b"\x1f\x8b" + bytes(99)],
        ids=["cut off", "damaged"],
    )
    async def test_one_that_does_not_unpack_is_broken(self, sent):
        """What cannot be unpacked is asked for again, and never taken for whole."""
        with pytest.raises(TransportError, match="packed file"):
            async for _ in unpacked_pieces(pieces_of(sent)):
                pass


async def answering(body, **headers):
    async def handler(_):
        return web.Response(body=body, headers={"Content-Encoding": "gzip", **headers})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    server = TestServer(app)
    await server.start_server()
    return server


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["not packed", "packed"])
async def test_a_submit_whose_answer_says_packed_has_its_job(pack):
    """The job that was paid for is known, whether its answer is packed as it says or not."""
    async with await answering(pack(JSON)) as server:
        url = str(server.make_url("/"))
        async with PikaClient(KEY, base_url=url) as client:
            assert (await client.submit("a red panda")).id == "job-1"


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["not packed", "packed"])
async def test_a_video_whose_host_says_packed_is_saved(pack, tmp_path):
    """The video that was paid for is saved, whether its host packs it as it says or not."""
    film = CLIP + bytes(100_000)
    async with await answering(pack(film)) as server:
        video = Video(id="v", job_id="j", url=str(server.make_url("/v.mp4")))
        async with PikaClient(KEY, base_url=str(server.make_url("/"))) as client:
            path = await client.download(video, tmp_path / "v.mp4")
    assert path.read_bytes() == film
