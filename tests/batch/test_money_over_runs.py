"""A budget over several runs of one journal: what was spent before counts, whatever was decided."""

from __future__ import annotations

import asyncio
import csv
import io
import math
from decimal import Decimal

import pytest
from aiohttp import web
from attrs import evolve, field, frozen
from support.batches import client_for, until
from support.toy import Ledgered, Toy, toy_service

from pika_async import (
    Batch,
    BatchStopped,
    Failed,
    FieldError,
    FixedPolling,
    GenerationRequest,
    InvalidRequestError,
    Money,
    PikaClient,
    RetryPolicy,
    SubmitHeldBack,
    Succeeded,
    read_journal,
    run_batch,
    settle_journal,
)
from pika_async._gallery import opened, table, totals_of
from pika_async._meaning import Action, MoneyMeaning
from pika_async.dialects import HTTPRequest
from pika_async.simulator import Polls, Simulator

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
CENTS_20 = Money(200_000)
# What one video costs at Pika, in millionths of a dollar.
PRICE = 450_000


@frozen(kw_only=True)
class Charging(Ledgered):
    """The toy service, where each ended job says what it cost: by its id, else nothing."""

    charges: dict[str, Money] = field(factory=dict)

    def poll(self, endpoint, handle):
        state = yield from super().poll(endpoint, handle)
        if isinstance(state, Succeeded | Failed):
            return evolve(state, charge=self.charges.get(handle.job_id, Money(0)))
        return state


@frozen(kw_only=True)
class Late(Ledgered):
    """The toy service, where what a job cost is to be had one look after its end."""

    def charge(self, endpoint, handle):
        response = yield HTTPRequest(
            method="GET",
            url=f"{endpoint.base_url}/price/plain",
            headers={"X-Key": endpoint.api_key},
        )
        if response.status != 200:
            raise InvalidRequestError("no", status=response.status)
        return Money(150_000)


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


def kinds(results):
    return [type(result.error).__name__ if result.error else "ok" for result in results]


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "run.journal"


@pytest.fixture
async def service():
    async with toy_service() as service:
        yield service


@pytest.fixture
def run(service, journal):
    """One run on the journal: what its results are, and what it says that it has spent."""

    async def run(requests, *, dialect=None, **options):
        options.setdefault("budget", 1)
        async with client_of(service, dialect) as client:
            batch = Batch(client, requests, journal=journal, max_in_flight=1, **options)
            async with batch:
                results = [result async for result in batch]
        results.sort(key=lambda result: result.index)
        return kinds(results), batch.stats.spent

    return run


def sums(journal):
    """The bill of the page and the columns of money, in millionths."""
    with opened(journal, now=0.0) as gallery:
        bill = totals_of(gallery.entries(), gallery.runs).bill
        rows = list(csv.DictReader(io.StringIO("".join(table(gallery)))))
    spent = ("charged", "estimated", "earlier")
    costs = sum((Decimal(row[name]) for row in rows for name in spent if row[name]), Decimal())
    return sum(money.micros for money in bill.sums), int(costs * 1_000_000)


class TestABudgetThatChanges:
    async def test_a_lower_one_buys_nothing_and_lets_what_is_paid_for_go_its_way(
        self, service, journal
    ):
        service.looks = 1_000_000
        async with client_of(service) as client:
            async with Batch(client, prompts(3), budget=1, journal=journal) as batch:
                await until(lambda: len(batch.in_flight) == 3)
        service.looks = 0
        async with client_of(service) as client:
            results = await run_batch(client, prompts(5), budget=0.4, journal=journal)
        assert kinds(results) == ["ok"] * 3 + ["BudgetError"] * 2
        assert "of the budget of $0.40 nothing is left" in str(results[3].error)
        assert len(service.posts) == 3

    async def test_a_higher_one_buys_as_many_more_as_it_has_room_for(self, run):
        assert (await run(prompts(5), budget=0.5))[0] == ["ok"] * 2 + ["BudgetError"] * 3
        ends, spent = await run(prompts(5), budget=0.8)
        assert ends == ["ok"] * 4 + ["BudgetError"]
        assert spent.total == 4 * CENTS_20

    async def test_other_prompts_on_the_same_journal_share_it(self, run, journal):
        await run(prompts(3))
        ends, spent = await run([f"fox {number}" for number in range(3)])
        assert ends == ["ok"] * 2 + ["BudgetError"]
        assert spent.total == Money(1_000_000)
        assert sums(journal) == (1_000_000, 1_000_000)


