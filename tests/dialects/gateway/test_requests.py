"""What the gateway is sent: the create's body, the query's path, the headers."""

from __future__ import annotations

import base64
import json
from urllib.parse import unquote

import cattrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.conversations import asked
from support.prompts import can_be_seen
from support.tables import every_row

from pika_async import Camera, GenerationRequest, Pikaffect
from pika_async.dialects import Endpoint, Gateway, Handle
from pika_async.dialects.gateway.dialect import EFFECTS

GATEWAY = Gateway()
WIRE_NAMES = {"promptText", "model", "image", "video", "pikaffect", "options"}
SEED_EXAMPLE = GenerationRequest(
    "Cinematic shot …",
    image="https://img.upanh.tv/2025/05/23/b69ee84d-849d-48c0-863a-40b646190dd6.png",
    pikaffect="Dissolve",
    aspect_ratio="16:9",
    guidance_scale=12,
    motion=1,
)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)


def encoded(prompt: str = "x", **fields) -> dict:
    return GATEWAY.encode_request(GenerationRequest(prompt, **fields))


class TestTheSeedExample:
    def test_it_encodes_to_exactly_that_json_key_for_key_in_order(self, payload):
        # Compared as text: dicts do not compare their order, and 12 equals 12.0.
        body = GATEWAY.encode_request(SEED_EXAMPLE)
        assert json.dumps(body) == json.dumps(payload("create_seed_example"))

    def test_it_decodes_to_an_equal_request(self, payload):
        request = GATEWAY.decode_request(payload("create_seed_example"))
        assert request == SEED_EXAMPLE
        assert repr(request) == repr(SEED_EXAMPLE)

    def test_it_leaves_as_those_bytes(self, payload, endpoint):
        sent = GATEWAY.encode_submit(endpoint, SEED_EXAMPLE, "unused")
        expected = json.dumps(payload("create_seed_example"), separators=(",", ":"))
        assert sent.body == expected.encode("ascii")


