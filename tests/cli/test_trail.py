"""What a command notes of the library's events, and which of them it shows at once."""

from __future__ import annotations

from pathlib import Path

import attrs
from support.events import ACCEPTED, BROKEN, EVENTS, HELD_BACK, LOST
from support.tables import every_row

from pika_async import (
    BatchStopped,
    JournalBroken,
    QuotaExceededError,
    SubmitHeldBack,
    SubmitUncertain,
    VideoKept,
    VideoSaved,
)
from pika_async.cli._running.trail import BatchTrail, JobTrail

UNCLAIMED = attrs.evolve(ACCEPTED, unclaimed=True)
LOST_UNHEARD = SubmitUncertain(submit_id="s", error=LOST, unclaimed=True)
UNWRITTEN = JournalBroken(path=Path("j"), error=BROKEN, job_id="job-9")
OUT_OF_MONEY = BatchStopped(error=QuotaExceededError("top up", status=402))


def job_trail():
    return JobTrail(submits=True)


def batch_trail():
    return BatchTrail(file="p.txt", journal="p.journal")


def heard(trail, events):
    return {type(event) for event in events if trail.hears(event)}


def test_of_one_job_what_holds_it_up_and_its_files_are_shown_as_they_come():
    assert heard(job_trail(), EVENTS) == {SubmitHeldBack, VideoSaved}


def test_of_a_batch_what_holds_it_up_is_shown_and_its_results_tell_of_the_files():
    assert heard(batch_trail(), EVENTS) == {SubmitHeldBack, JournalBroken, VideoKept}


@every_row("event", [LOST_UNHEARD, UNWRITTEN, OUT_OF_MONEY], ids=lambda event: type(event).__name__)
def test_what_costs_a_batch_money_or_stops_it_is_shown(event):
    assert batch_trail().hears(event)


def test_that_the_journal_stops_a_batch_is_told_by_the_journal_itself():
    assert not batch_trail().hears(BatchStopped(error=BROKEN))


@every_row("trail", [job_trail, batch_trail])
def test_standing_in_line_is_nothing_to_be_warned_of(trail):
    assert not trail().hears(attrs.evolve(HELD_BACK, in_line=True))


def test_a_job_whose_submitter_was_interrupted_is_noted_and_the_line_leads_to_it():
    trail = job_trail()
    assert not trail.hears(UNCLAIMED)
    assert trail.resume() == "pika-async watch job-1"
    assert "job job-1 runs on at the service and stays paid for" in trail.left()


def test_a_lost_submit_whose_submitter_was_interrupted_leaves_a_doubt():
    trail = job_trail()
    assert trail.left() == "nothing was started and nothing is charged."
    assert trail.hears(LOST_UNHEARD)
    assert trail.left().startswith("the job may exist and may be billed")


def test_a_submit_whose_caller_still_waits_is_told_by_its_error():
    trail = job_trail()
    assert not trail.hears(SubmitUncertain(submit_id="s", error=LOST))
    assert not trail.uncertain
