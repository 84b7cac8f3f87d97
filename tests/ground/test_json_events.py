"""Requests and events as JSON, and back: whole, and the same afterwards."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.events import ACCEPTED, EVENTS, LOST, REQUEST
from support.tables import every_row

from pika_async import (
    Camera,
    Event,
    Failed,
    FieldError,
    GenerationRequest,
    JobAccepted,
    JobEnded,
    JobFailedError,
    JobTimeoutError,
    PikaError,
    Queued,
    RateLimitError,
    Running,
    ServerError,
    SubmissionUncertainError,
    SubmitRefused,
    SubmitUncertain,
    Transition,
    from_json,
    to_json,
)
from pika_async._json_events import _ERRORS, _FACTS, _parameters
from pika_async._request.fingerprint import fingerprint
from pika_async._request.record import Intent

PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)
MP4 = b"\0\0\0\x14ftypisom\0\0\0\0isom"

texts = st.text(st.characters(exclude_categories=()))
said = texts.filter(lambda text: text.replace("\ufeff", "").strip())
images = st.one_of(
    st.binary(max_size=40).map(PNG.__add__),
    st.just("https://host.example/a.png?b=ü"),
    st.just("data:image/png;base64,iVBORw0KGgo="),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
# Fields that mean something alone, and those that need another one.
ALONE = {
    "image": images,
    "pikaffect": st.sampled_from(["Melt", "Cake-ify", "Zzzz-wxqj-ify"]),
    "model": st.sampled_from(["2.2", "vendor/model/function"]),
    "resolution": st.sampled_from(["480p", "720p", "1080p"]),
    "duration": st.integers(1, 99),
    "aspect_ratio": st.sampled_from(["16:9", "1:1", 0.4, 2.5, 1]),
    "frame_rate": st.integers(1, 24),
    "camera": st.builds(
        Camera,
        zoom=st.sampled_from([None, "in", "out"]),
        rotate=st.sampled_from([None, "cw", "ccw"]),
    ),
    "guidance_scale": st.floats(5, 25) | st.integers(5, 25),
    "motion": st.integers(0, 4),
    "negative_prompt": texts,
    "seed": st.integers(),
    "extend": st.booleans(),
    "extra": st.dictionaries(texts, values, max_size=3),
    "metadata": st.dictionaries(texts, texts, max_size=3),
}
CLIPS = st.sampled_from([MP4, "https://host.example/a.mp4"])
TOGETHER = [
    ({}, {}),
    ({"video": CLIPS}, {"region": said, "mask": images}),
    (
        {"keyframes": st.lists(images, min_size=3, max_size=3)},
        {"keyframe_seconds": st.integers(1, 9) | st.just([2, 3])},
    ),
    (
        {"ingredients": st.lists(images, min_size=1, max_size=3)},
        {"ingredients_mode": st.sampled_from(["precise", "creative"])},
    ),
]
requests = st.builds(
    lambda prompt, one, other: GenerationRequest(prompt, **one, **other),
    said,
    st.fixed_dictionaries({}, optional=ALONE),
    st.one_of([st.fixed_dictionaries(needed, optional=more) for needed, more in TOGETHER]),
)


def through(request: GenerationRequest) -> GenerationRequest:
    return from_json(to_json(request), GenerationRequest)


class TestRequests:
    @given(requests)
    def test_a_request_comes_back_as_it_was_with_its_fingerprint(self, request_):
        again = through(request_)
        assert again == request_
        assert [type(value) for value in attrs.astuple(again, recurse=False)] == [
            type(value) for value in attrs.astuple(request_, recurse=False)
        ]
        assert again.metadata == request_.metadata
        assert fingerprint(again) == fingerprint(request_)
        assert to_json(again) == to_json(request_)

    @given(requests)
    def test_it_is_one_line_of_ascii(self, request_):
        text = to_json(request_)
        assert text.isascii()
        assert "\n" not in text

    def test_every_field_is_tried_here(self):
        tried = {"prompt", *ALONE, *(name for pair in TOGETHER for part in pair for name in part)}
        assert tried == {field.name for field in attrs.fields(GenerationRequest)}

    def test_media_are_told_as_what_they_are(self, tmp_path):
        path = tmp_path / "a.png"
        path.write_bytes(PNG)
        request = GenerationRequest("x", keyframes=[path, PNG, "https://host.example/a.png"])
        shown = json.loads(to_json(request))["keyframes"]
        assert [list(one) for one in shown] == [["path"], ["base64"], ["url"]]
        assert shown[0]["path"] == str(path)

    def test_a_file_that_is_not_here_is_the_same_path_all_the_same(self, tmp_path):
        path = tmp_path / "a.png"
        path.write_bytes(PNG)
        one = GenerationRequest("x", image=path)
        several = GenerationRequest("x", ingredients=[PNG, path, path])
        path.unlink()
        assert through(one) == one
        assert through(several) == several

    @every_row(
        ("text", "problem"),
        [
            ("{}", "an object with a prompt"),
            ('"x"', "an object with a prompt"),
            ('{"prompt":7}', "an object with a prompt"),
            ('{"prompt":" "}', "prompt"),
            ('{"prompt":"x","lenght":9}', "'lenght' is no field of a request"),
            ('{"prompt":"x","seed":null}', "seed: null is not allowed"),
            ('{"prompt":"x","seed":"7s"}', "seed"),
            ('{"prompt":"x","image":"a.png"}', 'image: this is no image; allowed are {"path"'),
            ('{"prompt":"x","image":{"path":""}}', "image: this is no image"),
            ('{"prompt":"x","image":{"path":"a.png","url":"x"}}', "image: this is no image"),
            ('{"prompt":"x","image":{"base64":"%%%"}}', "no JSON of a GenerationRequest"),
            ('{"prompt":"x","image":{"base64":"AAAA"}}', "do not begin like an image"),
            ('{"prompt":"x","image":{"url":"ftp://a"}}', "image"),
            ('{"prompt":"x","keyframes":[{"path":"a.png"}]}', "keyframes"),
            ('{"prompt":"x","keyframes":{"path":"a.png"}}', "keyframes"),
            ('{"prompt":"x","image":[{"path":"a.png"}]}', "image"),
            ('{"prompt":"x","camera":{"spin":"in"}}', "'spin' is no movement"),
            ('{"prompt":"x","camera":"in"}', "camera"),
            ('{"prompt":"x","extend":1}', "extend"),
            ('{"prompt":"x","extra":[]}', "extra"),
            ('{"prompt":"x","region":"the sky"}', "region"),
        ],
    )
    def test_what_would_be_another_request_is_refused(self, text, problem):
        with pytest.raises(ValueError, match=re.escape(problem)):
            from_json(text, GenerationRequest)


PATHS = [Path("a.mp4"), Path("/tmp/ä b/c.mp4")]  # noqa: S108 - names alone
INTENT = Intent(service="pika", base_url="https://a.example", submit_id="s", digest="d", body="{}")
MOMENT = datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=UTC)
FACTS = {
    "action": None,
    "base_url": "https://a.example",
    "body": "{…",
    "code": "teapot",
    "fingerprint": "f" * 64,
    "is_api_answer": False,
    "job_id": "job-7",
    "journalled": True,
    "request": GenerationRequest("x", image=PNG, metadata={"sku": "17"}),
    "request_id": "r-1",
    "retry_after": 1.5,
    "sent": INTENT,
    "sent_at": MOMENT,
    "service": "fal",
    "setting": "base_url",
    "started": "maybe",
    "state": Failed(reason="no", code="moderation"),
    "status": 418,
}


def made(name: str) -> PikaError:
    kind = _ERRORS[name]
    facts = {fact: FACTS[fact] for fact in _parameters(kind)}
    if "started" in facts:
        facts["started"] = type(PikaError().started)("maybe")
    return kind("it broke off", **facts)


def through_event(error: PikaError) -> PikaError:
    event = SubmitRefused(submit_id="s-1", error=error)
    for kind in (SubmitRefused, Event):
        again = from_json(to_json(event), kind)
        assert to_json(again) == to_json(event)
    return again.error


class TestEvents:
    @every_row("event", EVENTS, ids=lambda event: type(event).__name__)
    def test_an_event_comes_back_as_it_was_as_itself_or_as_any_event(self, event):
        text = to_json(event)
        for kind in (type(event), Event):
            again = from_json(text, kind)
            assert type(again) is type(event)
            assert repr(again) == repr(event)
            assert to_json(again) == text

    @given(requests, texts, st.booleans())
    def test_whatever_an_accepted_job_holds_comes_back(self, request_, job_id, unclaimed):
        event = attrs.evolve(ACCEPTED, request=request_, job_id=job_id, unclaimed=unclaimed)
        assert from_json(to_json(event), JobAccepted) == event

    def test_its_kind_is_its_class_in_small_letters(self):
        kinds = {json.loads(to_json(event))["kind"] for event in EVENTS}
        assert {"job_accepted", "state_changed", "submit_held_back"} < kinds
        assert len(kinds) == len(get_args(Event))

    def test_no_field_of_an_event_is_called_kind(self):
        for cls in get_args(Event):
            assert "kind" not in {field.name for field in attrs.fields(cls)}

    def test_what_a_newer_version_adds_is_overlooked(self):
        text = '{"kind":"waiting_ended","job_id":"j","why":"left"}'
        assert from_json(text, Event).job_id == "j"

    @every_row(
        ("text", "kind", "problem"),
        [
            ("null", Event, "None is not the kind of it; allowed are submit_sent"),
            ('{"kind":"job_ended"}', JobAccepted, "'job_ended' is not the kind of it"),
            ('{"kind":"paused"}', Event, "no JSON of a Event"),
            (
                '{"kind":"job_ended","job_id":"j","state":{"kind":"queued"},"elapsed":1,"polls":1}',
                JobEnded,
                "queued is not allowed here",
            ),
            ('{"kind":"submit_refused","submit_id":"s","error":7}', Event, "with its kind"),
            (
                '{"kind":"submit_refused","submit_id":"s","error":{"kind":"OSError"}}',
                Event,
                "'OSError' is",
            ),
            (
                (
                    '{"kind":"submit_refused","submit_id":"s",'
                    '"error":{"kind":"RateLimitError","message":"x"}}'
                ),
                Event,
                "None is no number",
            ),
            (
                (
                    '{"kind":"submit_uncertain","submit_id":"s",'
                    '"error":{"kind":"PikaError","message":"x"}}'
                ),
                SubmitUncertain,
                "'PikaError' is not allowed; allowed is SubmissionUncertainError",
            ),
            (
                (
                    '{"kind":"job_accepted","submit_id":"s","job_id":"j","service":"pika",'
                    '"request":{"prompt":"x"},"unclaimed":1}'
                ),
                Event,
                "neither true nor false",
            ),
        ],
    )
    def test_an_error_says_what_is_wrong(self, text, kind, problem):
        with pytest.raises(ValueError, match=re.escape(problem)):
            from_json(text, kind)

    @every_row("kind", [PikaError, Path, GenerationRequest | None])
    def test_nothing_else_can_be_read(self, kind):
        with pytest.raises(TypeError, match="GenerationRequest, Event"):
            from_json("{}", kind)


class TestErrors:
    @every_row("name", _ERRORS)
    def test_an_error_comes_back_with_its_facts_its_text_and_its_meaning(self, name):
        error = made(name)
        error.tries = 3
        again = through_event(error)
        assert type(again) is type(error)
        assert (str(again), again.money, again.advice) == (str(error), error.money, error.advice)
        assert vars(again) == vars(error)

    @every_row("name", _ERRORS)
    def test_every_fact_of_every_error_has_a_type(self, name):
        assert set(_parameters(_ERRORS[name])) <= set(_FACTS)

    def test_a_fact_that_is_learnt_later_comes_back(self):
        error = ServerError("no", status=502)
        error.about_job("job-7")
        again = through_event(error)
        assert (again.job_id, again.started) == ("job-7", "yes")

    def test_what_has_no_value_is_none_again(self):
        error = JobTimeoutError("late", job_id="j", state=None)
        assert through_event(error).state is None

    def test_a_job_that_timed_out_tells_where_it_stood(self):
        error = JobTimeoutError("late", job_id="j", state=Running(progress=7))
        assert through_event(error).state == Running(progress=7)

    def test_causes_come_back_ours_whole_and_others_by_class_and_text(self):
        error = attrs.evolve(EVENTS[4]).error
        again = SubmissionUncertainError(
            "it broke off", request=REQUEST, fingerprint="f", sent_at=error.sent_at
        )
        again.__cause__ = RateLimitError("slow", status=429, retry_after=2.0)
        again.__cause__.__cause__ = OSError(5, "no disk")
        event = SubmitRefused(submit_id="s", error=again)
        read = from_json(to_json(event), Event).error
        assert read.cause.retry_after == 2.0
        assert repr(read.cause.__cause__) == "Exception('OSError: [Errno 5] no disk')"

    def test_a_circle_of_causes_ends(self):
        error, other = ServerError("a", status=500), ServerError("b", status=500)
        error.__cause__, other.__cause__ = other, error
        text = to_json(SubmitRefused(submit_id="s", error=error))
        assert 2 < text.count('"message"') < 100

    def test_an_error_of_the_users_own_is_what_it_was_made_from(self):
        class MineError(RateLimitError):
            pass

        again = through_event(MineError("slow", status=429))
        assert type(again) is RateLimitError

    def test_an_error_of_a_later_version_is_a_pika_error_with_its_words(self):
        text = (
            '{"kind":"submit_refused","submit_id":"s","error":{"kind":"TeapotError",'
            '"message":"short and stout","started":"maybe","job_id":"j","spout":1}}'
        )
        error = from_json(text, SubmitRefused).error
        assert type(error) is PikaError
        assert (error.started, error.job_id) == ("maybe", "j")
        assert "short and stout" in str(error)

    def test_whoever_does_not_read_it_with_python_finds_the_text_and_the_money_beside(self):
        shown = json.loads(to_json(SubmitUncertain(submit_id="s", error=LOST)))["error"]
        assert shown["text"] == str(LOST)
        assert shown["money"] == "may_be_charged"

    def test_a_job_that_failed_has_failed(self):
        text = to_json(SubmitRefused(submit_id="s", error=made("JobFailedError")))
        odd = text.replace('"kind":"failed"', '"kind":"queued"')
        assert odd != text
        with pytest.raises(ValueError, match="queued is not allowed here"):
            from_json(odd, Event)
        assert isinstance(through_event(made("JobFailedError")), JobFailedError)


def test_a_transition_is_read_as_before():
    step = Transition(job_id="j", previous=None, state=Queued(), elapsed=0.0, polls=0)
    assert from_json(to_json(step), Transition) == step


def test_a_refused_field_is_a_value_error_that_keeps_its_cause():
    with pytest.raises(ValueError, match="seed") as caught:
        from_json('{"prompt":"x","seed":1.5}', GenerationRequest)
    assert isinstance(caught.value.__cause__, FieldError) or "seed" in str(caught.value)