class TestBody:
    def test_a_prompt_alone_sends_only_what_must_be_sent(self):
        assert encoded("a red panda") == {
            "promptText": "a red panda",
            "model": "1.5",
            "options": {
                "frameRate": 24,
                "camera": {},
                "parameters": {"negativePrompt": ""},
                "extend": False,
            },
        }

    @every_row("key", ["image", "video", "pikaffect"])
    def test_a_key_without_a_value_is_left_out_since_it_must_not_be_empty(self, key):
        assert key not in encoded()

    @every_row(
        ("fields", "path", "expected"),
        [
            ({"model": "2.0"}, ["model"], "2.0"),
            ({"pikaffect": "cake-IFY"}, ["pikaffect"], "Cake-ify"),
            ({"pikaffect": Pikaffect.EYE_POP}, ["pikaffect"], "Eye-pop"),
            ({"image": "https://h.example/a.png"}, ["image"], "https://h.example/a.png"),
            ({"video": "https://h.example/a.mp4"}, ["video"], "https://h.example/a.mp4"),
            ({"aspect_ratio": "1:1"}, ["options", "aspectRatio"], 1.0),
            ({"aspect_ratio": 2}, ["options", "aspectRatio"], 2),
            ({"frame_rate": 8}, ["options", "frameRate"], 8),
            ({"extend": True}, ["options", "extend"], True),
            ({"guidance_scale": 7.5}, ["options", "parameters", "guidanceScale"], 7.5),
            ({"motion": 0}, ["options", "parameters", "motion"], 0),
            ({"negative_prompt": "rain"}, ["options", "parameters", "negativePrompt"], "rain"),
            ({"seed": 3183047765}, ["options", "parameters", "seed"], 3183047765),
            ({"seed": 0}, ["options", "parameters", "seed"], 0),
            ({"seed": 2**63 + 1}, ["options", "parameters", "seed"], 2**63 + 1),
        ],
        ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
    )
    def test_a_field_goes_where_the_page_has_it(self, fields, path, expected):
        value = encoded(**fields)
        for key in path:
            value = value[key]
        assert value == expected
        assert type(value) is type(expected)

    @every_row(
        ("camera", "expected"),
        [
            (None, {}),
            (Camera(), {}),
            (Camera(zoom="in"), {"zoom": "in"}),
            (
                Camera(zoom="out", pan="left", tilt="up", rotate="ccw"),
                {"zoom": "out", "pan": "left", "tilt": "up", "rotate": "ccw"},
            ),
        ],
        ids=["none", "one that does nothing", "one movement", "all movements"],
    )
    def test_the_camera_names_only_what_moves(self, camera, expected):
        assert encoded(camera=camera)["options"]["camera"] == expected

    def test_numbers_stay_as_they_came(self):
        parameters = encoded(guidance_scale=12, motion=1)["options"]["parameters"]
        assert json.dumps(parameters) == '{"guidanceScale": 12, "motion": 1, "negativePrompt": ""}'

    @every_row("image", ["https://h.example/a.png", PNG], ids=["URL", "bytes"])
    def test_an_image_decides_its_ratio_unless_the_caller_set_one(self, image):
        assert "aspectRatio" not in encoded(image=image)["options"]
        assert encoded(image=image, aspect_ratio=2)["options"]["aspectRatio"] == 2

    @every_row(
        ("field", "content", "kind"),
        [
            ("image", PNG, "image/png"),
            ("image", b"\xff\xd8\xff\xe0" + bytes(20), "image/jpeg"),
            ("image", b"GIF89a" + bytes(20), "image/gif"),
            ("image", b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
            ("video", b"\0\0\0\x20ftypisom" + bytes(20), "video/mp4"),
            ("video", b"\x1a\x45\xdf\xa3" + bytes(20), "video/webm"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_bytes_become_a_data_url_of_their_type(self, field, content, kind):
        head, _, packed = encoded(**{field: content})[field].partition(",")
        assert head == f"data:{kind};base64"
        assert base64.b64decode(packed, validate=True) == content

    def test_a_data_url_is_sent_as_it_is(self):
        assert encoded(image="data:image/png;base64,AAAA")["image"] == "data:image/png;base64,AAAA"

    def test_a_file_that_nobody_read_is_a_bug_not_a_request(self, tmp_path):
        path = tmp_path / "panda.png"
        path.write_bytes(PNG)
        with pytest.raises(TypeError, match=r"read .*panda\.png.* before encoding"):
            encoded(image=path)


class TestExtra:
    def test_it_adds_what_is_newer_than_us(self):
        assert encoded(extra={"audio": {"prompt": "waves"}})["audio"] == {"prompt": "waves"}

    def test_it_is_merged_into_nested_objects_key_by_key(self):
        options = encoded(
            motion=1, extra={"options": {"fps": 30, "parameters": {"style": "anime"}}}
        )["options"]
        assert options["fps"] == 30
        assert options["frameRate"] == 24
        assert options["parameters"] == {"motion": 1, "negativePrompt": "", "style": "anime"}

    @every_row(
        ("extra", "path", "expected"),
        [
            ({"promptText": "y"}, ["promptText"], "y"),
            ({"pikaffect": "Zap"}, ["pikaffect"], "Zap"),
            ({"options": {"frameRate": 60}}, ["options", "frameRate"], 60),
            ({"options": {"camera": {"zoom": "far"}}}, ["options", "camera", "zoom"], "far"),
            ({"options": None}, ["options"], None),
            ({"model": {"name": "3"}}, ["model"], {"name": "3"}),
        ],
        ids=["text", "unused key", "nested", "deeper", "an object", "with an object"],
    )
    def test_it_comes_last_and_wins(self, extra, path, expected):
        value = encoded(extra=extra, camera=Camera(zoom="in"))
        for key in path:
            value = value[key]
        assert value == expected

    def test_it_is_not_changed_by_being_merged(self):
        request = GenerationRequest("x", extra={"options": {"parameters": {"a": 1}}})
        GATEWAY.encode_request(request)
        assert request.extra == {"options": {"parameters": {"a": 1}}}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
new_keys = st.text().filter(lambda key: key not in WIRE_NAMES)
extras = st.builds(
    lambda top, options, parameters: {
        **top,
        **({"options": {**options, "parameters": parameters}} if parameters else {}),
    },
    st.dictionaries(new_keys, json_values, max_size=3),
    st.dictionaries(st.sampled_from(["fps", "audio", "größe"]), json_values),
    st.dictionaries(st.sampled_from(["style", "steps"]), json_values),
)
cameras = st.builds(
    Camera,
    zoom=st.sampled_from([None, "in", "out"]),
    pan=st.sampled_from([None, "left", "right"]),
    tilt=st.sampled_from([None, "up", "down"]),
    rotate=st.sampled_from([None, "cw", "ccw"]),
)
requests = st.builds(
    GenerationRequest,
    st.text(min_size=1).filter(can_be_seen),
    image=st.sampled_from([None, "https://h.example/ä.png?x=1", "data:image/png;base64,AAAA"]),
    video=st.sampled_from([None, "http://h.example:8080/a.mp4", "data:video/mp4;base64,AAAA"]),
    pikaffect=st.none() | st.sampled_from(EFFECTS),
    # What is sent where nothing is said comes back as nothing said.
    model=st.none()
    | st.text(min_size=1).filter(lambda text: can_be_seen(text) and text.strip() != "1.5"),
    aspect_ratio=st.none() | st.floats(min_value=0.4, max_value=2.5) | st.integers(1, 2),
    frame_rate=st.none() | st.integers(1, 23),
    camera=st.none() | cameras,
    guidance_scale=st.none() | st.floats(min_value=5, max_value=25) | st.integers(5, 25),
    motion=st.none() | st.integers(0, 4),
    negative_prompt=st.text(),
    seed=st.none() | st.integers() | st.integers(min_value=2**53, max_value=2**64),
    extend=st.booleans(),
    extra=extras,
)


class TestRoundTrip:
    @given(requests)
    def test_any_request_comes_back_equal_from_the_bytes_it_is_sent_as(self, request_):
        endpoint = Endpoint(base_url="https://h.example", api_key="k")
        sent = GATEWAY.encode_submit(endpoint, request_, "unused").body
        assert sent.isascii()
        assert GATEWAY.decode_request(json.loads(sent)) == request_

    @given(requests)
    def test_encoding_what_was_decoded_gives_the_same_body(self, request_):
        body = GATEWAY.encode_request(request_)
        again = GATEWAY.encode_request(GATEWAY.decode_request(body))
        # As text: numbers stay as they came, 12 and not 12.0.
        assert json.dumps(again, sort_keys=True) == json.dumps(body, sort_keys=True)

    def test_an_effect_newer_than_us_comes_back_as_extra(self):
        request = GenerationRequest("x", extra={"pikaffect": "Zap"})
        assert GATEWAY.decode_request(GATEWAY.encode_request(request)) == request

    def test_what_extra_overrode_comes_back_as_what_it_overrode(self):
        body = encoded("x", extra={"promptText": "y", "options": {"frameRate": 12}})
        assert GATEWAY.decode_request(body) == GenerationRequest("y", frame_rate=12)


class TestDecodingARequest:
    @every_row(
        ("options", "field"),
        [
            ({"frameRate": 0}, "frame_rate"),
            ({"frameRate": 25}, "frame_rate"),
            ({"aspectRatio": 3}, "aspect_ratio"),
            ({"parameters": {"motion": 5}}, "motion"),
            ({"parameters": {"guidanceScale": "much"}}, "guidance_scale"),
        ],
        ids=str,
    )
    def test_a_value_that_is_not_allowed_is_refused_by_name(self, options, field):
        with pytest.raises(ValueError, match=f"^{field}: "):
            GATEWAY.decode_request({"promptText": "x", "model": "1.5", "options": options})

    @every_row("missing", ["promptText", "model", "options"])
    def test_a_body_without_what_is_required_is_refused(self, missing):
        body = encoded()
        del body[missing]
        with pytest.raises(cattrs.BaseValidationError):
            GATEWAY.decode_request(body)

    def test_options_may_be_empty(self):
        body = {"promptText": "x", "model": "1.5", "options": {}}
        assert GATEWAY.decode_request(body) == GenerationRequest("x")


class TestHTTP:
    def test_a_create_is_a_post_of_json_with_the_key_as_bearer(self, endpoint):
        sent = GATEWAY.encode_submit(endpoint, GenerationRequest("x"), "unused")
        assert (sent.method, sent.url) == ("POST", "https://gateway.example/prefix/pika/generate")
        assert sent.headers == {
            "Authorization": "Bearer sk-secret",
            "Content-Type": "application/json",
        }

    def test_a_query_is_a_get_of_the_feed_with_the_key_as_bearer(self, endpoint):
        sent = asked(GATEWAY.poll(endpoint, Handle("66e0818e-2d1b")))
        assert (sent.method, sent.url, sent.body) == (
            "GET",
            "https://gateway.example/prefix/pika/feed/66e0818e-2d1b",
            None,
        )
        assert sent.headers == {"Authorization": "Bearer sk-secret"}

    def test_no_idempotency_key_is_sent_since_the_gateway_knows_none(self, endpoint):
        one = GATEWAY.encode_submit(endpoint, GenerationRequest("x"), "idempotency-key-1")
        assert one == GATEWAY.encode_submit(endpoint, GenerationRequest("x"), "another")
        assert b"idempotency-key-1" not in one.body

    @every_row(
        ("job_id", "segment"),
        [
            ("a/b", "a%2Fb"),
            ("../admin", "..%2Fadmin"),
            ("a?b=c#d", "a%3Fb%3Dc%23d"),
            ("a b", "a%20b"),
            ("100%", "100%25"),
            (".", "%2E"),
            ("..", "%2E%2E"),
            ("größe", "gr%C3%B6%C3%9Fe"),
            ("\ud83d", "%ED%A0%BD"),
        ],
        ids=ascii,
    )
    def test_a_job_id_is_quoted_in_the_path(self, endpoint, job_id, segment):
        url = asked(GATEWAY.poll(endpoint, Handle(job_id))).url
        assert url == f"https://gateway.example/prefix/pika/feed/{segment}"

    @given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1))
    def test_any_job_id_is_one_segment_of_the_path_and_can_be_read_back(self, job_id):
        endpoint = Endpoint(base_url="https://h.example", api_key="k")
        url = asked(GATEWAY.poll(endpoint, Handle(job_id))).url
        segment = url.removeprefix("https://h.example/pika/feed/")
        assert segment.isascii()
        assert not set(segment) & set("/?#\\ ")
        assert segment not in (".", "..")
        assert unquote(segment) == job_id

    def test_the_key_is_not_in_the_repr_of_a_request(self, endpoint):
        submit = GATEWAY.encode_submit(endpoint, GenerationRequest("a secret prompt"), "unused")
        poll = asked(GATEWAY.poll(endpoint, Handle("j")))
        for sent in (submit, poll):
            assert "sk-secret" not in repr(sent)
            assert "Authorization" in repr(sent)
        assert "a secret prompt" not in repr(submit)


def test_the_gateway_says_who_it_is_and_where():
    assert (GATEWAY.name, GATEWAY.hosts["api"]) == ("gateway", "https://api.yescale.io")
