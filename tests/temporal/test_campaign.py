"""Campaigns on a real engine: every line at most once, within every limit that was said."""

from __future__ import annotations

import sqlite3
import uuid
from collections import Counter
from contextlib import asynccontextmanager, closing

import anyio
import pytest
from attrs import evolve
from support.engine import posted
from support.ledger import pandas
from support.scene import reset, scene
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus

from pika_async import ConfigurationError, FieldError, GenerationRequest, Money
from pika_async.simulator import Fault
from pika_async.temporal import (
    Campaign,
    CampaignError,
    Declined,
    Dropped,
    Finished,
    GenerateVideo,
    NoAnswerError,
    Refused,
    Uncertain,
    Why,
    _finishing,
)
from pika_async.temporal._account import account
from pika_async.temporal._campaign import campaign, halting, page
from pika_async.temporal._contents.files import begin, read_manifest, seal
from pika_async.temporal._contents.repairs import add_repair
from pika_async.temporal._messages.pages import PageOrder
from pika_async.temporal._store.store import open_store

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]


def prompts(count, about="a red panda"):
    return [GenerationRequest(f"{about} {number:03}", seed=number) for number in range(count)]


@asynccontextmanager
async def started(at, folder, lines, *, page_size=500, **options):
    """A campaign of these lines, with a worker."""
    options = {"max_in_flight": 10} | options
    async with at.worker():
        yield await at.campaign(folder, lines, page_size=page_size, **options)


async def until(holds, campaign_=None):
    """Return once it holds, of the campaign's progress if there is one."""
    with anyio.fail_after(180):
        while not holds(*([await campaign_.progress()] if campaign_ else [])):  # noqa: ASYNC110
            await anyio.sleep(0.05)


async def ended(campaign_):
    with anyio.fail_after(90):
        return await campaign_.result()


async def outcomes(campaign_):
    return [result.outcome async for result in campaign_.results()]


def numbers(sim):
    """How many jobs each line has at the service."""
    return Counter(str(job.body).split("a red panda ")[1][:3] for job in sim.jobs.values())


def most_at_once(*sims):
    """The most jobs that were in flight at any instant, by the service's own clock."""
    moments = []
    for job in (job for sim in sims for job in sim.jobs.values()):
        moments += [(job.submitted_at, 1), (job.finished_at, -1)]
    running = most = 0
    for _, change in sorted(moments):
        running += change
        most = max(most, running)
    return most


async def test_every_line_becomes_a_video_in_the_store(engine, tmp_path):
    """Each once, and under its own number."""
    lines = [evolve(line, metadata={"sku": line.prompt[-3:]}) for line in prompts(60)]
    async with scene(engine) as at, started(at, tmp_path, lines, page_size=25) as campaign_:
        progress = await ended(campaign_)
    assert (progress.succeeded, progress.submitted, progress.ended) == (60, 60, True)
    assert set(numbers(at.sim).values()) == {1}
    found = [result async for result in campaign_.results()]
    assert [result.request.prompt[-3:] for result in found] == [line.prompt[-3:] for line in lines]
    for result in found:
        (file,) = result.outcome.files
        assert (tmp_path / file).stat().st_size > 0
        assert result.metadata == {"sku": result.request.prompt[-3:]}
    assert len({result.outcome.files for result in found}) == 60


SIGNED = "https://bucket.example/cat.png?X-Amz-Signature=5ecre7-0f-mine&Expires=17"


async def test_neither_the_key_nor_a_prompt_is_kept_by_the_engine(engine, tmp_path, request):
    """Histories and the engine's own database hold numbers alone.

    Nor the key in a signed link, nor anything of ``extra``, also where a service quotes them.
    """
    quoting = {"error": {"message": f"cannot load {SIGNED}: 0wn-t0ken", "type": "invalid_request"}}
    faults = [Fault("reset-after", started=True), Fault("custom", status=400, body=quoting)]
    async with scene(engine, *faults) as at:
        own = {"image": SIGNED, "extra": {"0wn-name": ["0wn-t0ken", 9021044771]}}
        lines = [evolve(line, **own) for line in prompts(5, "a violet hippopotamus")]
        async with started(at, tmp_path / "store", lines) as campaign_:
            progress = await ended(campaign_)
        assert (progress.succeeded, progress.uncertain, progress.refused) == (3, 1, 1)
        assert all("5ecre7-0f-mine" in str(each.body) for each in at.sim.submissions)
    folders = request.getfixturevalue("tmp_path_factory").getbasetemp().glob("engine*[0-9]")
    for database in (folder / "engine.db" for folder in folders):
        with closing(sqlite3.connect(database)) as connection:
            dump = "\n".join(connection.iterdump())
        own = (b"5ecre7-0f-mine", b"0wn-name", b"0wn-t0ken", b"9021044771")
        for words in (b"violet hippopotamus", b"violet-hippopotamus", b"a-secret-key", *own):
            assert words.hex().upper() not in dump
            assert words.decode() not in dump


