"""A request as JSON text: all that is needed, and no media."""

from __future__ import annotations

import base64
import hashlib
import json

import attrs
from hypothesis import given
from hypothesis import strategies as st
from support.prompts import can_be_seen
from support.tables import every_row

from pika_async import Camera, GenerationRequest
from pika_async._request.record import intent_body, request_record

PNG = b"\x89PNG\r\n\x1a\n"
MP4 = b"\x00\x00\x00\x20ftypisom" + bytes(8)
LONGEST_TEXT = 8000

# Half surrogate pairs too: JSON can spell them.
texts = st.text(st.characters(exclude_categories=()))


def sha256(content: bytes) -> dict[str, str]:
    return {"sha256": hashlib.sha256(content).hexdigest()}


def asked(prompt="x", **fields):
    return json.loads(request_record(GenerationRequest(prompt, **fields)))


REQUESTS = [
    ({}, {}),
    ({"seed": 0}, {"seed": 0}),
    ({"seed": 2**70}, {"seed": 2**70}),
    ({"motion": 0}, {"motion": 0}),
    ({"guidance_scale": 12.5}, {"guidance_scale": 12.5}),
    ({"negative_prompt": "rain"}, {"negative_prompt": "rain"}),
    ({"model": "2.0"}, {"model": "2.0"}),
    ({"frame_rate": 12}, {"frame_rate": 12}),
    ({"aspect_ratio": "1:2"}, {"aspect_ratio": 0.5}),
    ({"extend": True}, {"extend": True}),
    ({"pikaffect": "melt"}, {"pikaffect": "Melt"}),
    ({"camera": Camera(zoom="in", pan="left")}, {"camera": {"zoom": "in", "pan": "left"}}),
    ({"camera": Camera()}, {}),
    ({"extra": {"a": {"b": [1, None, True, "c"]}}}, {"extra": {"a": {"b": [1, None, True, "c"]}}}),
    ({"extra": {}}, {}),
    ({"extra": {"a": {}, "b": None}}, {"extra": {"a": {}, "b": None}}),
    ({"image": "https://host.example/a.png"}, {"image": {"url": "https://host.example/a.png"}}),
    ({"video": "https://host.example/a.mp4"}, {"video": {"url": "https://host.example/a.mp4"}}),
    ({"image": PNG}, {"image": sha256(PNG)}),
    ({"resolution": "720p"}, {"resolution": "720p"}),
    ({"duration": 5}, {"duration": 5}),
    ({"metadata": {"sku": "17"}}, {"metadata": {"sku": "17"}}),
    (
        {"keyframes": [PNG, "https://host.example/a.png"], "keyframe_seconds": 3},
        {
            "keyframes": [sha256(PNG), {"url": "https://host.example/a.png"}],
            "keyframe_seconds": 3,
        },
    ),
    (
        {"ingredients": [PNG], "ingredients_mode": "creative"},
        {"ingredients": [sha256(PNG)], "ingredients_mode": "creative"},
    ),
    (
        {"video": MP4, "region": "the sky", "mask": PNG},
        {"video": sha256(MP4), "region": "the sky", "mask": sha256(PNG)},
    ),
    ({"video": MP4}, {"video": sha256(MP4)}),
    (
        {"image": "data:image/png;base64,iVBORw0KGgo="},
        {"image": sha256(b"data:image/png;base64,iVBORw0KGgo=")},
    ),
    (
        {"video": "DATA:VIDEO/MP4;BASE64,AAAA"},
        {"video": sha256(b"DATA:VIDEO/MP4;BASE64,AAAA")},
    ),
]


