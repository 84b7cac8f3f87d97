"""A batch with a budget: what it buys, what it leaves, and what it says that it has spent."""

from __future__ import annotations

from decimal import Decimal

import pytest
from aiohttp import web
from support.batches import until
from support.toy import Ledgered, Toy, toy_service

from pika_async import (
    Batch,
    BatchStopped,
    BudgetError,
    FieldError,
    FixedPolling,
    GenerationRequest,
    Money,
    MoneyMeaning,
    PikaClient,
    RetryPolicy,
    SubmissionUncertainError,
    SubmitHeldBack,
    run_batch,
)
from pika_async.dialects import SERVICES, Gateway
from pika_async.simulator import Fault, Polls, Simulator

CENTS_20 = Money(200_000)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)


def client_of(service, dialect=None, **options) -> PikaClient:
    return PikaClient(
        "toy-key-12345",
        base_url=service.url,
        dialect=dialect or Ledgered(),
        polling=FixedPolling(0.001),
        **{"retry": RetryPolicy(initial=0.001, maximum=0.001, jitter=0.0), **options},
    )


def prompts(count):
    return [f"panda {number}" for number in range(count)]


def refused():
    return web.json_response({"message": "no"}, status=422)


def busy():
    return web.json_response({}, status=429, headers={"Retry-After": "0.2"})


def kinds(results):
    return [type(result.error).__name__ if result.error else "ok" for result in results]


@pytest.mark.parametrize("budget", [1, 1.0, Decimal("1.10"), Money(1_190_000)])
async def test_it_buys_what_fits_and_no_more(budget):
    async with toy_service() as service, client_of(service) as client:
        results = await run_batch(client, prompts(8), budget=budget)
    assert kinds(results) == ["ok"] * 5 + ["BudgetError"] * 3
    assert len(service.posts) == 5


async def test_the_rest_says_what_is_left_and_that_nothing_was_sent():
    async with toy_service() as service, client_of(service) as client:
        *_, last = await run_batch(client, prompts(3), budget=0.5, max_in_flight=1)
    assert isinstance(last.error, BudgetError)
    assert "it would cost $0.20, and of the budget of $0.50 there are $0.10 left" in str(last.error)
    assert "Nothing was sent" in str(last.error)


async def test_who_comes_after_a_spent_budget_is_told_once_that_nothing_was_sent():
    """The reason of the first is part of the sentence of all others."""
    async with toy_service() as service, client_of(service) as client:
        results = await run_batch(client, prompts(40), budget=0.2, max_in_flight=1)
    assert [str(result.error).count("not submitted") for result in results[1:]] == [1] * 39


async def test_what_is_spent_is_told_apart():
    async with toy_service() as service, client_of(service) as client:
        async with Batch(client, prompts(3), budget=10, max_in_flight=1) as batch:
            async for _ in batch:
                pass
            spent = batch.stats.spent
    assert (spent.charged, spent.reserved, spent.estimated) == (Money(0), Money(0), 3 * CENTS_20)
    assert spent.total == 3 * CENTS_20


async def test_a_submit_that_started_nothing_gives_its_money_back():
    async with toy_service() as service, client_of(service) as client:
        service.answers = [refused, refused]
        results = await run_batch(client, prompts(4), budget=0.4, max_in_flight=1)
    assert kinds(results) == ["InvalidRequestError"] * 2 + ["ok"] * 2


async def test_an_uncertain_submit_counts_as_spent():
    async with toy_service(lose_answers=1) as service, client_of(service) as client:
        results = await run_batch(client, prompts(3), budget=0.4, max_in_flight=1)
    assert kinds(results) == ["SubmissionUncertainError", "ok", "BudgetError"]
    assert len(service.jobs) == 2


async def test_the_budget_holds_over_all_runs_of_a_journal(tmp_path):
    journal = tmp_path / "run.journal"
    async with toy_service() as service:
        async with client_of(service) as client:
            await run_batch(client, prompts(2), budget=1, journal=journal)
        async with client_of(service) as client:
            results = await run_batch(client, prompts(9), budget=1, journal=journal)
            assert kinds(results) == ["ok"] * 5 + ["BudgetError"] * 4
        async with client_of(service) as client:
            more = await run_batch(client, prompts(9), budget=1.2, journal=journal)
    assert kinds(more) == ["ok"] * 6 + ["BudgetError"] * 3
    assert len(service.posts) == 6


async def test_a_job_that_runs_on_is_counted_once_by_the_run_that_waits_for_it(tmp_path):
    journal = tmp_path / "run.journal"
    async with toy_service(looks=1_000_000) as service:
        async with client_of(service) as client:
            async with Batch(client, prompts(1), budget=1, journal=journal) as batch:
                while not batch.in_flight:
                    await client.balance()
        service.looks = 0
        async with client_of(service) as client:
            async with Batch(client, prompts(5), budget=1, journal=journal) as batch:
                assert [result.ok async for result in batch] == [True] * 5
                assert batch.stats.spent.total == Money(1_000_000)


