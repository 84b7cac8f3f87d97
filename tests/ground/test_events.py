"""Events are values: frozen, compared by what they say, and fit to travel."""

from __future__ import annotations

import inspect
import pickle
from typing import get_args

import attrs
import pytest
from support.events import ACCEPTED, EVENTS
from support.tables import every_row

import pika_async
from pika_async import Event

every_event = every_row("event", EVENTS, ids=lambda event: type(event).__name__)


def test_the_samples_are_of_every_kind():
    assert {type(event) for event in EVENTS} == set(get_args(Event))


@every_row("kind", get_args(Event))
def test_every_kind_is_public_and_says_what_each_of_its_facts_is(kind):
    assert kind.__name__ in pika_async.__all__
    for attribute in attrs.fields(kind):
        assert f"\n    {attribute.name}: " in inspect.getdoc(kind)


@every_event
def test_an_event_cannot_be_changed_by_whoever_is_told_of_it(event):
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        setattr(event, attrs.fields(type(event))[0].name, "other")


@every_event
def test_an_event_is_made_by_keyword_alone(event):
    with pytest.raises(TypeError, match="positional"):
        type(event)("x")


@every_event
def test_an_event_travels_between_processes(event):
    travelled = pickle.loads(pickle.dumps(event))  # noqa: S301 - our own bytes
    assert type(travelled) is type(event)
    assert repr(travelled) == repr(event)


def test_events_that_say_the_same_are_equal():
    assert attrs.evolve(ACCEPTED) == ACCEPTED
    assert attrs.evolve(ACCEPTED, job_id="job-2") != ACCEPTED


def test_an_accepted_job_is_claimed_and_not_written_down_unless_it_says_so():
    assert (ACCEPTED.unclaimed, ACCEPTED.recorded) == (False, False)
