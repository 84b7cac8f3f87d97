"""Only lost answers in a row, with no answer in between, hold a campaign. Needs no engine."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pika_async.temporal import Refused, Uncertain, Why
from pika_async.temporal._campaign.sentences import MOST_UNSURE
from pika_async.temporal._campaign.silence import Silence
from pika_async.temporal._records import Accepted

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ACCEPTED = Accepted(job_id="job", sent_at=NOON)
REFUSED = Refused(error="InvalidRequestError", meaning="no such model")
LOST = Uncertain(fingerprint="f", sent_at=NOON, why=Why.NO_ANSWER)


def told(*submits):
    """After how many of these submits it is told that no answer comes any more."""
    silence = Silence()
    return [number for number, one in enumerate(submits, 1) if silence.hears(one)]


def test_so_many_lost_answers_in_a_row_are_told():
    """After that it begins to count anew: somebody has looked at it."""
    assert told(*[LOST] * (2 * MOST_UNSURE + 1)) == [MOST_UNSURE, 2 * MOST_UNSURE]


@pytest.mark.parametrize("answer", [ACCEPTED, REFUSED], ids=["accepted", "refused"])
def test_an_answer_in_between_begins_to_count_anew(answer):
    """The way to the service works, whenever the job itself ends."""
    few = [LOST] * (MOST_UNSURE - 1)
    assert told(*few, answer, *few, answer, *few) == []
    assert told(answer, *few, LOST) == [MOST_UNSURE + 1]


def test_one_lost_answer_in_five_is_never_told():
    assert told(*[LOST, ACCEPTED, ACCEPTED, ACCEPTED, ACCEPTED] * 100) == []


@pytest.mark.parametrize("why", [why for why in Why if why is not Why.NO_ANSWER])
def test_what_is_uncertain_for_another_reason_is_no_answer_and_no_lost_one(why):
    """A lost worker says nothing of the way to the service."""
    other = Uncertain(fingerprint=None, sent_at=None, why=why)
    assert told(*[other] * (2 * MOST_UNSURE)) == []
    few = [LOST] * (MOST_UNSURE - 1)
    assert told(*few, other, LOST) == [MOST_UNSURE + 1]
