"""Every fault of the wire on real sockets: what a submit and a poll make of it.

The first table is DESIGN's submit table row by row: which error, and how many POSTs arrive when
only the first is faulty (2 only where nothing can have been started).
"""

from __future__ import annotations

import pytest
from support.wire import KEY, wired

from pika_async import (
    APIError,
    AuthenticationError,
    DecodeError,
    GenerationRequest,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    PikaError,
    QuotaExceededError,
    RetryPolicy,
    ServerError,
    SubmissionUncertainError,
    TransportError,
)
from pika_async._meaning import Started
from pika_async.simulator import FAULTS, Fault, Polls, Simulator

REQUEST = GenerationRequest("a red panda surfing")
UNCERTAIN = SubmissionUncertainError

# fmt: off
SUBMIT = {
    # sent again: nothing can have been started
    "429-openai":                         None,
    "429-empty":                          None,
    "429-fail-to-fetch-task":             None,
    "429-retry-after-seconds":            None,
    "429-retry-after-date":               None,
    "503-retry-after":                    None,
    # refused: the matching error, not sent again
    "401-new-api-error":                  AuthenticationError,
    "401-quota-used-up":                  AuthenticationError,
    "402-quota-not-enough":               QuotaExceededError,
    "403-forbidden":                      PermissionDeniedError,
    "403-quota-not-enough":               QuotaExceededError,
    "400-invalid-request":                InvalidRequestError,
    "400-openai":                         InvalidRequestError,
    "413-html":                           InvalidRequestError,
    "422-detail":                         InvalidRequestError,
    "404-wrong-path":                     NotFoundError,
    "fail-to-fetch-task-400":             InvalidRequestError,
    "503-no-channel":                     ServerError,
    "425":                                APIError,
    "redirect-other-origin":              APIError,
    "200-html":                           DecodeError,
    "200-success-false":                  APIError,
    "200-error":                          APIError,
    "200-code":                           APIError,
    # may have been started: never sent again
    "fail-to-fetch-task-500":             UNCERTAIN,
    "500-do-request-failed":              UNCERTAIN,
    "500-read-response-body-failed":      UNCERTAIN,
    "500-unmarshal-response-body-failed": UNCERTAIN,
    "500-insert-task-failed":             UNCERTAIN,
    "500-panic":                          UNCERTAIN,
    "500-empty":                          UNCERTAIN,
    "502-html":                           UNCERTAIN,
    "503-html":                           UNCERTAIN,
    "504-html":                           UNCERTAIN,
    "504-empty":                          UNCERTAIN,
    "520-html":                           UNCERTAIN,
    "524-html":                           UNCERTAIN,
    "408":                                UNCERTAIN,
    "200-empty":                          UNCERTAIN,
    "200-list":                           UNCERTAIN,
    "200-no-id":                          UNCERTAIN,
    "reset-before":                       UNCERTAIN,
    "reset-after":                        UNCERTAIN,
    "closed-before":                      UNCERTAIN,
    "closed-after":                       UNCERTAIN,
    "truncated":                          UNCERTAIN,
    "stalled":                            UNCERTAIN,
    "slow-headers":                       UNCERTAIN,
}

POLL_RAISES = {
    # raised at once, with the job id
    "401-new-api-error":                  AuthenticationError,
    "401-quota-used-up":                  AuthenticationError,
    "402-quota-not-enough":               QuotaExceededError,
    "403-forbidden":                      PermissionDeniedError,
    "403-quota-not-enough":               QuotaExceededError,
    "400-invalid-request":                InvalidRequestError,
    "400-openai":                         InvalidRequestError,
    "422-detail":                         InvalidRequestError,
    "fail-to-fetch-task-400":             InvalidRequestError,
}
# fmt: on

SILENT = {"stalled", "slow-headers"}


def rows(place: str) -> list[str]:
    return [name for name, row in FAULTS.items() if place in row.places and name != "custom"]


def timeout_for(name: str) -> float:
    # Only the silent ones wait for it; the others must not depend on how fast the machine is.
    return 0.3 if name in SILENT else 30.0


def test_the_submit_table_has_a_row_for_every_fault() -> None:
    assert sorted(SUBMIT) == sorted(rows("submit"))


@pytest.mark.parametrize("name", rows("submit"))
async def test_a_submit_is_sent_again_only_where_nothing_was_started(name: str) -> None:
    async with (
        Simulator(duration=0, faults=[Fault(name, on="submit")]) as sim,
        wired(sim, request_timeout=timeout_for(name)) as wire,
    ):
        expected = SUBMIT[name]
        if expected is None:
            accepted = await wire.submit(REQUEST)
            assert list(sim.jobs) == [accepted.id]
            assert len(sim.submissions) == 2
            return
        with pytest.raises(PikaError) as caught:
            await wire.submit(REQUEST)
        assert type(caught.value) is expected
        assert len(sim.submissions) == 1
        assert KEY not in f"{caught.value}{caught.value!r}{caught.value.__cause__!r}"
        if expected is not UNCERTAIN:
            assert not sim.jobs, "an error that says nothing was started, while a job runs"
            assert "Nothing was started" in str(caught.value)