async def test_a_video_that_cannot_be_saved_is_told_of_without_words_of_its_prompt(
    engine, tmp_path
):
    """Its name begins with them; it is saved once that is mended."""
    async with scene(engine) as at:
        (tmp_path / "videos").write_text("in the way")
        lines = prompts(1, "a violet hippopotamus")
        async with started(at, tmp_path, lines) as campaign_:
            await until(lambda progress: progress.troubles, campaign_)
            (trouble,) = (await campaign_.progress()).troubles
            assert "videos" in trouble
            assert "violet" not in trouble
            (tmp_path / "videos").unlink()
            assert (await ended(campaign_)).succeeded == 1


async def test_never_more_jobs_are_in_flight_than_was_said_over_two_campaigns_on_one_key(
    engine, tmp_path
):
    """The second begins while the first has everything, and the limit is changed on the way."""
    async with scene(engine, duration=0.5) as at:
        async with started(at, tmp_path / "a", prompts(80), page_size=20, max_in_flight=12) as one:
            await until(lambda progress: progress.in_flight == 12, one)
            await Campaign.prepare(prompts(40), tmp_path / "b", page_size=20)
            two = await Campaign.start(
                at.client, uuid.uuid4().hex, tmp_path / "b", account=at.queue, queue=at.queue
            )
            await until(lambda progress: progress.share == 6, two)
            assert (await one.progress()).share == 6
            await ended(two)
            await until(lambda progress: progress.share == 12 or progress.ended, one)
            assert (await ended(one)).succeeded == 80
    assert most_at_once(at.sim) == 12


@pytest.mark.long
async def test_a_lower_limit_is_kept_as_soon_as_jobs_have_ended(engine, tmp_path):
    async with (
        scene(engine, duration=0.5) as at,
        started(at, tmp_path, prompts(60), max_in_flight=20) as campaign_,
    ):
        await until(lambda progress: progress.in_flight == 20, campaign_)
        await campaign_.set_max_in_flight(3)
        await until(lambda progress: progress.in_flight <= 3, campaign_)
        before = set(at.sim.jobs)
        assert (await ended(campaign_)).succeeded == 60
        late = [job for name, job in at.sim.jobs.items() if name not in before]
        at.sim.jobs = {job.id: job for job in late}
        assert most_at_once(at.sim) <= 3


async def test_a_pause_lets_jobs_end_and_submits_nothing_until_it_is_resumed(engine, tmp_path):
    async with scene(engine) as at, started(at, tmp_path, prompts(60)) as campaign_:
        await until(lambda progress: progress.submitted >= 10, campaign_)
        await campaign_.pause("lunch")
        await until(lambda progress: progress.in_flight == 0, campaign_)
        progress, posts = await campaign_.progress(), len(at.sim.submissions)
        assert (progress.paused, progress.succeeded) == ("lunch", progress.submitted)
        await anyio.sleep(0.5)
        assert len(at.sim.submissions) == posts
        await campaign_.resume()
        assert (await ended(campaign_)).succeeded == 60
    assert set(numbers(at.sim).values()) == {1}


@pytest.mark.parametrize("fault", ["401-new-api-error", "403-quota-not-enough"])
async def test_a_refused_key_and_an_empty_balance_pause_the_campaign_and_fail_nothing(
    engine, tmp_path, fault
):
    """When somebody has mended it, the same lines are submitted."""
    async with scene(engine) as at, started(at, tmp_path, prompts(40), page_size=10) as campaign_:
        await until(lambda progress: progress.submitted >= 5, campaign_)
        at.sim.faults.append(Fault(fault, times=None))
        await until(lambda progress: progress.paused is not None, campaign_)
        await until(lambda progress: progress.in_flight == 0, campaign_)
        refusals = len(at.sim.submissions) - len(at.sim.jobs)
        # Those under way, and those that took their places before their pages had heard of it.
        assert 1 <= refusals <= 20
        at.sim.faults.clear()
        await campaign_.resume()
        progress = await ended(campaign_)
        assert (progress.succeeded, progress.refused) == (40, 0)
    assert set(numbers(at.sim).values()) == {1}


