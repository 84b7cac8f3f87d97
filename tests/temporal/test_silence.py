"""Only lost answers in a row, with no answer in between, hold a campaign. Needs no engine."""

from __future__ import annotations

from datetime import UTC, datetime

from support.tables import every_row

from pika_async.temporal import Refused, Uncertain, Why
from pika_async.temporal._campaign.sentences import MOST_UNSURE
from pika_async.temporal._campaign.silence import Heard, Silence, formerly_heard, heard
from pika_async.temporal._records import Accepted, Said

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ACCEPTED = Accepted(job_id="job", sent_at=NOON)
BUSY = Said(error="RateLimitError", meaning="no room", answered=True)
INVALID = Said(error="InvalidRequestError", meaning="no such model", answered=True)
HELD = Said(error="RateLimitError", meaning="The service has said that it wants no submit.")
NO_FILE = Said(error="FieldError", meaning="there is no such file")
UNREACHED = Said(error="TransportError", meaning="connection refused")
NO_ANSWER = Said(error="TransportError", meaning="reset after the request had left")


def unsure(why):
    return Uncertain(fingerprint="f", sent_at=NOON, why=why)


def refused(said):
    return Refused(error=said.error, meaning=said.meaning)


HEARD = {
    # What the worker says, what the submit led to, and what that says.
    "accepted": (ACCEPTED, ACCEPTED, Heard.ANSWERED),
    "no room, and tried again": (BUSY, None, Heard.ANSWERED),
    "refused by the service": (INVALID, refused(INVALID), Heard.ANSWERED),
    "held back by the worker": (HELD, None, Heard.NOTHING),
    "refused by the worker": (NO_FILE, refused(NO_FILE), Heard.NOTHING),
    "not reached": (UNREACHED, None, Heard.NOTHING),
    "no worker has taken it": (None, None, Heard.NOTHING),
    "its answer was lost": (NO_ANSWER, unsure(Why.NO_ANSWER), Heard.LOST),
    "lost, and found in the history": (NO_ANSWER, ACCEPTED, Heard.NOTHING),
    "its worker was lost": (None, unsure(Why.WORKER_LOST), Heard.NOTHING),
    "its worker was lost after it had the job": (None, ACCEPTED, Heard.NOTHING),
    "begun anew": (None, unsure(Why.BEGUN_ANEW), Heard.NOTHING),
}


@every_row("name", HEARD)
def test_what_a_submit_says_of_the_way_to_the_service(name):
    said, job, expected = HEARD[name]
    assert heard(said, job) is expected


LOST, ANSWERED, NOTHING = Heard.LOST, Heard.ANSWERED, Heard.NOTHING


def told(*submits):
    """After how many of these submits it is told that no answer comes any more."""
    silence, when = Silence(), []
    for number, one in enumerate(submits, 1):
        silence.hears(one, silence.row)
        if silence.tell():
            when.append(number)
    return when


FEW = [LOST] * (MOST_UNSURE - 1)
ROWS = {
    "so many, and then as many again": ([LOST] * (2 * MOST_UNSURE + 1), [10, 20]),
    "an answer in between": ([*FEW, ANSWERED, *FEW, ANSWERED, *FEW], []),
    "an answer before": ([ANSWERED, *FEW, LOST], [11]),
    "what says nothing in between": ([*FEW, NOTHING, LOST], [11]),
    "nothing but what says nothing": ([NOTHING] * 30, []),
    "one lost answer in five": ([LOST, *[ANSWERED] * 4] * 100, []),
}


@every_row("name", ROWS)
def test_so_many_lost_answers_in_a_row_are_told(name):
    """After that it begins to count anew: somebody has looked at it."""
    submits, expected = ROWS[name]
    assert told(*submits) == expected


def test_lost_answers_of_submits_that_left_before_it_was_told_are_of_the_old_row():
    """Some of a page are under way when it is told, and come to nothing after it was resumed."""
    silence = Silence()
    left = [silence.row] * 25
    when = []
    for number, row in enumerate(left, 1):
        silence.hears(LOST, row)
        if silence.tell():
            when.append(number)
    assert (when, silence.lost) == ([MOST_UNSURE], 0)


def test_a_page_of_an_earlier_version_takes_only_the_end_of_a_line_for_an_answer():
    """It has held its campaign by that, and its history says so."""
    for said, job, _ in HEARD.values():
        expected = NOTHING if job is None else ANSWERED
        if isinstance(job, Uncertain):
            expected = LOST if job.why is Why.NO_ANSWER else NOTHING
        assert formerly_heard(job) is expected, said