class TestABudgetThatCameLater:
    """What was bought before anybody named a price is not taken to have been free."""

    @pytest.mark.parametrize("name", ["pika", "fal"])
    async def test_without_a_price_it_is_refused_before_anything_is_sent(self, name, tmp_path):
        # Neither says what a job that failed has cost.
        async with Simulator(service=name, duration=Polls(1), failure="it fell") as sim:
            async with client_for(sim) as client:
                await run_batch(client, ["prompt 0", "prompt 1"], journal=tmp_path / "j")
                before = len(sim.submissions)
                with pytest.raises(FieldError, match="^price: .*submitted 2 jobs of which nobody"):
                    await run_batch(client, ["a"], journal=tmp_path / "j", budget=9)
        assert len(sim.submissions) == before

    async def test_with_a_price_each_counts_as_much(self, run, journal):
        await run(prompts(3), budget=None)
        ends, spent = await run(prompts(9), price=0.3)
        # Three at the price that was named, and no room for one more at 0.20.
        assert ends == ["ok"] * 3 + ["BudgetError"] * 6
        assert spent.total == Money(900_000)

    async def test_where_each_has_told_its_charge_nothing_is_missing(self, run):
        dialect = Charging(charges={"toy-1": CENTS_20})
        await run(prompts(2), budget=None, dialect=dialect)
        ends, spent = await run(prompts(6), budget=0.6, dialect=dialect)
        assert ends == ["ok"] * 6
        assert spent.charged == spent.total == CENTS_20


class TestWithoutABudget:
    async def test_what_is_spent_is_that_of_all_runs_too(self, service, run, journal):
        dialect = Charging(charges={f"toy-{number}": CENTS_20 for number in range(9)})
        await run(prompts(2), budget=None, dialect=dialect)
        ends, spent = await run(prompts(3), budget=None, dialect=dialect)
        assert (ends, spent.charged) == (["ok"] * 3, 3 * CENTS_20)
        assert sums(journal) == (600_000, 600_000)

    async def test_what_nobody_has_named_a_price_of_is_counted_and_never_free(self, run):
        await run(prompts(2), budget=None)
        ends, spent = await run(prompts(3), budget=None)
        assert (ends, spent.total, spent.unpriced) == (["ok"] * 3, Money(0), 3)


class TestWhatIsStillUnderWay:
    async def test_a_job_that_is_not_waited_for_any_longer_counts_and_counts_once(
        self, service, run, journal
    ):
        service.looks = 1_000_000
        ends, spent = await run(prompts(2), budget=0.4, timeout=0)
        assert (ends, spent.estimated) == (["JobTimeoutError"] * 2, 2 * CENTS_20)
        service.looks = 0
        ends, spent = await run(prompts(3), budget=0.4)
        assert (ends, spent.total) == (["ok", "ok", "BudgetError"], 2 * CENTS_20)
        assert sums(journal) == (400_000, 400_000)

    async def test_what_is_paid_for_comes_to_its_end_when_the_money_is_used_up(self, service):
        service.looks = 5
        async with client_of(service) as client:
            results = await run_batch(client, prompts(30), budget=1)
        assert sorted(kinds(results)) == ["BudgetError"] * 25 + ["ok"] * 5