@pytest.mark.long
async def test_where_no_answer_comes_any_more_the_campaign_is_held(engine, tmp_path):
    """Else a broken proxy would leave each of its lines uncertain, and each perhaps paid for."""
    async with scene(engine) as at, started(at, tmp_path, prompts(40), max_in_flight=4) as one:
        at.sim.faults.append(Fault("reset-after", times=None, started=True))
        await until(lambda progress: progress.paused is not None, one)
        await until(lambda progress: progress.in_flight == 0, one)
        assert "answers to 10 submits in a row were lost" in (await one.progress()).paused
        # Those that were under way by then came to the same.
        assert 10 <= len(at.sim.submissions) <= 13
        at.sim.faults.clear()
        await one.resume()
        progress = await ended(one)
        assert progress.succeeded + progress.uncertain == 40
        assert progress.uncertain <= 13
    assert set(numbers(at.sim).values()) == {1}


@pytest.mark.long
async def test_answers_that_are_lost_in_between_hold_nothing(engine, tmp_path):
    """Submits are answered in between, and their jobs run on: the way to the service works."""
    async with scene(engine, duration=8) as at:
        lines = prompts(40)
        for line in lines[::3]:
            at.sim.faults.append(Fault("reset-after", prompt=line.prompt, started=True))
        async with started(at, tmp_path, lines, max_in_flight=40) as one:
            await until(lambda progress: progress.uncertain == 14, one)
            await until(lambda progress: progress.submitted == 26, one)
            assert (await one.progress()).paused is None
            progress = await ended(one)
            assert (progress.succeeded, progress.uncertain) == (26, 14)
    assert set(numbers(at.sim).values()) == {1}


@pytest.mark.long
async def test_where_the_service_has_no_room_all_lines_of_a_page_wait_together(engine, tmp_path):
    """One tries again; a page has no room for the tries of all."""
    async with scene(engine) as at, started(at, tmp_path, prompts(40)) as campaign_:
        at.sim.faults.append(Fault("429-openai", times=6, retry_after=1))
        progress = await ended(campaign_)
        assert (progress.succeeded, progress.refused) == (40, 0)
        assert len(at.sim.submissions) == 46
    assert set(numbers(at.sim).values()) == {1}


async def test_a_page_whose_history_is_full_submits_nothing_more_and_writes_down_what_it_has(
    engine, tmp_path, monkeypatch
):
    """Else the engine would end it, and what was paid for would be forgotten."""
    monkeypatch.setattr(halting, "MOST_EVENTS", 40)
    async with scene(engine) as at:
        at.sim.faults.append(Fault("429-openai", times=None, after=2))
        async with started(at, tmp_path, prompts(6), max_in_flight=1) as campaign_:
            progress = await ended(campaign_)
        found = await outcomes(campaign_)
    assert (progress.succeeded, progress.refused) == (2, 4)
    assert all("resubmit" in each.meaning for each in found if isinstance(each, Refused))


async def test_after_a_pause_a_submit_that_is_uncertain_does_not_stop_the_others(engine, tmp_path):
    """It had the one pass, and another line gets it."""
    async with scene(engine) as at:
        at.sim.faults.append(Fault("429-openai", times=1, retry_after=1))
        at.sim.faults.append(Fault("reset-after", times=1, started=True))
        async with started(at, tmp_path, prompts(4), max_in_flight=1) as campaign_:
            progress = await ended(campaign_)
    assert (progress.succeeded, progress.uncertain) == (3, 1)


async def test_after_a_pause_a_refused_key_holds_the_campaign_only_until_it_is_resumed(
    engine, tmp_path
):
    async with scene(engine) as at:
        at.sim.faults.append(Fault("429-openai", times=1, retry_after=1))
        at.sim.faults.append(Fault("401-new-api-error", times=1))
        async with started(at, tmp_path, prompts(4), max_in_flight=1) as campaign_:
            await until(lambda progress: progress.paused is not None, campaign_)
            await campaign_.resume()
            assert (await ended(campaign_)).succeeded == 4


@pytest.mark.long
async def test_no_more_submits_a_second_leave_than_was_said(engine, tmp_path):
    """The engine's limit is an average, with a burst at the start."""
    async with (
        scene(engine) as at,
        started(at, tmp_path, prompts(60), max_in_flight=50, submits_per_second=10) as campaign_,
    ):
        await ended(campaign_)
        times = sorted(job.submitted_at for job in at.sim.jobs.values())
        # 60 at 10 a second, of which two seconds' worth may leave at once.
        assert times[-1] - times[0] >= 3.0


async def test_a_line_that_the_service_refuses_is_refused_alone(engine, tmp_path):
    async with scene(engine) as at, started(at, tmp_path, prompts(5)) as campaign_:
        at.sim.faults.append(Fault("400-invalid-request", times=1))
        progress = await ended(campaign_)
    assert (progress.succeeded, progress.refused, progress.not_submitted) == (4, 1, 0)
    assert [type(each) for each in await outcomes(campaign_)].count(Refused) == 1


