"""What a journal tells a program: every request, its attempts, and its files."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from support.batches import client_for, prompts
from support.journals import START, add, create, succeeded

from pika_async import (
    Action,
    Batch,
    Failed,
    GenerationRequest,
    InvalidRequestError,
    JournalError,
    Money,
    MoneyMeaning,
    RateLimitError,
    SavedFile,
    Status,
    read_journal,
    run_batch,
)
from pika_async._journal import reader
from pika_async.dialects import Pika
from pika_async.simulator import Fault, Polls, Simulator


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "j.journal"


@pytest.fixture
def connections(monkeypatch):
    """The connections that were opened to read."""
    opened = []

    def watched(path):
        opened.append(reader_of(path))
        return opened[-1]

    reader_of = reader.read_only
    monkeypatch.setattr(reader, "read_only", watched)
    return opened


def is_closed(connection) -> bool:
    try:
        connection.execute("PRAGMA user_version")
    except sqlite3.ProgrammingError:
        return True
    return False


async def test_all_that_a_batch_wrote_of_a_request_is_told(journal, tmp_path):
    request = GenerationRequest("a red panda", seed=7)
    async with Simulator(duration=Polls(3)) as sim, client_for(sim) as client:
        (result,) = await run_batch(
            client, [request], journal=journal, output_dir=tmp_path / "videos"
        )
        (entry,) = read_journal(journal)
        (attempt,) = entry.attempts
        assert (attempt.service, attempt.base_url) == ("gateway", sim.url)
    assert (entry.prompt, dict(entry.request)) == (
        "a red panda",
        {"prompt": "a red panda", "seed": 7},
    )
    assert (entry.occurrence, entry.number, entry.index, entry.run.number) == (1, 0, 0, 1)
    assert (entry.status, attempt.status) == (Status.SUCCEEDED, Status.SUCCEEDED)
    assert (attempt.job_id, attempt.end) == (result.job_id, result.state)
    assert attempt.sent_at <= attempt.accepted_at <= attempt.running_at <= attempt.ended_at
    assert attempt.submit_id
    (path,) = result.files
    assert entry.files == (SavedFile(name=path.name, size=path.stat().st_size, place=0),)
    assert entry.problem is entry.refused_at is attempt.problem is None


def test_the_last_run_comes_first_in_its_order_then_what_only_earlier_ones_met(journal):
    add(journal, "left out early", run=1, position=0)
    add(journal, "left out late", run=2, position=7)
    add(journal, "second", run=3, position=1)
    add(journal, "first", run=3, position=0)
    assert [(entry.prompt, entry.run.number) for entry in read_journal(journal)] == [
        ("first", 3),
        ("second", 3),
        ("left out late", 2),
        ("left out early", 1),
    ]


def test_a_run_is_told_with_its_start_and_the_last_thing_noted_in_it(journal):
    add(journal, status="submitted", accepted_at=START + 9)
    (entry,) = read_journal(journal)
    assert (entry.run.started_at, entry.run.last_at, entry.run.seconds) == (START, START + 9, 9)


def test_attempts_come_in_the_order_in_which_they_were_sent_and_the_last_counts(journal):
    past = [
        {"status": "uncertain", "sent_at": START},
        {"status": "failed", "job_id": "job-1", "state": Failed(reason="it fell")},
    ]
    add(journal, status="succeeded", job_id="job-2", state=succeeded(), past=past)
    (entry,) = read_journal(journal)
    assert [attempt.status for attempt in entry.attempts] == ["uncertain", "failed", "succeeded"]
    assert entry.attempt is entry.attempts[-1]


def test_why_nothing_was_sent_is_told_while_there_is_no_attempt(journal):
    add(journal, problem=RateLimitError("slow", status=429))
    (entry,) = read_journal(journal)
    assert (entry.status, entry.attempt, entry.attempts, entry.files) == ("waiting", None, (), ())
    assert (entry.problem.kind, entry.problem.status) == ("RateLimitError", 429)
    assert entry.problem.money is MoneyMeaning.NOT_CHARGED
    assert entry.problem.advice.action is Action.TRY_LATER


def test_a_refusal_is_told_with_its_time(journal):
    add(journal, status="failed", problem=InvalidRequestError("no", status=422), ended_at=START + 3)
    (entry,) = read_journal(journal)
    assert (entry.status, entry.refused_at) == (Status.FAILED, START + 3)


async def test_what_came_in_the_way_before_the_submit_is_not_told_after_it(journal):
    async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
        sim.faults.append(Fault("422-detail"))
        await run_batch(client, ["a panda"], journal=journal)
        await run_batch(client, ["a panda"], journal=journal, retry_failed=True)
    (entry,) = read_journal(journal)
    assert (entry.status, entry.problem, entry.refused_at) == ("succeeded", None, None)


def test_addresses_of_the_service_and_the_body_are_told(journal):
    add(
        journal,
        status="submitted",
        hints='{"status": "https://queue.test/1"}',
        body='{"a":1}',
        digest="d",
        submit_id="key-1",
    )
    (attempt,) = (entry.attempt for entry in read_journal(journal))
    assert attempt.hints == {"status": "https://queue.test/1"}
    assert (attempt.body, attempt.digest, attempt.submit_id) == ('{"a":1}', "d", "key-1")


def test_what_an_attempt_was_taken_to_cost_and_what_it_did_cost_are_told(journal):
    money = {"quoted": 450_000, "quoted_currency": "USD", "charged": 3, "charged_currency": "EUR"}
    add(journal, status="submitted", **money)
    (attempt,) = (entry.attempt for entry in read_journal(journal))
    assert (attempt.quoted, attempt.charged) == (Money(450_000), Money(3, "EUR"))


def test_what_nobody_has_said_of_money_is_none(journal):
    add(journal, status="submitted")
    (attempt,) = (entry.attempt for entry in read_journal(journal))
    assert attempt.quoted is attempt.charged is None


async def test_the_caller_finds_metadata_again(journal):
    request = GenerationRequest("a panda", metadata={"sku": "A-7"})
    async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
        await run_batch(client, [request, "a cat"], journal=journal)
    first, second = read_journal(journal)
    assert (first.metadata, second.metadata) == ({"sku": "A-7"}, {})


async def test_what_a_service_charged_is_told_as_it_said_it(journal):
    async with Simulator(service="pika", duration=Polls(1)) as sim:
        async with client_for(sim, dialect=Pika()) as client:
            (result,) = await run_batch(client, ["a panda"], journal=journal)
    (attempt,) = (entry.attempt for entry in read_journal(journal))
    assert attempt.charged == result.state.charge
    assert attempt.charged is not None


@pytest.mark.parametrize(
    ("column", "value"), [("charged_currency", "dollars"), ("charged", "a lot")]
)
def test_money_that_is_none_is_named(journal, column, value):
    fields = {"charged": 1, "charged_currency": "USD"} | {column: value}
    add(journal, status="submitted", **fields)
    with pytest.raises(JournalError, match="request 1: ."):
        list(read_journal(journal))


def test_metadata_that_are_none_are_named(journal):
    add(journal, options={"metadata": [1, 2]})
    with pytest.raises(JournalError, match="request 1: ."):
        list(read_journal(journal))


class TestTheFile:
    def test_it_may_be_given_as_text(self, journal):
        add(journal)
        assert len(list(read_journal(str(journal)))) == 1

    def test_it_is_closed_at_the_end(self, journal, connections):
        add(journal)
        list(read_journal(journal))
        assert [is_closed(one) for one in connections] == [True]

    def test_it_is_closed_when_the_iterator_is_left_early(self, journal, connections):
        add(journal, "one")
        add(journal, "other")
        entries = read_journal(journal)
        next(entries)
        assert [is_closed(one) for one in connections] == [False]
        entries.close()
        assert [is_closed(one) for one in connections] == [True]

    def test_leaving_a_loop_over_it_closes_it(self, journal, connections):
        add(journal, "one")
        add(journal, "other")
        for _ in read_journal(journal):
            break
        assert [is_closed(one) for one in connections] == [True]

    def test_it_is_closed_where_it_cannot_be_read(self, journal, connections):
        create(journal)
        with closing(sqlite3.connect(journal)) as connection:
            connection.execute("DROP TABLE attempts")
        with pytest.raises(JournalError, match=r"j\.journal"):
            list(read_journal(journal))
        assert [is_closed(one) for one in connections] == [True]

    @pytest.mark.parametrize("method", ["count", "in_last_run"])
    def test_what_the_disk_refuses_is_told(self, journal, method, monkeypatch):
        for statement in ("_COUNT", "_OF_THE_LAST_RUN"):
            monkeypatch.setattr(reader, statement, "SELECT what FROM nowhere")
        add(journal)
        with reader.opened(journal) as opened:
            with pytest.raises(JournalError, match=r"j\.journal' cannot be read: no such table"):
                list(getattr(opened, method)())

    def test_what_is_not_there_is_an_error_at_the_first_entry(self, journal):
        entries = read_journal(journal)
        with pytest.raises(JournalError, match="there is no journal"):
            next(entries)
        assert not journal.exists()

    async def test_a_running_batch_is_seen_as_of_one_moment(self, journal):
        async with Simulator(duration=Polls(3)) as sim, client_for(sim) as client:
            async with Batch(client, prompts(6), max_in_flight=2, journal=journal) as batch:
                await anext(batch)
                entries = read_journal(journal)
                first = next(entries)
                rest = [result async for result in batch]
                told = [first, *entries]
        assert len(rest) == 5
        # At most two were in flight and one was taken when the reading began.
        assert len(told) < 6
        assert len(list(read_journal(journal))) == 6
