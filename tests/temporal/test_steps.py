"""How long a workflow waits after a submit that started nothing."""

from __future__ import annotations

import random

import pytest
from support.tables import every_row

from pika_async.temporal import _steps
from pika_async.temporal._failures import Told
from pika_async.temporal._records import Said
from pika_async.temporal._steps import pause
from pika_async.temporal._verdict import Cause


@pytest.fixture(autouse=True)
def numbers(monkeypatch):
    monkeypatch.setattr(_steps.workflow, "random", lambda: random.Random(7))  # noqa: S311


def told(seconds):
    said = Said(error="RateLimitError", meaning="", seconds=seconds)
    return Told(cause=Cause.NOT_STARTED, record=None, said=said)


@every_row("seconds", [None, 0.0, 1.0])
def test_a_service_that_always_says_soon_is_not_asked_every_second_for_a_day(seconds):
    """A try takes some ten events, and a history has room for 51,200."""
    waited, tries = 0.0, 0
    while waited < 24 * 3600:
        waited += pause(told(seconds), tries).total_seconds()
        tries += 1
    assert tries < 1600


@every_row("tries", [0, 3, 100])
def test_no_try_is_made_earlier_than_the_service_asks_for(tries):
    assert pause(told(600.0), tries).total_seconds() >= 600.0