async def test_a_job_that_fails_and_one_that_does_not_end_are_failed_lines(engine, tmp_path):
    async with (
        scene(engine, duration=60) as at,
        started(at, tmp_path, prompts(2), timeout=1.0) as campaign_,
    ):
        progress = await ended(campaign_)
        found = await outcomes(campaign_)
    assert progress.failed == 2
    assert all(isinstance(each, Declined) and each.code == "timeout" for each in found)


@pytest.mark.parametrize("service", ["gateway", "pika", "fal"])
async def test_a_budget_is_never_passed_and_the_rest_waits_for_more(engine, tmp_path, service):
    """Also with pages that run side by side."""
    price = {"gateway": 100_000, "pika": None, "fal": None}[service]
    async with scene(engine, service=service) as at:
        lines = prompts(40)
        quote = Money(price) if price else await one_quote(at, lines[0])
        async with started(
            at,
            tmp_path,
            lines,
            page_size=10,
            max_in_flight=60,
            budget=12 * quote,
            price=price and Money(price),
        ) as campaign_:
            await until(lambda progress: progress.paused is not None, campaign_)
            progress = await campaign_.progress()
            assert "budget" in progress.paused
            assert len(at.sim.jobs) == 12
            assert progress.cost.micros <= 12 * quote.micros
            await campaign_.resume(budget=30 * quote)
            await until(lambda progress: progress.paused is not None, campaign_)
            assert len(at.sim.jobs) == 30
            await campaign_.stop()
            progress = await ended(campaign_)
            assert (progress.succeeded, progress.refused, progress.not_submitted) == (30, 10, 10)
            assert progress.cost == 30 * quote
    assert set(numbers(at.sim).values()) == {1}


async def one_quote(at, line):
    from pika_async import PikaClient  # noqa: PLC0415

    async with PikaClient("a-secret-key", base_url=at.sim.url, dialect=at.sim.dialect) as client:
        return await client.quote(line)


async def test_a_budget_without_a_price_pauses_at_a_service_that_quotes_nothing(engine, tmp_path):
    async with (
        scene(engine) as at,
        started(at, tmp_path, prompts(3), budget=Money(10_000_000)) as campaign_,
    ):
        await until(lambda progress: progress.paused is not None, campaign_)
        assert "price" in (await campaign_.progress()).paused
        assert at.sim.submissions == []
        await campaign_.stop()
        assert (await ended(campaign_)).refused == 3


async def test_a_campaign_that_is_held_lets_others_have_its_share(engine, tmp_path):
    """However long it takes until somebody sees to it."""
    async with scene(engine) as at:
        held = started(at, tmp_path / "a", prompts(12), budget=Money(10_000_000))
        async with held as one:
            await until(lambda progress: progress.paused is not None, one)
            await Campaign.prepare(prompts(12), tmp_path / "b")
            two = await Campaign.start(
                at.client, uuid.uuid4().hex, tmp_path / "b", queue=at.queue, account=at.queue
            )
            with anyio.fail_after(180):
                assert (await two.result()).succeeded == 12
            await one.stop()
            await ended(one)


@pytest.mark.long
async def test_what_a_page_was_granted_that_ended_without_a_word_counts_as_spent(engine, tmp_path):
    """It may have paid for all of it; the budget holds all the same."""
    async with scene(engine, service="pika", duration=30) as at:
        quote = await one_quote(at, prompts(1)[0])
        async with started(
            at, tmp_path, prompts(8), page_size=4, max_in_flight=4, budget=5 * quote
        ) as campaign_:
            await until(lambda progress: progress.in_flight == 4, campaign_)
            page_id = f"{campaign_.id}/page/000000"
            await at.client.get_workflow_handle(page_id).terminate()
            await until(lambda progress: progress.paused is not None, campaign_)
            assert len(at.sim.jobs) <= 5
            await campaign_.stop()
            await until(lambda progress: progress.stopped, campaign_)


async def test_a_stop_waits_for_what_is_paid_for_and_writes_everything_down(engine, tmp_path):
    async with scene(engine, duration=1) as at, started(at, tmp_path, prompts(40)) as campaign_:
        await until(lambda progress: progress.submitted >= 5, campaign_)
        await campaign_.stop()
        progress = await ended(campaign_)
        found = await outcomes(campaign_)
    assert progress.succeeded == len(at.sim.jobs) == sum(isinstance(e, Finished) for e in found)
    assert progress.succeeded + progress.refused == 40