class TestUncertainOnes:
    async def test_a_second_submit_in_place_of_one_is_paid_for_beside_it(self, service, run):
        service.lose_answers, service.hide = 1, 9
        assert (await run(prompts(1), budget=0.3))[0] == ["SubmissionUncertainError"]
        again = {"resubmit_uncertain": True}
        assert (await run(prompts(1), budget=0.3, **again))[0] == ["BudgetError"]
        # Nothing was sent for it, so that it is as uncertain as before.
        assert (await run(prompts(1), budget=0.3))[0] == ["SubmissionUncertainError"]
        ends, spent = await run(prompts(1), budget=0.4, **again)
        assert (ends, spent.total) == (["ok"], 2 * CENTS_20)
        assert len(service.posts) == 2

    @pytest.mark.parametrize("way", ["resubmit", "drop"])
    async def test_what_a_person_decides_changes_no_sum(self, way, service, run, journal):
        service.lose_answers, service.hide = 1, 9
        await run(prompts(2))
        settle_journal(journal, **{way: [0]})
        assert sums(journal) == (400_000, 400_000)
        ends, spent = await run(prompts(2), retry_failed=way == "drop")
        assert (ends, spent.total) == (["ok", "ok"], 3 * CENTS_20)
        assert sums(journal) == (600_000, 600_000)

    async def test_one_whose_job_is_named_is_counted_once_and_by_its_charge(
        self, service, run, journal
    ):
        dialect = Charging(charges={"toy-1": Money(150_000)})
        service.lose_answers, service.hide = 1, 9
        await run(prompts(1), dialect=dialect)
        settle_journal(journal, jobs={0: "toy-1"})
        ends, spent = await run(prompts(1), dialect=dialect)
        assert (ends, spent.total) == (["ok"], Money(150_000))
        assert sums(journal) == (150_000, 150_000)

    async def test_one_that_cannot_be_sent_again_is_still_uncertain_and_counted(
        self, service, journal
    ):
        """Too long to be kept in the journal, its parts have to go up anew, and cannot."""
        lost = GenerationRequest("panda", image=PNG, extra={"text": "x" * 200_000})
        patient = RetryPolicy(initial=600.0, maximum=600.0, jitter=0.0)
        settings = {"journal": journal, "price": 0.2, "max_in_flight": 1}
        told = []
        service.lose_answers = 1
        async with client_of(service, Toy(), retry=patient, observer=told.append) as client:
            async with Batch(client, [lost], budget=1, **settings):
                await until(lambda: any(isinstance(event, SubmitHeldBack) for event in told))
        service.lose_uploads = 1_000
        hasty = RetryPolicy(initial=0.001, maximum=0.001, jitter=0.0, outage_budget=0.05)
        async with client_of(service, Toy(), retry=hasty) as client:
            batch = Batch(client, [lost, *prompts(2)], budget=0.4, **settings)
            async with batch:
                results = [result async for result in batch]
        assert kinds(results) == ["SubmissionUncertainError", "ok", "BudgetError"]
        assert batch.stats.spent.total == 2 * CENTS_20
        assert len(service.jobs) == 2

    async def test_one_is_asked_about_again_although_the_money_is_used_up(self, service, journal):
        """With its key it is the same submit, and what it costs is counted since it left."""
        patient = RetryPolicy(initial=600.0, maximum=600.0, jitter=0.0)
        settings = {"journal": journal, "price": 0.2, "max_in_flight": 1, "budget": 0.2}
        told = []
        service.lose_answers = 1
        async with client_of(service, Toy(), retry=patient, observer=told.append) as client:
            async with Batch(client, ["lost"], **settings):
                await until(lambda: any(isinstance(event, SubmitHeldBack) for event in told))
        async with client_of(service, Toy()) as client:
            batch = Batch(client, [*prompts(3), "lost"], **settings)
            async with batch:
                results = [result async for result in batch]
        assert kinds(results) == ["BudgetError"] * 3 + ["ok"]
        assert batch.stats.spent.total == CENTS_20
        assert len(service.jobs) == 1


class TestFailedOnes:
    async def test_a_second_submit_of_one_that_told_no_charge_is_paid_for_beside_it(
        self, service, run, journal
    ):
        service.fail_at_once = True
        assert (await run(prompts(1), budget=0.3))[0] == ["JobFailedError"]
        service.fail_at_once = False
        assert (await run(prompts(1), budget=0.3, retry_failed=True))[0] == ["BudgetError"]
        ends, spent = await run(prompts(1), budget=0.4, retry_failed=True)
        assert (ends, spent.total) == (["ok"], 2 * CENTS_20)
        assert sums(journal) == (400_000, 400_000)

    async def test_one_that_cost_nothing_leaves_its_money_to_the_next(self, service, run, journal):
        dialect = Charging(charges={f"toy-{number}": CENTS_20 for number in (3, 4)})
        ends, spent = await run(prompts(5), budget=0.4, dialect=dialect)
        assert ends == ["ok"] * 4 + ["BudgetError"]
        assert (spent.charged, spent.total) == (2 * CENTS_20, 2 * CENTS_20)
        assert sums(journal) == (400_000, 400_000)

    async def test_that_it_cost_nothing_is_no_reason_to_submit_it_again(self, service, run):
        """What failed stays failed without a word; a prompt that is refused is so each time."""
        service.looks = 1_000_000

        async def fall():
            await until(lambda: service.jobs)
            service.fail_at_once = True

        falling = asyncio.create_task(fall())
        for _ in range(2):
            ends, spent = await run(prompts(1), dialect=Charging(), timeout=30)
            assert (ends, spent.total) == (["JobFailedError"], Money(0))
        await falling
        assert len(service.posts) == 1


