"""A page that tries again with one submit goes on, whatever becomes of that one."""

from __future__ import annotations

import socket
import uuid
from time import monotonic

import anyio
import pytest
from support.ledger import Ledger, most_at_once, pandas
from support.scene import scene

from pika_async.simulator import Fault
from pika_async.temporal import Campaign, _engine_record, _steps
from pika_async.temporal._blame import MOST_UNKNOWN
from pika_async.temporal._campaign import halting, tries
from pika_async.temporal._campaign.sentences import MOST_UNSURE
from pika_async.temporal._limits import unseen

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]


@pytest.fixture
def unhurried(monkeypatch):
    """On a slow machine, too, a submit has the time that it needs, and is not taken for lost."""
    monkeypatch.setattr(_steps, "SUBMIT_TIMEOUT", halting.timedelta(seconds=600))
    monkeypatch.setattr(_engine_record, "LATEST", 300.0)


@pytest.fixture
def impatient(monkeypatch):
    """A row of pauses is over soon."""
    monkeypatch.setattr(_steps, "_FIRST_PAUSE", 0.05)


@pytest.mark.parametrize("second", [Fault("reset-after", started=True), Fault("401-new-api-error")])
@pytest.mark.usefixtures("unhurried")
async def test_after_a_pause_the_one_that_tries_may_come_to_anything(second, engine, tmp_path):
    """Uncertain, or refused for a reason that is everybody's: the others are submitted after it."""
    first = Fault("429-openai", retry_after=1)
    await Campaign.prepare(pandas(3), tmp_path)
    async with scene(engine, first, second) as at, at.worker(request_timeout=30.0):
        options = {"queue": at.queue, "account": at.queue, "max_in_flight": 1}
        campaign = await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **options)
        with anyio.fail_after(600):
            while (progress := await campaign.progress()).submitted < 2:
                if progress.paused is not None:
                    await campaign.resume()
                await anyio.sleep(0.1)
            await campaign.result()
        ledger = Ledger(at.sim)
        await ledger.read(campaign.results())
    assert (ledger.twice, ledger.lost, ledger.wrong) == ([], [], [])
    assert len(at.sim.jobs) == 3


@pytest.mark.long
async def test_lines_that_wait_for_room_keep_to_a_pause_and_to_a_limit_that_came_meanwhile(
    engine, tmp_path
):
    """They were taken while all of them were allowed."""
    await Campaign.prepare(pandas(12), tmp_path)
    full = Fault("429-openai", times=12, retry_after=1)
    async with scene(engine, full, duration=0.5) as at, at.worker():
        options = {"queue": at.queue, "account": at.queue, "max_in_flight": 12}
        campaign = await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **options)
        with anyio.fail_after(180):
            while (await campaign.progress()).taken < 12 or not at.sim.submissions:  # noqa: ASYNC110 - is asked
                await anyio.sleep(0.05)
            await campaign.pause()
            while (await campaign.progress()).in_flight:  # noqa: ASYNC110 - is asked
                await anyio.sleep(0.05)
        at.sim.faults.clear()
        posts = len(at.sim.submissions)
        # Longer than the pause of the brake.
        await anyio.sleep(2.5)
        assert len(at.sim.submissions) == posts
        await campaign.set_max_in_flight(2)
        await campaign.resume()
        with anyio.fail_after(180):
            assert (await campaign.result()).succeeded == 12
    assert most_at_once(at.sim.jobs.values()) <= 2


@pytest.mark.long
async def test_while_the_service_has_no_room_the_engine_is_not_filled_with_tries(engine, tmp_path):
    """A history has an end, and a page of lines that all try has reached it within an hour."""
    await Campaign.prepare(pandas(20), tmp_path)
    async with scene(engine, Fault("429-openai", times=2, retry_after=4)) as at, at.worker():
        options = {"queue": at.queue, "account": at.queue, "max_in_flight": 20}
        campaign = await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **options)
        with anyio.fail_after(180):
            assert (await campaign.result()).succeeded == 20
        handle = at.client.get_workflow_handle(f"{campaign.id}/page/000000")
        history = await handle.fetch_history()
    kinds = [
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in history.events
    ]
    # All of them once, one after each pause, and then all.
    assert kinds.count("pika_submit") <= 20 + 2 + 20


@pytest.mark.long
async def test_lost_answers_with_an_answer_between_them_do_not_hold_the_campaign(
    engine, tmp_path, monkeypatch
):
    """There is no room for a moment, so the way to the service works."""
    monkeypatch.setattr(unseen, "UNSEEN_FOR", halting.timedelta(seconds=0.05))
    few = MOST_UNSURE - 1
    faults = [
        Fault("reset-after", times=few),
        Fault("429-openai", retry_after=1),
        Fault("reset-after", times=few),
    ]
    await Campaign.prepare(pandas(20), tmp_path)
    async with scene(engine, *faults) as at, at.worker():
        options = {"queue": at.queue, "account": at.queue, "max_in_flight": 1}
        campaign = await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **options)
        with anyio.fail_after(180):
            while not (progress := await campaign.progress()).ended:
                assert not progress.paused
                await anyio.sleep(0.1)
    assert (progress.uncertain, progress.succeeded) == (2 * few, 2)