async def test_a_lost_submit_of_an_earlier_run_is_counted_once_where_it_is_found(tmp_path):
    journal = tmp_path / "run.journal"
    async with toy_service(lose_answers=1) as service:
        async with client_of(service) as client:
            await run_batch(client, prompts(1), budget=0.4, journal=journal)
        async with client_of(service) as client:
            results = await run_batch(client, prompts(3), budget=0.4, journal=journal)
    assert kinds(results) == ["ok", "ok", "BudgetError"]


@pytest.mark.parametrize("resubmit", [False, True])
async def test_a_submit_that_is_sent_again_with_its_key_is_counted_once(resubmit, tmp_path):
    settings = {"journal": tmp_path / "run.journal", "budget": 1, "price": 0.2}
    patient = RetryPolicy(initial=600.0, maximum=600.0, jitter=0.0)
    told = []
    async with Simulator(service="pika", duration=Polls(1), faults=[Fault("reset-after")]) as sim:

        def client(**options):
            place = {"base_url": sim.url, "dialect": sim.dialect, "polling": FixedPolling(0.001)}
            return PikaClient("key", **place, **options)

        async with client(retry=patient, observer=told.append) as first:
            async with Batch(first, prompts(1), **settings):
                await until(lambda: any(isinstance(event, SubmitHeldBack) for event in told))
        async with client() as second:
            batch = Batch(second, prompts(2), **settings, resubmit_uncertain=resubmit)
            async with batch:
                assert kinds([result async for result in batch]) == ["ok", "ok"]
        assert batch.stats.spent.charged == Money(sim.service_at_work.spent_micro_usd)
        assert batch.stats.spent.total == batch.stats.spent.charged


async def test_want_of_money_stops_no_submit_for_which_it_is_reserved():
    told = []
    async with toy_service() as service, client_of(service, observer=told.append) as client:
        service.answers = [busy]

        async def requests():
            yield "panda 0"
            await until(lambda: any(isinstance(event, SubmitHeldBack) for event in told))
            # At 0.45 it could not be had even if the other were given back.
            yield GenerationRequest("panda 1", image=PNG)
            await until(lambda: any(isinstance(event, BatchStopped) for event in told))

        results = await run_batch(client, requests(), budget=0.3)
    assert kinds(results) == ["ok", "BudgetError"]


async def test_once_the_batch_has_stopped_nobody_is_asked_for_a_price():
    async with toy_service() as service, client_of(service) as client:
        dear = [GenerationRequest(f"panda {number}", image=PNG) for number in range(4)]
        results = await run_batch(client, dear, budget=0.3, max_in_flight=1)
    assert kinds(results) == ["BudgetError"] * 4
    assert service.prices_asked == 1


async def test_a_price_of_the_users_own_stands_in_where_the_service_does_not_say():
    async with (
        Simulator(duration=Polls(1)) as sim,
        PikaClient("key", base_url=sim.url, polling=FixedPolling(0.001)) as client,
    ):
        results = await run_batch(client, prompts(4), budget=1, price=0.45)
    assert sorted(kinds(results)) == ["BudgetError"] * 2 + ["ok"] * 2
    assert len(sim.submissions) == 2


@pytest.mark.parametrize("dialect", [Toy(), Gateway()], ids=lambda dialect: dialect.name)
async def test_a_budget_without_any_price_is_refused_before_anything_is_sent(dialect, tmp_path):
    async with toy_service() as service, client_of(service, dialect) as client:
        with pytest.raises(FieldError, match=r"price: .*does not say what a job costs"):
            await run_batch(client, prompts(2), budget=1, journal=tmp_path / "run.journal")
    assert service.paths == []
    assert list(tmp_path.iterdir()) == []


async def test_without_a_journal_that_is_said_where_the_batch_is_made():
    """No earlier run can have named a price, and the client need not be open to know it."""
    client = PikaClient("key", dialect=Gateway())
    with pytest.raises(FieldError, match=r"price: .*does not say what a job costs"):
        Batch(client, prompts(2), budget=1)


@pytest.mark.parametrize("name", ["budget", "price"])
@pytest.mark.parametrize("amount", [-1, "much", True, float("nan"), 10**13])
async def test_what_is_no_amount_is_refused(name, amount):
    async with toy_service() as service, client_of(service) as client:
        with pytest.raises(FieldError, match=f"^{name}: "):
            Batch(client, prompts(1), **{name: amount})
    assert service.paths == []


