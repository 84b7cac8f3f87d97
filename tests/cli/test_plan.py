"""What is said before a batch is what then happens: how many are submitted, and for how much."""

from __future__ import annotations

import io
import sqlite3
import sys

import pytest
from support.journals import changed

from pika_async.simulator import Fault, Polls, Simulator

KEY = "sk-9f8e7d6c5b4a"
# What one video of five seconds costs at each, in millionths of a dollar.
PRICES = {"gateway": 450_000, "pika": 450_000, "fal": 200_000}
# What a service whose jobs cannot fail for want of money answers to a submit.
DRY = {"gateway": "403-quota-not-enough", "fal": "403-locked"}
# How many jobs an account pays for that runs dry.
PAID = 3
AGAIN = ("--resubmit-uncertain", "--retry-failed")


@pytest.fixture(params=PRICES)
def service(request):
    return request.param


@pytest.fixture
def sim(service, monkeypatch, here):  # noqa: ARG001 - the key is set after it
    for name in ("PIKA_API_KEY", "FAL_KEY"):
        monkeypatch.setenv(name, KEY)
    with Simulator(service=service, duration=Polls(1), api_key=KEY) as simulator:
        yield simulator


@pytest.fixture
def batch(pika, sim, service, here):
    """``batch(count, …)``: a file of so many prompts."""

    def batch(count, *options):
        (here / "p.txt").write_text("".join(f"p {number}\n" for number in range(count)))
        where = ("--service", service, "--base-url", sim.url, "--no-download")
        return pika("batch", "p.txt", *where, *options)

    return batch


@pytest.fixture
def price(service):
    """What has to be named where the service does not say what a job costs."""
    return ("--price", "0.45") if service == "gateway" else ()


@pytest.fixture
def mixed(batch, sim, service, price):
    """Of four prompts "p 1" has failed, and "p 2" is uncertain and has a job."""
    sim.failure = lambda body: "it fell" if "p 1" in str(body) else None
    # Where a key is known the outage lasts for as long as the process.
    lost = "500-message" if service == "pika" else "reset-after"
    sim.faults.append(Fault(lost, times=None, prompt="p 2"))
    batch(4, "--budget", "90", *price)
    sim.faults.clear()
    sim.failure = None


@pytest.mark.usefixtures("mixed")
@pytest.mark.parametrize(
    "options",
    [(), ("--limit", "2"), ("--limit", "0"), AGAIN[:1], AGAIN[1:], AGAIN, (*AGAIN, "--limit", "1")],
    ids=" ".join,
)
def test_a_dry_run_says_how_many_submits_there_will_be_and_what_they_cost(
    batch, sim, service, price, options
):
    """A submit that is sent again with its key is one of them: it may be new to the service."""
    (event,) = batch(7, "--dry-run", "--json", *price, *options).events
    jobs, submits = len(sim.jobs), len(sim.submissions)
    batch(7, *price, *options)
    # What is found in the history need not be bought.
    found = service == "fal" and AGAIN[0] in options and "--limit" not in options
    assert len(sim.submissions) - submits == event["to_submit"] - found
    assert len(sim.jobs) - jobs <= event["to_submit"]
    cost = 0 if event["cost"] is None else event["cost"]["micros"]
    assert cost == event["to_submit"] * PRICES[service]


@pytest.mark.usefixtures("mixed")
def test_what_is_sent_again_with_its_key_is_not_told_as_spent_and_as_to_be_spent(
    batch, service, price
):
    told = batch(4, "--dry-run", "--budget", "90", *price).err
    expected = {
        "gateway": "3 known, 1 uncertain, 0 to submit; the budget is $90.00, of which about $1.80",
        "pika": "3 known, 1 to submit: about $0.45; the budget is $90.00, of which about $1.35",
        "fal": "3 known, 1 uncertain, 0 to submit; the budget is $90.00, of which about $0.80",
    }
    assert told == f"{expected[service]} are spent\n"


