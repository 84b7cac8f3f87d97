"""What the engine tells of a failed submit, as it is read: only a proof leads to another POST."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from support.tables import every_row
from temporalio.exceptions import (
    ApplicationError,
    CancelledError,
    ServerError,
    TimeoutError,  # noqa: A004 - the engine's word
    TimeoutType,
)

from pika_async._request.record import Intent
from pika_async.temporal._codec import to_plain
from pika_async.temporal._failures import as_failure, told_by
from pika_async.temporal._records import Accepted, Leaving, Said
from pika_async.temporal._verdict import Cause, Verdict, verdict

NOW = datetime(2026, 11, 28, tzinfo=UTC)
INTENT = Intent(service="gateway", base_url="https://x", submit_id="1", digest="2", body="{}")
LEAVING = Leaving(sent_at=NOW, fingerprint="f0", intent=INTENT, repeatable=False, searchable=False)
ACCEPTED = Accepted(job_id="d06e", sent_at=NOW)

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
# Some that are nearly records.
details = plain | st.dictionaries(
    st.sampled_from(["phase", "sent_at", "job_id", "fingerprint", "error", "meaning", "sent"]),
    st.sampled_from(["leaving", "accepted", "nothing"]) | plain,
)


def leads_to(failure):
    told = told_by(failure)
    return verdict(told.cause, told.record)


def timed_out(*details):
    return TimeoutError("", type=TimeoutType.START_TO_CLOSE, last_heartbeat_details=details)


def test_a_timeout_leads_to_what_its_last_record_proves():
    assert leads_to(timed_out()) is Verdict.AGAIN
    assert leads_to(timed_out(to_plain(LEAVING))) is Verdict.UNCERTAIN
    assert leads_to(timed_out(to_plain(ACCEPTED))) is Verdict.ADOPT
    assert told_by(timed_out(to_plain(ACCEPTED))).record == ACCEPTED


@given(details)
def test_a_timeout_with_a_record_that_nobody_understands_is_uncertain(said):
    """It was written before something left, by a later version perhaps."""
    assert leads_to(timed_out(said)) is not Verdict.AGAIN


@given(st.sampled_from([cause for cause in Cause if cause is not Cause.TIMED_OUT]), details)
def test_a_failure_whose_words_nobody_understands_proves_nothing(cause, said):
    failure = ApplicationError("", said, type=f"pika.{cause}")
    if told_by(failure).said is None:
        assert leads_to(failure) is Verdict.UNCERTAIN


@every_row(
    "failure",
    [
        None,
        RuntimeError("a worker that is not ours"),
        ApplicationError("", type="RuntimeError"),
        ApplicationError("", type="pika.of_a_later_version"),
        ApplicationError("", type="pika.not_started"),
        ApplicationError("HeartbeatDetails exceeds size limit.", type="HeartbeatDetails"),
        ServerError("the engine failed"),
        CancelledError("by somebody"),
    ],
    ids=repr,
)
def test_any_other_failure_proves_nothing(failure):
    assert leads_to(failure) is Verdict.UNCERTAIN


@every_row("cause", [cause for cause in Cause if cause is not Cause.TIMED_OUT])
def test_what_our_own_worker_says_is_read_as_it_was_meant(cause):
    said = Said(error="RateLimitError", meaning="later", seconds=7.0, sent=LEAVING)
    raised = as_failure(cause, said)
    # As it comes out of a history.
    read = ApplicationError(raised.message, to_plain(said), type=raised.type)
    told = told_by(read)
    assert (told.cause, told.said, told.record) == (cause, said, LEAVING)