async def test_a_campaign_that_is_cancelled_stops(engine, tmp_path):
    async with scene(engine, duration=1) as at, started(at, tmp_path, prompts(40)) as campaign_:
        await until(lambda progress: progress.submitted >= 5, campaign_)
        await at.client.get_workflow_handle(campaign_.id).cancel()
        progress = await ended(campaign_)
    assert progress.stopped
    assert progress.succeeded == len(at.sim.jobs)


async def test_a_campaign_that_is_terminated_writes_down_what_was_paid_for(engine, tmp_path):
    """Its pages end by themselves, and the account gets its share back."""
    async with scene(engine, duration=1) as at, started(at, tmp_path, prompts(40)) as campaign_:
        await until(lambda progress: progress.submitted >= 10, campaign_)
        await at.client.get_workflow_handle(campaign_.id).terminate()
        with pytest.raises(CampaignError, match="did not end by itself"):
            await campaign_.result()
        handle = at.client.get_workflow_handle(f"{campaign_.id}/page/000000")
        await handle.result()
        found = await outcomes(campaign_)
    assert sum(isinstance(each, Finished) for each in found) == len(at.sim.jobs)
    assert {type(each) for each in found} == {Finished, Refused}


async def test_a_page_that_was_sealed_is_never_submitted_again(engine, tmp_path):
    """Also once the engine has forgotten that it has run."""
    await Campaign.prepare(prompts(20), tmp_path, page_size=10)
    store = open_store(tmp_path)
    done = tuple(Finished(job_id=f"job-{place}", videos=(), files=("x",)) for place in range(10))
    await seal(store, 0, done)
    async with scene(engine) as at, started(at, tmp_path, prompts(20), page_size=10) as campaign_:
        assert (await ended(campaign_)).succeeded == 20
    assert sorted(numbers(at.sim)) == [f"{number:03}" for number in range(10, 20)]


async def test_a_page_that_another_run_has_begun_is_uncertain_and_not_submitted(engine, tmp_path):
    """Nobody knows what that one has sent, once the engine has forgotten it."""

    await Campaign.prepare(prompts(4), tmp_path)
    assert await begin(open_store(tmp_path), 0, "a run of long ago")
    async with scene(engine) as at, started(at, tmp_path, prompts(4)) as campaign_:
        assert (await ended(campaign_)).uncertain == 4
        assert at.sim.submissions == []
        found = await outcomes(campaign_)
    assert found == [Uncertain(fingerprint=None, sent_at=None, why=Why.BEGUN_ANEW)] * 4


async def test_what_was_prepared_for_one_service_is_not_paid_for_at_another(engine, tmp_path):
    """Its worker says so, and waits for one of that service."""
    await Campaign.prepare(prompts(4), tmp_path, service="pika")
    async with scene(engine) as at, started(at, tmp_path, prompts(4)) as campaign_:
        await until(lambda progress: progress.troubles, campaign_)
        (trouble,) = (await campaign_.progress()).troubles
        assert "for the service pika, and this worker works for gateway" in trouble
        assert at.sim.submissions == []
        for name in (f"{campaign_.id}/page/000000", campaign_.id):
            await at.client.get_workflow_handle(name).terminate()
    assert not (tmp_path / "begun").exists()


async def test_a_campaign_that_has_been_started_is_not_started_again(engine, tmp_path):
    async with scene(engine) as at, started(at, tmp_path, prompts(3)) as campaign_:
        for name in (campaign_.id, "another name"):
            with pytest.raises(CampaignError, match="nothing was started now"):
                await Campaign.start(at.client, name, tmp_path, queue=at.queue)
        await ended(campaign_)
        assert len(at.sim.submissions) == 3


async def test_what_a_campaign_that_has_ended_has_left_may_be_carried_on(engine, tmp_path):
    """Under another name: what was not begun is submitted, what was sealed stays."""
    async with scene(engine) as at, started(at, tmp_path, prompts(30), page_size=10) as one:
        again = {"queue": at.queue, "account": at.queue, "max_in_flight": 10, "carry_on": True}
        await until(lambda progress: progress.submitted >= 5, one)
        with pytest.raises(CampaignError, match="has not ended yet"):
            await Campaign.start(at.client, "another name", tmp_path, **again)
        await one.stop()
        first = await ended(one)
        two = await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **again)
        second = await ended(two)
    assert first.succeeded + (second.succeeded - first.succeeded) == len(at.sim.jobs)
    assert second.taken == 30
    assert set(numbers(at.sim).values()) == {1}