async def test_a_journal_that_was_spent_from_in_another_currency_is_refused_and_let_go(tmp_path):
    journal = tmp_path / "run.journal"
    euros = {"budget": Money(1_000_000, "EUR"), "price": Money(10, "EUR")}
    async with toy_service() as service, client_of(service, Toy()) as client:
        await run_batch(client, prompts(1), journal=journal, **euros)
        with pytest.raises(FieldError, match=r"budget: .*have spent €0\.00001"):
            await run_batch(client, prompts(2), journal=journal, budget=1, price=0.2)
        results = await run_batch(client, prompts(2), journal=journal, **euros)
    assert kinds(results) == ["ok", "ok"]
    assert len(service.posts) == 2


async def test_without_a_budget_the_users_price_is_counted_and_the_service_is_not_asked():
    async with toy_service() as service, client_of(service) as client:
        async with Batch(client, prompts(3), price=0.2) as batch:
            assert [result.ok async for result in batch] == [True] * 3
    assert batch.stats.spent.total == batch.stats.spent.estimated == 3 * CENTS_20
    assert service.prices_asked == 0


@pytest.mark.parametrize("journalled", [False, True])
async def test_nothing_stays_reserved_for_what_a_batch_that_is_left_never_sent(
    journalled, tmp_path
):
    journal = tmp_path / "run.journal" if journalled else None
    told = []
    patient = RetryPolicy(initial=600.0, maximum=600.0, jitter=0.0)
    async with toy_service(looks=1_000_000) as service:
        service.answers = [busy]
        async with client_of(service, observer=told.append, retry=patient) as client:
            async with Batch(client, prompts(3), budget=1, journal=journal) as batch:
                await until(lambda: any(isinstance(event, SubmitHeldBack) for event in told))
            assert len(batch.in_flight) == len(service.jobs)
            assert batch.stats.spent.total == len(service.jobs) * CENTS_20


async def test_what_an_earlier_run_may_have_bought_stays_reserved_when_the_next_is_left(tmp_path):
    settings = {"budget": 1, "price": 0.2, "journal": tmp_path / "run.journal"}
    told = []
    patient = RetryPolicy(initial=600.0, maximum=600.0, jitter=0.0)
    async with toy_service(lose_answers=2) as service:
        for _ in (1, 2):
            told.clear()
            async with client_of(service, Toy(), observer=told.append, retry=patient) as client:
                async with Batch(client, prompts(1), **settings) as batch:
                    await until(lambda: any(isinstance(event, SubmitHeldBack) for event in told))
            assert batch.stats.spent.total == CENTS_20


async def test_a_price_that_was_refused_is_no_verdict_on_the_request(tmp_path):
    journal = tmp_path / "run.journal"
    async with toy_service(price_fails=1) as service, client_of(service) as client:
        first = await run_batch(client, prompts(1), journal=journal, budget=1)
        second = await run_batch(client, prompts(1), journal=journal, budget=1)
    assert kinds(first) == ["InvalidRequestError"]
    assert kinds(second) == ["ok"]


async def test_a_submit_that_is_put_off_keeps_its_reservation_and_is_bought_once():
    async with (
        Simulator(duration=Polls(1), faults=[Fault("429-empty", times=2)]) as sim,
        PikaClient(
            "key",
            base_url=sim.url,
            polling=FixedPolling(0.001),
            retry=RetryPolicy(initial=0.001, maximum=0.001),
        ) as client,
    ):
        results = await run_batch(client, prompts(3), budget=0.9, price=0.45)
    assert sorted(kinds(results)) == ["BudgetError", "ok", "ok"]
    assert len(sim.jobs) == 2


