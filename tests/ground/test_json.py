"""Transitions, states and videos as JSON, and back: whole, small, and nothing of the raw answer."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables import every_row

from pika_async import (
    Failed,
    JobState,
    Money,
    Queued,
    Running,
    Succeeded,
    Transition,
    Unknown,
    Video,
    from_json,
    to_json,
)

# Half surrogate pairs too: JSON can spell them.
texts = st.text(st.characters(exclude_categories=()))
maybe = st.none() | texts
seconds = st.floats(allow_nan=False, allow_infinity=False)
raws = st.dictionaries(texts, texts, max_size=2)
videos = st.builds(
    Video,
    id=texts,
    job_id=texts,
    url=texts,
    share_url=maybe,
    poster_url=maybe,
    thumbnail_url=maybe,
    duration=st.none() | seconds | st.integers(0, 9999),
    seed=st.none() | st.integers(),
    raw=raws,
)
money = st.builds(Money, st.integers(), st.sampled_from(["USD", "EUR", "JPY"]))
charges = st.none() | money
several = st.lists(videos, max_size=3).map(tuple)
states = st.one_of(
    st.builds(Queued, position=st.none() | st.integers(0), raw=raws),
    st.builds(Running, progress=st.none() | st.integers(0, 100), raw=raws),
    st.builds(Succeeded, videos=several, charge=charges, raw=raws),
    st.builds(Failed, reason=texts, code=maybe, videos=several, charge=charges, raw=raws),
    st.builds(Unknown, status=texts, raw=raws),
)
transitions = st.builds(
    Transition,
    job_id=texts,
    previous=st.none() | states,
    state=states,
    elapsed=seconds,
    polls=st.integers(0),
)

VIDEO = Video(id="v", job_id="j", url="https://host.example/v.mp4", raw={"secret": "of the video"})


class TestBack:
    @given(transitions)
    def test_a_transition_comes_back_as_it_was(self, transition):
        assert from_json(to_json(transition), Transition) == transition

    @given(states)
    def test_a_state_comes_back_as_it_was_as_itself_or_as_any_state(self, state):
        for kind in (type(state), JobState):
            again = from_json(to_json(state), kind)
            assert again == state
            assert type(again) is type(state)

    @given(money)
    def test_money_comes_back_as_it_was(self, amount):
        assert from_json(to_json(amount), Money) == amount

    @given(videos)
    def test_a_video_comes_back_as_it_was(self, video):
        assert from_json(to_json(video), Video) == video

    def test_a_failure_that_was_written_without_its_meaning_has_it_all_the_same(self):
        """What was written down before there was one has the meaning as its code."""
        failed = from_json('{"kind":"failed","reason":"no","code":"quota"}', JobState)
        assert (failed.code, failed.meaning) == ("quota", "quota")

    @every_row("code", ["quota", "insufficient_balance"])
    def test_what_a_failure_means_is_written_also_where_it_follows_from_its_code(self, code):
        """A web page that reads the text does not know what follows from what."""
        failed = Failed(reason="no", code=code, meaning="quota")
        assert json.loads(to_json(failed)) == {
            "kind": "failed",
            "reason": "no",
            "code": code,
            "meaning": "quota",
        }

    @every_row("meaning", ["moderation", None])
    def test_a_failure_keeps_code_and_meaning_apart(self, meaning):
        """Also where the code of the service is one of our words and does not mean it."""
        for code in ("content_moderation", "moderation", None):
            failed = Failed(reason="no", code=code, meaning=meaning)
            assert from_json(to_json(failed), Failed) == failed

    def test_bytes_can_be_read_too(self):
        assert from_json(b'{"kind":"queued","position":3}', JobState) == Queued(position=3)

    def test_what_it_holds_may_be_said_by_keyword(self):
        assert from_json(text='{"micros":5}', type=Money) == Money(5)

    def test_what_a_newer_version_adds_is_overlooked(self):
        text = '{"kind":"running","progress":40,"eta":12,"preview":{"url":"x"}}'
        assert from_json(text, JobState) == Running(progress=40)


class TestShape:
    def test_names_are_those_of_the_classes_and_a_state_tells_its_kind(self):
        transition = Transition(
            job_id="d06e",
            previous=Queued(position=2),
            state=Running(progress=40),
            elapsed=12.5,
            polls=4,
        )
        assert json.loads(to_json(transition)) == {
            "job_id": "d06e",
            "previous": {"kind": "queued", "position": 2},
            "state": {"kind": "running", "progress": 40},
            "elapsed": 12.5,
            "polls": 4,
        }

    @every_row(
        ("state", "shape"),
        [
            (Queued(), {"kind": "queued"}),
            (Running(), {"kind": "running"}),
            (Unknown(status="paused"), {"kind": "unknown", "status": "paused"}),
            (Failed(reason="no"), {"kind": "failed", "reason": "no"}),
            (
                Succeeded(videos=(VIDEO,)),
                {"kind": "succeeded", "videos": [{"id": "v", "job_id": "j", "url": VIDEO.url}]},
            ),
        ],
    )
    def test_what_is_not_known_is_left_out(self, state, shape):
        assert json.loads(to_json(state)) == shape

    @given(transitions)
    def test_it_is_one_line_of_ascii(self, transition):
        text = to_json(transition)
        assert text.isascii()
        assert "\n" not in text

    @every_row(
        "value",
        [
            VIDEO,
            Succeeded(videos=(VIDEO,), raw={"secret": "of the state"}),
            Failed(reason="no", videos=(VIDEO,), raw={"secret": "of the state"}),
            Transition(
                job_id="j",
                previous=Running(raw={"secret": "of the past"}),
                state=Queued(raw={"secret": "of the state"}),
                elapsed=1.0,
                polls=1,
            ),
        ],
    )
    def test_nothing_of_the_raw_answer_is_in_it(self, value):
        assert "secret" not in to_json(value)
        again = from_json(to_json(value), type(value))
        assert getattr(again, "raw", {}) == {}

    def test_seeds_beyond_what_floats_tell_apart_are_kept(self):
        for seed in (2**53 + 1, 2**64 + 1, -(10**30)):
            video = Video(id="v", job_id="j", url="u", seed=seed)
            assert from_json(to_json(video), Video).seed == seed


class TestRefused:
    @every_row("value", [None, "text", {"kind": "queued"}, 3, [Queued()], Queued])
    def test_what_is_none_of_these_cannot_be_written(self, value):
        with pytest.raises(TypeError, match="allowed are a Transition"):
            to_json(value)

    @every_row("kind", [str, dict, None, "Transition", Running | Queued])
    def test_nothing_else_can_be_read(self, kind):
        with pytest.raises(TypeError, match="allowed are Transition, JobState"):
            from_json("{}", kind)

    @every_row(
        ("text", "kind", "problem"),
        [
            ("", JobState, "no JSON of a JobState"),
            ("{", Transition, "no JSON of a Transition"),
            (b"\xff\xfe\xff", Transition, "no JSON of a Transition"),
            ("[" * 100_000, Transition, "no JSON of a Transition"),
            ("null", JobState, "None is not the kind of it; allowed are queued, running"),
            ("[]", JobState, "allowed are queued, running"),
            ('{"kind":"paused"}', JobState, "'paused' is not the kind of it"),
            ('{"kind":["queued"]}', JobState, "is not the kind of it"),
            ('{"kind":"queued"}', Running, "'queued' is not the kind of it"),
            ("{}", Running, "None is not the kind of it"),
            ('{"kind":"running","progress":"40"}', JobState, "no JSON of a JobState"),
            ('{"kind":"running","progress":true}', Running, "progress"),
            ('{"kind":"failed"}', JobState, "reason"),
            ("{}", Transition, "job_id"),
            ("null", Transition, "no JSON of a Transition"),
            ('{"id":"v","job_id":"j"}', Video, "url"),
        ],
    )
    def test_an_error_says_what_is_wrong_and_with_what(self, text, kind, problem):
        with pytest.raises(ValueError, match=re.escape(problem)):
            from_json(text, kind)
