"""What a video is asked for with, and what is refused before money is spent."""

from __future__ import annotations

import inspect
import math
import pickle
import re
import threading
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables import every_row

from pika_async import Camera, FieldError, GenerationRequest, Pikaffect
from pika_async._request.fields import RequestFields, as_request
from pika_async._request.kinds import Kind, kind_of
from pika_async._request.parts import check_files, media_of, with_media

IMAGE = "https://host.example/a.png"
CLIP = "https://host.example/a.mp4"
CLIP_FRAME = "https://host.example/frame.png"

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(8)
MP4 = b"\x00\x00\x00\x20ftypisom" + bytes(8)


def circle() -> dict:
    result: dict = {}
    result["self"] = result
    return result


def well() -> dict:
    result: dict = {}
    for _ in range(100_000):
        result = {"deeper": result}
    return result


def refused(field: str, value: object, allowed: str) -> object:
    return pytest.param(field, value, allowed, id=f"{field}={ascii(value)[:40]}")


NOT_ALLOWED = [
    *(refused("prompt", value, "text that is not empty") for value in ("", "  \n", None, 5, b"x")),
    *(
        refused("prompt", value, "nothing of it can be seen")
        for value in ("\x1a", "\u200b", " \u200e", "\x00", "\u202e", "\x1b")
    ),
    refused("prompt", "half of an emoji: \ud83d", "half a surrogate pair"),
    *(refused("negative_prompt", value, "allowed is text") for value in (None, 5, ["rain"])),
    refused("negative_prompt", "\udc00", "half a surrogate pair"),
    *(refused("model", value, 'a version as text, such as "1.5"') for value in ("", " ", 1.5, 2)),
    *(refused("region", value, "text that is not empty") for value in ("", " ", 5)),
    *(refused("resolution", value, "480p, 720p, 1080p") for value in ("", "720", 720, "4k")),
    *(refused("ingredients_mode", value, "precise, creative") for value in ("", "wild", 1)),
    *(refused("duration", value, "a whole number from 1") for value in (0, -5, 2.5, "5", True)),
    *(
        refused("keyframe_seconds", value, "a whole number of seconds from 1, or a list of them")
        for value in (0, 2.5, "5", (), (0,), (1, "2"), True, {})
    ),
    *(refused("keyframes", value, "2 to 5") for value in (5, "a.png")),
    *(refused("ingredients", value, "1 or more images") for value in (5, "a.png", {"a"})),
    *(
        refused("metadata", value, "a mapping of text to text")
        for value in (5, "sku", ["sku"], {"sku": 5}, {5: "sku"}, None)
    ),
    *(
        refused("aspect_ratio", value, "a number from 0.4 to 2.5")
        for value in (0.39, 2.51, 0, -1, math.nan, math.inf, True, [1], 10**400)
    ),
    *(
        refused("aspect_ratio", value, "width:height or a number from 0.4 to 2.5")
        for value in (
            "5:1",
            "1:5",
            "16:0",
            "16:",
            ":9",
            "wide",
            "",
            "16/9",
            "16:9:1",
            "nan",
            "1e400:1",
        )
    ),
    *(
        refused("frame_rate", value, "a whole number from 1 to 24")
        for value in (0, 25, -1, 23.976, 24.5, math.nan, True, "24")
    ),
    *(
        refused("motion", value, "a whole number from 0 to 4")
        for value in (-1, 5, 1.5, True, False, "1", math.nan)
    ),
    *(
        refused("guidance_scale", value, "a number from 5 to 25")
        for value in (4.99, 25.01, 0, math.nan, math.inf, -math.inf, True, "12")
    ),
    *(
        refused("seed", value, "a whole number")
        for value in (1.5, "7", True, math.nan, math.inf, 2.0**60)
    ),
    *(refused("extend", value, "True or False") for value in (0, 1, None, "no")),
    *(refused("camera", value, "a Camera") for value in ("in", {"zoom": "in"}, True)),
    *(
        refused("extra", value, "a mapping with text keys and values that JSON can hold")
        for value in (
            None,
            [("a", 1)],
            "a",
            {1: "a"},
            {"a": {1, 2}},
            {"a": b"x"},
            {"a": math.nan},
            {"a": [math.inf]},
            {"a": threading.Lock()},
            circle(),
        )
    ),
    *(
        refused(field, value, "an http(s) or data URL; for a file pass a pathlib.Path")
        for field in ("image", "video")
        for value in (
            "",
            "panda.png",
            "/tmp/panda.png",  # noqa: S108 - nothing is opened
            "file:///panda.png",
            "ftp://host.example/a.png",
            "https://",
            "https:///a.png",
            "//host.example/a.png",
            "https://[::1/a.png",
            "https://host.example:port/a.png",
            "https://host.example:0/a.png",
            "https://host.example/a.png\n",
            " https://host.example/a.png",
            "https://host.example/a panda.png",
        )
    ),
    *(
        refused("image", value, "a data URL of an image")
        for value in (
            "data:",
            "data:,x",
            "data:text/html,x",
            "data:video/mp4;base64,AAAA",
            "data:image/png",
            "data:image/png;base64,",
        )
    ),
    refused("video", "data:image/png;base64,AAAA", "a data URL of a video"),
    *(
        refused(field, value, "a pathlib.Path, bytes, or an http(s) or data URL")
        for field in ("image", "video")
        for value in (5, True, bytearray(PNG), ["https://host.example/a.png"])
    ),
    *(
        refused("image", value, "these bytes do not begin like an image")
        for value in (b"", b"GIF", b"<html>", MP4[:16])
    ),
    refused("video", PNG, "these bytes do not begin like a video"),
]