@pytest.mark.parametrize("name", [name for name in SUBMIT if SUBMIT[name] is UNCERTAIN])
async def test_an_uncertain_submit_says_what_was_sent_and_when(name: str) -> None:
    async with (
        Simulator(faults=[Fault(name, times=None)]) as sim,
        wired(sim, request_timeout=timeout_for(name)) as wire,
    ):
        with pytest.raises(SubmissionUncertainError, match="may be billed") as caught:
            await wire.submit(REQUEST)
        error = caught.value
        assert error.request == REQUEST
        assert len(error.fingerprint) == 64
        assert error.sent_at.utcoffset() is not None
        assert isinstance(error.cause, PikaError)
        assert error.cause is error.__cause__


@pytest.mark.parametrize("name", [name for name in SUBMIT if SUBMIT[name] is None])
async def test_a_busy_service_is_asked_a_bounded_number_of_times(name: str) -> None:
    async with (
        Simulator(faults=[Fault(name, times=None)]) as sim,
        wired(sim, retry=RetryPolicy(attempts=3)) as wire,
    ):
        with pytest.raises(APIError, match="tried 3 times"):
            await wire.submit(REQUEST)
        assert len(sim.submissions) == 3
        assert not sim.jobs


@pytest.mark.parametrize("name", rows("poll"))
async def test_one_bad_poll_does_not_fail_a_job_that_was_paid_for(name: str) -> None:
    async with (
        Simulator(duration=Polls(3), faults=[Fault(name, on="poll", after=1)]) as sim,
        wired(sim) as patient,
        wired(sim, request_timeout=timeout_for(name)) as wire,
    ):
        accepted = await patient.submit(REQUEST)
        job = wire.job(accepted.id)
        if name in POLL_RAISES:
            with pytest.raises(PikaError) as caught:
                await job.result()
            assert type(caught.value) is POLL_RAISES[name]
            assert caught.value.job_id == accepted.id
            assert KEY not in f"{caught.value}{caught.value!r}"
            return
        assert (await job.result()).video.job_id == accepted.id
        assert len(sim.submissions) == 1
        assert [poll.fault.name for poll in sim.polls if poll.fault] == [name]


@pytest.mark.parametrize("place", ["submit", "poll"])
async def test_a_redirect_never_takes_the_key_to_another_origin(place: str) -> None:
    async with (
        Simulator(duration=0, faults=[Fault("redirect-other-origin", on=place, times=None)]) as sim,
        wired(sim, retry=RetryPolicy(outage_budget=0)) as wire,
    ):
        with pytest.raises(APIError) as caught:
            job_id = (await wire.submit(REQUEST)).id
            await wire.job(job_id).result()
        assert caught.value.status == 307
        assert sim.strays == []


async def test_a_refused_connection_is_tried_again_with_backoff_and_then_raised() -> None:
    async with Simulator() as sim, wired(sim) as wire:
        async with sim.unreachable():
            with pytest.raises(TransportError, match="could not be reached") as caught:
                await wire.submit(REQUEST)
        assert caught.value.started is Started.NO
        assert "Nothing was started" in str(caught.value)
        assert wire.clock.naps == [0.5, 1.0, 2.0, 4.0]
        assert sim.submissions == []


async def test_a_refused_connection_on_polls_is_waited_out() -> None:
    async with Simulator(duration=0) as sim, wired(sim) as wire:
        job_id = (await wire.submit(REQUEST)).id
        async with sim.unreachable():
            with pytest.raises(TransportError):
                await wire.job(job_id).refresh()
        assert (await wire.job(job_id).result()).video


async def test_jobs_of_another_key_are_not_found_and_the_error_says_so() -> None:
    async with Simulator(api_key="another-key") as sim, wired(sim) as wire:
        with pytest.raises(AuthenticationError) as caught:
            await wire.submit(REQUEST)
        assert KEY not in str(caught.value)


@pytest.mark.parametrize("how", ["400", "404", "empty"])
async def test_an_unknown_job_is_a_not_found_error(how) -> None:
    async with Simulator(unknown_job=how) as sim, wired(sim) as wire:
        with pytest.raises(NotFoundError) as caught:
            await wire.job("no-such-job").result()
        assert caught.value.job_id == "no-such-job"
