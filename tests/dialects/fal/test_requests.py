"""What fal is sent for each kind of request, and what is refused before anything is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fal import ENDPOINT, FAL, QUEUE
from support.tables import every_row

from pika_async import Camera, FieldError, GenerationRequest
from pika_async.dialects import Fal

IMAGE, VIDEO = "https://host.example/a.png", "https://host.example/a.mp4"
IMAGES = [IMAGE, f"{IMAGE}?2"]
KEY = "0123456789abcdef0123456789abcdef"
EFFECTS = {
    *("Cake-ify", "Crumble", "Crush", "Decapitate", "Deflate", "Dissolve", "Explode", "Eye-pop"),
    *("Inflate", "Levitate", "Melt", "Peel", "Poke", "Squish", "Ta-da", "Tear"),
}


def sent(dialect: Fal = FAL, key: str = KEY, prompt: str = "x", **fields: Any) -> tuple[str, Any]:
    request = GenerationRequest(prompt, **fields)
    dialect.check(request)
    made = dialect.encode_submit(ENDPOINT, request, key)
    assert made.method == "POST"
    return made.url.removeprefix(f"{QUEUE}/"), json.loads(made.body or b"")


FULL = {"negative_prompt": "blur", "seed": 7}

CASES = [
    ({}, "v2.2/text-to-video", {}),
    (
        {"aspect_ratio": "9:16", "resolution": "1080p", "duration": 10, **FULL},
        "v2.2/text-to-video",
        {"aspect_ratio": "9:16", "resolution": "1080p", "duration": 10, **FULL},
    ),
    ({"model": "2.2"}, "v2.2/text-to-video", {}),
    ({"model": "2.1"}, "v2.1/text-to-video", {}),
    ({"model": "2-turbo"}, "v2/turbo/text-to-video", {}),
    ({"model": "2.5", "resolution": "480p"}, "v2.5/text-to-video", {"resolution": "480p"}),
    (
        {"image": IMAGE, "resolution": "720p", "duration": 5, **FULL},
        "v2.2/image-to-video",
        {"image_url": IMAGE, "resolution": "720p", "duration": 5, **FULL},
    ),
    ({"image": IMAGE, "model": "2.1"}, "v2.1/image-to-video", {"image_url": IMAGE}),
    ({"image": IMAGE, "model": "2-turbo"}, "v2/turbo/image-to-video", {"image_url": IMAGE}),
    (
        {
            "ingredients": IMAGES,
            "ingredients_mode": "creative",
            "aspect_ratio": "5:4",
            "duration": 10,
            "resolution": "720p",
            **FULL,
        },
        "v2.2/pikascenes",
        {
            "image_urls": IMAGES,
            "ingredients_mode": "creative",
            "aspect_ratio": "5:4",
            "duration": 10,
            "resolution": "720p",
            **FULL,
        },
    ),
    (
        {"keyframes": IMAGES, "resolution": "1080p", **FULL},
        "v2.2/pikaframes",
        {"image_urls": IMAGES, "transitions": [{"duration": 5}], "resolution": "1080p", **FULL},
    ),
    (
        {"keyframes": [*IMAGES, f"{IMAGE}?3"], "keyframe_seconds": 4},
        "v2.2/pikaframes",
        {"image_urls": [*IMAGES, f"{IMAGE}?3"], "transitions": [{"duration": 4}] * 2},
    ),
    (
        {"keyframes": [*IMAGES, f"{IMAGE}?3"], "keyframe_seconds": [3, 10]},
        "v2.2/pikaframes",
        {
            "image_urls": [*IMAGES, f"{IMAGE}?3"],
            "transitions": [{"duration": 3}, {"duration": 10}],
        },
    ),
    (
        {"image": IMAGE, "pikaffect": "Melt", **FULL},
        "v1.5/pikaffects",
        {"image_url": IMAGE, "pikaffect": "Melt", **FULL},
    ),
    (
        {"image": IMAGE, "video": VIDEO, **FULL},
        "v2/pikadditions",
        {"image_url": IMAGE, "video_url": VIDEO, **FULL},
    ),
    (
        {"image": IMAGE, "video": VIDEO, "region": "the hat", "seed": 1},
        "v2/pikaswaps",
        {"image_url": IMAGE, "video_url": VIDEO, "modify_region": "the hat", "seed": 1},
    ),
    (
        {"video": VIDEO, "region": "the hat", "model": "2"},
        "v2/pikaswaps",
        {"video_url": VIDEO, "modify_region": "the hat"},
    ),
]


@every_row(("fields", "path", "body"), CASES, ids=[str(case[1:]) for case in CASES])
def test_each_kind_of_request_goes_to_its_endpoint_with_its_fields(fields, path, body) -> None:
    url, made = sent(**fields)
    drawn = {} if "seed" in body else {"seed": made["seed"]}
    assert url == f"fal-ai/pika/{path}"
    assert made == {"prompt": "x", **body, **drawn}


@every_row("effect", sorted(EFFECTS))
def test_each_of_the_sixteen_effects_is_sent_by_its_name(effect: str) -> None:
    assert sent(image=IMAGE, pikaffect=effect)[1]["pikaffect"] == effect


@every_row(
    ("ratio", "name"),
    [
        *((name, name) for name in ("16:9", "9:16", "1:1", "4:5", "5:4", "3:2", "2:3")),
        (16 / 9, "16:9"),
        (1.78, "16:9"),
        (0.5625, "9:16"),
        (0.67, "2:3"),
        ("1920:1080", "16:9"),
        (1, "1:1"),
    ],
)
def test_an_aspect_ratio_is_sent_by_its_name(ratio, name) -> None:
    assert sent(aspect_ratio=ratio)[1]["aspect_ratio"] == name


REFUSED = [
    ({"aspect_ratio": 1.7}, "aspect_ratio", "16:9, 9:16, 1:1, 4:5, 5:4, 3:2, 2:3"),
    ({"aspect_ratio": 2.35}, "aspect_ratio", "16:9"),
    ({"image": IMAGE, "aspect_ratio": "16:9"}, "aspect_ratio", "no such field"),
    ({"keyframes": IMAGES, "aspect_ratio": "16:9"}, "aspect_ratio", "no such field"),
    ({"model": "2.5", "aspect_ratio": "16:9"}, "aspect_ratio", "no such field"),
    ({"resolution": "480p"}, "resolution", "720p, 1080p"),
    ({"image": IMAGE, "resolution": "480p"}, "resolution", "720p, 1080p"),
    ({"image": IMAGE, "pikaffect": "Melt", "resolution": "720p"}, "resolution", "no such field"),
    ({"duration": 7}, "duration", "5, 10"),
    ({"keyframes": IMAGES, "duration": 5}, "duration", "no such field"),
    ({"image": IMAGE, "pikaffect": "Melt", "duration": 5}, "duration", "no such field"),
    ({"image": IMAGE, "video": VIDEO, "duration": 5}, "duration", "no such field"),
    (
        {"video": VIDEO, "region": "the hat", "negative_prompt": "blur"},
        "negative_prompt",
        "no such field",
    ),
    ({"video": VIDEO, "mask": IMAGE}, "mask", "no such field"),
    ({"keyframes": IMAGES, "keyframe_seconds": 26}, "keyframe_seconds", "25"),
    (
        {"keyframes": [*IMAGES, *IMAGES, IMAGE], "keyframe_seconds": [10, 5, 5, 6]},
        "keyframe_seconds",
        "26 seconds in all",
    ),
    ({"pikaffect": "Melt"}, "image", "needs one"),
    ({"pikaffect": "Melt", "video": VIDEO}, "video", "no such field"),
    ({"pikaffect": "Baby Me", "image": IMAGE}, "pikaffect", "Cake-ify, Crumble"),
    ({"pikaffect": "Wobblify", "image": IMAGE}, "pikaffect", "Cake-ify, Crumble"),
    ({"video": VIDEO}, "video", "fal has no endpoint for video to video"),
    ({"video": VIDEO, "extend": True}, "extend", "fal has no endpoint for an extension"),
    ({"motion": 2}, "motion", "no such field"),
    ({"guidance_scale": 12}, "guidance_scale", "no such field"),
    ({"frame_rate": 24}, "frame_rate", "no such field"),
    ({"camera": Camera(zoom="in")}, "camera", "no such field"),
    ({"image": IMAGE, "keyframes": IMAGES}, "image", "no such field"),
    ({"image": IMAGE, "ingredients": IMAGES}, "image", "no such field"),
    ({"model": "1.0"}, "model", "2.2 and 2.1 and 2-turbo and 2.5"),
    ({"model": "1.5"}, "model", "text to video"),
    ({"model": "2.5", "image": IMAGE}, "model", "2.2 and 2.1 and 2-turbo"),
    ({"model": "2.2", "image": IMAGE, "pikaffect": "Melt"}, "model", "1.5"),
    ({"model": "2.2", "video": VIDEO, "region": "x"}, "model", "by 2;"),
    ({"model": "2/turbo"}, "model", "did you mean '2-turbo'"),
    ({"model": "v2/turbo"}, "model", "did you mean '2-turbo'"),
    ({"model": "owner/../../v1"}, "model", "owner/app/path"),
    ({"model": "https://queue.fal.run/fal-ai/pika"}, "model", "owner/app/path"),
    ({"model": "owner/app?x=1"}, "model", "owner/app/path"),
    ({"model": "/owner/app"}, "model", "owner/app/path"),
    ({"model": "owner/app/"}, "model", "owner/app/path"),
    ({"model": "workflows/owner"}, "model", "owner/app/path"),
    ({"model": "owner/app/x", "motion": 2}, "motion", "put it into extra"),
    ({"model": "owner/app/x", "camera": Camera(zoom="in")}, "camera", "put it into extra"),
    ({"model": "owner/app/x", "video": VIDEO, "mask": IMAGE}, "mask", "put it into extra"),
    ({"model": "owner/app/x", "aspect_ratio": 2.4}, "aspect_ratio", "16:9, 9:16"),
    (
        {"model": "owner/app/x", "keyframes": IMAGES, "ingredients": IMAGES},
        "ingredients",
        "one list of images",
    ),
]


@every_row(("fields", "field", "said"), REFUSED, ids=[str(c[0]) for c in REFUSED])
def test_what_no_endpoint_takes_is_refused_by_name(fields, field, said) -> None:
    with pytest.raises(FieldError) as caught:
        FAL.check(GenerationRequest("x", **fields))
    assert caught.value.field == field
    assert said in str(caught.value)


@every_row(
    "path", ["fal-ai/kling-video/v2.6/pro/text-to-video", "owner/app", "workflows/me/mine/run"]
)
def test_an_endpoint_in_full_goes_through_with_prompt_media_and_extra(path: str) -> None:
    url, body = sent(
        model=path, image=IMAGE, video=VIDEO, extra={"cfg_scale": 0.5, "prompt": "newer"}
    )
    assert url == path
    assert body == {"prompt": "newer", "image_url": IMAGE, "video_url": VIDEO, "cfg_scale": 0.5}


def test_what_is_given_to_an_endpoint_in_full_stands_under_fals_common_names_unchecked() -> None:
    _, body = sent(
        model="fal-ai/pika/v9/keyframes",
        keyframes=IMAGES,
        keyframe_seconds=26,
        duration=99,
        resolution="480p",
        seed=1,
        negative_prompt="rain",
        aspect_ratio="9:16",
        pikaffect="Wobblify",
    )
    assert body == {
        "prompt": "x",
        "image_urls": IMAGES,
        "transitions": [{"duration": 26}] * (len(IMAGES) - 1),
        "duration": 99,
        "resolution": "480p",
        "seed": 1,
        "negative_prompt": "rain",
        "aspect_ratio": "9:16",
        "pikaffect": "Wobblify",
    }


ANY = st.fixed_dictionaries(
    {},
    optional={
        "image": st.just(IMAGE),
        "video": st.just(VIDEO),
        "pikaffect": st.sampled_from(["Melt", "Baby Me"]),
        "model": st.sampled_from(["2.2", "2.1", "2-turbo", "2.5", "1.5", "2", "9", "2/turbo"]),
        "resolution": st.sampled_from(["480p", "720p", "1080p"]),
        "duration": st.integers(1, 20),
        "keyframes": st.lists(st.just(IMAGE), min_size=2, max_size=5),
        "ingredients": st.lists(st.just(IMAGE), min_size=1, max_size=3),
        "aspect_ratio": st.floats(0.4, 2.5) | st.sampled_from(["16:9", "1:1"]),
        "motion": st.integers(0, 4),
        "negative_prompt": st.just("blur"),
        "seed": st.integers(0, 2**40),
        "extend": st.booleans(),
    },
)


@given(ANY)
def test_what_is_not_refused_is_sent_whole(fields) -> None:
    try:
        _, body = sent(**fields)
    except FieldError:
        return
    medium = {"keyframes": "image_urls", "ingredients": "image_urls", "image": "image_url"}
    for field, value in fields.items():
        name = medium.get(field, {"video": "video_url"}.get(field, field))
        if value is not False and field not in ("model", "aspect_ratio"):
            assert body[name] == value


def test_another_app_has_the_same_endpoints() -> None:
    assert sent(Fal(app="me/pika-next"))[0] == "me/pika-next/v2.2/text-to-video"


def test_extra_is_merged_last_and_may_name_the_seed() -> None:
    assert sent(extra={"seed": 3, "new": {"a": 1}})[1] == {
        "prompt": "x",
        "seed": 3,
        "new": {"a": 1},
    }


def test_a_seed_is_drawn_for_each_submit_and_stays_the_same_when_it_is_encoded_again() -> None:
    first, again, other = sent(key="a")[1], sent(key="a")[1], sent(key="b")[1]
    assert first == again != other


@given(st.text())
def test_a_drawn_seed_is_a_whole_number_of_31_bits(key: str) -> None:
    seed = sent(key=key)[1]["seed"]
    assert type(seed) is int
    assert 0 <= seed < 2**31


@every_row(
    "fields",
    [
        {},
        {"seed": 7},
        {"extra": {"seed": 3}},
        {"extra": {"seed": 3}, "seed": 7},
        {"extra": {"seed": None}},
        {"extra": {"seed": "no number"}},
        {"pikaffect": "melt", "image": IMAGE},
        {"model": "owner/app/x"},
        {"model": "owner/app/x", "extra": {"seed": 3}},
    ],
    ids=str,
)
def test_the_seed_that_was_sent_is_kept_for_looks_at_the_job(fields) -> None:
    in_body = sent(key="a", **fields)[1].get("seed")
    facts = FAL.facts(GenerationRequest("x", **fields), "a")
    assert facts == ({"seed": str(in_body)} if type(in_body) is int else {})


def test_whole_numbers_stand_on_the_wire_as_such() -> None:
    made = FAL.encode_submit(ENDPOINT, GenerationRequest("x", duration=5, seed=7), KEY).body or b""
    assert b'"duration":5' in made
    assert b'"seed":7' in made


def test_the_key_travels_in_its_header_and_nothing_turns_history_or_tries_off() -> None:
    made = FAL.encode_submit(ENDPOINT, GenerationRequest("x"), KEY)
    assert made.headers == {
        "Authorization": "Key id:secret",
        "Content-Type": "application/json",
    }
    assert "secret" not in repr(made)


def test_media_must_have_gone_up_before() -> None:
    png = b"\x89PNG\r\n\x1a\n"
    for fields in ({"image": png}, {"keyframes": [png, png]}, {"ingredients": [png]}):
        with pytest.raises(TypeError, match="bring bytes up"):
            FAL.encode_submit(ENDPOINT, GenerationRequest("x", **fields), KEY)
