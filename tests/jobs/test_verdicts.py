"""May a failed request be sent again? The table row by row, and the delays."""

from __future__ import annotations

import math

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables import every_row

from pika_async import (
    APIError,
    AuthenticationError,
    ClientStateError,
    ConfigurationError,
    DecodeError,
    InvalidRequestError,
    JobFailedError,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    RetryPolicy,
    ServerError,
    TransportError,
    TransportTimeoutError,
)
from pika_async._jobs.verdicts import VERDICTS, Symptom, Verdict, after_poll, after_submit, symptom
from pika_async._meaning import Started

AGAIN, RAISE, UNCERTAIN, GRACE = Verdict.AGAIN, Verdict.RAISE, Verdict.UNCERTAIN, Verdict.GRACE

# What happened, as the contract's table has it; the error it arrives as; then: on submit, on poll.
# fmt: off
TABLE = {
    "another origin asked for":
        (ConfigurationError("not on the service's own origin"), RAISE, RAISE),
    "a closed client":
        (ClientStateError("closed"), RAISE, RAISE),
    "connection refused, name not resolved, TLS failed":
        (TransportError(started=Started.NO), AGAIN, AGAIN),
    "connect or pool timeout":
        (TransportTimeoutError(started=Started.NO), AGAIN, AGAIN),
    "429":
        (RateLimitError(status=429), AGAIN, AGAIN),
    "429 with Retry-After":
        (RateLimitError(status=429, retry_after=7.0), AGAIN, AGAIN),
    "503 with Retry-After":
        (ServerError(status=503, retry_after=7.0), AGAIN, AGAIN),
    "503 with Retry-After, whatever its body":
        (ServerError(status=503, retry_after=7, started=Started.MAYBE), AGAIN, AGAIN),
    "503 with Retry-After of zero":
        (ServerError(status=503, retry_after=0.0, started=Started.MAYBE), AGAIN, AGAIN),
    "400":
        (InvalidRequestError(status=400), RAISE, RAISE),
    "401":
        (AuthenticationError(status=401), RAISE, RAISE),
    "401 with a code that the call behind it had begun":
        (AuthenticationError(status=401, started=Started.MAYBE), UNCERTAIN, AGAIN),
    "402":
        (QuotaExceededError(status=402), RAISE, RAISE),
    "403":
        (PermissionDeniedError(status=403), RAISE, RAISE),
    "403 for want of money":
        (QuotaExceededError(status=403), RAISE, RAISE),
    **{f"{status} that the API did not say itself":
        (cls(status=status, is_api_answer=False), RAISE, AGAIN)
       for status, cls in ((400, InvalidRequestError), (401, AuthenticationError),
                           (402, QuotaExceededError), (403, PermissionDeniedError),
                           (404, NotFoundError), (409, APIError), (413, InvalidRequestError))},
    "401 that the API did not say itself, of perhaps started work":
        (AuthenticationError(status=401, started=Started.MAYBE, is_api_answer=False),
         UNCERTAIN, AGAIN),
    "425 without a word":
        (APIError(status=425, is_api_answer=False), RAISE, AGAIN),
    "429 without a word":
        (RateLimitError(status=429, is_api_answer=False), AGAIN, AGAIN),
    "a redirect with a page":
        (APIError(status=302, is_api_answer=False), RAISE, AGAIN),
    "404":
        (NotFoundError(status=404), RAISE, GRACE),
    "no such job, said with 200":
        (NotFoundError(status=200), RAISE, GRACE),
    "409":
        (APIError(status=409), RAISE, RAISE),
    "425":
        (APIError(status=425), RAISE, AGAIN),
    "5xx that says it started nothing":
        (ServerError(status=503), RAISE, AGAIN),
    "5xx that is not the API's":
        (ServerError(status=502, started=Started.MAYBE), UNCERTAIN, AGAIN),
    "502 with Retry-After":
        (ServerError(status=502, retry_after=7.0, started=Started.MAYBE), UNCERTAIN, AGAIN),
    "408":
        (APIError(status=408, started=Started.MAYBE), UNCERTAIN, AGAIN),
    "a code of after the upstream call began":
        (APIError(status=400, started=Started.MAYBE), UNCERTAIN, AGAIN),
    "reset, closed, truncated after the request began to leave":
        (TransportError(started=Started.MAYBE), UNCERTAIN, AGAIN),
    "timed out after the request began to leave":
        (TransportTimeoutError(started=Started.MAYBE), UNCERTAIN, AGAIN),
    "2xx that is no page and names no job":
        (DecodeError(status=200, started=Started.MAYBE), UNCERTAIN, AGAIN),
    "2xx that is an error in its body":
        (APIError(status=200), RAISE, AGAIN),
    "2xx that is an error of perhaps started work":
        (APIError(status=200, started=Started.MAYBE), UNCERTAIN, AGAIN),
    "2xx HTML":
        (DecodeError(status=200), RAISE, AGAIN),
    "a redirect":
        (APIError(status=307), RAISE, AGAIN),
}
# fmt: on


