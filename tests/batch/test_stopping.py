"""What is wrong for all stops a batch: nothing more is sent, and paid jobs go their way."""

from __future__ import annotations

import logging

import aiohttp
import anyio
import pytest
from support.batches import client_for, prompts

from pika_async import (
    AuthenticationError,
    Batch,
    BatchStopped,
    ClientStateError,
    MoneyMeaning,
    NotSubmittedError,
    PermissionDeniedError,
    QuotaExceededError,
    read_journal,
    run_batch,
)
from pika_async._batch.record import JournalRecord
from pika_async._jobs.brake import Brake
from pika_async.simulator import Fault, Polls, Simulator

FOR_ALL = {
    "401-new-api-error": AuthenticationError,
    "401-quota-used-up": AuthenticationError,
    "403-quota-not-enough": QuotaExceededError,
    "402-quota-not-enough": QuotaExceededError,
}


@pytest.mark.parametrize(("fault", "cls"), FOR_ALL.items())
async def test_a_refused_key_and_a_used_up_balance_stop_the_submitting(fault, cls):
    faults = [Fault(fault, after=5, times=None)]
    async with Simulator(duration=Polls(2), faults=faults) as sim, client_for(sim) as client:
        results = await run_batch(client, prompts(40), max_in_flight=2)
        # Those that were on their way when the first refusal came.
        assert len(sim.submissions) <= 5 + 2
    refused = [result.error for result in results if isinstance(result.error, cls)]
    unsent = [result.error for result in results if isinstance(result.error, NotSubmittedError)]
    assert sum(result.ok for result in results) == 5
    assert 1 <= len(refused) <= 2
    assert len(unsent) == 40 - 5 - len(refused)
    for error in unsent:
        assert isinstance(error.cause, cls)
        assert error.money is MoneyMeaning.NOT_SENT


async def test_what_is_wrong_with_one_request_or_model_stops_nothing():
    faults = [Fault("403-forbidden", prompt="prompt 3"), Fault("400-openai", prompt="prompt 4")]
    async with Simulator(duration=Polls(1), faults=faults) as sim, client_for(sim) as client:
        results = await run_batch(client, prompts(10), max_in_flight=2)
    assert sum(result.ok for result in results) == 8
    assert isinstance(results[3].error, PermissionDeniedError)


async def test_jobs_that_are_paid_for_are_waited_for_to_their_end():
    faults = [Fault("401-new-api-error", after=4, times=None)]
    async with Simulator(duration=Polls(5), faults=faults) as sim, client_for(sim) as client:
        results = await run_batch(client, prompts(20), max_in_flight=8)
        assert len(sim.jobs) == 4
    assert sum(result.ok for result in results) == 4


async def test_a_submit_that_was_being_written_down_when_the_batch_stopped_stays(
    tmp_path, monkeypatch
):
    """It is not sent, and the next run finds the request as one that was never submitted."""
    stopped, leaving = anyio.Event(), JournalRecord.leaving

    async def slow(record, intent, quoted=None):
        await leaving(record, intent, quoted)
        if record.number == 1:
            await stopped.wait()

    def observer(event):
        if isinstance(event, BatchStopped):
            stopped.set()

    monkeypatch.setattr(JournalRecord, "leaving", slow)
    faults, journal = [Fault("401-new-api-error")], tmp_path / "run.journal"
    async with Simulator(faults=faults) as sim, client_for(sim, observer=observer) as client:
        results = await run_batch(client, prompts(2), max_in_flight=2, journal=journal)
        assert len(sim.submissions) == 1
    assert isinstance(results[1].error, NotSubmittedError)
    assert [entry.attempts for entry in read_journal(journal)] == [(), ()]


async def test_those_that_are_left_do_not_wait_for_their_turn_to_be_told_so(monkeypatch):
    """A hundred thousand of them would wait for a quarter of an hour."""
    turns = 0
    take = Brake.take

    def counted(brake):
        nonlocal turns
        turns += 1
        return take(brake)

    monkeypatch.setattr(Brake, "take", counted)
    faults = [Fault("401-new-api-error", times=None)]
    async with Simulator(faults=faults) as sim, client_for(sim) as client:
        results = await run_batch(client, prompts(200), max_in_flight=4)
    assert len(results) == 200
    assert turns <= 4


async def test_a_session_that_was_closed_underneath_stops_it_too():
    async with Simulator(duration=Polls(1)) as sim, aiohttp.ClientSession() as session:
        async with client_for(sim, session=session) as client:
            async with Batch(client, prompts(500), max_in_flight=2) as batch:
                assert (await anext(batch)).ok
                await session.close()
                with anyio.fail_after(20):
                    rest = [result async for result in batch]
        assert len(sim.submissions) < 10
    kinds = {type(result.error) for result in rest if not result.ok}
    assert kinds == {ClientStateError, NotSubmittedError}


async def test_it_is_said_once_in_the_log_and_told_once(caplog):
    told = []
    faults = [Fault("401-new-api-error", times=None)]
    async with Simulator(faults=faults) as sim, client_for(sim, observer=told.append) as client:
        await run_batch(client, prompts(30), max_in_flight=4)
    (record,) = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert "submits nothing more" in record.getMessage()
    assert len([event for event in told if isinstance(event, BatchStopped)]) == 1


async def test_what_was_never_sent_is_not_counted_as_failed():
    faults = [Fault("401-new-api-error", after=3, times=None)]
    async with Simulator(duration=Polls(1), faults=faults) as sim, client_for(sim) as client:
        async with Batch(client, prompts(20), max_in_flight=1) as batch:
            results = [result async for result in batch]
        stats = batch.stats
    assert (stats.succeeded, stats.failed, stats.not_submitted) == (3, 1, 16)
    assert stats.finished == len(results) == 20


async def test_with_a_journal_the_same_batch_goes_on_once_it_is_mended(tmp_path):
    journal = tmp_path / "journal"
    faults = [Fault("403-quota-not-enough", after=3, times=None)]
    async with Simulator(duration=Polls(1), faults=faults) as sim, client_for(sim) as client:
        first = await run_batch(client, prompts(10), journal=journal, max_in_flight=2)
        assert any("same journal" in str(result.error) for result in first)
        sim.faults.clear()
        again = await run_batch(client, prompts(10), journal=journal, max_in_flight=2)
        assert len(sim.jobs) == 10
    assert all(result.ok for result in again)


async def test_without_one_it_says_what_to_send_again():
    faults = [Fault("401-new-api-error", times=None)]
    async with Simulator(faults=faults) as sim, client_for(sim) as client:
        results = await run_batch(client, prompts(5), max_in_flight=1)
    assert "only those" in str(results[-1].error)