async def test_what_a_terminated_campaign_still_waits_for_is_not_taken_for_left(engine, tmp_path):
    """Its pages run on; what they wait for would be written down as uncertain."""
    async with scene(engine, duration=2) as at, started(at, tmp_path, prompts(4)) as one:
        again = {"queue": at.queue, "account": at.queue, "carry_on": True}
        await until(lambda progress: progress.in_flight == 4, one)
        await at.client.get_workflow_handle(one.id).terminate()
        with pytest.raises(CampaignError, match="still waits for jobs that are paid for"):
            await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **again)
        await at.client.get_workflow_handle(f"{one.id}/page/000000").result()
        with pytest.raises(CampaignError, match="nothing is left to start"):
            await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **again)
        assert [type(each) for each in await outcomes(one)] == [Finished] * 4
    assert len(at.sim.jobs) == 4


async def test_of_two_that_carry_on_the_same_campaign_one_is_started(engine, tmp_path):
    """The other one would take its open pages for abandoned ones."""
    async with (
        scene(engine, duration=1) as at,
        started(at, tmp_path, prompts(8), page_size=2, max_in_flight=1) as one,
    ):
        again = {"queue": at.queue, "account": at.queue, "carry_on": True}
        await until(lambda progress: progress.submitted == 1, one)
        await one.stop()
        await ended(one)
        two = await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **again)
        with pytest.raises(CampaignError, match="has not ended yet"):
            await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **again)
        assert (await ended(two)).succeeded == 7


async def test_a_page_that_is_reset_while_it_is_open_goes_on_and_pays_for_nothing_twice(
    engine, tmp_path
):
    """The engine tells its campaign that it was terminated, which is not its end."""
    async with scene(engine, duration=1) as at, started(at, tmp_path, prompts(30)) as campaign_:
        await until(lambda progress: progress.succeeded >= 5, campaign_)
        handle = at.client.get_workflow_handle(f"{campaign_.id}/page/000000")
        events = [event async for event in handle.fetch_history_events()]
        ends = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
        last = [event.event_id for event in events if event.event_type == ends][-1]
        await reset(at.client, handle, last)
        progress = await ended(campaign_)
        found = await outcomes(campaign_)
    assert set(numbers(at.sim).values()) == {1}
    assert progress.succeeded >= 5
    assert progress.succeeded == sum(isinstance(each, Finished) for each in found)
    named = {each.job_id for each in found if isinstance(each, Finished)}
    unsure = sum(isinstance(each, Uncertain) for each in found)
    assert len(at.sim.jobs) - len(named) <= unsure
    assert progress.succeeded + progress.uncertain == 30


async def test_a_page_whose_name_is_taken_by_something_else_is_worked_through_all_the_same(
    engine, tmp_path
):
    """Under another name; the note in the store says that nobody has begun it."""
    await Campaign.prepare(prompts(3), tmp_path)
    async with scene(engine) as at, at.worker():
        name = uuid.uuid4().hex
        taken = await at.client.start_workflow(
            GenerateVideo.run, "a cat", id=f"{name}/page/000000", task_queue="nobody's"
        )
        campaign_ = await Campaign.start(
            at.client, name, tmp_path, queue=at.queue, account=at.queue
        )
        assert (await ended(campaign_)).succeeded == 3
        await taken.terminate()
    assert set(numbers(at.sim).values()) == {1}


async def test_of_a_page_that_has_run_before_under_its_name_the_end_is_taken(engine, tmp_path):
    """As after a reset, where an engine tells of the old run alone."""
    await Campaign.prepare(prompts(3), tmp_path)
    async with scene(engine) as at, at.worker():
        name = uuid.uuid4().hex
        digest = (await read_manifest(open_store(tmp_path))).digest
        order = PageOrder(store=str(tmp_path), digest=digest, page=0, first=0, width=2)
        early = await at.client.start_workflow(
            page.Page.run, order, id=f"{name}/page/000000", task_queue=at.queue
        )
        campaign_ = await Campaign.start(
            at.client, name, tmp_path, queue=at.queue, account=at.queue
        )
        assert (await ended(campaign_)).succeeded == 3
        assert (await early.result()).succeeded == 3
    assert set(numbers(at.sim).values()) == {1}


