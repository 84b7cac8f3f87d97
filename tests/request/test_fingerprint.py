"""Which requests are the same."""

from __future__ import annotations

import os
import subprocess
import sys

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.prompts import can_be_seen
from support.tables import every_row

from pika_async import Camera, GenerationRequest, Pikaffect
from pika_async._request.fingerprint import fingerprint

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
MP4 = b"\x00\x00\x00\x20ftypisom" + bytes(8)
BASE = GenerationRequest("a red panda surfing")

# As journals of the first versions have it.
KNOWN_FINGERPRINT_OF_BASE = "f16ca08d2315ee0a0710f4ad86c8c106db8ee9b4163e0f6f810e9b966bf6870b"

SAME = {
    "a whole number as a float": (
        GenerationRequest("x", guidance_scale=12, aspect_ratio=1),
        GenerationRequest("x", guidance_scale=12.0, aspect_ratio=1.0),
    ),
    "a ratio as text": (
        GenerationRequest("x", aspect_ratio="16:9"),
        GenerationRequest("x", aspect_ratio=16 / 9),
    ),
    "an effect by its name": (
        GenerationRequest("x", pikaffect="melt"),
        GenerationRequest("x", pikaffect=Pikaffect.MELT),
    ),
    "extra in another order": (
        GenerationRequest("x", extra={"a": {"c": 1, "d": 2}, "b": 3}),
        GenerationRequest("x", extra={"b": 3, "a": {"d": 2, "c": 1}}),
    ),
    "whole floats in extra": (
        GenerationRequest("x", extra={"a": [1, {"b": 2}]}),
        GenerationRequest("x", extra={"a": [1.0, {"b": 2.0}]}),
    ),
    "a camera that does nothing": (
        GenerationRequest("x", camera=Camera()),
        GenerationRequest("x"),
    ),
}

DIFFERENT = {
    "prompt": attrs.evolve(BASE, prompt="a red panda sleeping"),
    "space in the prompt": attrs.evolve(BASE, prompt="a red panda surfing "),
    "image": attrs.evolve(BASE, image=PNG),
    "other image": attrs.evolve(BASE, image=PNG + b"\1"),
    "image by URL": attrs.evolve(BASE, image="https://host.example/a.png"),
    "video": attrs.evolve(BASE, video=MP4),
    "pikaffect": attrs.evolve(BASE, pikaffect="Melt"),
    "an effect that is not known": attrs.evolve(BASE, pikaffect="Brand New"),
    "resolution": attrs.evolve(BASE, resolution="720p"),
    "duration": attrs.evolve(BASE, duration=5),
    "keyframes": attrs.evolve(BASE, keyframes=[PNG, PNG + b"\1"]),
    "keyframes in another order": attrs.evolve(BASE, keyframes=[PNG + b"\1", PNG]),
    "keyframe seconds": attrs.evolve(BASE, keyframes=[PNG, PNG], keyframe_seconds=3),
    "ingredients": attrs.evolve(BASE, ingredients=[PNG]),
    "ingredients mode": attrs.evolve(BASE, ingredients=[PNG], ingredients_mode="precise"),
    "region": attrs.evolve(BASE, video=MP4, region="the sky"),
    "mask": attrs.evolve(BASE, video=MP4, mask=PNG),
    "model": attrs.evolve(BASE, model="2.0"),
    "aspect ratio": attrs.evolve(BASE, aspect_ratio=1),
    "frame rate": attrs.evolve(BASE, frame_rate=23),
    "camera": attrs.evolve(BASE, camera=Camera(zoom="in")),
    "other camera": attrs.evolve(BASE, camera=Camera(zoom="out")),
    "guidance scale": attrs.evolve(BASE, guidance_scale=12),
    "motion": attrs.evolve(BASE, motion=1),
    "negative prompt": attrs.evolve(BASE, negative_prompt="rain"),
    "seed": attrs.evolve(BASE, seed=2**53),
    "seed beyond what floats tell apart": attrs.evolve(BASE, seed=2**53 + 1),
    "extend": attrs.evolve(BASE, extend=True),
    "extra": attrs.evolve(BASE, extra={"a": 1}),
    "extra true, not one": attrs.evolve(BASE, extra={"a": True}),
}


def test_a_fingerprint_is_a_sha_256_in_hexadecimal():
    digits = fingerprint(BASE)
    assert len(digits) == 64
    assert set(digits) <= set("0123456789abcdef")


@every_row(("one", "other"), list(SAME.values()), ids=list(SAME))
def test_equal_requests_have_equal_fingerprints(one, other):
    assert one == other
    assert fingerprint(one) == fingerprint(other)


def test_every_field_counts():
    requests = [BASE, *DIFFERENT.values()]
    assert len({fingerprint(request) for request in requests}) == len(requests)
    told_apart = {name.replace(" ", "_") for name in DIFFERENT}
    assert {field.name for field in attrs.fields(GenerationRequest)} - {"metadata"} <= told_apart


def test_the_callers_own_metadata_do_not_count():
    assert fingerprint(BASE) == fingerprint(attrs.evolve(BASE, metadata={"sku": "17"}))


def test_what_the_first_versions_always_said_counts_as_it_did():
    said = attrs.evolve(BASE, model="1.5", frame_rate=24)
    assert fingerprint(said) == fingerprint(BASE) == KNOWN_FINGERPRINT_OF_BASE


@given(
    st.text(min_size=1).filter(can_be_seen),
    st.integers(),
    st.dictionaries(st.text(), st.text()),
)
def test_building_a_request_again_gives_the_same_fingerprint(prompt, seed, extra):
    one = GenerationRequest(prompt, seed=seed, extra=extra)
    other = GenerationRequest(prompt, seed=seed, extra=dict(reversed(extra.items())))
    assert fingerprint(one) == fingerprint(other)


def test_extra_with_numbers_for_keys_has_a_fingerprint():
    # Python sorts no numbers among texts; JSON knows text keys only.
    one = GenerationRequest("x", extra={"a": {1: "one", "b": "two"}})
    other = GenerationRequest("x", extra={"a": {"1": "one", "b": "two"}})
    assert fingerprint(one) == fingerprint(other)


def test_a_request_whose_file_has_not_been_read_has_none(tmp_path):
    path = tmp_path / "panda.png"
    path.write_bytes(PNG)
    with pytest.raises(TypeError, match=r"read .*panda\.png before taking the fingerprint"):
        fingerprint(GenerationRequest("x", image=path))


def test_a_fingerprint_is_the_same_in_another_process():
    code = (
        "from pika_async import GenerationRequest\n"
        "from pika_async._request.fingerprint import fingerprint\n"
        "print(fingerprint(GenerationRequest('a red panda surfing')))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == fingerprint(BASE)
