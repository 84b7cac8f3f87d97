"""States and videos are values: what they say, and what they cannot be made to do."""

from __future__ import annotations

import pickle
from typing import get_args

import attrs
import pytest
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
)

VIDEO = Video(id="v", job_id="j", url="https://cdn.example/v.mp4", raw={"id": "v"})
EXAMPLES = [
    Queued(position=3, raw={"n": 1}),
    Running(progress=13, raw={"n": 1}),
    Succeeded(videos=(VIDEO,), raw={"n": 1}),
    Failed(reason="no", code="moderation", videos=(VIDEO,), raw={"n": 1}),
    Unknown(status="daydreaming", raw={"n": 1}),
]
VALUES = [
    *EXAMPLES,
    VIDEO,
    Transition(job_id="j", previous=None, state=EXAMPLES[0], elapsed=1.5, polls=2),
]


def kind(value: object) -> str:
    return type(value).__name__


def test_the_job_states_are_the_five_that_the_contract_names():
    assert get_args(JobState) == (Queued, Running, Succeeded, Failed, Unknown)


@every_row(
    ("state", "expected"),
    list(zip(EXAMPLES, [False, False, True, True, False], strict=True)),
    ids=list(map(kind, EXAMPLES)),
)
def test_only_succeeded_and_failed_are_terminal(state, expected):
    assert state.is_terminal is expected


def test_is_terminal_can_be_asked_of_the_class_and_is_no_field():
    assert Succeeded.is_terminal
    assert "is_terminal" not in attrs.fields_dict(Succeeded)


@every_row("value", [*EXAMPLES, VIDEO], ids=kind)
def test_raw_does_not_count_in_equality_or_hash(value):
    other = attrs.evolve(value, raw={"another": "answer"})
    assert other == value
    assert hash(other) == hash(value)


@every_row("value", [*EXAMPLES, VIDEO], ids=kind)
def test_raw_does_not_show_in_repr(value):
    assert "raw" not in repr(value)
    assert "'n'" not in repr(value)


@every_row("value", [*EXAMPLES, VIDEO], ids=kind)
def test_raw_is_an_own_empty_mapping_where_nothing_was_decoded(value):
    fields = {
        field.name: getattr(value, field.name)
        for field in attrs.fields(type(value))
        if field.name != "raw"
    }
    first, second = type(value)(**fields), type(value)(**fields)
    assert first.raw == {}
    assert first.raw is not second.raw


@every_row("value", VALUES, ids=kind)
def test_values_are_frozen(value):
    name = attrs.fields(type(value))[0].name
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(value, name, "other")


@every_row("value", VALUES, ids=kind)
def test_values_are_slotted(value):
    assert not hasattr(value, "__dict__")


@every_row("value", VALUES, ids=kind)
def test_values_take_keywords_only(value):
    assert all(field.kw_only for field in attrs.fields(type(value)))
    with pytest.raises(TypeError):
        type(value)("positional")


@every_row("value", VALUES, ids=kind)
def test_values_survive_pickling_with_what_they_came_from(value):
    copy = pickle.loads(pickle.dumps(value))  # noqa: S301 - our own bytes
    assert copy == value
    assert getattr(copy, "raw", None) == getattr(value, "raw", None)


def test_states_of_different_kinds_are_never_equal():
    assert Queued() != Running()
    assert len({Queued(), Running(), Queued(raw={"n": 2})}) == 2


def test_a_change_of_progress_is_a_change_of_state():
    assert Running(progress=13) != Running(progress=14)


def test_the_video_of_a_success_is_its_first():
    second = attrs.evolve(VIDEO, id="w")
    assert Succeeded(videos=(VIDEO, second)).video is VIDEO


def test_what_a_service_does_not_tell_is_none():
    video = Video(id="v", job_id="j", url="u")
    assert (
        video.share_url,
        video.poster_url,
        video.thumbnail_url,
        video.duration,
        video.seed,
    ) == (None,) * 5
    assert (Queued().position, Running().progress, Failed(reason="no").code) == (None,) * 3
    assert Failed(reason="no").videos == ()


def test_patterns_may_name_the_facts_of_a_state_by_their_place():
    match Running(progress=16):
        case Running(progress):
            assert progress == 16
    match Queued(position=3):
        case Queued(position):
            assert position == 3
    match Failed(reason="no", code="moderation"):
        case Failed(reason, code):
            assert (reason, code) == ("no", "moderation")
    match Succeeded(videos=(VIDEO,), charge=Money(450_000)):
        case Succeeded(videos, charge):
            assert (videos, charge) == ((VIDEO,), Money(450_000))
    match Unknown(status="daydreaming"):
        case Unknown(status):
            assert status == "daydreaming"


@every_row(
    ("state", "text"),
    [
        (Queued(), "queued"),
        (Queued(position=0), "queued, 0 ahead"),
        (Running(), "running"),
        (Running(progress=16), "running 16 %"),
        (Succeeded(videos=(VIDEO,)), "succeeded: 1 video"),
        (Succeeded(videos=(VIDEO, VIDEO)), "succeeded: 2 videos"),
        (Failed(reason="no face\nin the image"), "failed: no face in the image"),
        (Failed(reason="x" * 900), f"failed: {'x' * 200}…"),
        (Unknown(status="daydreaming"), "unknown: daydreaming"),
    ],
)
def test_a_state_is_printed_in_one_short_line(state, text):
    assert str(state) == text