async def test_uncertain_lines_stop_nothing_and_are_settled_by_their_owner(engine, tmp_path):
    """Adopted, submitted again, or dropped; each once, and the results say so."""
    async with scene(engine) as at, started(at, tmp_path, prompts(6)) as campaign_:
        at.sim.faults.append(Fault("reset-after", times=3, started=True))
        progress = await ended(campaign_)
        assert (progress.succeeded, progress.uncertain) == (3, 3)
        found = await outcomes(campaign_)
        first, second, third = (i for i, each in enumerate(found) if isinstance(each, Uncertain))
        (job_id,) = (
            job.id for job in at.sim.jobs.values() if f"a red panda {first:03}" in str(job.body)
        )
        adopted = await campaign_.resolve(first, adopt=job_id, queue=at.queue)
        again = await campaign_.resolve(second, resubmit=True, queue=at.queue)
        dropped = await campaign_.resolve(third, drop=True)
        with pytest.raises(CampaignError, match="nothing to settle"):
            await campaign_.resolve(second, resubmit=True, queue=at.queue)
        settled = await outcomes(campaign_)
    assert isinstance(adopted, Finished)
    assert adopted.job_id == job_id
    assert (tmp_path / adopted.files[0]).exists()
    assert isinstance(again, Finished)
    assert dropped == Dropped()
    assert [settled[first], settled[second], settled[third]] == [adopted, again, dropped]
    assert numbers(at.sim)[f"{second:03}"] == 2
    assert len(at.sim.jobs) == 7


async def test_a_line_whose_job_was_named_wrongly_may_be_settled_again(engine, tmp_path):
    """A slip must not cost the video."""
    async with scene(engine) as at:
        at.sim.faults.append(Fault("reset-after", times=1, started=True))
        async with started(at, tmp_path, prompts(1)) as campaign_:
            assert (await ended(campaign_)).uncertain == 1
            unknown = Declined(job_id="a slip", reason="it is not known", code="not_found")
            assert await add_repair(open_store(tmp_path), 0, 1, unknown)
            (job_id,) = at.sim.jobs
            assert isinstance(await campaign_.resolve(0, adopt=job_id, queue=at.queue), Finished)


async def test_a_failed_line_is_submitted_again_where_its_owner_says_so(engine, tmp_path):
    """Whether the failed job is billed is the service's to say, so nobody does it by himself."""
    async with scene(engine, failure="it broke") as at, started(at, tmp_path, prompts(1)) as one:
        assert (await ended(one)).failed == 1
        (job_id,) = at.sim.jobs
        with pytest.raises(CampaignError, match="nothing to settle"):
            await one.resolve(0, adopt=job_id, queue=at.queue)
        at.sim.failure = None
        again = await one.resolve(0, resubmit=True, queue=at.queue)
        assert len(at.sim.jobs) == 2
    assert again.job_id != job_id


@pytest.mark.long
async def test_a_video_that_cannot_be_saved_keeps_its_page_for_a_time_and_not_for_ever(
    engine, tmp_path, monkeypatch
):
    """The job stays paid for, and may be waited for again when the video can be had."""
    monkeypatch.setattr(_finishing, "SAVED_WITHIN", page.timedelta(seconds=2))
    async with scene(engine) as at, started(at, tmp_path, prompts(1)) as campaign_:
        at.sim.faults.append(Fault("html", on="download", times=None))
        assert (await ended(campaign_)).failed == 1
        (found,) = await outcomes(campaign_)
        assert (found.code, found.job_id) == ("not_saved", next(iter(at.sim.jobs)))
        at.sim.faults.clear()
        adopted = await campaign_.resolve(0, adopt=found.job_id, queue=at.queue)
        assert len(at.sim.jobs) == 1
    assert (tmp_path / adopted.files[0]).exists()


async def test_a_line_of_a_page_that_has_not_ended_cannot_be_settled(engine, tmp_path):
    async with scene(engine, duration=2) as at, started(at, tmp_path, prompts(2)) as campaign_:
        with pytest.raises(CampaignError, match="has not ended yet"):
            await campaign_.resolve(0, resubmit=True, queue=at.queue)
        with pytest.raises(FieldError, match="0 to 1"):
            await campaign_.resolve(2, drop=True)
        await ended(campaign_)


async def test_a_campaign_continues_as_new_and_counts_on(engine, tmp_path, monkeypatch):
    """A history has an end, a campaign need not have one."""
    monkeypatch.setattr(campaign, "PAGES_OF_A_RUN", 2)
    async with (
        scene(engine) as at,
        started(at, tmp_path, prompts(35), page_size=5, budget=100, price=1) as campaign_,
    ):
        progress = await ended(campaign_)
        described = await at.client.get_workflow_handle(campaign_.id).describe()
    assert (progress.succeeded, progress.cost) == (35, Money.of(35))
    assert set(numbers(at.sim).values()) == {1}
    assert described.status is WorkflowExecutionStatus.COMPLETED
    assert described.raw_description.workflow_execution_info.first_run_id != described.run_id