class TestChargesThatDiffer:
    async def test_one_above_its_quote_stops_the_buying_and_counts_whole(self, service, run):
        dialect = Charging(charges={"toy-1": Money(950_000)})
        ends, spent = await run(prompts(4), dialect=dialect)
        assert ends == ["ok"] + ["BudgetError"] * 3
        assert spent.total == spent.charged == Money(950_000)
        assert len(service.posts) == 1

    async def test_what_has_a_reservation_and_has_not_left_does_not_leave_any_more(self, service):
        """It waits for its turn while the charge of another passes the budget."""
        dialect = Charging(charges={"toy-1": Money(950_000)})
        told = []
        service.looks = 1_000_000
        patient = RetryPolicy(attempts=1_000, initial=0.001, maximum=0.001, jitter=0.0)
        async with client_of(service, dialect, observer=told.append, retry=patient) as client:
            async with Batch(client, _two(service, told), budget=1) as batch:
                results = [result async for result in batch]
        assert sorted(kinds(results)) == ["BudgetError", "ok"]
        assert next(result.error for result in results if result.error).money
        assert len(service.jobs) == 1

    async def test_one_that_is_told_after_the_end_is_had_by_one_more_look(
        self, service, run, journal
    ):
        ends, spent = await run(prompts(2), dialect=Late())
        assert (ends, spent.charged, spent.total) == (["ok"] * 2, Money(300_000), Money(300_000))
        assert sums(journal) == (300_000, 300_000)
        asked = len(service.paths)
        # What has ended is not asked about again.
        assert (await run(prompts(2), dialect=Late()))[1].charged == Money(300_000)
        assert len(service.paths) == asked

    async def test_where_that_look_fails_the_price_counts_in_its_place(self, service, run):
        service.price_fails = 9
        ends, spent = await run(prompts(2), dialect=Late(), budget=None, price=0.2)
        assert (ends, spent.charged, spent.estimated) == (["ok"] * 2, Money(0), 2 * CENTS_20)

    @pytest.mark.parametrize("variant", ["billing-late", "billing-unavailable"])
    async def test_where_the_charge_is_not_told_in_time_the_quote_counts_in_its_place(
        self, variant, journal
    ):
        price = Money(PRICE)
        async with Simulator(service="pika", duration=Polls(1), variants=variant) as sim:
            async with client_for(sim) as client:
                async with Batch(client, prompts(4), budget=3 * price, journal=journal) as batch:
                    results = [result async for result in batch]
        spent = batch.stats.spent
        assert sorted(kinds(results)) == ["BudgetError"] + ["ok"] * 3
        assert spent.total == 3 * price == Money(sim.service_at_work.spent_micro_usd)
        assert spent.estimated == spent.total
        assert sums(journal) == (spent.total.micros, spent.total.micros)


def busy():
    return web.json_response({}, status=429)


async def _two(service, told):
    yield "panda 0"
    await until(lambda: service.jobs)
    # The brake waits ever longer after each, and in the end a hundred times as long as a poll.
    service.answers = [busy] * 9
    yield "panda 1"
    await until(lambda: any(isinstance(event, SubmitHeldBack) for event in told))
    service.looks = 0