@every_row(("error", "on_submit", "on_poll"), list(TABLE.values()), ids=list(TABLE))
def test_the_table_decides_what_a_failure_leads_to(error, on_submit, on_poll):
    assert (after_submit(error), after_poll(error)) == (on_submit, on_poll)


def test_every_symptom_has_a_verdict_and_occurs():
    assert set(VERDICTS) == set(Symptom)
    assert {symptom(error) for error, _, _ in TABLE.values()} == set(Symptom)


def test_no_symptom_of_a_job_that_may_exist_leads_to_a_second_submit():
    again = {row for row, (on_submit, _, _) in VERDICTS.items() if on_submit is AGAIN}
    assert again == {Symptom.UNREACHED, Symptom.BUSY}


def test_polls_are_never_uncertain():
    assert UNCERTAIN not in {on_poll for _, _, on_poll in VERDICTS.values()}


@given(
    st.sampled_from([APIError, ServerError, InvalidRequestError]),
    st.integers(min_value=100, max_value=599),
    st.none() | st.floats(min_value=0, max_value=1e6),
)
def test_whatever_may_have_started_is_sent_again_only_for_a_503_with_retry_after(cls, status, wait):
    error = cls(status=status, retry_after=wait, started=Started.MAYBE)
    asked = cls is ServerError and status == 503 and wait is not None
    assert after_submit(error) is (AGAIN if asked else UNCERTAIN)


@every_row("ask", [after_submit, after_poll])
def test_an_error_that_no_request_ends_with_is_no_symptom_and_is_raised_at_once(ask):
    error = JobFailedError("failed", job_id="j", state=None)
    with pytest.raises(JobFailedError) as caught:
        ask(error)
    assert caught.value is error


