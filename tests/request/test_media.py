"""What a file is, told from its first bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pika_async._request.media import SNIFF_LENGTH, media_type

HEADS = [
    (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "image/png"),
    (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
    (b"\xff\xd8\xff\xe1\x00\x10Exif", "image/jpeg"),
    (b"GIF87a\x01\x00", "image/gif"),
    (b"GIF89a\x01\x00", "image/gif"),
    (b"BM\x36\x00\x0c\x00", "image/bmp"),
    (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "image/webp"),
    (b"\x00\x00\x00\x1cftypavif\x00\x00", "image/avif"),
    (b"\x00\x00\x00\x18ftypheic\x00\x00", "image/heic"),
    (b"\x00\x00\x00\x18ftypheix\x00\x00", "image/heic"),
    (b"\x00\x00\x00\x18ftypmif1\x00\x00", "image/heif"),
    (b"\x00\x00\x00\x20ftypisom\x00\x00", "video/mp4"),
    (b"\x00\x00\x00\x20ftypmp42\x00\x00", "video/mp4"),
    (b"\x00\x00\x00\x14ftypqt  \x00\x00", "video/quicktime"),
    (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81", "video/webm"),
    (b"RIFF\x24\x00\x00\x00AVI LIST", "video/x-msvideo"),
    (b"RIFF\x24\x00\x00\x00WAVEfmt ", None),
    (b"%PDF-1.7\n", None),
    (b"<svg xmlns=", None),
    (b"a red panda", None),
    (b"\x89PNG", None),
    (b"RIFF", None),
    (b"", None),
]


@pytest.mark.parametrize(("head", "expected"), HEADS, ids=[repr(head)[2:-1] for head, _ in HEADS])
def test_a_file_is_known_by_its_first_bytes(head, expected):
    assert media_type(head) == expected


@given(st.sampled_from([head for head, _ in HEADS]), st.binary())
def test_sixteen_bytes_suffice(head, rest):
    whole = head.ljust(SNIFF_LENGTH, b"\0") + rest
    assert media_type(whole[:SNIFF_LENGTH]) == media_type(whole)


@given(st.binary(max_size=64))
def test_any_bytes_have_an_image_type_a_video_type_or_none(head):
    found = media_type(head)
    assert found is None or found.partition("/")[0] in ("image", "video")