@pytest.mark.usefixtures("mixed")
def test_what_is_too_old_to_be_sent_again_with_its_key_is_told_as_uncertain(
    batch, sim, service, price, here
):
    changed(here / "p.txt.journal", "sent_at = sent_at - 3601")
    told = batch(4, "--dry-run", "--json", *price).events
    submits = len(sim.submissions)
    done = batch(4, "--json", *price)
    # What is found in a history was not bought again.
    assert told[0]["to_submit"] == len(sim.submissions) - submits == 0
    assert told[0]["uncertain"] == 1
    if service == "pika":
        assert "over an hour old" in done.out


@pytest.mark.usefixtures("mixed")
def test_a_limit_of_0_sends_nothing_at_all(batch, sim, price):
    submits = len(sim.submissions)
    batch(7, "--limit", "0", *price)
    assert len(sim.submissions) == submits


def test_a_limit_and_a_budget_hold_both_and_over_all_runs(batch, sim, service, price):
    """Of nine prompts three in a run, and five in all."""
    budget = f"{5.5 * PRICES[service] / 1_000_000:g}"
    made = []
    for _ in range(4):
        done = batch(9, "--limit", "3", "--budget", budget, *price)
        made.append((len(sim.jobs), done.code))
    assert made == [(3, 0), (5, 1), (5, 1), (5, 1)]
    assert "--budget AMOUNT" in done.err.splitlines()[-1]


def test_a_budget_for_all_of_them_says_nothing_and_ends_well(batch, sim, service, price):
    done = batch(4, "--budget", f"{4 * PRICES[service] / 1_000_000:g}", *price)
    assert (done.code, len(sim.jobs)) == (0, 4)
    assert "not submitted" not in done.err
    assert "nothing more" not in done.err


def test_a_budget_that_came_later_needs_a_price_for_what_was_bought_before(batch, sim, service):
    """Also in a dry run, which says what would happen."""
    if service == "pika":
        # It does not say what a job that failed has cost.
        sim.failure = "it fell"
    batch(2)
    for options in (("--dry-run",), ()):
        done = batch(4, "--budget", "9", *options)
        assert (done.code, len(sim.jobs)) == (2, 2)
        if service != "gateway":
            assert done.err.startswith(
                "error: --budget needs --price here: earlier runs with this journal have submitted "
                "2 jobs of which nobody has said what it cost."
            )
    done = batch(4, "--budget", "1", "--price", "0.4", "-n", "1")
    assert len(sim.jobs) == 3 if service == "fal" else 2
    assert "the budget is $1.00, of which about $0.80 are spent" in done.err


def test_it_asks_only_about_what_the_budget_has_left(batch, sim, service, price, monkeypatch):
    """A budget of 3, of which 1.50 are spent, leaves less than 2 to be asked about."""
    given = (*price, "--budget", "3", "--ask-above", "2")
    batch(int(1_500_000 / PRICES[service]), *given)
    terminal = io.TextIOWrapper(io.BytesIO(b"n\n"))
    monkeypatch.setattr(sys, "stdin", terminal)
    monkeypatch.setattr("pika_async.cli._running.asking._is_terminal", lambda: True)
    before = len(sim.jobs)
    done = batch(int(6_000_000 / PRICES[service]), *given, "--limit", "90")
    assert "[y/N]" not in done.err
    assert len(sim.jobs) > before