class TestExactlyEnough:
    async def test_a_budget_for_all_stops_nothing_and_says_nothing(self, service):
        told = []
        async with client_of(service, observer=told.append) as client:
            results = await run_batch(client, prompts(5), budget=1)
        assert kinds(results) == ["ok"] * 5
        assert not any(isinstance(event, BatchStopped) for event in told)

    @pytest.mark.parametrize(("price", "count"), [(0.7, 3), (0.1, 8), (0.09, 11), (1 / 3, 6)])
    async def test_no_fraction_is_lost_on_the_way_to_the_edge(self, service, price, count):
        told = []
        dialect = Toy()
        budget = Money.of(price) * count
        async with client_of(service, dialect, observer=told.append) as client:
            results = await run_batch(client, prompts(count), budget=budget.amount, price=price)
            assert kinds(results) == ["ok"] * count
            assert not any(isinstance(event, BatchStopped) for event in told)
            results = await run_batch(client, prompts(count + 1), budget=budget, price=price)
            assert kinds(results).count("BudgetError") == 1

    @pytest.mark.parametrize("nothing", [0, 0.0, Decimal(0), Money(0)])
    async def test_a_budget_of_nothing_buys_nothing(self, service, nothing):
        async with client_of(service) as client:
            results = await run_batch(client, prompts(2), budget=nothing)
        assert kinds(results) == ["BudgetError"] * 2
        assert "nothing is left" in str(results[0].error)
        assert service.posts == []

    async def test_what_costs_nothing_is_bought_with_nothing(self, service):
        async with client_of(service, Toy()) as client:
            results = await run_batch(client, prompts(2), budget=0, price=0)
        assert kinds(results) == ["ok", "ok"]

    async def test_first_requests_that_all_ask_for_their_price_at_once_do_not_slip_through(
        self, service
    ):
        service.held = asyncio.Event()
        async with client_of(service) as client:
            batch = asyncio.create_task(run_batch(client, prompts(16), budget=0.4))
            await until(lambda: service.prices_asked == 16)
            service.held.set()
            results = await batch
        assert sorted(kinds(results)) == ["BudgetError"] * 14 + ["ok"] * 2
        assert len(service.posts) == 2

    async def test_the_quote_goes_before_the_users_price(self, service):
        async with client_of(service) as client:
            results = await run_batch(client, prompts(5), budget=1, price=0.01)
        assert kinds(results) == ["ok"] * 5
        assert service.prices_asked

    async def test_a_budget_in_another_currency_than_the_quotes_buys_nothing(self, service):
        async with client_of(service) as client:
            results = await run_batch(client, prompts(2), budget=Money(10_000_000, "EUR"))
        assert kinds(results) == ["BudgetError"] * 2
        assert "the service counts in USD, and the budget is in EUR" in str(results[0].error)
        assert service.posts == []


class TestAnAccountThatRunsDry:
    """At Pika the jobs under way when that happens end as failed ones that cost nothing."""

    async def test_once_it_is_topped_up_the_next_run_submits_all_that_it_refused(self, journal):
        async with Simulator(service="pika", duration=Polls(1)) as sim:
            sim.service_at_work.balance_micro_usd = 3 * PRICE
            async with client_for(sim) as client:
                first = await run_batch(client, prompts(9), journal=journal, budget=99)
                dry = kinds(first).count("JobFailedError")
                assert dry >= 1
                statuses = [str(entry.status) for entry in read_journal(journal)]
                assert statuses.count("waiting") == 6
                assert statuses.count("failed") == 0
                sim.service_at_work.balance_micro_usd = None
                second = await run_batch(client, prompts(9), journal=journal, budget=99)
        assert kinds(second) == ["ok"] * 9
        assert sum(result.resumed for result in second) == 3
        paid = sim.service_at_work.spent_micro_usd
        assert paid == 9 * PRICE
        assert sums(journal) == (paid, paid)

    @pytest.mark.parametrize("variant", ["refused-429", "refused-503"])
    async def test_a_job_that_is_for_later_is_submitted_by_the_next_run(self, variant, journal):
        """It cost nothing, and the request was not judged; its error says to try later."""
        async with Simulator(service="pika", duration=Polls(1), variants=[variant]) as sim:
            async with client_for(sim) as client:
                (first,) = await run_batch(client, prompts(1), journal=journal)
                (entry,) = read_journal(journal)
                sim.variants = ()
                (second,) = await run_batch(client, prompts(1), journal=journal)
        assert (first.error.money, first.error.advice.action) == (
            MoneyMeaning.NOT_CHARGED,
            Action.TRY_LATER,
        )
        assert "when it is run again" in str(first.error)
        assert str(entry.status) == "waiting"
        assert (second.ok, second.resumed) == (True, False)
        assert len(sim.submissions) == 2
        assert sim.service_at_work.spent_micro_usd == PRICE

    async def test_a_job_that_failed_otherwise_still_needs_a_word(self, journal):
        async with Simulator(service="pika", duration=Polls(1), failure="it fell") as sim:
            async with client_for(sim) as client:
                await run_batch(client, prompts(1), journal=journal)
                again = await run_batch(client, prompts(1), journal=journal)
        assert kinds(again) == ["JobFailedError"]
        assert len(sim.submissions) == 1