@pytest.mark.long
async def test_a_service_that_cannot_be_reached_for_too_long_holds_the_campaign(
    engine, tmp_path, monkeypatch
):
    """It is a day in life; whoever resumes it when the service is back has lost nothing."""
    monkeypatch.setattr(halting, "PATIENCE", halting.timedelta(seconds=4))
    await Campaign.prepare(pandas(3), tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    async with scene(engine) as at:
        options = {"queue": at.queue, "account": at.queue}
        campaign = await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **options)
        async with at.worker(base_url=nobody):
            began = monotonic()
            with anyio.fail_after(180):
                while (progress := await campaign.progress()).paused is None:  # noqa: ASYNC110 - is asked
                    await anyio.sleep(0.1)
            assert monotonic() - began > 4.0
            assert (progress.taken, progress.refused, progress.in_flight) == (3, 0, 0)
        async with at.worker():
            await campaign.resume()
            with anyio.fail_after(180):
                assert (await campaign.result()).succeeded == 3
    assert len(at.sim.submissions) == 3


@pytest.mark.parametrize(
    ("variant", "reason"),
    [("refused-402", "Insufficient balance"), ("refused-plan", "needs a membership")],
)
async def test_an_account_without_money_pauses_the_campaign_also_where_each_submit_is_a_failed_job(
    variant, reason, engine, tmp_path
):
    """Those jobs cost nothing, so their prompts are submitted when it goes on, and none is lost."""
    await Campaign.prepare(pandas(4), tmp_path)
    async with scene(engine, service="pika", variants=[variant]) as at, at.worker():
        options = {"queue": at.queue, "account": at.queue, "max_in_flight": 1}
        campaign = await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **options)
        with anyio.fail_after(180):
            while (progress := await campaign.progress()).paused is None:
                assert not progress.ended
                await anyio.sleep(0.1)
        assert reason in progress.paused
        assert (progress.failed, progress.refused, len(at.sim.submissions)) == (0, 0, 1)
        at.sim.variants = frozenset()
        await campaign.resume()
        with anyio.fail_after(180):
            assert (await campaign.result()).succeeded == 4
    assert len(at.sim.submissions) == 5


@pytest.mark.parametrize(
    ("reason", "settings"),
    [
        ("No available channel", {"faults": [Fault("503-no-channel", times=3)]}),
        ("web page", {"faults": [Fault("200-html", on="submit", times=3)]}),
        ("unavailable", {"service": "pika", "variants": ["refused-503"]}),
    ],
    ids=["no channel", "page", "vendor"],
)
async def test_a_service_that_takes_nothing_for_a_moment_costs_no_line(
    reason, settings, engine, tmp_path
):
    """Each line was refused at the gateway, and failed at Pika, one after the other."""
    await Campaign.prepare(pandas(4), tmp_path)
    faults = settings.pop("faults", ())
    async with scene(engine, *faults, **settings) as at, at.worker():
        options = {"queue": at.queue, "account": at.queue, "max_in_flight": 2}
        campaign = await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **options)
        with anyio.fail_after(30):
            while (told := (await campaign.progress()).waiting) is None:  # noqa: ASYNC110 - is asked
                await anyio.sleep(0.05)
        assert reason in told.reason
        at.sim.variants = frozenset()
        with anyio.fail_after(60):
            progress = await campaign.result()
    assert (progress.succeeded, progress.failed, progress.refused) == (4, 0, 0)


async def test_a_line_that_the_service_alone_does_not_take_is_refused_alone(
    engine, tmp_path, monkeypatch
):
    """As with a model that it has no more: the others are taken before and after."""
    monkeypatch.setattr(tries, "MOST_DOWN", 2)
    # Long enough for another line to be taken, and to wait for its end.
    monkeypatch.setattr(_steps, "_FIRST_PAUSE", 4.0)
    await Campaign.prepare(pandas(8), tmp_path)
    fault = Fault("503-no-channel", times=None, prompt="a red panda 00000")
    async with scene(engine, fault) as at, at.worker():
        options = {"queue": at.queue, "account": at.queue, "max_in_flight": 2}
        campaign = await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **options)
        with anyio.fail_after(60):
            progress = await campaign.result()
    assert (progress.succeeded, progress.refused) == (7, 1)
    assert len(at.sim.jobs) == 7
    # After the pause another line goes first: it may be taken.
    first = [str(sent.body).split("a red panda ")[1][:5] for sent in at.sim.submissions]
    assert first.count("00000") == 2
    assert first.index("00002") < first.index("00000", first.index("00000") + 1)