class TestRequests:
    @every_row(("fields", "record"), REQUESTS, ids=[str(row[1]) for row in REQUESTS])
    def test_a_request_is_kept_without_its_defaults_and_its_media(self, fields, record):
        assert asked(**fields) == {"prompt": "x", **record}

    def test_a_file_is_kept_by_its_path(self, tmp_path):
        path = tmp_path / "panda.png"
        path.write_bytes(PNG)
        assert asked(image=path) == {"prompt": "x", "image": {"path": str(path)}}

    def test_the_table_has_every_field(self):
        told = {name for fields, _ in REQUESTS for name in fields}
        assert told | {"prompt"} == {field.name for field in attrs.fields(GenerationRequest)}

    def test_a_long_text_in_extra_is_kept_as_its_digest_wherever_it_stands(self):
        long = "x" * (LONGEST_TEXT + 1)
        short = long[:LONGEST_TEXT]
        kept = asked(extra={"a": long, "b": [{"c": [long, short]}]})["extra"]
        digest = sha256(long.encode())
        assert kept == {"a": digest, "b": [{"c": [digest, short]}]}

    @every_row("url", ["data:image/png;base64,iVBO", "DATA:video/mp4,x"])
    def test_a_data_url_in_extra_is_kept_as_its_digest_however_short(self, url):
        assert asked(extra={"a": [url]})["extra"] == {"a": [sha256(url.encode())]}

    def test_a_data_url_with_half_a_surrogate_pair_has_a_digest(self):
        url = "data:image/png;base64,\ud800"
        assert asked(image=url)["image"] == sha256(url.encode("utf-8", "surrogatepass"))

    def test_a_long_text_with_half_a_surrogate_pair_has_a_digest(self):
        long = "\ud800" * (LONGEST_TEXT + 1)
        digest = sha256(long.encode("utf-8", "surrogatepass"))
        assert asked(extra={"a": long})["extra"] == {"a": digest}

    def test_a_long_prompt_is_kept(self):
        assert asked("x" * 100_000) == {"prompt": "x" * 100_000}

    @given(st.binary(min_size=24, max_size=400), st.dictionaries(st.text(), st.text()))
    def test_no_bytes_of_media_are_kept_in_any_spelling(self, content, extra):
        image = PNG + content
        encoded = base64.b64encode(image).decode()
        for media in (image, f"data:image/png;base64,{encoded}"):
            record = request_record(GenerationRequest("x", image=media, extra=extra))
            image_kept = json.loads(record)["image"]
            assert list(image_kept) == ["sha256"]
            assert encoded not in record
            assert image.hex() not in record

    @given(
        st.text(min_size=1).filter(can_be_seen),
        # What begins like a data URL is taken for one.
        st.dictionaries(texts, texts.filter(lambda text: text[:5].lower() != "data:")),
        st.integers(),
    )
    def test_a_record_is_one_line_that_every_file_can_hold(self, prompt, extra, seed):
        request = GenerationRequest(prompt, extra=extra, seed=seed)
        record = request_record(request)
        assert record.isascii()
        assert "\n" not in record
        assert json.loads(record)["prompt"] == request.prompt
        assert json.loads(record).get("extra", {}) == request.extra


class TestBodies:
    @every_row(
        "body",
        [
            b"{}",
            b'{"a": 1,  "b" : [null, 1.50]}\n',
            '{"promptText":"Größe"}'.encode(),
            b'{"promptText":"\\u00e9\\u0041 NaN"}',
            b'{"promptText":"my data: is mine"}',
            b'{"a":1,"a":2}',
            json.dumps({"a": "x" * LONGEST_TEXT, "b": "y" * LONGEST_TEXT}).encode(),
            b'{"a": NaN, "b": "' + b"z" * LONGEST_TEXT + b'"}',
        ],
        ids=range(8),
    )
    def test_a_body_without_bulk_is_kept_byte_for_byte(self, body):
        digest, text = intent_body(body)
        assert text.encode() == body
        assert digest == hashlib.sha256(body).hexdigest()

    def test_a_long_prompt_is_kept_and_base64_in_lines_is_not(self):
        prose = json.dumps({"prompt": "a red panda surfs, " * 1_000}).encode()
        assert intent_body(prose)[1] == prose.decode()
        lines = "\n".join(["iVBORw0KGgo" * 6] * 200)
        text = intent_body(json.dumps({"image": lines}).encode())[1]
        assert json.loads(text) == {"image": sha256(lines.encode())}

    @every_row(
        "bulk",
        ["data:image/png;base64,iVBO", "DATA:video/mp4,x", "x" * (LONGEST_TEXT + 1)],
        ids=["a data URL", "another", "a long text"],
    )
    def test_bulk_is_kept_as_its_digest_wherever_it_stands(self, bulk):
        body = json.dumps({"a": [{"b": bulk}], "promptText": "x"}).encode()
        digest, text = intent_body(body)
        assert json.loads(text) == {"a": [{"b": sha256(bulk.encode())}], "promptText": "x"}
        assert digest == hashlib.sha256(body).hexdigest()

    def test_a_data_url_that_is_spelt_with_escapes_is_found(self):
        body = b'{"a":"\\u0064ata:image/png;base64,iVBO"}'
        assert json.loads(intent_body(body)[1]) == {"a": sha256(b"data:image/png;base64,iVBO")}

    @every_row(
        "body",
        [
            b"\x89PNG\r\n\x1a\n\xff",
            b"no JSON, but data: and more",
            b"[" * 100_000 + b"]" * 100_000,
        ],
        ids=["no text", "no JSON", "nested too deeply"],
    )
    def test_what_cannot_be_looked_through_is_kept_as_a_digest_alone(self, body):
        assert json.loads(intent_body(body)[1]) == sha256(body)

    @given(st.binary(min_size=24, max_size=9000), st.text(max_size=20))
    def test_no_bytes_of_media_are_kept(self, content, prompt):
        encoded = base64.b64encode(content).decode()
        url = f"data:image/png;base64,{encoded}"
        _, text = intent_body(json.dumps({"promptText": prompt, "image": url}).encode())
        assert encoded not in text
        if prompt[:5].lower() != "data:":
            assert json.loads(text)["promptText"] == prompt