@every_row(("field", "value", "allowed"), NOT_ALLOWED)
def test_a_wrong_value_is_refused_with_the_field_the_value_and_what_is_allowed(
    field, value, allowed
):
    with pytest.raises(ValueError, match=f"^{field}: .* is not allowed; ") as caught:
        GenerationRequest(**{"prompt": "x", field: value})
    assert repr(value)[:200] in str(caught.value)
    assert allowed in str(caught.value)


ALLOWED = [
    ("aspect_ratio", 0.4),
    ("aspect_ratio", 2.5),
    ("aspect_ratio", 1),
    ("aspect_ratio", None),
    ("frame_rate", 1),
    ("frame_rate", 24),
    ("motion", 0),
    ("motion", 4),
    ("motion", None),
    ("guidance_scale", 5),
    ("guidance_scale", 25.0),
    ("guidance_scale", None),
    ("seed", 0),
    ("seed", -1),
    ("seed", 2**80),
    ("model", "2.0"),
    ("negative_prompt", ""),
    ("camera", Camera(zoom="in", pan="left", tilt="down", rotate="ccw")),
    ("image", "https://host.example/a.png"),
    ("image", "HTTP://HOST.example:8080/a.png?size=large#top"),
    ("image", "data:image/png;base64,iVBORw0KGgo="),
    ("image", "DATA:IMAGE/PNG;base64,iVBORw0KGgo="),
    ("image", PNG),
    ("image", JPEG),
    ("video", "https://host.example/a.mp4"),
    ("video", "data:video/mp4;base64,AAAA"),
    ("video", MP4),
    ("extend", True),
    ("extra", {"options": {"audio": True}, "n": None}),
]


@every_row(("field", "value"), ALLOWED, ids=[f"{name}={value!r}"[:50] for name, value in ALLOWED])
def test_values_up_to_the_very_bounds_are_taken_as_they_are(field, value):
    assert getattr(GenerationRequest("x", **{field: value}), field) == value


@given(st.floats(min_value=0.4, max_value=2.5), st.integers(1, 24), st.integers(0, 4))
def test_everything_within_the_bounds_is_allowed(ratio, rate, motion):
    request = GenerationRequest("x", aspect_ratio=ratio, frame_rate=rate, motion=motion)
    assert (request.aspect_ratio, request.frame_rate, request.motion) == (ratio, rate, motion)


def test_what_is_left_out_has_the_default_of_the_contract():
    assert attrs.asdict(GenerationRequest("x")) == {
        "prompt": "x",
        "image": None,
        "video": None,
        "pikaffect": None,
        "model": None,
        "resolution": None,
        "duration": None,
        "keyframes": (),
        "keyframe_seconds": None,
        "ingredients": (),
        "ingredients_mode": None,
        "region": None,
        "mask": None,
        "aspect_ratio": None,
        "frame_rate": None,
        "camera": None,
        "guidance_scale": None,
        "motion": None,
        "negative_prompt": "",
        "seed": None,
        "extend": False,
        "extra": {},
        "metadata": {},
    }


