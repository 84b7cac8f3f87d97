"""The log is the first reader of events; an observer is the second."""

from __future__ import annotations

import logging
from pathlib import Path

import attrs
import pytest
from support.events import (
    ACCEPTED,
    BROKEN,
    ENDED,
    EVENTS,
    HELD_BACK,
    LOST,
    PROMPT,
    SENT,
    VIDEO,
)
from support.tables import every_row

from pika_async import (
    BatchLeft,
    BatchStopped,
    JobEnded,
    JournalBroken,
    Queued,
    Running,
    ServerError,
    StateChanged,
    SubmitUncertain,
    VideoKept,
    VideoSaved,
    WaitingEnded,
)
from pika_async import _log as log
from pika_async._log import Teller


@pytest.fixture
def records(caplog):
    """The records of the library, from INFO on."""
    caplog.set_level(logging.INFO, "pika_async")
    return lambda: [record for record in caplog.records if record.name == "pika_async"]


class TestTheTeller:
    def test_the_log_is_told_before_the_observer(self, records):
        seen = []
        Teller(lambda event: seen.append((event, len(records()))))(ACCEPTED)
        assert seen == [(ACCEPTED, 1)]

    @every_row("event", EVENTS, ids=lambda event: type(event).__name__)
    def test_the_observer_is_told_of_every_event_as_it_is(self, event):
        told = []
        Teller(told.append)(event)
        assert told == [event]
        assert told[0] is event

    def test_an_observer_that_raises_is_logged_and_reaches_nobody(self, records):
        def broken(_):
            raise RuntimeError("oops")

        Teller(broken)(SENT)
        (record,) = records()
        assert (record.levelname, record.getMessage()) == (
            "ERROR",
            "the observer raised at SubmitSent",
        )
        assert record.exc_info[0] is RuntimeError

    @every_row("error", [KeyboardInterrupt, SystemExit])
    def test_what_is_to_end_the_program_is_let_through(self, error):
        def ends(_):
            raise error

        with pytest.raises(error):
            Teller(ends)(SENT)

    def test_it_knows_whether_anyone_listens_beside_the_log(self):
        assert Teller(print).is_observed
        assert not Teller().is_observed


class TestTheLines:
    def test_a_job_is_one_line_when_it_is_accepted_and_one_when_it_ends(self, records):
        tell = Teller()
        tell(SENT)
        tell(ACCEPTED)
        for polls in range(50):
            tell(
                StateChanged(
                    job_id="job-1",
                    previous=Queued(),
                    state=Running(progress=polls),
                    elapsed=1.0,
                    polls=polls,
                )
            )
        log.poll_waited_out("job-1", 51, ServerError("down", status=502))
        tell(ENDED)
        tell(VideoSaved(video=VIDEO, path=Path("v.mp4"), size=10))
        assert [(one.levelname, one.getMessage()) for one in records()] == [
            ("INFO", "job job-1: accepted"),
            ("INFO", "job job-1: succeeded with 1 video(s) after 61.5 s and 9 polls"),
        ]

    def test_a_failed_job_is_told_with_its_reason(self, records):
        (failed,) = [e for e in EVENTS if isinstance(e, JobEnded) and e != ENDED]
        Teller()(failed)
        assert records()[0].getMessage() == "job job-1: failed: fell after 3.0 s and 2 polls"

    def test_prompts_are_told_at_debug_but_for_submits_that_nothing_else_names(self, caplog):
        caplog.set_level(logging.DEBUG, "pika_async")
        for event in EVENTS:
            Teller()(event)
        Teller()(SubmitUncertain(submit_id="s", error=LOST, unclaimed=True))
        telling = [one for one in caplog.records if PROMPT in one.getMessage()]
        known = {one.levelname for one in telling if not hasattr(one, "uncertain")}
        lost = {one.levelname for one in telling if hasattr(one, "uncertain")}
        assert (known, lost) == ({"DEBUG"}, {"WARNING"})

    @pytest.mark.parametrize(
        ("event", "level"),
        [
            (HELD_BACK, "WARNING"),
            (attrs.evolve(HELD_BACK, in_line=True), "INFO"),
            (WaitingEnded(job_id="job-1"), "WARNING"),
            (VideoKept(video=VIDEO, path=Path("v.mp4"), size=7, saved_size=10), "WARNING"),
            (JournalBroken(path=Path("j"), error=BROKEN), "ERROR"),
            (BatchStopped(error=ServerError("down", status=500)), "ERROR"),
        ],
    )
    def test_what_costs_or_may_cost_is_louder_than_what_goes_well(self, records, event, level):
        Teller()(event)
        assert [record.levelname for record in records()] == [level]

    def test_why_a_batch_has_stopped_is_one_line(self, records):
        Teller()(JournalBroken(path=Path("j"), error=BROKEN))
        Teller()(BatchStopped(error=BROKEN))
        (record,) = records()
        assert record.getMessage() == str(BROKEN)


