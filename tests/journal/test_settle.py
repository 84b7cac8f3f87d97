"""What a person decides about uncertain submits: written down whole, and counted as spent."""

from __future__ import annotations

import pytest
from support.batches import client_for
from support.journals import add

from pika_async import (
    Batch,
    BudgetError,
    FieldError,
    JournalError,
    Money,
    MoneyMeaning,
    Status,
    SubmissionUncertainError,
    read_journal,
    run_batch,
    settle_journal,
    uncertain_in,
)
from pika_async._journal import settle
from pika_async._journal.settle import begin_anew
from pika_async.simulator import Fault, Polls, Simulator


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "j.journal"


@pytest.fixture
async def sim():
    async with Simulator(duration=Polls(1)) as simulator:
        yield simulator


@pytest.fixture
def run(sim, journal):
    """A run of three prompts on the journal; "b" is lost the first time."""

    async def run(*, prompts=("a", "b", "c"), **choices):
        async with client_for(sim) as client:
            return await run_batch(
                client, prompts, journal=journal, max_in_flight=1, price=0.4, **choices
            )

    return run


@pytest.fixture
async def lost(sim, run):
    """The job that the lost submit of "b" has started."""
    sim.faults.append(Fault("reset-after", prompt="b"))
    results = await run(budget=10)
    assert isinstance(results[1].error, SubmissionUncertainError)
    return next(job_id for job_id in sim.jobs if job_id not in {one.job_id for one in results})


def bodies(sim):
    return [submission.body["promptText"] for submission in sim.submissions]


def stands(journal):
    return {entry.prompt: entry.status for entry in read_journal(journal)}


@pytest.mark.usefixtures("lost")
async def test_the_uncertain_ones_are_told(journal):
    (entry,) = uncertain_in(journal)
    assert (entry.number, entry.prompt, entry.status) == (1, "b", Status.UNCERTAIN)


async def test_a_job_that_was_found_is_waited_for_by_the_next_run(journal, sim, run, lost):
    assert settle_journal(journal, jobs={1: lost}) == []
    result = (await run())[1]
    assert (result.job_id, result.ok, result.resumed) == (lost, True, True)
    assert bodies(sim) == ["a", "b", "c"]


@pytest.mark.usefixtures("lost")
async def test_what_is_to_be_submitted_again_is_by_the_next_run_and_once(journal, sim, run):
    assert settle_journal(journal, resubmit=[1]) == []
    assert stands(journal)["b"] is Status.WAITING
    result = (await run())[1]
    assert (result.ok, result.resumed, result.number) == (True, False, 1)
    await run()
    assert bodies(sim) == ["a", "b", "c", "b"]


@pytest.mark.usefixtures("lost")
async def test_what_was_dropped_is_neither_submitted_nor_uncertain_any_more(journal, sim, run):
    assert settle_journal(journal, drop=[1]) == []
    result = (await run(resubmit_uncertain=True))[1]
    assert not isinstance(result.error, SubmissionUncertainError)
    assert "has been given up" in str(result.error)
    assert result.error.money is MoneyMeaning.MAY_BE_CHARGED
    assert bodies(sim) == ["a", "b", "c"]
    assert (await run(retry_failed=True))[1].ok
    assert bodies(sim) == ["a", "b", "c", "b"]


