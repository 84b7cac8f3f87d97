"""A batch begins with what the jobs of its journal tell of how long jobs take."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from support.batches import client_for, prompts

from pika_async import AdaptivePolling, Batch, FixedPolling, run_batch
from pika_async.simulator import Polls, Simulator


@pytest.fixture
async def journal(tmp_path):
    """Of twenty jobs, each of which took 75 s."""
    path = tmp_path / "run.journal"
    async with Simulator(duration=Polls(1)) as sim:
        async with client_for(sim, polling=FixedPolling(0.01)) as client:
            await run_batch(client, prompts(20), journal=path)
        # Long before this run, which sees none of them end.
        change(path, "accepted_at = accepted_at - 1000, ended_at = accepted_at - 925")
        yield path, sim


def change(path, assignments):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE attempts SET {assignments}")  # noqa: S608
    # Beside it stands which job was written down.
    path.with_name(f"{path.name}-lock").unlink(missing_ok=True)


async def learnt(path, sim, polling=None, **settings):
    """What a policy knows once a batch has been entered."""
    polling = polling or AdaptivePolling()
    async with client_for(sim, polling=polling, **settings) as client:
        async with Batch(client, [], journal=path):
            return polling.estimate()


async def test_a_new_process_knows_how_long_the_jobs_of_its_journal_took(journal):
    """So that its first jobs need not be looked at every few seconds."""
    estimate = await learnt(*journal)
    assert (estimate.jobs, estimate.basis) == (pytest.approx(20, rel=0.1), "durations")
    assert estimate.median == pytest.approx(75, rel=0.1)


async def test_what_the_policy_knows_itself_stays(journal):
    """Its client has seen jobs since."""
    polling = AdaptivePolling()
    polling.learn([5.0] * 50)
    assert (await learnt(*journal, polling)).median == pytest.approx(5, rel=0.2)


async def test_jobs_that_one_run_submitted_and_another_saw_end_tell_nothing(journal):
    """Nobody looked meanwhile."""
    path, sim = journal
    change(path, "accepted_at = accepted_at - 1000")
    with closing(sqlite3.connect(path)) as connection, connection:
        (begun,) = connection.execute("SELECT max(started_at) FROM runs").fetchone()
        connection.execute("UPDATE attempts SET ended_at = ?", (begun + 1,))
    assert (await learnt(path, sim)).jobs == 0


async def test_jobs_of_another_service_tell_nothing(journal):
    path, _ = journal
    async with Simulator(duration=Polls(1)) as other:
        assert (await learnt(path, other)).jobs == 0


async def test_jobs_that_failed_tell_nothing(journal):
    """They end when they like."""
    path, sim = journal
    change(path, "status = 'failed'")
    assert (await learnt(path, sim)).jobs == 0


async def test_a_policy_of_ones_own_is_left_alone(journal):
    path, sim = journal
    async with (
        client_for(sim, polling=FixedPolling(1.0)) as client,
        Batch(client, [], journal=path),
    ):
        assert client.polling == FixedPolling(1.0)
