"""When a campaign is held since the service knows nothing of what it is asked for."""

from __future__ import annotations

from support.tables import every_row

from pika_async.temporal._blame import MOST_UNKNOWN
from pika_async.temporal._campaign.aside import Aside
from pika_async.temporal._campaign.tries import Others
from pika_async.temporal._failures import Told
from pika_async.temporal._records import Said
from pika_async.temporal._verdict import Cause

MANY, FEW = MOST_UNKNOWN - 1, MOST_UNKNOWN - 2


def told(error):
    cause = Cause.NOT_STARTED if error == "RateLimitError" else Cause.REFUSED
    return Told(cause=cause, record=None, said=Said(error=error, meaning="No such path."))


UNKNOWN, FULL = told("NotFoundError"), told("RateLimitError")


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
    """Whoever goes on as it was has them refused, and is not asked again for each."""
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


def test_lines_step_aside_until_they_are_refused():
    """So many others are begun at once that a row is of different ones."""
    aside = Aside()
    assert aside.under_way(3) == 3
    aside.pauses(UNKNOWN, 1)
    aside.pauses(UNKNOWN, 2)
    assert (aside.under_way(3), aside.under_way(MOST_UNKNOWN)) == (0, 1)
    for _ in range(MOST_UNKNOWN):
        aside.refused()
    assert aside.under_way(3) == 3