@every_row("prompt", ["\U0001f43b", ".", "\U000e1234", "a\u200b", "\u65e5"])
def test_a_prompt_of_one_sign_is_one(prompt):
    """What can be seen is sent, be it newer than this Python."""
    assert GenerationRequest(prompt).prompt == prompt


def test_only_the_prompt_is_positional():
    assert not attrs.fields(GenerationRequest).prompt.kw_only
    with pytest.raises(TypeError):
        GenerationRequest("x", "https://host.example/a.png")


class TestAspectRatioAsText:
    @every_row(
        ("text", "expected"),
        [
            ("16:9", 16 / 9),
            ("1:1", 1.0),
            ("9:16", 9 / 16),
            ("2.35:1", 2.35),
            (" 16 : 9 ", 16 / 9),
            ("1.7777777777777777", 16 / 9),
            ("2:5", 0.4),
            ("5:2", 2.5),
        ],
    )
    def test_it_becomes_width_over_height(self, text, expected):
        assert GenerationRequest("x", aspect_ratio=text).aspect_ratio == expected

    @given(st.integers(1, 10_000), st.integers(1, 10_000))
    def test_it_is_judged_like_the_number_it_comes_to(self, width, height):
        def outcome(ratio):
            try:
                return GenerationRequest("x", aspect_ratio=ratio)
            except ValueError:
                return None

        assert outcome(f"{width}:{height}") == outcome(width / height)

    @given(st.text() | st.builds("{}:{}".format, st.integers(0, 99), st.integers(0, 99)))
    def test_any_text_is_a_ratio_or_a_value_error_that_names_the_field(self, text):
        try:
            ratio = GenerationRequest("x", aspect_ratio=text).aspect_ratio
        except ValueError as error:
            assert str(error).startswith("aspect_ratio: ")  # noqa: PT017 - raising is optional
        else:
            assert 0.4 <= ratio <= 2.5


class TestPikaffect:
    def test_there_are_those_of_the_gateways_and_those_of_pikas_own_api(self):
        assert len(Pikaffect) == 62 + 9
        assert [effect.value for effect in Pikaffect][:16] == [
            "Ta-da",
            "Deflate",
            "Crumble",
            "Dissolve",
            "Squish",
            "Inflate",
            "Melt",
            "Crush",
            "Cake-ify",
            "Explode",
            "Levitate",
            "Decapitate",
            "Eye-pop",
            "Peel",
            "Poke",
            "Tear",
        ]

    @every_row("change", [str, str.lower, str.upper, str.title, " {} \n".format])
    @every_row("effect", Pikaffect)
    def test_case_and_blanks_around_do_not_matter(self, effect, change):
        assert GenerationRequest("x", pikaffect=change(effect.value)).pikaffect is effect

    def test_a_member_stays_itself(self):
        assert GenerationRequest("x", pikaffect=Pikaffect.MELT).pikaffect is Pikaffect.MELT

    @every_row(
        ("typo", "meant"),
        [
            ("Disolve", "Dissolve"),
            ("cakeify", "Cake-ify"),
            ("TADA", "Ta-da"),
            ("eye pop", "Eye-pop"),
            ("levitation", "Levitate"),
            ("Squash", "Squish"),
        ],
    )
    def test_an_unknown_one_suggests_the_nearest(self, typo, meant):
        with pytest.raises(ValueError, match=f"^pikaffect: '{typo}' .*did you mean '{meant}'"):
            GenerationRequest("x", pikaffect=typo)

    @every_row("value", ["", " ", 5, True, b"Melt"], ids=repr)
    def test_what_is_no_name_of_one_lists_them_all(self, value):
        with pytest.raises(ValueError, match=r"^pikaffect: .* is not allowed; ") as caught:
            GenerationRequest("x", pikaffect=value)
        assert repr(value) in str(caught.value)
        assert "did you mean" not in str(caught.value)
        assert all(effect.value in str(caught.value) for effect in Pikaffect)

    @every_row("name", ["Zap", "Robot Me", "Freeze", "Glow Up", "Jelly it"])
    def test_one_that_resembles_none_is_kept_for_the_service_to_decide(self, name):
        assert GenerationRequest("x", pikaffect=f" {name} ").pikaffect == name

    def test_one_that_resembles_another_is_told_of_the_way_through_extra(self):
        with pytest.raises(ValueError, match=r"extra=\{'pikaffect'"):
            GenerationRequest("x", pikaffect="Melk")
        assert GenerationRequest("x", extra={"pikaffect": "Zap"}).extra == {"pikaffect": "Zap"}


