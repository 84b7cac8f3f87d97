import shutil
import subprocess

import pytest
from support.tables import every_row

from pika_async.simulator._media import Served, find, longer, picture, serve, shifted, video

FILE = video()
SIZE = FILE.size


def read(file, start=0, stop=None):
    return b"".join(file.chunks(start, file.size if stop is None else stop))


def test_the_video_is_a_small_mp4_that_starts_playing_early():
    data = read(FILE)

    assert SIZE == len(data) < 30_000
    assert data[4:8] == b"ftyp"
    assert data.index(b"moov") < data.index(b"mdat")


def test_the_pictures_are_jpegs():
    for name in ("poster.jpg", "thumbnail.jpg"):
        assert read(picture(name)).startswith(b"\xff\xd8\xff")


@every_row("more", [16, 17, 1000, 300_000, 600_001])
def test_a_padded_video_has_exactly_the_size_asked_for(more):
    padded = video(SIZE + more)

    assert SIZE + more == padded.size == len(read(padded))
    assert read(FILE) == read(padded, 0, SIZE)


def test_padding_is_one_free_box():
    tail = read(video(SIZE + 1000), SIZE)

    assert (1000).to_bytes(4) + b"free" == tail[:8]
    assert not any(tail[8:])


def test_padding_beyond_four_gigabytes_has_a_long_box():
    size = SIZE + 2**32
    tail = read(video(size), SIZE, SIZE + 32)

    assert (1).to_bytes(4) + b"free" + (2**32).to_bytes(8) == tail[:16]


@every_row("size", [0, SIZE - 1, SIZE + 15])
def test_a_size_that_the_video_does_not_fit_is_refused(size):
    with pytest.raises(ValueError, match=f"media_bytes is {size}, but"):
        video(size)


def test_the_size_of_the_video_itself_needs_no_padding():
    assert read(FILE) == read(video(SIZE))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="needs ffprobe")
@pytest.mark.parametrize("size", [None, SIZE + 100_000])
def test_the_video_plays_padded_or_not(tmp_path, size):
    path = tmp_path / "video.mp4"
    path.write_bytes(read(video(size)))
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", str(path)]

    seen = subprocess.run(command, capture_output=True, text=True, check=True)

    assert seen.stderr == ""
    for fact in ("codec_name=h264", "pix_fmt=yuv420p", "nb_read_frames=48"):
        assert fact in seen.stdout


@every_row(("start", "stop"), [(0, 10), (5, SIZE + 5), (SIZE + 1, SIZE + 9), (7, 7)])
def test_any_slice_is_the_same_as_of_the_whole(start, stop):
    padded = video(SIZE + 1000)

    assert read(padded)[start:stop] == read(padded, start, stop)


WHOLE = Served(200, 0, SIZE)


@every_row(
    ("asked", "served"),
    [
        ("bytes=0-99", Served(206, 0, 100, f"bytes 0-99/{SIZE}")),
        ("bytes=100-", Served(206, 100, SIZE, f"bytes 100-{SIZE - 1}/{SIZE}")),
        ("bytes=-100", Served(206, SIZE - 100, SIZE, f"bytes {SIZE - 100}-{SIZE - 1}/{SIZE}")),
        ("bytes=-999999", Served(206, 0, SIZE, f"bytes 0-{SIZE - 1}/{SIZE}")),
        ("bytes=5-999999", Served(206, 5, SIZE, f"bytes 5-{SIZE - 1}/{SIZE}")),
        ("Bytes=0-0", Served(206, 0, 1, f"bytes 0-0/{SIZE}")),
        (f"bytes={SIZE}-", Served(416, 0, 0, f"bytes */{SIZE}")),
        ("bytes=-0", Served(416, 0, 0, f"bytes */{SIZE}")),
        ("bytes=9-3", WHOLE),
        ("bytes=-", WHOLE),
        ("bytes=0-1,5-6", WHOLE),
        ("lines=1-2", WHOLE),
        ("", WHOLE),
    ],
)
def test_a_range_is_served_as_http_says(asked, served):
    assert served == serve(FILE, {"Range": asked})


def test_without_a_range_the_whole_is_served():
    assert serve(FILE, {}) == WHOLE


@every_row("condition", [FILE.etag, FILE.modified])
def test_if_range_holds_while_the_file_is_the_same(condition):
    assert serve(FILE, {"Range": "bytes=1-", "If-Range": condition}).status == 206


@every_row("condition", ['"other"', "Sat, 24 May 2025 10:30:45 GMT", "W/" + FILE.etag])
def test_if_range_fails_for_another_file(condition):
    assert serve(FILE, {"Range": "bytes=1-", "If-Range": condition}) == WHOLE


def test_a_longer_file_is_another_file():
    other = longer(FILE, 64)

    assert SIZE + 64 == other.size == len(read(other))
    assert FILE.etag != other.etag


@every_row(("asked", "start"), [("bytes=100-", 0), ("bytes=0-", 1)])
def test_a_shifted_range_says_where_it_starts(asked, start):
    served = shifted(FILE, serve(FILE, {"Range": asked}))

    assert Served(206, start, SIZE, f"bytes {start}-{SIZE - 1}/{SIZE}") == served


@every_row(
    ("path", "kind"),
    [
        ("/video.mp4", "video/mp4"),
        ("/v1/job/0/x_seed1_share.mp4", "video/mp4"),
        ("/v1/job/0/poster.jpg", "image/jpeg"),
        ("/thumbnail.jpg", "image/jpeg"),
    ],
)
def test_a_file_is_found_by_the_end_of_its_path(path, kind):
    assert kind == find(path, None).content_type


@every_row("path", ["/", "/other.jpg", "/pika/generate", "/video.mp4/x"])
def test_other_paths_are_no_files(path):
    assert find(path, None) is None
