"""Every fault of the wire on real sockets: what a right client makes of it on submit and on poll.

What is right stands in the tables of support/faults, a row a fault; each row is held against the
service's own books: how many POSTs arrived, and how many jobs there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.batches import client_for
from support.faults.every import each
from support.faults.table import Poll, Submit, Table, Truth
from support.held_loop import on_a_leaping_loop
from support.wire import KEY, wired

from pika_async import (
    APIError,
    AuthenticationError,
    GenerationRequest,
    NotFoundError,
    PikaError,
    RetryPolicy,
    SubmissionUncertainError,
    SubmitUncertain,
    TransportError,
)
from pika_async._meaning import Started
from pika_async.simulator import Fault, Polls, Simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

REQUEST = GenerationRequest("a red panda surfing")
# Seconds of a clock that leaps over silence, and stands still else.
TIMEOUT = 1.0


def submits(*dealt_with: object) -> pytest.MarkDecorator:
    return each(lambda table: table.on_submit(*dealt_with))


def polls(*dealt_with: object) -> pytest.MarkDecorator:
    return each(lambda table: table.on_poll(*dealt_with))


def raising(rows: Callable[[Table], Iterable[Truth]], place: str) -> pytest.MarkDecorator:
    """The rows at which a client raises an error that the table names."""
    return each(lambda table: (row for row in rows(table) if isinstance(getattr(row, place), type)))


@submits(Submit.AGAIN, Submit.SAME_AGAIN)
@on_a_leaping_loop
async def test_a_submit_is_sent_again_where_that_cannot_pay_twice(
    table: Table, truth: Truth
) -> None:
    async with (
        Simulator(service=table.service, duration=0, faults=[Fault(truth.name)]) as sim,
        wired(sim, request_timeout=TIMEOUT) as wire,
    ):
        accepted = await wire.submit(REQUEST)
        assert list(sim.jobs) == [accepted.id]
        assert len(sim.submissions) == 2
        assert wire.told(SubmitUncertain) == []


@raising(Table.on_submit, "submit")
async def test_a_refused_submit_raises_its_error_and_nothing_was_started(
    table: Table, truth: Truth
) -> None:
    async with (
        Simulator(service=table.service, faults=[Fault(truth.name)]) as sim,
        wired(sim) as wire,
    ):
        with pytest.raises(PikaError) as caught:
            await wire.submit(REQUEST)
        assert type(caught.value) is truth.submit
        assert caught.value.started is Started.NO
        assert "Nothing was started" in str(caught.value)
        assert KEY not in f"{caught.value}{caught.value!r}{caught.value.__cause__!r}"
        assert (len(sim.submissions), len(sim.jobs)) == (1, 0)


@submits(Submit.UNCERTAIN)
@on_a_leaping_loop
async def test_an_uncertain_submit_is_sent_once_and_says_what_and_when(
    table: Table, truth: Truth
) -> None:
    async with (
        Simulator(service=table.service, faults=[Fault(truth.name)]) as sim,
        wired(sim, request_timeout=TIMEOUT) as wire,
    ):
        with pytest.raises(SubmissionUncertainError, match="may be billed") as caught:
            await wire.submit(REQUEST)
        error = caught.value
        assert error.request == REQUEST
        assert len(error.fingerprint) == 64
        assert error.sent_at.utcoffset() is not None
        assert isinstance(error.cause, PikaError)
        assert error.cause is error.__cause__
        assert KEY not in f"{error}{error!r}{error.__cause__!r}"
        assert (len(sim.submissions), len(sim.jobs)) == (1, int(truth.started))


@submits(Submit.NAMED)
async def test_a_job_that_the_failed_answer_names_is_settled_by_one_look(
    table: Table, truth: Truth
) -> None:
    async with (
        Simulator(service=table.service, faults=[Fault(truth.name)]) as sim,
        wired(sim) as wire,
    ):
        assert [(await wire.submit(REQUEST)).id] == list(sim.jobs)
        assert len(sim.submissions) == 1


@submits(Submit.AGAIN)
async def test_a_busy_service_is_asked_a_bounded_number_of_times(
    table: Table, truth: Truth
) -> None:
    async with (
        Simulator(service=table.service, faults=[Fault(truth.name, times=None)]) as sim,
        wired(sim, retry=RetryPolicy(attempts=3)) as wire,
    ):
        with pytest.raises(APIError, match="tried 3 times"):
            await wire.submit(REQUEST)
        assert len(sim.submissions) == 3
        assert not sim.jobs


@submits(Submit.SAME_AGAIN)
@on_a_leaping_loop
async def test_a_repeated_key_leaves_no_submit_uncertain_while_the_outage_budget_lasts(
    table: Table, truth: Truth
) -> None:
    # More often than a submit may be tried where nothing is known to have been started.
    fault = Fault(truth.name, times=8)
    async with (
        Simulator(service=table.service, duration=0, faults=[fault]) as sim,
        wired(sim, request_timeout=TIMEOUT, retry=RetryPolicy(attempts=2)) as wire,
    ):
        accepted = await wire.submit(REQUEST)
        assert list(sim.jobs) == [accepted.id]
        assert len(sim.submissions) == fault.times + 1
        assert len({str(sorted(sent.headers.items())) for sent in sim.submissions}) == 1
        assert all(sent.body == sim.submissions[0].body for sent in sim.submissions)
        assert wire.told(SubmitUncertain) == []


@submits(Submit.SAME_AGAIN)
@on_a_leaping_loop
async def test_a_submit_is_uncertain_once_the_outage_budget_is_used_up(
    table: Table, truth: Truth
) -> None:
    faults = [Fault(truth.name, times=None)]
    retry = RetryPolicy(jitter=0.0, outage_budget=6)
    async with (
        Simulator(service=table.service, faults=faults) as sim,
        wired(sim, request_timeout=TIMEOUT, retry=retry) as wire,
    ):
        with pytest.raises(SubmissionUncertainError, match="may be billed"):
            await wire.submit(REQUEST)
        assert len(sim.jobs) == int(truth.started)


@polls(*Poll)
@on_a_leaping_loop
async def test_one_bad_poll_does_not_fail_a_job_that_was_paid_for(
    table: Table, truth: Truth
) -> None:
    fault = Fault(truth.name, on="poll", after=1)
    async with (
        Simulator(service=table.service, duration=Polls(3), faults=[fault]) as sim,
        wired(sim, request_timeout=TIMEOUT) as before,
        wired(sim, request_timeout=TIMEOUT) as wire,
    ):
        accepted = await before.submit(REQUEST)
        done = await wire.job(accepted.id).result()
        assert done.video.job_id == accepted.id
        assert len(sim.submissions) == 1
        assert [poll.fault.name for poll in sim.polls if poll.fault] == [truth.name]


@raising(Table.on_poll, "poll")
async def test_a_poll_that_is_refused_raises_with_the_job_id_and_the_job_can_be_had_later(
    table: Table, truth: Truth
) -> None:
    fault = Fault(truth.name, on="poll", after=1)
    async with (
        Simulator(service=table.service, duration=Polls(3), faults=[fault]) as sim,
        wired(sim) as wire,
    ):
        accepted = await wire.submit(REQUEST)
        with pytest.raises(PikaError) as caught:
            await wire.job(accepted.id).result()
        assert type(caught.value) is truth.poll
        assert caught.value.job_id == accepted.id
        assert KEY not in f"{caught.value}{caught.value!r}"
        assert (await wire.job(accepted.id).result()).video.job_id == accepted.id
        assert len(sim.submissions) == 1


@polls(Poll.GRACE, Poll.EMPTY)
async def test_a_job_of_ones_own_that_has_not_appeared_yet_is_waited_for(
    table: Table, truth: Truth
) -> None:
    faults = [Fault(truth.name, on="poll", times=3)]
    async with (
        Simulator(service=table.service, duration=0, faults=faults) as sim,
        client_for(sim) as client,
    ):
        done = await (await client.submit(REQUEST)).result()
        assert [done.video.job_id] == list(sim.jobs)
        assert len(sim.polls) == 4


@polls(Poll.GRACE)
async def test_of_a_re_attached_job_that_is_not_found_the_service_is_believed(
    table: Table, truth: Truth
) -> None:
    faults = [Fault(truth.name, on="poll", times=None)]
    async with (
        Simulator(service=table.service, faults=faults) as sim,
        wired(sim) as wire,
    ):
        with pytest.raises(NotFoundError) as caught:
            await wire.job("paid-for-long-ago").result()
        assert caught.value.job_id == "paid-for-long-ago"
        assert len(sim.polls) == 1


@polls(Poll.EMPTY)
async def test_an_empty_answer_is_believed_after_a_minute(table: Table, truth: Truth) -> None:
    faults = [Fault(truth.name, on="poll", times=None)]
    async with (
        Simulator(service=table.service, faults=faults) as sim,
        wired(sim) as wire,
    ):
        with pytest.raises(NotFoundError):
            await wire.job("paid-for-long-ago").result()
        assert sum(wire.clock.naps) == pytest.approx(60.0)


@polls(Poll.WAITED_OUT)
@on_a_leaping_loop
async def test_an_outage_that_lasts_ends_with_its_last_error_which_names_the_job(
    table: Table, truth: Truth
) -> None:
    faults = [Fault(truth.name, on="poll", times=None)]
    retry = RetryPolicy(outage_budget=0)
    async with (
        Simulator(service=table.service, faults=faults) as sim,
        wired(sim, request_timeout=TIMEOUT, retry=retry) as wire,
    ):
        with pytest.raises(PikaError) as caught:
            await wire.job("paid-for-long-ago").result()
        assert type(caught.value) is not NotFoundError or truth.seen == 404
        assert caught.value.job_id == "paid-for-long-ago"
        assert caught.value.started is Started.YES


@polls(Poll.WAITED_OUT)
@on_a_leaping_loop
async def test_a_re_attached_job_is_waited_for_through_it_too(table: Table, truth: Truth) -> None:
    faults = [Fault(truth.name, on="poll", times=2)]
    async with (
        Simulator(service=table.service, duration=0, faults=faults) as sim,
        wired(sim, request_timeout=TIMEOUT) as before,
        wired(sim, request_timeout=TIMEOUT) as wire,
    ):
        job_id = (await before.submit(REQUEST)).id
        assert (await wire.job(job_id).result()).video
        assert len(sim.polls) == 3


@pytest.mark.parametrize("name", ["403-challenge", "403-empty", "401-empty", "401-html"])
async def test_one_page_of_a_firewall_among_hundreds_of_polls_ends_no_wait(name: str) -> None:
    faults = [Fault(name, on="poll", times=None, probability=0.1)]
    async with (
        Simulator(duration=Polls(300), faults=faults, seed=7) as sim,
        wired(sim) as wire,
    ):
        assert (await (await wire.submit(REQUEST)).result()).video
        assert sum(poll.fault is not None for poll in sim.polls) > 20


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