@pytest.mark.parametrize("way", ["resubmit", "drop"])
@pytest.mark.usefixtures("lost")
async def test_what_it_may_have_cost_stays_counted_as_spent(journal, sim, run, way):
    settle_journal(journal, **{way: [1]})
    # Three may have cost 0.40 each, and a fourth does not fit any more.
    results = await run(prompts=("a", "b", "c", "d"), budget=Money(1_500_000))
    assert isinstance(results[3].error, BudgetError)
    assert "there are $0.30 left" in str(results[3].error)
    assert bodies(sim) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("decided", "field"),
    [
        ({"drop": [0]}, "drop"),
        ({"resubmit": [7]}, "resubmit"),
        ({"jobs": {2: "x"}}, "jobs"),
        ({"jobs": {1: " "}}, "job_id"),
        ({"drop": [True]}, "number"),
        ({"drop": [1], "resubmit": [1]}, "number"),
        ({"drop": [1, 1]}, "number"),
        ({"drop": [1], "resubmit": [0]}, "resubmit"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("lost")
async def test_what_cannot_be_meant_is_refused_and_nothing_is_changed(journal, decided, field):
    before = list(read_journal(journal))
    with pytest.raises(FieldError) as caught:
        settle_journal(journal, **decided)
    assert caught.value.field == field
    assert list(read_journal(journal)) == before


@pytest.mark.usefixtures("lost")
async def test_a_job_of_another_request_is_not_taken_for_the_lost_one(journal):
    other = next(entry.attempt.job_id for entry in read_journal(journal) if entry.prompt == "a")
    before = list(read_journal(journal))
    with pytest.raises(FieldError, match="of another request"):
        settle_journal(journal, jobs={1: other})
    assert list(read_journal(journal)) == before


@pytest.mark.usefixtures("lost")
async def test_one_job_is_not_that_of_two_requests(journal, sim, run):
    sim.faults.append(Fault("reset-after", prompt="d"))
    await run(prompts=("a", "b", "c", "d"))
    with pytest.raises(FieldError, match="of another request"):
        settle_journal(journal, jobs={1: "x", 3: "x"})
    assert [entry.number for entry in uncertain_in(journal)] == [1, 3]


@pytest.mark.usefixtures("lost")
async def test_to_settle_is_no_run(journal):
    before = {entry.prompt: entry.run for entry in read_journal(journal)}
    settle_journal(journal, drop=[1])
    assert {entry.prompt: entry.run for entry in read_journal(journal)} == before


def test_a_journal_that_is_not_there_is_not_made(journal):
    with pytest.raises(JournalError):
        settle_journal(journal, drop=[1])
    assert list(journal.parent.iterdir()) == []


@pytest.mark.usefixtures("lost")
async def test_a_journal_that_a_batch_writes_to_is_left_alone(journal, sim, run):
    sim.duration = Polls(2)

    async def during():
        yield "a"
        with pytest.raises(JournalError, match="in use"):
            settle_journal(journal, drop=[1])
        yield "e"

    await run(prompts=during())
    assert [entry.number for entry in uncertain_in(journal)] == [1]


def test_what_is_open_is_looked_up_once_however_many_are_decided_about(journal, monkeypatch):
    """An outage may leave ten thousand, and each was looked for among all of them."""

    def statements(count):
        path = journal.with_suffix(f".{count}")
        for number in range(count):
            add(path, f"a panda {number}", "uncertain", sent_at=1.0, submit_id=f"k{number}")
        made = []

        class Traced(settle.JournalFile):
            def __init__(self, *arguments):
                super().__init__(*arguments)
                self.connection.set_trace_callback(made.append)

        monkeypatch.setattr(settle, "JournalFile", Traced)
        jobs = {number: f"job {number}" for number in range(count // 2)}
        settle_journal(path, jobs=jobs, resubmit=range(count // 2, count))
        assert uncertain_in(path) == []
        return [one for one in made if "JOIN attempts" in one]

    assert len(statements(4)) == len(statements(8))


@pytest.mark.usefixtures("lost")
async def test_a_crash_in_the_middle_changes_nothing(journal, monkeypatch):
    def crash(*_):
        raise KeyboardInterrupt

    before = list(read_journal(journal))
    monkeypatch.setattr(settle, "settled_record", crash)
    with pytest.raises(KeyboardInterrupt):
        settle_journal(journal, drop=[1])
    assert list(read_journal(journal)) == before


class TestAServiceThatIsNoMore:
    """Simulated jobs end with the run that simulated them."""

    async def test_what_was_under_way_there_is_submitted_anew_and_counts_no_more(
        self, sim, run, journal
    ):
        sim.duration = Polls(1000)
        await run(timeout=0)
        assert begin_anew(journal, {sim.url}.__contains__) == 3
        sim.duration = Polls(1)
        results = await run(budget=1.2)
        assert [result.error for result in results] == [None] * 3
        assert bodies(sim) == ["a", "b", "c"] * 2

    @pytest.mark.usefixtures("lost")
    async def test_so_is_a_submit_whose_end_nobody_knows(self, sim, run, journal):
        assert begin_anew(journal, {sim.url}.__contains__) == 1
        assert [result.error for result in await run()] == [None] * 3
        assert bodies(sim) == ["a", "b", "c", "b"]

    async def test_what_is_under_way_elsewhere_or_done_stays_as_it_is(self, sim, run, journal):
        await run(prompts=["a"])
        sim.duration = Polls(1000)
        await run(timeout=0)
        before = read(journal)
        assert begin_anew(journal, {"http://another"}.__contains__) == 0
        assert begin_anew(journal, lambda _: False) == 0
        assert read(journal) == before
        assert begin_anew(journal, {sim.url}.__contains__) == 2
        assert next(read_journal(journal)).status is Status.SUCCEEDED

    async def test_of_two_services_only_the_jobs_of_the_one_that_is_no_more(
        self, sim, run, journal
    ):
        sim.duration = Polls(1000)
        await run(prompts=["a"], timeout=0)
        async with Simulator(duration=Polls(1000)) as other, client_for(other) as client:
            await run_batch(client, ["b"], journal=journal, timeout=0)
            assert begin_anew(journal, {other.url}.__contains__) == 1
        attempts = {entry.prompt: entry.attempts for entry in read_journal(journal)}
        assert [attempt.status for attempt in attempts["a"]] == [Status.SUBMITTED]
        assert [attempt.status for attempt in attempts["b"]] != [Status.SUBMITTED]

    async def test_a_journal_in_use_is_refused(self, sim, run, journal):
        sim.duration = Polls(1000)
        await run(timeout=0)
        async with client_for(sim) as client, Batch(client, ["a"], journal=journal):
            with pytest.raises(JournalError):
                begin_anew(journal, {sim.url}.__contains__)


def read(journal):
    return [(entry.status, entry.attempts) for entry in read_journal(journal)]
