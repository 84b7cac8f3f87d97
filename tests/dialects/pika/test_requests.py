"""What Pika's own API is asked: one row a model, and nothing that is not in the row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables import every_row

from pika_async import Camera, FieldError, GenerationRequest
from pika_async.dialects import Endpoint, Pika
from pika_async.dialects.pika.effects import IMAGE_EFFECTS, VIDEO_EFFECTS
from pika_async.dialects.pika.models import MODELS
from pika_async.simulator._services.pika.requests import SCHEMAS, complaint

PIKA = Pika()
HERE = Endpoint(base_url="https://api.dev.pika.art", api_key="key-0123456789")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(100)
IMAGE, OTHER = "https://host.example/a.png", "https://host.example/b.png"
VIDEO = "https://host.example/a.mp4"


def sent(request: GenerationRequest) -> tuple[str, dict]:
    """The path after the prefix, and the body."""
    PIKA.check(request)
    submit = PIKA.encode_submit(HERE, request, "k" * 32)
    return submit.url.removeprefix("https://api.dev.pika.art/v1/media/"), json.loads(submit.body)


def refused(request: GenerationRequest) -> FieldError:
    with pytest.raises(FieldError) as caught:
        PIKA.check(request)
    return caught.value


# What is given beside the prompt "go", the path, and the whole body.
ROWS = [
    ({}, "pika/pika-2.5/text-to-video", {"prompt": "go"}),
    ({"model": "2.5"}, "pika/pika-2.5/text-to-video", {"prompt": "go"}),
    (
        {"duration": 5, "seed": 7, "negative_prompt": "rain", "resolution": "720p"},
        "pika/pika-2.5/text-to-video",
        {
            "prompt": "go",
            "duration_s": 5,
            "seed": 7,
            "negative_prompt": "rain",
            "resolution": "720p",
        },
    ),
    ({"seed": 0}, "pika/pika-2.5/text-to-video", {"prompt": "go", "seed": 0}),
    (
        {"image": IMAGE, "duration": 10},
        "pika/pika-2.5/image-to-video",
        {"prompt": "go", "image": IMAGE, "duration_s": 10},
    ),
    (
        {"keyframes": [IMAGE, OTHER], "keyframe_seconds": 10},
        "pika/pikaframes/image-to-video",
        {"prompt": "go", "images": [IMAGE, OTHER], "transition_duration_s": 10},
    ),
    (
        {"keyframes": [IMAGE, OTHER, IMAGE], "keyframe_seconds": [4, 4], "resolution": "1080p"},
        "pika/pikaframes/image-to-video",
        {
            "prompt": "go",
            "images": [IMAGE, OTHER, IMAGE],
            "transition_duration_s": 4,
            "resolution": "1080p",
        },
    ),
    (
        {"video": VIDEO, "image": IMAGE, "duration": 5},
        "pika/pikadditions/video-to-video",
        {"prompt": "go", "video": VIDEO, "image": IMAGE, "duration_s": 5},
    ),
    (
        {"video": VIDEO},
        "pika/pikadditions/video-to-video",
        {"prompt": "go", "video": VIDEO},
    ),
    (
        {"video": VIDEO, "region": "the hat"},
        "pika/pikaswaps/video-to-video",
        {"prompt": "go", "video": VIDEO, "modify_region_roi": "the hat"},
    ),
    (
        {"video": VIDEO, "mask": IMAGE, "image": OTHER, "duration": 7},
        "pika/pikaswaps/video-to-video",
        {
            "prompt": "go",
            "video": VIDEO,
            "modify_region_mask": IMAGE,
            "image": OTHER,
            "duration_s": 7,
        },
    ),
    (
        {"image": IMAGE, "pikaffect": "Melt", "seed": 3},
        "pika/pikaffects/image-to-video",
        {"prompt_override": "go", "pikaffect": "Melt", "image": IMAGE, "seed": 3},
    ),
    (
        {"image": IMAGE, "pikaffect": "Newer Than Us"},
        "pika/pikaffects/image-to-video",
        {"prompt_override": "go", "pikaffect": "Newer Than Us", "image": IMAGE},
    ),
    ({"extra": {"fps": 24}}, "pika/pika-2.5/text-to-video", {"prompt": "go", "fps": 24}),
]


@every_row(("given_", "path", "body"), ROWS)
def test_a_request_goes_to_its_model_with_the_fields_of_its_row(given_, path, body):
    assert sent(GenerationRequest("go", **given_)) == (path, body)


@every_row(("given_", "path"), [row[:2] for row in ROWS])
def test_a_body_passes_the_strict_schema_unless_extra_says_more(given_, path):
    said = complaint(path, sent(GenerationRequest("go", **given_))[1])
    assert said == ("fps: Extra inputs are not permitted" if "extra" in given_ else None)


def test_an_effect_on_a_video_is_asked_for_without_words():
    request = GenerationRequest("wizard cat", video=VIDEO, pikaffect="Wizard Cat", seed=1)
    assert sent(request) == (
        "pika/pikaffects/video-to-video",
        {"pikaffect": "Wizard Cat", "video": VIDEO, "seed": 1},
    )


def test_words_that_an_effect_on_a_video_would_ignore_are_refused():
    error = refused(GenerationRequest("in the rain", video=VIDEO, pikaffect="Wizard Cat"))
    assert (error.field, error.allowed) == ("prompt", "the name of the effect: Wizard Cat")
    assert "takes no words" in str(error)


def test_extra_is_merged_last_object_by_object():
    extra = {"seed": 9, "options": {"a": 1}}
    assert sent(GenerationRequest("go", seed=1, extra=extra))[1] == {"prompt": "go", **extra}


def test_the_key_and_the_idempotency_key_stand_in_headers_of_their_own():
    submit = PIKA.encode_submit(HERE, GenerationRequest("go"), "k" * 32)
    assert (submit.method, submit.host) == ("POST", "api")
    assert submit.headers == {
        "X-API-Key": "key-0123456789",
        "Content-Type": "application/json",
        "Idempotency-Key": "k" * 32,
    }


def test_the_same_request_is_the_same_body_byte_for_byte():
    bodies = {
        PIKA.encode_submit(
            HERE, GenerationRequest("ü 漢", image=IMAGE, seed=2, extra={"b": 1, "a": 2}), "k"
        ).body
        for _ in range(3)
    }
    assert len(bodies) == 1


class TestWhatIsRefused:
    @every_row(
        ("given_", "field"),
        [
            ({"aspect_ratio": "16:9"}, "aspect_ratio"),
            ({"frame_rate": 24}, "frame_rate"),
            ({"camera": Camera(zoom="in")}, "camera"),
            ({"guidance_scale": 12}, "guidance_scale"),
            ({"motion": 1}, "motion"),
            ({"ingredients": [IMAGE]}, "ingredients"),
            ({"ingredients": [IMAGE], "ingredients_mode": "precise"}, "ingredients"),
            ({"extend": True}, "extend"),
            ({"extend": True, "video": VIDEO}, "extend"),
            ({"resolution": "480p"}, "resolution"),
            ({"duration": 10}, "duration"),
            ({"duration": 4}, "duration"),
            ({"image": IMAGE, "duration": 6}, "duration"),
            ({"video": VIDEO, "image": IMAGE, "duration": 15}, "duration"),
            ({"keyframes": [IMAGE, OTHER], "duration": 5}, "duration"),
            ({"keyframes": [IMAGE, OTHER], "image": IMAGE}, "image"),
            ({"keyframes": [IMAGE, OTHER], "keyframe_seconds": 11}, "keyframe_seconds"),
            ({"keyframes": [IMAGE, OTHER, IMAGE], "keyframe_seconds": 6}, "keyframe_seconds"),
            ({"keyframes": [IMAGE] * 3, "keyframe_seconds": [3, 4]}, "keyframe_seconds"),
            ({"pikaffect": "Melt"}, "image"),
            ({"pikaffect": "Melt", "image": IMAGE, "negative_prompt": "x"}, "negative_prompt"),
            ({"pikaffect": "Melt", "image": IMAGE, "resolution": "720p"}, "resolution"),
            ({"pikaffect": "Melt", "image": IMAGE, "duration": 5}, "duration"),
            ({"pikaffect": "Melt", "image": IMAGE, "video": VIDEO}, "image"),
            ({"pikaffect": "Melt", "video": VIDEO}, "pikaffect"),
            ({"pikaffect": "Wizard Cat", "image": IMAGE}, "pikaffect"),
            ({"video": VIDEO, "region": "hat", "mask": IMAGE}, "mask"),
            ({"model": "2.2"}, "model"),
            ({"model": "1.5"}, "model"),
            ({"model": "turbo"}, "model"),
        ],
    )
    def test_what_a_row_has_no_place_for_names_the_field_and_what_is_allowed(self, given_, field):
        error = refused(GenerationRequest("go", **given_))
        assert error.field == field
        assert error.allowed

    def test_an_effect_of_the_other_medium_names_those_of_this_one(self):
        on_video = refused(GenerationRequest("melt", video=VIDEO, pikaffect="Melt"))
        assert "allowed are the effects on a video: Anime Cat, " in str(on_video)
        on_image = refused(GenerationRequest("x", image=IMAGE, pikaffect="Wizard Cat"))
        assert "allowed are the effects on an image: 90s Me, " in str(on_image)

    @every_row(
        "given_",
        [
            {"image": "data:image/png;base64,aGVsbG8="},
            {"image": "DATA:image/png;base64,aGVsbG8="},
            {"keyframes": [IMAGE, "data:image/png;base64,aGVsbG8="]},
            {"video": VIDEO, "mask": "data:image/png;base64,aGVsbG8="},
            {"video": "data:video/mp4;base64,aGVsbG8="},
            {"model": "kling/kling-3/image-to-video", "image": "data:image/png;base64,aGVsbG8="},
        ],
    )
    def test_a_data_url_is_refused_with_what_to_pass_instead(self, given_):
        assert "pass the bytes or a pathlib.Path" in str(refused(GenerationRequest("go", **given_)))

    @every_row(("kind", "most"), [("image", 20), ("video", 50)])
    def test_a_file_over_the_limit_is_refused_before_it_goes_up(self, kind, most):
        head = PNG if kind == "image" else MP4
        size = most * 1024**2
        largest = head + bytes(size - len(head))
        PIKA.check(GenerationRequest("go", **{kind: largest}))
        error = refused(GenerationRequest("go", **{kind: largest + b"\0"}))
        assert (error.field, error.allowed) == (kind, f"{size} bytes at most")

    def test_bytes_that_have_not_gone_up_are_never_sent(self):
        for image in (PNG, Path(__file__)):
            request = GenerationRequest("go", image=PNG)
            object.__setattr__(request, "image", image)
            with pytest.raises(TypeError, match="upload"):
                PIKA.encode_submit(HERE, request, "k")


class TestAFullPath:
    PATH = "kling/kling-3-pro/text-to-video"

    def test_it_goes_through_unchecked_with_extra(self):
        extra = {"aspect_ratio": "9:16", "cfg_scale": 0.5}
        request = GenerationRequest("go", model=self.PATH, extra=extra)
        assert sent(request) == (self.PATH, {"prompt": "go", **extra})

    def test_what_is_given_stands_under_the_common_names(self):
        request = GenerationRequest(
            "go",
            model=self.PATH,
            image=IMAGE,
            video=VIDEO,
            keyframes=[IMAGE, OTHER],
            keyframe_seconds=9,
            duration=99,
            resolution="480p",
            seed=1,
            negative_prompt="rain",
            region="hat",
            mask=IMAGE,
            pikaffect="Melt",
        )
        assert sent(request)[1] == {
            "prompt": "go",
            "image": IMAGE,
            "video": VIDEO,
            "images": [IMAGE, OTHER],
            "transition_duration_s": 9,
            "duration_s": 99,
            "resolution": "480p",
            "seed": 1,
            "negative_prompt": "rain",
            "modify_region_roi": "hat",
            "modify_region_mask": IMAGE,
            "pikaffect": "Melt",
        }

    @every_row(
        "given_", [{"motion": 1}, {"aspect_ratio": 1.0}, {"ingredients": [IMAGE]}, {"extend": True}]
    )
    def test_a_field_without_a_common_name_is_refused_and_not_dropped(self, given_):
        error = refused(GenerationRequest("go", model=self.PATH, **given_))
        assert error.field == next(iter(given_))
        assert "put it into extra" in str(error)

    @every_row("path", ["a/../b", "../jobs/x", "a//b", "/", "a/.", "a/ /b", "/a/b/c"])
    def test_one_that_would_lead_elsewhere_is_refused(self, path):
        assert refused(GenerationRequest("go", model=path)).field == "model"

    @every_row("path", ["a/b?key=1/c", "a/b#c/d", "a/b c/d", "a/ü/c", "a/%2e%2e/c"])
    def test_one_with_odd_characters_stays_below_its_prefix(self, path):
        url = PIKA.encode_submit(HERE, GenerationRequest("go", model=path), "k").url
        assert url.startswith("https://api.dev.pika.art/v1/media/a/")
        assert not set("?# ") & set(url)
        assert "/%2e" not in url


def test_the_effects_are_those_of_the_catalogue():
    assert (len(set(IMAGE_EFFECTS)), len(set(VIDEO_EFFECTS))) == (62, 9)
    assert not set(IMAGE_EFFECTS) & set(VIDEO_EFFECTS)


@every_row("effect", IMAGE_EFFECTS)
def test_every_image_effect_is_spelt_as_the_service_spells_it(effect):
    assert sent(GenerationRequest("x", image=IMAGE, pikaffect=effect))[1]["pikaffect"] == effect


@every_row("effect", VIDEO_EFFECTS)
def test_every_video_effect_is_spelt_as_the_service_spells_it(effect):
    request = GenerationRequest(effect, video=VIDEO, pikaffect=effect)
    assert sent(request)[1] == {"pikaffect": effect, "video": VIDEO}


def test_the_models_are_those_of_the_simulator():
    assert {model.path for model in MODELS.values()} == set(SCHEMAS)


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "image": st.just(IMAGE),
        "video": st.just(VIDEO),
        "pikaffect": st.sampled_from(["Melt", "Wizard Cat", "Brand New"]),
        "model": st.sampled_from(["2.5", "2.2"]),
        "resolution": st.sampled_from(["480p", "720p", "1080p"]),
        "duration": st.sampled_from([1, 5, 10]),
        "keyframes": st.lists(st.just(IMAGE), min_size=2, max_size=5),
        "seed": st.integers(),
        "negative_prompt": st.text(max_size=5),
        "motion": st.just(2),
        "ingredients": st.just([IMAGE]),
        "extend": st.booleans(),
    },
)


@given(FIELDS, st.integers(1, 12))
def test_what_is_not_refused_passes_the_strict_schema(fields, seconds):
    if "keyframes" in fields:
        fields = {**fields, "keyframe_seconds": seconds}
    request = GenerationRequest("Wizard Cat", **fields)
    try:
        path, body = sent(request)
    except FieldError as error:
        refused_for = error.field
    else:
        assert complaint(path, body) is None
        return
    assert refused_for in {*fields, "image", "prompt"}


def test_a_ratio_that_is_refused_is_shown_as_people_write_it():
    with pytest.raises(FieldError, match="^aspect_ratio: '16:9' is not allowed"):
        Pika().check(GenerationRequest("x", aspect_ratio=16 / 9))
