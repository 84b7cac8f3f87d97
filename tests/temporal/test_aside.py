"""Lines that are put off step aside; and when the campaign is held since all of them are."""

from __future__ import annotations

import pytest
from support.tables import every_row
from temporalio import workflow

from pika_async.temporal._blame import MOST_DOWN, MOST_UNKNOWN
from pika_async.temporal._campaign.aside import Aside, Others
from pika_async.temporal._failures import Told
from pika_async.temporal._records import Said
from pika_async.temporal._verdict import Cause

MANY, FEW = MOST_UNKNOWN - 1, MOST_UNKNOWN - 2


def told(error):
    cause = Cause.NOT_STARTED if error == "RateLimitError" else Cause.REFUSED
    return Told(cause=cause, record=None, said=Said(error=error, meaning="No such path."))


UNKNOWN, FULL, DOWN = told("NotFoundError"), told("RateLimitError"), told("ServerError")


@pytest.fixture
def patched(monkeypatch):
    """As in a workflow that has begun with this version."""
    monkeypatch.setattr(workflow, "patched", lambda _: True)


def held_at(answers, *, taken=0, left=MANY):
    """The pauses, by their number, at which the campaign is held."""
    aside, others = Aside(), Others(taken=taken, left=left, held=0)
    found = []
    for number, (answer, failures) in enumerate(answers, 1):
        aside.pauses(answer, failures)
        if aside.why_held(answer, failures, others) is not None:
            found.append(number)
    return found


def row(*answers):
    """Pauses in a row, without a submit that went well."""
    return [(answer, number) for number, answer in enumerate(answers, 1)]


def test_a_row_of_unknown_ones_holds_the_campaign_once():
    """Of lines that were tried before it was held: a refusal ends the row for those after them."""
    assert held_at(row(*[UNKNOWN] * 3 * MOST_UNKNOWN)) == [MOST_UNKNOWN]


@every_row(
    "answers",
    [
        row(*[UNKNOWN] * MANY, FULL, *[UNKNOWN] * MANY),
        [(UNKNOWN, 1)] * 3 * MOST_UNKNOWN,
        row(*[FULL] * 3 * MOST_UNKNOWN),
    ],
)
def test_a_row_ends_with_another_answer_and_with_a_submit_that_went_well(answers):
    assert held_at(answers) == []


@every_row(
    ("taken", "left", "held"), [(0, 0, True), (0, FEW, True), (9, FEW, False), (9, MANY, True)]
)
def test_the_last_few_lines_of_a_page_that_was_taken_otherwise_hold_nothing(taken, left, held):
    """It may be these few alone, and there is nobody beside them who could be tried."""
    assert bool(held_at(row(*[UNKNOWN] * MOST_UNKNOWN), taken=taken, left=left)) is held


def test_beside_a_line_that_the_service_does_not_know_enough_others_are_begun_for_a_row():
    """Until the line is put off no longer: then those that are begun have the width again."""
    aside = Aside()
    assert aside.under_way(3) == 3
    aside.put_off()
    aside.pauses(UNKNOWN, 1)
    aside.pauses(UNKNOWN, 2)
    assert (aside.under_way(3), aside.under_way(MOST_UNKNOWN)) == (0, 1)
    aside.ended()
    assert aside.under_way(3) == 3


@pytest.mark.usefixtures("patched")
def test_while_the_service_is_down_one_more_is_begun_with_each_pause_of_a_long_row():
    """As many as are put off at most; an outage that is over soon begins none."""
    aside = Aside()
    for number in range(1, MOST_DOWN):
        aside.put_off()
        aside.pauses(DOWN, number)
    assert aside.under_way(20) == 20
    for number in range(MOST_DOWN, MOST_DOWN + 3):
        aside.pauses(DOWN, number)
    assert aside.under_way(20) == 17
    for number in range(3 * MOST_DOWN):
        aside.pauses(DOWN, MOST_DOWN + number)
    assert aside.under_way(20) == 20 - (MOST_DOWN - 1)


@pytest.mark.usefixtures("patched")
def test_after_an_outage_a_page_is_as_wide_as_before():
    """All that were put off are taken, one after the other."""
    aside = Aside()
    for number in range(1, 5 * MOST_DOWN):
        aside.put_off()
        aside.pauses(DOWN, number)
    for left in reversed(range(1, 5 * MOST_DOWN)):
        aside.ended()
        assert aside.under_way(left + 3) >= 3
    assert aside.under_way(3) == 3