class TestTheFactsOfARecord:
    def test_a_job_that_nobody_was_told_of_is_named(self, records):
        Teller()(attrs.evolve(ACCEPTED, unclaimed=True))
        (record,) = records()
        assert (record.levelname, record.job_id) == ("WARNING", "job-1")
        assert "client.job('job-1').result()" in record.getMessage()

    def test_one_that_is_written_down_is_no_cause_for_a_warning(self, records):
        Teller()(attrs.evolve(ACCEPTED, unclaimed=True, recorded=True))
        (record,) = records()
        assert record.levelname == "INFO"

    def test_a_lost_submit_whose_caller_has_left_is_uncertain(self, records):
        Teller()(SubmitUncertain(submit_id="s", error=LOST, unclaimed=True))
        (record,) = records()
        assert (record.levelname, record.uncertain) == ("WARNING", True)

    def test_one_whose_caller_waits_is_told_by_its_error(self, records):
        Teller()(SubmitUncertain(submit_id="s", error=LOST))
        assert records() == []

    def test_a_job_that_the_journal_lacks_is_named(self, records):
        Teller()(JournalBroken(path=Path("j"), error=BROKEN, job_id="job-1"))
        (record,) = records()
        assert (record.levelname, record.job_id) == ("ERROR", "job-1")

    def test_the_jobs_of_a_batch_that_was_left_are_named_all(self, records):
        jobs = {index: f"job-{index}" for index in range(30)}
        Teller()(BatchLeft(in_flight=jobs, unclaimed={30: "job-30"}, journalled=False))
        (record,) = records()
        assert record.job_ids == (*jobs.values(), "job-30")
        assert "job-19 and 11 more" in record.getMessage()

    def test_those_that_a_journal_brings_back_are_not(self, records):
        left = {1: "job-1"}
        Teller()(BatchLeft(in_flight=left, unclaimed={2: "job-2"}, journalled=True))
        assert records()[0].job_ids == ("job-1",)
        Teller()(BatchLeft(in_flight={}, unclaimed=left, journalled=True))
        assert len(records()) == 1


class TestShowingIt:
    def test_each_line_is_shown_with_its_level(self):
        lines = []
        with log.shown(lines.append):
            Teller()(SENT)
            Teller()(ACCEPTED)
        Teller()(ACCEPTED)
        assert lines == [f"debug: submit s-1: sending {PROMPT!r}", "info: job job-1: accepted"]

    def test_a_traceback_is_shown_too(self):
        def broken(_):
            raise RuntimeError("oops")

        lines = []
        with log.shown(lines.append):
            Teller(broken)(WaitingEnded(job_id="j"))
        assert "RuntimeError: oops" in lines[-1]

    def test_afterwards_the_logger_is_as_it_was(self):
        logger = logging.getLogger("pika_async")
        before = logger.level, list(logger.handlers)
        for show in (None, print):
            with log.shown(show):
                assert len(logger.handlers) == len(before[1]) + 1
            assert (logger.level, logger.handlers) == before

    def test_whoever_reads_events_is_not_told_by_pythons_last_resort(self, monkeypatch, capsys):
        monkeypatch.setattr(logging.getLogger("pika_async"), "propagate", False)
        Teller()(WaitingEnded(job_id="j"))
        assert capsys.readouterr().err != ""
        with log.shown(None):
            Teller()(WaitingEnded(job_id="j"))
        assert capsys.readouterr().err == ""
