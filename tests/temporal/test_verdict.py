"""What a submit that did not end well leads to: nothing but a proof leads to another POST."""

from __future__ import annotations

from datetime import UTC, datetime

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from support.tables import every_row

from pika_async._request.record import Intent
from pika_async.temporal._records import Accepted, Leaving
from pika_async.temporal._verdict import (
    VERDICTS,
    Cause,
    Phase,
    Recourse,
    Verdict,
    phase_of,
    recourse,
    verdict,
)

NOW = datetime(2026, 11, 28, tzinfo=UTC)
INTENT = Intent(service="gateway", base_url="https://x", submit_id="1", digest="2", body="{}")
LEAVING = Leaving(sent_at=NOW, fingerprint="f0", intent=INTENT, repeatable=False, searchable=False)
ACCEPTED = Accepted(job_id="d06e", sent_at=NOW)

causes = st.sampled_from(Cause)
leavings = st.builds(
    lambda repeatable, searchable: evolve(LEAVING, repeatable=repeatable, searchable=searchable),
    st.booleans(),
    st.booleans(),
)
records = st.one_of(
    st.none(), leavings, st.just(ACCEPTED), st.text(), st.integers(), st.just({"phase": "leaving"})
)


def test_every_cause_has_its_row():
    assert set(VERDICTS) == set(Cause)


@given(causes, records)
def test_only_no_record_at_all_or_the_activitys_word_leads_to_another_post(cause, record):
    if verdict(cause, record) is Verdict.AGAIN:
        assert (cause is Cause.TIMED_OUT and record is None) or (
            cause is Cause.NOT_STARTED and phase_of(record) in (Phase.NOTHING, Phase.LEAVING)
        )


@every_row("cause", list(Cause))
def test_a_job_that_is_named_is_gone_on_with_whatever_happened(cause):
    assert verdict(cause, ACCEPTED) is Verdict.ADOPT


@given(records)
def test_after_a_reset_nothing_is_sent(record):
    assert verdict(Cause.RESET, record) in (Verdict.ADOPT, Verdict.UNCERTAIN)
    assert recourse(Cause.RESET, record) is not Recourse.REPEAT


@every_row("cause", Cause)
def test_only_what_is_uncertain_and_known_to_be_repeatable_is_sent_with_its_key(cause):
    """Where it cannot be looked for, and nobody has begun anew."""
    leaving = [
        evolve(LEAVING, repeatable=repeatable, searchable=searchable)
        for repeatable in (False, True)
        for searchable in (False, True)
    ]
    for record in (None, ACCEPTED, "leaving", 7, {"phase": "leaving"}, *leaving):
        uncertain = verdict(cause, record) is Verdict.UNCERTAIN
        lonely = isinstance(record, Leaving) and record.repeatable and not record.searchable
        repeats = uncertain and lonely and cause is not Cause.RESET
        assert (recourse(cause, record) is Recourse.REPEAT) == repeats


@given(causes, records)
def test_only_what_could_be_told_from_its_equals_is_looked_for(cause, record):
    if recourse(cause, record) is Recourse.SEARCH:
        assert isinstance(record, Leaving)
        assert record.searchable


@every_row(
    ("cause", "record", "expected"),
    [
        (Cause.TIMED_OUT, None, Verdict.AGAIN),
        (Cause.TIMED_OUT, LEAVING, Verdict.UNCERTAIN),
        (Cause.TIMED_OUT, ACCEPTED, Verdict.ADOPT),
        (Cause.TIMED_OUT, "of a later version", Verdict.UNCERTAIN),
        (Cause.NOT_STARTED, None, Verdict.AGAIN),
        (Cause.REFUSED, None, Verdict.REFUSED),
        (Cause.LOST, None, Verdict.UNCERTAIN),
        (Cause.LOST, LEAVING, Verdict.UNCERTAIN),
        (Cause.RESET, None, Verdict.UNCERTAIN),
        (Cause.BROKEN, None, Verdict.UNCERTAIN),
    ],
)
def test_the_table_says(cause, record, expected):
    assert verdict(cause, record) is expected


@every_row(
    ("repeatable", "searchable", "expected"),
    [
        (False, False, Recourse.NONE),
        (True, False, Recourse.REPEAT),
        (False, True, Recourse.SEARCH),
    ],
)
@every_row("cause", [Cause.TIMED_OUT, Cause.LOST])
def test_what_is_uncertain_is_settled_as_the_service_can(cause, repeatable, searchable, expected):
    record = evolve(LEAVING, repeatable=repeatable, searchable=searchable)
    assert recourse(cause, record) is expected