async def test_a_worker_that_sees_other_pages_submits_nothing_and_says_so(engine, tmp_path):
    """Each machine has a folder of that name, and they are not the same one."""
    await Campaign.prepare(prompts(3), tmp_path / "a")
    async with scene(engine) as at:
        campaign_ = await Campaign.start(
            at.client, uuid.uuid4().hex, tmp_path / "a", queue=at.queue, account=at.queue
        )
        (tmp_path / "a").rename(tmp_path / "elsewhere")
        await Campaign.prepare(prompts(3, "a cat"), tmp_path / "a")
        async with at.worker():
            await until(lambda progress: progress.troubles, campaign_)
            (trouble,) = (await campaign_.progress()).troubles
            assert "pages of another campaign" in trouble
            assert at.sim.submissions == []
            await at.client.get_workflow_handle(campaign_.id).terminate()


async def test_a_worker_that_sees_the_same_prompts_in_another_folder_submits_nothing(
    engine, tmp_path
):
    """They were prepared on each machine; its videos would be saved where nobody looks for them."""
    await Campaign.prepare(prompts(3), tmp_path / "a")
    async with scene(engine) as at:
        campaign_ = await Campaign.start(
            at.client, uuid.uuid4().hex, tmp_path / "a", queue=at.queue, account=at.queue
        )
        (tmp_path / "a").rename(tmp_path / "elsewhere")
        await Campaign.prepare(prompts(3), tmp_path / "a")
        async with at.worker():
            await until(lambda progress: progress.troubles, campaign_)
            (trouble,) = (await campaign_.progress()).troubles
            assert "the same prompts prepared a second time, or a copy" in trouble
            assert at.sim.submissions == []
            (tmp_path / "a").rename(tmp_path / "wrong")
            (tmp_path / "elsewhere").rename(tmp_path / "a")
            assert (await ended(campaign_)).succeeded == 3


async def test_without_a_worker_nobody_answers_and_nothing_is_lost(engine, tmp_path):
    """Who asks is told so without waiting for an answer, and how to start a worker."""
    await Campaign.prepare(prompts(3), tmp_path)
    async with scene(engine) as at:
        campaign_ = await Campaign.start(
            at.client, uuid.uuid4().hex, tmp_path, queue=at.queue, account=at.queue
        )
        with pytest.raises(
            NoAnswerError, match=f"asks for work on the task queue {at.queue}"
        ) as told:
            await campaign_.progress()
        assert f"Start one: pika-async campaign worker --queue {at.queue}" in str(told.value)
        with anyio.fail_after(10), pytest.raises(NoAnswerError, match="nothing was changed"):
            await campaign_.pause()
        async with at.worker():
            assert (await ended(campaign_)).succeeded == 3


@pytest.mark.long
async def test_an_account_whose_campaign_was_terminated_gives_its_share_to_others(
    engine, tmp_path, monkeypatch
):
    monkeypatch.setattr(account, "_LOOK_AROUND", page.timedelta(seconds=1))
    async with scene(engine, duration=1) as at, started(at, tmp_path / "a", prompts(40)) as one:
        await until(lambda progress: progress.share == 10, one)
        await at.client.get_workflow_handle(one.id).terminate()
        await Campaign.prepare(prompts(20), tmp_path / "b")
        two = await Campaign.start(
            at.client, uuid.uuid4().hex, tmp_path / "b", queue=at.queue, account=at.queue
        )
        await until(lambda progress: progress.share == 10, two)
        await ended(two)


async def test_what_is_not_there_is_said_before_anything_is_started(engine, tmp_path):
    async with scene(engine) as at:
        with pytest.raises(ConfigurationError, match="prepare"):
            await Campaign.start(at.client, "x", tmp_path)
        with pytest.raises(CampaignError, match="knows no campaign"):
            await Campaign(at.client, "nobody-knows-it").progress()
        for wrong in ({"max_in_flight": 0}, {"submits_per_second": 0}, {"timeout": 0}):
            with pytest.raises(FieldError, match=next(iter(wrong))):
                await Campaign.start(at.client, "x", tmp_path, **wrong)


async def test_a_pause_after_the_last_worker_has_left_is_told_at_once(engine, tmp_path):
    """The engine names it for five minutes, and nobody answers."""
    await Campaign.prepare(pandas(2), tmp_path)
    async with scene(engine, duration=600) as at:
        options = {"queue": at.queue, "account": at.queue}
        campaign = await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **options)
        async with at.worker():
            await posted(at.sim)
        with pytest.raises(NoAnswerError, match="no worker asks for work"):
            await campaign.pause()
        # One that begins anew is asked.
        async with at.worker():
            await campaign.pause()
            assert (await campaign.progress()).paused == "paused by its owner"