class TestALostSubmitOfAnEarlierRun:
    async def lost_in(self, journal, service):
        async with client_of(service) as client:
            (result,) = await run_batch(client, prompts(1), journal=journal)
        assert isinstance(result.error, SubmissionUncertainError)

    @pytest.mark.parametrize("resubmit", [False, True])
    async def test_it_is_looked_up_before_anything_else(self, tmp_path, resubmit):
        journal = tmp_path / "run.journal"
        async with toy_service(lose_answers=1) as service:
            await self.lost_in(journal, service)
            async with client_of(service) as client:
                (result,) = await run_batch(
                    client, prompts(1), journal=journal, resubmit_uncertain=resubmit
                )
            assert (result.ok, result.job_id, result.resumed) == (True, "toy-1", True)
            async with client_of(service) as client:
                (again,) = await run_batch(client, prompts(1), journal=journal)
        assert again.job_id == "toy-1"
        assert len(service.posts) == 1

    async def test_it_is_found_by_the_name_that_a_failed_answer_gave_it(self, tmp_path):
        journal = tmp_path / "run.journal"
        async with toy_service(lose_answers=1, names_lost=True, forgets=True) as service:
            await self.lost_in(journal, service)
            service.forgets = False
            async with client_of(service) as client:
                (result,) = await run_batch(client, prompts(1), journal=journal)
        assert (result.ok, result.job_id) == (True, "toy-1")
        assert len(service.posts) == 1

    async def test_where_it_is_not_found_it_stays_uncertain(self, tmp_path):
        journal = tmp_path / "run.journal"
        async with toy_service(lose_answers=1, hide=1) as service:
            await self.lost_in(journal, service)
            await self.lost_in(journal, service)
        assert len(service.posts) == 1

    async def test_where_it_is_not_found_it_is_bought_again_if_that_is_wanted(self, tmp_path):
        journal = tmp_path / "run.journal"
        async with toy_service(lose_answers=1, hide=1) as service:
            await self.lost_in(journal, service)
            async with client_of(service) as client:
                (result,) = await run_batch(
                    client, prompts(1), journal=journal, resubmit_uncertain=True
                )
        assert (result.ok, result.job_id) == (True, "toy-2")

    async def test_where_the_history_cannot_be_read_nothing_is_bought(self, tmp_path):
        journal = tmp_path / "run.journal"
        async with toy_service(lose_answers=1) as service:
            await self.lost_in(journal, service)
            service.ledger_fails = 1000
            async with client_of(service) as client:
                (result,) = await run_batch(
                    client, prompts(1), journal=journal, resubmit_uncertain=True
                )
        assert isinstance(result.error, SubmissionUncertainError)
        assert len(service.posts) == 1

    async def test_a_job_of_another_request_in_the_journal_is_not_taken_for_it(self, tmp_path):
        journal = tmp_path / "run.journal"
        async with toy_service() as service:
            async with client_of(service) as client:
                await run_batch(client, ["panda 0", "panda 0"][:1], journal=journal)
            service.lose_answers = 1
            async with client_of(service) as client:
                await run_batch(client, ["panda 0", "panda 0"], journal=journal)
            service.hide = 1
            async with client_of(service) as client:
                _, second = await run_batch(client, ["panda 0", "panda 0"], journal=journal)
            assert isinstance(second.error, SubmissionUncertainError)
            service.hide = 0
            async with client_of(service) as client:
                _, second = await run_batch(client, ["panda 0", "panda 0"], journal=journal)
        assert second.job_id == "toy-2"
        assert len(service.posts) == 2


async def test_an_account_that_runs_dry_stops_the_batch_and_the_rest_is_not_sent():
    async with Simulator(service="pika", duration=Polls(1)) as sim:
        sim.service_at_work.balance_micro_usd = 3 * 450_000
        async with PikaClient(
            "key", base_url=sim.url, dialect=sim.dialect, polling=FixedPolling(0.001)
        ) as client:
            results = await run_batch(client, prompts(8), max_in_flight=1)
    assert kinds(results) == ["ok"] * 3 + ["JobFailedError"] + ["NotSubmittedError"] * 4
    assert results[3].error.money is MoneyMeaning.NOT_CHARGED
    assert "Nothing was charged for it" in str(results[3].error)


# What one video of five seconds costs at each, in the simulator's ledger.
PRICES = {"gateway": 450_000, "pika": 450_000, "fal": 200_000}


@pytest.mark.slow
@pytest.mark.parametrize("service", SERVICES)
async def test_the_ledger_never_passes_the_budget_through_faults_and_runs_that_are_left(
    service, tmp_path
):
    price = PRICES[service]
    budget = Money(100 * price)
    settings = {
        "journal": tmp_path / "run.journal",
        "budget": budget,
        "price": Money(price) if service == "gateway" else None,
    }
    faults = [
        Fault("reset-after", times=None, probability=0.05),
        Fault("closed-before", times=None, probability=0.05),
        Fault("502-html", times=None, probability=0.05),
    ]
    async with Simulator(service=service, duration=Polls(2), faults=faults, seed=11) as sim:
        for results_taken in (20, 20, 20, 20, 1000):
            async with PikaClient(
                "key",
                base_url=sim.url,
                dialect=sim.dialect,
                polling=FixedPolling(0.001),
                retry=RetryPolicy(initial=0.001, maximum=0.001, jitter=0.0),
            ) as client:
                async with Batch(client, prompts(300), **settings) as batch:
                    taken = 0
                    async for _ in batch:
                        taken += 1
                        if taken == results_taken:
                            break
                    spent = batch.stats.spent
                assert len(sim.jobs) * price <= budget.micros
                assert spent.total <= budget
        if service == "pika":
            assert spent.charged == Money(sim.service_at_work.spent_micro_usd) == budget
            assert spent.total == spent.charged
        # What was called uncertain counts as spent, so that no more than the rest is there.
        assert len(sim.jobs) >= 80