@pytest.mark.parametrize(
    ("service", "fault", "reason"),
    [
        ("gateway", "403-forbidden", "User is banned"),
        ("pika", "403-inactive-key", "key is not active"),
        ("fal", "403-detail", "do not have access"),
    ],
)
async def test_an_account_that_may_not_pauses_the_campaign_and_fails_nothing(
    service, fault, reason, engine, tmp_path
):
    """When somebody has mended it, the same lines are submitted."""
    await Campaign.prepare(pandas(4), tmp_path)
    refusal = Fault(fault, on="submit", times=None)
    async with scene(engine, refusal, service=service) as at, at.worker():
        options = {"queue": at.queue, "account": at.queue, "max_in_flight": 2}
        campaign = await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **options)
        with anyio.fail_after(30):
            while (progress := await campaign.progress()).paused is None or progress.in_flight:  # noqa: ASYNC110
                await anyio.sleep(0.05)
        assert reason in progress.paused
        assert (progress.failed, progress.refused, progress.uncertain) == (0, 0, 0)
        assert len(at.sim.submissions) <= 2
        at.sim.faults.clear()
        await campaign.resume()
        with anyio.fail_after(60):
            assert (await campaign.result()).succeeded == 4
    assert len(at.sim.jobs) == 4


@pytest.mark.usefixtures("impatient")
async def test_a_worker_with_a_wrong_base_url_holds_the_campaign_and_costs_no_line(
    engine, tmp_path
):
    """Each line was refused, one after the other, until none was left."""
    await Campaign.prepare(pandas(12), tmp_path)
    async with scene(engine) as at:
        options = {"queue": at.queue, "account": at.queue, "max_in_flight": 4}
        campaign = await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **options)
        async with at.worker(base_url=f"{at.sim.url}/nowhere"):
            with anyio.fail_after(60):
                while not (progress := await campaign.progress()).paused:  # noqa: ASYNC110 - is asked
                    await anyio.sleep(0.1)
        assert (progress.refused, len(at.sim.jobs)) == (0, 0)
        assert "a wrong base URL (HTTP 404" in progress.paused
        async with at.worker():
            await campaign.resume()
            with anyio.fail_after(60):
                progress = await campaign.result()
    assert (progress.succeeded, progress.refused) == (12, 0)


@pytest.mark.usefixtures("impatient")
async def test_whoever_has_what_the_service_does_not_know_refused_resumes_once(engine, tmp_path):
    """As with a model that is gone. It was paused again after each five prompts."""
    await Campaign.prepare(pandas(18), tmp_path, page_size=9)
    gone = Fault("404-wrong-path", on="submit", times=None)
    async with scene(engine, gone) as at, at.worker():
        options = {"queue": at.queue, "account": at.queue, "max_in_flight": 4}
        campaign = await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **options)
        told = await paused(campaign)
        assert "refuse_unknown=True" in told.paused
        await campaign.resume(refuse_unknown=True)
        with anyio.fail_after(60):
            progress = await campaign.result()
    assert (progress.refused, progress.not_submitted, progress.cost) == (18, 0, None)


@pytest.mark.usefixtures("impatient")
async def test_prompts_of_a_model_that_is_gone_are_refused_and_the_others_are_made(
    engine, tmp_path
):
    """The first page asks for it, and is alone under way when the campaign is paused."""
    await Campaign.prepare(pandas(16), tmp_path, page_size=8)
    gone = [
        Fault("404-wrong-path", on="submit", times=None, prompt=f"a red panda {number:05}")
        for number in range(8)
    ]
    async with scene(engine, *gone) as at, at.worker():
        options = {"queue": at.queue, "account": at.queue, "max_in_flight": 1}
        campaign = await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **options)
        await paused(campaign)
        await campaign.resume(refuse_unknown=True)
        with anyio.fail_after(60):
            progress = await campaign.result()
    assert (progress.succeeded, progress.refused) == (8, 8)


@pytest.mark.usefixtures("impatient")
async def test_whoever_resumes_without_it_has_unknown_ones_pause_the_campaign_again(
    engine, tmp_path
):
    """He may have mended an address: what is wrong for all then costs no further prompt."""
    await Campaign.prepare(pandas(40), tmp_path)
    gone = Fault("404-wrong-path", on="submit", times=None)
    async with scene(engine, gone) as at, at.worker():
        options = {"queue": at.queue, "account": at.queue, "max_in_flight": 1}
        campaign = await Campaign.start(at.client, uuid.uuid4().hex, tmp_path, **options)
        await paused(campaign)
        at.sim.faults[:] = [
            Fault("404-wrong-path", on="submit", times=8),
            Fault("401-new-api-error", on="submit", times=None),
        ]
        await campaign.resume(refuse_unknown=True)
        told = await paused(campaign)
        assert "refuse_unknown" not in told.paused
        at.sim.faults[:] = [gone]
        await campaign.resume()
        told = await paused(campaign)
        assert "refuse_unknown=True" in told.paused
        # Eight by the word of its owner, and no more than those that were tried before he resumed.
        assert 8 <= told.refused <= 8 + MOST_UNKNOWN
        await campaign.stop()


async def paused(campaign):
    """Where it stands, as soon as it is paused and has nothing in flight."""
    with anyio.fail_after(60):
        while (told := await campaign.progress()).paused is None or told.in_flight:
            assert not told.ended
            await anyio.sleep(0.05)
    return told