class TestDelay:
    def test_it_doubles_from_half_a_second_to_twenty(self):
        policy = RetryPolicy(jitter=0)
        delays = [policy.delay(failures, None, 0.5) for failures in range(1, 9)]
        assert delays == [0.5, 1, 2, 4, 8, 16, 20, 20]

    @given(st.integers(1, 10**9), st.floats(0, 1, exclude_max=True))
    def test_backoff_stays_within_maximum_and_jitter_however_many_failures(self, failures, chance):
        policy = RetryPolicy()
        delay = policy.delay(failures, None, chance)
        assert 0 < delay <= policy.maximum * (1 + policy.jitter)

    @given(
        st.floats(min_value=0, exclude_min=True, max_value=120),
        st.integers(1, 100),
        st.floats(0, 1, exclude_max=True),
    )
    def test_retry_after_is_honoured_and_never_undercut(self, asked, failures, chance):
        policy = RetryPolicy()
        delay = policy.delay(failures, RateLimitError(status=429, retry_after=asked), chance)
        assert asked <= delay <= asked * (1 + policy.jitter / 2)

    @every_row("asked", [121, 10**9, math.inf, 10**300])
    def test_a_longer_retry_after_is_cut_to_the_maximum(self, asked):
        policy = RetryPolicy()
        error = ServerError(status=503, retry_after=asked)
        assert policy.delay(1, error, 0.0) == 120
        assert policy.delay(1, error, 0.999) <= 120 * (1 + policy.jitter / 2)

    def test_retry_after_is_spread_so_that_not_all_come_back_at_once(self):
        error = RateLimitError(status=429, retry_after=8)
        assert RetryPolicy().delay(1, error, 0.1) != RetryPolicy().delay(1, error, 0.9)

    @every_row("asked", [0, 0.0, None])
    def test_a_retry_after_of_nothing_is_backed_off_from_all_the_same(self, asked):
        # A date that has passed comes as zero; without this, polls would follow without a pause.
        error = RateLimitError(status=429, retry_after=asked)
        assert RetryPolicy(jitter=0).delay(3, error, 0.5) == 2

    @every_row(
        "error", [TransportError("reset"), DecodeError(status=200)], ids=lambda e: type(e).__name__
    )
    def test_errors_that_know_no_retry_after_are_backed_off_from(self, error):
        assert RetryPolicy(jitter=0).delay(1, error, 0.5) == 0.5


class TestPolicy:
    def test_its_defaults_are_those_that_the_contract_names(self):
        assert RetryPolicy().outage_budget == 300
        assert RetryPolicy().attempts == 5

    @every_row("value", [0, -1, 1.5, True, "3", None, math.nan], ids=repr)
    def test_attempts_are_a_whole_number_from_one(self, value):
        with pytest.raises(
            ValueError, match=r"^attempts: .* is not allowed; .* whole number from 1"
        ):
            RetryPolicy(attempts=value)

    @every_row("value", [-1, math.nan, math.inf, None, "5", True], ids=repr)
    @every_row(
        "name",
        [field.name for field in attrs.fields(RetryPolicy) if field.name != "attempts"],
    )
    def test_everything_else_is_a_number_in_range(self, name, value):
        with pytest.raises(ValueError, match=f"^{name}: .* is not allowed; allowed is a number"):
            RetryPolicy(**{name: value})

    def test_zero_means_at_once_and_no_patience(self):
        policy = RetryPolicy(
            attempts=1, initial=0, maximum=0, jitter=0, retry_after_maximum=0, outage_budget=0
        )
        assert policy.delay(5, RateLimitError(status=429, retry_after=60), 0.5) == 0

    def test_it_is_frozen_and_takes_keywords_only(self):
        with pytest.raises(TypeError):
            RetryPolicy(3)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            RetryPolicy().attempts = 3


class TestWithARepeatableKey:
    """At a service that takes a repeated key for the same submit."""

    def test_what_is_uncertain_elsewhere_is_asked_again_with_the_same_key(self):
        for plain, keyed, _ in VERDICTS.values():
            if plain is UNCERTAIN:
                assert keyed is Verdict.SAME_AGAIN

    def test_a_5xx_that_names_no_job_is_asked_again_too(self):
        error = ServerError(status=500)
        assert after_submit(error) is RAISE
        assert after_submit(error, repeatable=True) is Verdict.SAME_AGAIN

    def test_all_else_is_as_without_keys(self):
        differ = {row for row, (plain, keyed, _) in VERDICTS.items() if plain is not keyed}
        assert differ == {
            Symptom.DECLINED,
            Symptom.UNCLEAR,
            Symptom.UNREADABLE,
            Symptom.BROKEN_OFF,
        }

    def test_without_a_key_nothing_is_sent_again_as_the_same(self):
        assert Verdict.SAME_AGAIN not in {plain for plain, _, _ in VERDICTS.values()}
