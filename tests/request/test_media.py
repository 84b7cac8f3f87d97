"""What a file is, told from its first bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.tables import every_row

from pika_async._request.media import SNIFF_LENGTH, is_video, media_type

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
    (b"\x1a\x45\xdf\xa3\xa3\x42\x82\x88matroska", "video/x-matroska"),
    (b"\x00\x00\x00\x20ftypiso5\x00\x00", "video/mp4"),
    (b"\x00\x00\x00\x20ftypdash\x00\x00", "video/mp4"),
    (b"\x00\x00\x00\x14ftyp3gp5\x00\x00", "video/mp4"),
    (b"\x00\x00\x00\x14ftypM4V \x00\x00", "video/mp4"),
    (b"\x00\x00\x00\x18stypmsdh\x00\x00", "video/mp4"),
    (b"\x00\x00\x00\x2csidx\x00\x00\x00\x00", "video/mp4"),
    (b"\x00\x00\x04\x00moof\x00\x00\x00\x10mfhd", "video/mp4"),
    (b"\x00\x00\x1f\x00moov\x00\x00\x00\x6cmvhd", "video/quicktime"),
    (b"\x00\x00\x00\x08wide\x01\x00\x00\x00mdat", "video/quicktime"),
    (b"\x00\x00\x00\x01mdat\x00\x00\x00\x00", "video/quicktime"),
    (b"\x00\x00\x00\x08free\x00\x00\x10\x00mdat", "video/quicktime"),
    (b"FLV\x01\x05\x00\x00\x00\x09", "video/x-flv"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9", "video/x-ms-asf"),
    (b"\x00\x00\x01\xba\x44\x00", "video/mpeg"),
    (b"OggS\x00\x02" + bytes(22) + b"\x80theora", "video/ogg"),
    (b"OggS\x00\x02" + bytes(22) + b"OpusHead", "audio/ogg"),
    ((b"G\x40\x00\x10" + bytes(184)) * 3, "video/mp2t"),
    ((b"time" + b"G\x40\x00\x10" + bytes(184)) * 3, "video/mp2t"),
    (b"\x00\x00\x00\x20ftypM4A \x00\x00", "audio/mp4"),
    ((b"G\x40\x00\x10" + bytes(184)) * 2 + bytes(24), None),
    ((b"G" + b" too many requests" * 11)[:188] * 3, None),
    (b"the free quota is used up", None),
    (b"\n\n\n\nfree for all", None),
    (b"#EXTM3U\n#EXT-X-VERSION:3\n", None),
    (b'{"error": "limit"}', None),
    (b"<?xml version='1.0'?><Error/>", None),
    (b"ID3\x04\x00\x00\x00\x00", None),
    (b"PK\x03\x04\x14\x00", None),
    (b"\x1f\x8b\x08\x00", None),
    (bytes(400), None),
    (b"RIFF\x24\x00\x00\x00WAVEfmt ", None),
    (b"%PDF-1.7\n", None),
    (b"<svg xmlns=", None),
    (b"a red panda", None),
    (b"\x89PNG", None),
    (b"RIFF", None),
    (b"", None),
]


@every_row(("head", "expected"), HEADS, ids=[repr(head)[2:-1] for head, _ in HEADS])
def test_a_file_is_known_by_its_first_bytes(head, expected):
    assert media_type(head) == expected


@given(st.sampled_from([head for head, _ in HEADS]), st.binary())
def test_four_hundred_bytes_suffice(head, rest):
    whole = head.ljust(SNIFF_LENGTH, b"\0") + rest
    assert media_type(whole[:SNIFF_LENGTH]) == media_type(whole)


@every_row(("head", "expected"), HEADS, ids=[repr(head)[2:-1] for head, _ in HEADS])
def test_a_video_is_what_has_the_type_of_one(head, expected):
    assert is_video(head) == (expected is not None and expected.startswith("video/"))


@given(st.text())
def test_no_text_is_taken_for_a_video(text):
    assert not is_video(text.encode())


@given(st.binary(max_size=64))
def test_any_bytes_have_a_type_of_media_or_none(head):
    found = media_type(head)
    assert found is None or found.partition("/")[0] in ("image", "video", "audio")