class TestCamera:
    MOVES = (
        ("zoom", ("in", "out")),
        ("pan", ("left", "right")),
        ("tilt", ("up", "down")),
        ("rotate", ("cw", "ccw")),
    )

    @every_row(("name", "values"), MOVES, ids=[name for name, _ in MOVES])
    def test_each_movement_takes_its_two_directions(self, name, values):
        assert [getattr(Camera(**{name: value}), name) for value in values] == list(values)

    @every_row("value", ["In", "sideways", "", True, 1, ["in"]], ids=repr)
    @every_row(("name", "values"), MOVES, ids=[name for name, _ in MOVES])
    def test_anything_else_is_refused_with_the_two_that_are_allowed(self, name, values, value):
        with pytest.raises(ValueError, match=rf"^camera\.{name}: .*allowed are {values[0]}, "):
            Camera(**{name: value})

    def test_one_that_does_nothing_counts_as_none(self):
        assert GenerationRequest("x", camera=Camera()) == GenerationRequest("x")


class TestFiles:
    @every_row("name", ["later.png", "no/such/folder/later.png", ".", "nul\0.png"])
    def test_a_path_is_kept_and_not_followed(self, name, tmp_path, monkeypatch):
        """The file is read when the request is sent, and may come until then."""

        def opened(*_: object) -> None:
            raise AssertionError("a file was opened")

        monkeypatch.setattr(Path, "open", opened)
        path = tmp_path / name
        assert GenerationRequest("x", image=path).image == path
        assert GenerationRequest("x", keyframes=[path, path]).keyframes == (path, path)

    @pytest.mark.parametrize(("field", "content"), [("image", PNG), ("video", MP4)])
    def test_a_file_of_the_right_kind_is_allowed(self, field, content, tmp_path):
        path = tmp_path / "panda"
        path.write_bytes(content)
        check_files(GenerationRequest("x", **{field: path}))

    @pytest.mark.parametrize(
        ("field", "content"),
        [("image", MP4), ("video", PNG), ("image", b"notes"), ("image", b""), ("video", b"")],
    )
    def test_a_file_of_another_kind_is_refused_by_name(self, field, content, tmp_path):
        path = tmp_path / "panda.png"
        path.write_bytes(content)
        with pytest.raises(
            ValueError, match=f"^{field}: .*panda.png.* does not begin like an? {field}"
        ):
            check_files(GenerationRequest("x", **{field: path}))

    @pytest.mark.parametrize(
        ("name", "problem"),
        [
            ("missing.png", "there is no file of this name in the folder {folder!r}"),
            ("", "it is a folder"),
            ("a/b/c.png", "there is no folder {folder!r}"),
            ("file/c.png", "there is no folder {folder!r}"),
            ("nul\0.png", "no file can have this path (embedded null byte)"),
            ("x" * 300, "no file can have this path (File name too long)"),
        ],
        ids=[
            "missing",
            "folder",
            "missing folder",
            "file as folder",
            "null character",
            "long name",
        ],
    )
    def test_a_file_that_cannot_be_read_is_refused_with_the_reason_and_what_is_allowed(
        self, name, problem, tmp_path
    ):
        """Which file it is, why it cannot be read, and what to give in its place."""
        (tmp_path / "file").touch()
        path = tmp_path / name
        with pytest.raises(FieldError) as caught:
            check_files(GenerationRequest("x", image=path))
        said = problem.format(folder=str(path.parent))
        assert caught.value.field == "image"
        assert caught.value.value == str(path)
        assert caught.value.allowed == "the path of an image"
        assert str(caught.value).endswith(
            f" is not allowed; the file cannot be read: {said}; allowed is the path of an image"
        )

    def test_a_file_that_may_not_be_read_is_refused_as_that(self, tmp_path, monkeypatch):
        """The file is there; it is the permission that is missing."""

        def locked(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", locked)
        path = tmp_path / "panda.png"
        with pytest.raises(FieldError) as caught:
            check_files(GenerationRequest("x", image=path))
        assert str(caught.value) == (
            f"image: {str(path)!r} is not allowed; the file cannot be read: this user has no "
            "permission to read it; allowed is the path of an image"
        )

    def test_a_path_without_a_folder_is_said_to_be_looked_for_where_the_program_runs(
        self, tmp_path, monkeypatch
    ):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(FieldError, match=re.escape(f"in the folder {str(tmp_path)!r}; ")):
            check_files(GenerationRequest("x", image=Path("panda.png")))


class TestExtra:
    def test_it_is_copied_so_that_later_changes_of_the_callers_dict_change_nothing(self):
        mine = {"a": {"b": [1]}}
        request = GenerationRequest("x", extra=mine)
        mine["a"]["b"].append(2)
        mine["c"] = 3
        assert request.extra == {"a": {"b": [1]}}

    def test_it_is_kept_as_json_reads_it(self):
        request = GenerationRequest("x", extra={"a": (1, Pikaffect.MELT), "b": {1: None}})
        assert request.extra == {"a": [1, "Melt"], "b": {"1": None}}

    def test_any_mapping_will_do(self):
        assert GenerationRequest("x", extra=GenerationRequest("y", extra={"a": 1}).extra).extra == {
            "a": 1
        }


class TestAsAValue:
    def test_it_is_frozen_and_slotted(self):
        request = GenerationRequest("x")
        assert not hasattr(request, "__dict__")
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            request.prompt = "y"

    def test_it_is_hashable_also_with_extra(self):
        one = GenerationRequest("x", image=PNG, camera=Camera(pan="left"), extra={"a": [1]})
        same = GenerationRequest("x", image=PNG, camera=Camera(pan="left"), extra={"a": [1]})
        assert len({one, same, GenerationRequest("y")}) == 2

    def test_extra_counts_in_equality(self):
        assert GenerationRequest("x", extra={"a": 1}) != GenerationRequest("x")

    def test_it_survives_pickling(self):
        request = GenerationRequest(
            "x", image=PNG, pikaffect="melt", camera=Camera(zoom="in"), extra={"a": {"b": 1}}
        )
        assert pickle.loads(pickle.dumps(request)) == request  # noqa: S301 - our own bytes

    def test_evolving_it_validates_again(self):
        with pytest.raises(ValueError, match=r"^motion: 9 is not allowed"):
            attrs.evolve(GenerationRequest("x"), motion=9)

    @every_row("field", ["image", "video"])
    def test_its_repr_never_dumps_media(self, field):
        content = (PNG if field == "image" else MP4) + b"panda" * 1000
        kind = "image/png" if field == "image" else "video/mp4"
        assert f"{field}=<{len(content)} bytes>" in repr(GenerationRequest("x", **{field: content}))
        url = f"data:{kind};base64,{'A' * 1000}"
        shown = repr(GenerationRequest("x", **{field: url}))
        assert f"data:{kind}" in shown
        assert len(shown) < 500

    def test_its_repr_shows_short_links_and_paths_whole(self, tmp_path):
        path = tmp_path / "p"
        path.write_bytes(PNG)
        url = "https://host.example/a.png"
        assert repr(url) in repr(GenerationRequest("x", image=url))
        assert repr(Path(path)) in repr(GenerationRequest("x", image=path))


@every_row(
    ("field", "value"),
    [("image", b"\0" * 10_000), ("prompt", ["x" * 10_000]), ("image", "x" * 10_000)],
    ids=["bytes", "another type", "text"],
)
def test_a_refusal_stays_short_however_large_the_value(field, value):
    with pytest.raises(ValueError, match=f"^{field}: ") as caught:
        GenerationRequest(**{"prompt": "x", field: value})
    assert len(str(caught.value)) < 500


@every_row(("field", "value"), [("extra", well()), ("motion", 10**5000)], ids=["nested", "number"])
def test_even_what_has_no_repr_is_refused_with_the_field(field, value):
    with pytest.raises(ValueError, match=rf"^{field}: this (dict|int), too large to show, is not"):
        GenerationRequest("x", **{field: value})


class TestAsRequest:
    def test_a_request_stays_itself(self):
        request = GenerationRequest("x")
        assert as_request(request) is request

    def test_text_becomes_a_request_for_that_prompt(self):
        assert as_request("a red panda") == GenerationRequest("a red panda")

    def test_an_empty_prompt_is_refused_here_too(self):
        with pytest.raises(ValueError, match=r"^prompt: '' is not allowed"):
            as_request("")

    @every_row("value", [None, 5, b"panda", {"prompt": "panda"}], ids=repr)
    def test_anything_else_is_refused(self, value):
        with pytest.raises(ValueError, match=r"^request: .*a GenerationRequest or a prompt"):
            as_request(value)


class TestWhatGoesTogether:
    @every_row(
        ("fields", "name", "needed"),
        [
            ({"region": "the sky"}, "region", "video"),
            ({"mask": "https://host.example/a.png"}, "mask", "video"),
            ({"keyframe_seconds": 3}, "keyframe_seconds", "keyframes"),
            ({"ingredients_mode": "precise"}, "ingredients_mode", "ingredients"),
        ],
    )
    def test_what_says_something_of_another_field_is_refused_without_it(self, fields, name, needed):
        with pytest.raises(FieldError, match=f"^{name}: .* it says something of {needed}, which"):
            GenerationRequest("x", **fields)

    @every_row("seconds", [[1], [1, 2, 3]])
    def test_each_step_between_keyframes_has_its_seconds(self, seconds):
        frames = [f"https://host.example/{number}.png" for number in range(3)]
        with pytest.raises(FieldError, match="between 3 keyframes there are 2 steps"):
            GenerationRequest("x", keyframes=frames, keyframe_seconds=seconds)
        assert GenerationRequest("x", keyframes=frames, keyframe_seconds=[1, 2.0]) == (
            GenerationRequest("x", keyframes=tuple(frames), keyframe_seconds=(1, 2))
        )

    @every_row("many", [1, 6])
    def test_there_are_two_to_five_keyframes(self, many):
        with pytest.raises(
            FieldError, match=rf"'{many} images?' is not allowed; allowed are 2 to 5 images"
        ):
            GenerationRequest("x", keyframes=[IMAGE] * many)

    def test_a_wrong_image_among_several_is_refused_by_the_name_of_the_field(self):
        with pytest.raises(FieldError, match="^keyframes: 'nope' is not allowed"):
            GenerationRequest("x", keyframes=["https://host.example/a.png", "nope"])


@every_row(
    ("fields", "kind"),
    [
        ({}, Kind.TEXT_TO_VIDEO),
        ({"image": IMAGE}, Kind.IMAGE_TO_VIDEO),
        ({"pikaffect": "Melt", "image": IMAGE}, Kind.EFFECT_ON_IMAGE),
        ({"pikaffect": "Melt"}, Kind.EFFECT_ON_IMAGE),
        ({"pikaffect": "Melt", "video": CLIP}, Kind.EFFECT_ON_VIDEO),
        ({"keyframes": [IMAGE, IMAGE]}, Kind.KEYFRAMES),
        ({"ingredients": [IMAGE]}, Kind.INGREDIENTS),
        ({"video": CLIP, "image": IMAGE}, Kind.ADDITION),
        ({"video": CLIP, "region": "the sky"}, Kind.SWAP),
        ({"video": CLIP, "mask": IMAGE, "image": IMAGE}, Kind.SWAP),
        ({"video": CLIP}, Kind.VIDEO_TO_VIDEO),
        ({"video": CLIP, "extend": True}, Kind.EXTENSION),
    ],
)
def test_what_is_made_follows_from_what_is_given(fields, kind):
    assert kind_of(GenerationRequest("x", **fields)) is kind


class TestSeveralMedia:
    def test_all_are_found_and_replaced_whichever_field_holds_them(self):
        request = GenerationRequest(
            "x", image=IMAGE, video=CLIP, mask=IMAGE, keyframes=[IMAGE, CLIP_FRAME]
        )
        assert [name for name, _ in media_of(request)] == [
            "image",
            "video",
            "keyframes",
            "keyframes",
            "mask",
        ]
        other = with_media(request, [f"https://host.example/new{n}" for n in range(5)])
        assert other.keyframes == ("https://host.example/new2", "https://host.example/new3")
        assert other.mask == "https://host.example/new4"

    def test_bytes_are_not_shown_in_the_repr(self):
        png = b"\x89PNG\r\n\x1a\n" + bytes(2000)
        assert "keyframes=(<2008 bytes>, <2008 bytes>)" in repr(
            GenerationRequest("x", keyframes=[png, png])
        )


def test_the_keywords_of_the_clients_verbs_are_the_fields_with_their_types():
    spelled = {name: hint.__forward_arg__ for name, hint in RequestFields.__annotations__.items()}
    # As they are written: others may have had them resolved.
    fields = dict(inspect.get_annotations(GenerationRequest))
    del fields["prompt"]
    # Its converter takes text, too.
    fields["aspect_ratio"] = "float | str | None"
    assert spelled == fields