class TestAJobThatTheServiceDoesNotKnow:
    """With ``--resubmit-uncertain`` it is submitted again: that is said before, and is bounded."""

    @pytest.fixture(autouse=True)
    def mistaken(self, sim, batch, price):
        """Of four prompts "p 2" has a job by the journal alone."""
        batch(4, *price)
        for job_id in [one for one, job in sim.jobs.items() if "p 2" in str(job.body)]:
            del sim.jobs[job_id]
        with sqlite3.connect("p.txt.journal") as journal:
            journal.execute(
                "UPDATE attempts SET status = 'submitted', job_id = 'typo', state = NULL,"
                " ended_at = NULL, files = NULL, sent_at = 0, accepted_at = 0 WHERE request = 3"
            )
        journal.close()

    @pytest.mark.parametrize("limit", [0, 1, 2, 3])
    def test_no_more_are_submitted_than_the_limit(self, batch, sim, price, limit):
        """New prompts come first: they are what the limit was named for."""
        before = len(sim.submissions)
        batch(6, *price, "--resubmit-uncertain", "--limit", str(limit))
        assert len(sim.submissions) - before == limit

    @pytest.mark.parametrize(
        ("limit", "perhaps"), [((), 1), (("--limit", "3"), 1), (("--limit", "2"), 0)], ids=str
    )
    def test_the_plan_says_how_many_more_there_may_be_and_what_they_cost(  # noqa: PLR0917 - fixtures
        self, batch, sim, price, service, limit, perhaps
    ):
        options = (*price, "--resubmit-uncertain", *limit)
        (plan,) = batch(6, *options, "--dry-run", "--json").events
        assert (plan["to_submit"], plan["perhaps"]) == (2, perhaps)
        assert plan["perhaps_cost"]["micros"] == perhaps * PRICES[service]
        said = "and up to 1 more, if the service does not know their jobs: about $0."
        assert (said in batch(6, *options, "--dry-run").err) == bool(perhaps)
        before = len(sim.submissions)
        batch(6, *options)
        assert len(sim.submissions) - before == 2 + perhaps

    def test_it_is_in_what_is_asked_about(self, batch, sim, price, monkeypatch):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"n\n")))
        monkeypatch.setattr("pika_async.cli._running.asking._is_terminal", lambda: True)
        before = len(sim.submissions)
        done = batch(4, *price, "--resubmit-uncertain", "--ask-above", "0.1")
        assert "Submit up to 1 job and spend about $0." in done.err
        assert len(sim.submissions) == before


def test_a_file_that_changes_after_the_plan_does_not_pass_the_limit(
    batch, sim, price, here, monkeypatch
):
    """What stands in the place of a prompt that is done is a new prompt, and counts."""
    batch(3, *price)
    confirm = "pika_async.cli._batch.confirm"

    def edited(*_):
        (here / "p.txt").write_text("p new\np newer\np 2\np 3\n")

    monkeypatch.setattr(confirm, edited)
    before = len(sim.submissions)
    done = batch(4, *price, "--limit", "1")
    assert len(sim.submissions) - before == 1
    assert "not submitted" in done.out


class TestAnAccountThatRunsDry:
    """One line says it, the exit code is 1, and after a top-up the same line does the rest."""

    @pytest.fixture
    def dry(self, sim, service):
        if service == "pika":
            sim.service_at_work.balance_micro_usd = PAID * PRICES["pika"]
        else:
            sim.faults.append(Fault(DRY[service], times=None, after=PAID))

        def top_up():
            sim.faults.clear()
            if service == "pika":
                sim.service_at_work.balance_micro_usd = None

        return top_up

    @pytest.mark.parametrize("at_once", ["1", "4"])
    def test_it_stops_the_batch_with_one_line_and_the_same_line_goes_on(
        self, batch, sim, price, dry, at_once
    ):
        options = (*price, "--budget", "99", "-n", at_once)
        done = batch(10, *options)
        said = [line for line in done.err.splitlines() if "submits nothing more" in line]
        assert (done.code, len(said)) == (1, 1)
        assert len(done.out.splitlines()) == 10
        assert done.out.count(": not submitted") >= 10 - PAID - int(at_once)
        # Whoever was under way when it happened has been refused, and nobody after.
        assert PAID + 1 <= len(sim.submissions) <= PAID + int(at_once)
        *_, last, line = done.err.splitlines()
        assert "--retry-failed" not in done.err
        assert "to submit only those without one" in last
        assert line.lstrip().startswith("pika-async batch p.txt")
        dry()
        again = batch(10, *options)
        assert again.code == 0
        assert "10 succeeded, 0 failed" in again.err
        paid = [job for job in sim.jobs.values() if job.outcome == "finished"]
        assert len(paid) == 10