class TestABudgetThatIsRemembered:
    """What was said holds for whoever goes on with the journal and says nothing."""

    async def test_a_run_without_one_goes_on_with_that_of_the_run_before(self, run, service):
        await run(prompts(5), budget=0.5)
        ends, spent = await run(prompts(5), budget=None)
        assert ends == ["ok"] * 2 + ["BudgetError"] * 3
        assert spent.total == 2 * CENTS_20
        assert len(service.posts) == 2

    async def test_it_is_that_of_the_last_run_that_said_one(self, run):
        await run(prompts(5), budget=0.5)
        await run(prompts(5), budget=0.7)
        await run(prompts(5), budget=None)
        assert (await run(prompts(5), budget=None))[0] == ["ok"] * 3 + ["BudgetError"] * 2

    async def test_a_refusal_says_whose_budget_it_is(self, service, journal, run):
        await run(prompts(3), budget=0.5)
        async with client_of(service) as client:
            results = await run_batch(client, prompts(3), journal=journal)
        assert str(results[2].error).startswith(
            "not submitted: it would cost $0.20, and of the budget of $0.50, which an earlier run "
            "with this journal was given, there are $0.10 left."
        )

    async def test_infinity_lifts_it_for_good(self, run):
        await run(prompts(4), budget=0.5)
        assert (await run(prompts(4), budget=math.inf))[0] == ["ok"] * 4
        assert (await run(prompts(5), budget=None))[0] == ["ok"] * 5

    async def test_it_holds_after_a_batch_that_was_left_early(self, service, journal, run):
        service.looks = 1_000_000
        async with client_of(service) as client:
            async with Batch(client, prompts(9), budget=0.5, journal=journal) as batch:
                await until(lambda: len(batch.in_flight) == 2)
        service.looks = 0
        assert (await run(prompts(9), budget=None))[0] == ["ok"] * 2 + ["BudgetError"] * 7

    async def test_a_budget_that_was_refused_is_none(self, run):
        """One in another currency than what is spent already sets nothing."""
        await run(prompts(3), budget=0.5)
        with pytest.raises(FieldError, match="two currencies"):
            await run(prompts(3), budget=Money(9_000_000, "EUR"))
        assert (await run(prompts(3), budget=None))[0] == ["ok"] * 2 + ["BudgetError"]

    async def test_its_price_is_remembered_with_it(self, journal):
        """Where the service says no price, the budget could not hold without."""
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            await run_batch(client, prompts(2), journal=journal, budget=1, price=0.4)
            results = await run_batch(client, prompts(4), journal=journal)
            assert kinds(results) == ["ok"] * 2 + ["BudgetError"] * 2
            results = await run_batch(client, prompts(4), journal=journal, budget=1.3)
            assert kinds(results) == ["ok"] * 3 + ["BudgetError"]

    async def test_one_of_another_service_needs_a_price_where_that_says_none(self, run, journal):
        await run(prompts(2), budget=5)
        async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
            with pytest.raises(FieldError, match="does not say what a job costs"):
                await run_batch(client, ["another"], journal=journal)
            assert len(sim.submissions) == 0

    async def test_a_price_in_another_currency_is_refused(self, run):
        await run(prompts(2), budget=5)
        with pytest.raises(FieldError, match="an amount in USD"):
            await run(prompts(3), budget=None, price=Money(1, "EUR"))

    async def test_the_journal_tells_programs(self, run, journal):
        await run(prompts(1), budget=0.5)
        await run(prompts(2), budget=None)
        runs = [entry.run for entry in read_journal(journal)]
        assert [(run.budget, run.price) for run in runs] == [(Money(500_000), None)] * 2

    async def test_without_a_budget_nothing_is_remembered(self, run, journal):
        await run(prompts(1), budget=None, price=0.4)
        assert [entry.run.budget for entry in read_journal(journal)] == [None]
