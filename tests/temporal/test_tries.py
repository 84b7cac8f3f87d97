"""When a line is refused that the service does not take: where it is the line, not the service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from temporalio import workflow

from pika_async.temporal._blame import MOST_DOWN
from pika_async.temporal._campaign.aside import Aside, Others
from pika_async.temporal._campaign.tries import ALONE_FOR, PutOff, Tries
from pika_async.temporal._failures import Told
from pika_async.temporal._records import Said
from pika_async.temporal._verdict import Cause

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def others(*, taken=0, left=9, held=0):
    return Others(taken=taken, left=left, held=held)


def tries_of(at, *, every=timedelta(minutes=5), most=100, unknown=False):
    """How many tries of a line are made, with the others as they stand at each; None: no end."""
    put_off = PutOff(at(0), NOW)
    for number in range(most):
        if put_off.is_passed_by(at(number), NOW + number * every, unknown=unknown):
            return number + 1
    return None


def test_while_nothing_is_taken_no_line_is_refused():
    """The service is down, and a day of it costs no prompt."""
    assert tries_of(lambda _: others()) is None
    assert tries_of(lambda _: others(taken=40)) is None


def test_one_that_is_not_taken_while_others_are_is_refused_after_some_tries():
    assert tries_of(lambda number: others(taken=40 + number)) == MOST_DOWN


def test_it_counts_from_its_own_first_try():
    """What was taken before says nothing: the service may be down since."""
    assert tries_of(lambda number: others(taken=40 + (number > 20))) == 22


@pytest.mark.parametrize(("taken", "refused"), [(0, False), (1, True)])
def test_the_last_of_a_page_that_was_taken_otherwise_is_tried_for_an_hour(taken, refused):
    """It cannot be told from a service that is down. At most one line of a page is lost so."""
    every = timedelta(minutes=5)
    number = tries_of(lambda _: others(taken=taken, left=0), every=every)
    assert number == (ALONE_FOR // every + 1 if refused else None)


def test_a_slow_hour_has_enough_tries_too():
    number = tries_of(lambda _: others(taken=1, left=0), every=timedelta(minutes=30))
    assert number == MOST_DOWN


def test_whoever_goes_on_where_nothing_is_taken_has_it_refused_after_as_many_tries_again():
    """Else a page of lines that nobody takes would hold its campaign for ever."""
    assert tries_of(lambda number: others(held=number >= 30)) == 30 + MOST_DOWN


def test_what_the_service_does_not_know_is_refused_after_some_tries_where_it_takes_others():
    """One worker may have a wrong address, and another one takes the next try."""
    assert tries_of(lambda _: others(taken=1), unknown=True) == MOST_DOWN
    assert tries_of(lambda _: others(), unknown=True) is None


def test_whoever_goes_on_has_what_the_service_does_not_know_refused_at_once():
    assert tries_of(lambda number: others(held=number >= 5), unknown=True) == 6


@pytest.mark.parametrize(("error", "refused"), [("NotFoundError", True), ("ServerError", False)])
def test_what_the_service_does_not_know_is_refused_at_its_first_try_where_its_owner_has_said_so(
    error, refused, monkeypatch
):
    """He has seen the answer. That the service takes nothing is another one."""
    monkeypatch.setattr(workflow, "patched", lambda _: True)
    monkeypatch.setattr(workflow, "now", lambda: NOW)
    said = Said(error=error, meaning="No such model.")
    told = Told(cause=Cause.REFUSED, record=None, said=said)
    alone = Others(taken=0, left=9, held=0, refuse_unknown=True)
    assert Tries(Aside()).is_refused(told, alone, again=False) is refused
