"""Money at the command line: what is said before, the question, the limits, quotes and balances."""

from __future__ import annotations

import io
import shlex
import sqlite3
import sys
from contextlib import closing

import pytest

from pika_async.simulator import Fault, Polls, Simulator

KEY = "sk-9f8e7d6c5b4a"


@pytest.fixture
def prompts(here):
    (here / "p.txt").write_text("a\nb\nc\nd\n")


@pytest.fixture
def batch(pika, sim, prompts):  # noqa: ARG001 - it is there
    return lambda *arguments: pika("batch", "p.txt", "--base-url", sim.url, *arguments)


@pytest.fixture
def dear(here, monkeypatch):  # noqa: ARG001 - the key is set after it
    """A service that tells what a job costs, 0.45 dollars each, and what is left."""
    with Simulator(service="pika", duration=Polls(2), api_key=KEY) as simulator:
        yield simulator


@pytest.fixture
def dear_batch(pika, dear, prompts):  # noqa: ARG001 - it is there
    return lambda *arguments: pika(
        "batch", "p.txt", "--service", "pika", "--base-url", dear.url, *arguments
    )


@pytest.fixture
def answering(monkeypatch):
    """A terminal at which this is typed."""

    def answering(text):
        terminal = io.TextIOWrapper(io.BytesIO(text.encode()))
        monkeypatch.setattr(terminal, "isatty", lambda: True)
        monkeypatch.setattr(sys, "stdin", terminal)
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        monkeypatch.setattr("pika_async.cli._running.asking._is_terminal", lambda: True)

    return answering


def sent(sim):
    return len(sim.submissions)


class TestBefore:
    def test_a_dry_run_says_what_would_be_bought_and_sends_nothing(self, batch, sim, here):
        done = batch("--dry-run", "--price", "0.2")
        assert (done.code, done.out) == (0, "")
        assert done.err == "4 to submit: about $0.80\n"
        assert sent(sim) == 0
        assert [path.name for path in here.iterdir()] == ["p.txt"]

    def test_a_dry_run_without_a_key_tells_the_plan_and_what_a_run_would_lack(
        self, batch, monkeypatch
    ):
        monkeypatch.delenv("PIKA_API_KEY")
        done = batch("--dry-run")
        assert done.code == 2
        assert done.err.splitlines() == [
            "4 to submit",
            (
                "error: there is no API key for the service 'gateway': set PIKA_API_KEY in the "
                "environment, or add --simulate to try it without paying."
            ),
        ]
        assert batch("--dry-run", "--simulate").code == 0

    @pytest.mark.parametrize(
        ("environment", "options", "said"),
        [
            ({"PIKA_API_KEY": '"abc"'}, (), "the API key has quotes around it"),
            ({"PIKA_API_KEY": "a b"}, (), "characters that no key has"),
            ({}, ("--base-url", "ftp://x"), "--base-url: 'ftp://x' cannot be used"),
            ({}, ("--base-url", "http://example.com"), "plain http to another machine"),
            ({"HTTPS_PROXY": "socks5://h:1"}, ("--base-url", "https://x.invalid"), "'socks5'"),
            ({}, ("-d", "taken"), "--output-dir: 'taken' cannot be written to"),
            ({}, ("-j", "taken/j"), "taken/j' cannot be written"),
            ({}, ("--budget", "1"), "--budget needs --price here"),
        ],
        ids=str,
    )
    def test_a_dry_run_refuses_what_the_run_refuses(  # noqa: PLR0917 - fixtures
        self, pika, here, prompts, monkeypatch, environment, options, said
    ):
        """Both before anything is sent, with the same exit code, and in the same words."""
        (here / "taken").touch()
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        way = ("--base-url", "http://127.0.0.1:9", *options)
        dry, real = pika("batch", "p.txt", *way, "--dry-run"), pika("batch", "p.txt", *way)
        assert (dry.code, real.code) == (2, 2)
        assert said in dry.err
        assert said in real.err
        assert not [path for path in here.iterdir() if path.is_dir() and any(path.iterdir())]

    def test_a_budget_in_another_currency_than_what_was_spent_is_refused(self, batch, here):
        """Amounts of two currencies have no sum, so nobody could hold it."""
        batch("--price", "0.4", "--limit", "1")
        with closing(sqlite3.connect(here / "p.txt.journal")) as journal, journal:
            journal.execute("UPDATE attempts SET quoted_currency = 'EUR'")
        for more in (("--dry-run",), ()):
            done = batch("--budget", "1", "--price", "0.4", *more)
            assert done.code == 2
            assert "--budget cannot be held: earlier runs with this journal have spent EUR" in (
                done.err
            )

    def test_known_ones_are_told_apart_and_the_journal_is_only_read(self, batch, sim, here):
        batch("--limit", "2")
        before = {path.name: path.read_bytes() for path in here.iterdir() if path.is_file()}
        done = batch("--dry-run", "--price", "0.2")
        assert done.err == "2 known, 2 to submit: about $0.40\n"
        after = {path.name: path.read_bytes() for path in here.iterdir() if path.is_file()}
        assert after == before
        assert sent(sim) == 2

    def test_uncertain_ones_are_counted_and_not_priced_until_they_are_to_be_sent_again(
        self, batch, sim
    ):
        sim.faults.append(Fault("reset-after", times=1))
        batch("-n", "1")
        assert batch("--dry-run", "--price", "1").err == ("3 known, 1 uncertain, 0 to submit\n")
        again = batch("--dry-run", "--price", "1", "--resubmit-uncertain")
        assert again.err == "3 known, 1 to submit: about $1.00\n"

    def test_equal_prompts_are_told_apart_by_their_occurrence(self, pika, sim, here):
        (here / "p.txt").write_text("a\na\n")
        pika("batch", "p.txt", "--base-url", sim.url)
        (here / "p.txt").write_text("a\na\na\n")
        done = pika("batch", "p.txt", "--base-url", sim.url, "--dry-run")
        assert done.err == "2 known, 1 to submit\n"

    def test_equal_prompts_are_told_apart_by_what_else_is_in_their_lines(self, pika, sim, here):
        """As the run itself does it: the line that failed was left out, and the other is known."""
        (here / "p.csv").write_text("prompt,sku\na,1\na,2\n")
        sim.failure = lambda _: None if sim.jobs else "GPU lost"
        pika("batch", "p.csv", "--base-url", sim.url, "--retry-failed", "-n", "1")
        (here / "p.csv").write_text("prompt,sku\na,2\n")
        done = pika("batch", "p.csv", "--base-url", sim.url, "--dry-run", "--retry-failed")
        assert done.err.startswith("1 known, 0 to submit\n")

    def test_where_the_service_tells_prices_they_count(self, dear_batch, dear):
        done = dear_batch("--dry-run", "--price", "9")
        assert done.err == "4 to submit: about $1.80\n"
        assert sent(dear) == 0
        # Texts change no price: one question is enough.
        assert len(dear.service_at_work.quotes) == 1

    def test_machines_are_told_of_a_dry_run(self, batch):
        (event,) = batch("--dry-run", "--price", "0.2", "--json").events
        assert event["event"] == "plan"
        assert (event["to_submit"], event["known"], event["left"]) == (4, 0, 0)
        assert event["cost"] == {"micros": 800_000, "currency": "USD"}

    @pytest.mark.parametrize("option", ["--price", "--budget", "--ask-above"])
    @pytest.mark.parametrize("amount", ["much", "-1", "", "nan", "1,5", "1e30", "1e999999"])
    def test_what_is_no_amount_is_refused(self, batch, sim, option, amount):
        done = batch(f"{option}={amount}")
        assert done.code == 2
        assert done.err.startswith(f"error: {option}: {amount!r} is not allowed; allowed is an")
        assert sent(sim) == 0

    def test_an_amount_may_have_its_sign(self, batch):
        assert batch("--dry-run", "--price", "$0.25").err == "4 to submit: about $1.00\n"


class TestLimits:
    def test_a_limit_bounds_the_submits_of_a_run_and_the_rest_stays_for_later(self, batch, sim):
        done = batch("--limit", "3")
        assert (done.code, sent(sim)) == (0, 3)
        assert "3 to submit; 1 left for later" in done.err
        assert "3 prompts: 3 succeeded" in done.err
        assert batch("--limit", "3").code == 0
        assert sent(sim) == 4

    def test_a_limit_of_0_only_waits_for_what_is_known(self, batch, sim):
        done = batch("--limit", "0")
        assert (done.code, sent(sim)) == (0, 0)
        assert "4 left for later" in done.err

    def test_a_limit_holds_among_equal_prompts(self, pika, sim, here):
        (here / "p.txt").write_text("a\na\na\n")
        for expected in (1, 2, 3, 3):
            done = pika("batch", "p.txt", "--base-url", sim.url, "--limit", "1")
            assert (done.code, sent(sim)) == (0, expected)

    def test_a_budget_holds_and_what_it_does_not_reach_for_is_told_in_one_line(self, batch, sim):
        done = batch("--budget", "1", "--price", "0.4", "-n", "1")
        assert (done.code, sent(sim)) == (1, 2)
        assert "4 to submit: about $1.60; the budget is $1.00" in done.err
        assert sum(line.endswith(": not submitted") for line in done.out.splitlines()) == 2
        # What to do is said once, at the end.
        (stopped,) = [line for line in done.err.splitlines() if "submits nothing more" in line]
        assert stopped.endswith(
            "nothing more: it would cost $0.40, and of the budget of $1.00 there are $0.20 left."
        )
        said, line = done.err.splitlines()[-2:]
        assert said == (
            "2 prompts not submitted: it would cost $0.40, and of the budget of $1.00 there are "
            "$0.20 left. To submit more, with a larger budget, of which $1.60 are enough for all "
            "of them:"
        )
        assert line == (
            "  pika-async batch p.txt -n 1 --budget AMOUNT --price 0.4 --base-url " + sim.url
        )
        again = shlex.split(line.replace("AMOUNT", "1.6"))[2:]
        assert batch(*again[1:]).code == 0
        assert sent(sim) == 4

    def test_a_budget_that_ends_without_a_journal_has_no_line_that_goes_on(self, batch):
        """The same line would pay again for all."""
        done = batch("--budget", "1", "--price", "0.4", "-n", "1", "--no-journal")
        assert "To submit more, give a larger --budget." in done.err
        assert "pika-async batch" not in done.err
        assert "; about $0.80 spent; " in done.err

    def test_a_budget_counts_what_earlier_runs_have_spent(self, batch, sim):
        batch("--budget", "1", "--price", "0.4", "-n", "1")
        done = batch("--budget", "1", "--price", "0.4")
        assert "of which about $0.80 are spent" in done.err
        assert sent(sim) == 2

    def test_a_run_that_says_none_goes_on_with_the_budget_of_the_run_before(self, batch, sim):
        """What was said in all holds, and it is said whose budget that is."""
        batch("--budget", "1", "--price", "0.4", "-n", "1")
        done = batch()
        assert (done.code, sent(sim)) == (1, 2)
        assert done.err.splitlines()[:2] == [
            (
                "2 known, 2 to submit: about $0.80; the budget is $1.00, of which about $0.80 are "
                "spent"
            ),
            (
                "the budget comes from an earlier run with this journal; --budget AMOUNT changes "
                "it, and --budget inf lifts it"
            ),
        ]

    def test_a_dry_run_and_machines_are_told_of_it(self, batch):
        batch("--budget", "1", "--price", "0.4", "-n", "1")
        (plan,) = batch("--dry-run", "--json").events
        assert plan["budget"] == {"micros": 1_000_000, "currency": "USD"}
        assert plan["budget_remembered"]
        (plan,) = batch("--dry-run", "--json", "--budget", "2").events
        assert not plan["budget_remembered"]

    def test_another_budget_takes_its_place_with_the_price_of_before(self, batch, sim):
        batch("--budget", "1", "--price", "0.4", "-n", "1")
        batch("--budget", "1.3", "-n", "1")
        assert sent(sim) == 3
        batch()
        assert sent(sim) == 3

    def test_inf_is_no_budget_and_holds_from_then_on(self, batch, sim):
        batch("--budget", "1", "--price", "0.4", "-n", "1")
        batch("--budget", "inf", "--limit", "1")
        assert sent(sim) == 3
        assert "budget" not in batch().err
        assert sent(sim) == 4

    def test_a_budget_that_is_remembered_needs_a_price_where_nobody_says_one(
        self, batch, dear_batch, sim
    ):
        dear_batch("--budget", "1", "-n", "1")
        done = batch()
        assert (done.code, sent(sim)) == (2, 0)
        assert done.err == (
            "error: the budget of $1.00, which an earlier run with this journal was given, needs "
            "--price here: the service 'gateway' does not say what a video costs.\n"
        )

    def test_what_pays_again_is_offered_with_a_budget_that_has_room_for_it(self, batch, sim):
        sim.faults.append(Fault("reset-after", times=1))
        batch("--budget", "1.6", "--price", "0.4", "-n", "1")
        last = batch().err.splitlines()[-2:]
        assert "AMOUNT is $2.00 or more, for all" in last[0]
        assert last[1].endswith("--budget AMOUNT --resubmit-uncertain")

    def test_a_sum_that_is_not_the_whole_does_not_pass_for_it(self, dear_batch, dear):
        dear.failure = lambda body: "it fell" if body["prompt"] == "a" else None
        done = dear_batch()
        told = "; $1.35 spent, and nobody has said what 1 job more cost"
        assert told in done.err
        # The next run knows no more.
        assert told in dear_batch().err

    def test_a_budget_of_0_is_one(self, dear_batch, dear):
        done = dear_batch("--budget", "0")
        assert (done.code, sent(dear)) == (1, 0)
        assert (
            "4 prompts not submitted: it would cost $0.45, and of the budget of $0.00" in done.err
        )

    def test_a_budget_needs_a_price_where_the_service_tells_none(self, batch, sim):
        done = batch("--budget", "1")
        assert (done.code, sent(sim)) == (2, 0)
        assert done.err == (
            "error: --budget needs --price here: the service 'gateway' does not say what a video "
            "costs.\n"
        )

    def test_a_hint_says_the_limits_again(self, batch, sim):
        sim.failure = lambda body: "it fell" if body["promptText"] == "a" else None
        done = batch("--budget", "9", "--price", "0.4", "--limit", "1", "--yes")
        assert "--budget 9 --price 0.4 --limit 1 -y" in done.err.splitlines()[-1]


class TestAsking:
    def test_above_a_sum_it_asks_and_a_no_sends_nothing(self, batch, sim, answering):
        answering("n\n")
        done = batch("--price", "10")
        assert done.code == 2
        assert "Submit 4 jobs and spend about $40.00? [y/N] " in done.err
        assert "not confirmed; nothing was sent." in done.err
        assert sent(sim) == 0

    @pytest.mark.parametrize("typed", ["", "\n"])
    def test_no_answer_is_no(self, batch, sim, answering, typed):
        answering(typed)
        assert batch("--price", "10").code == 2
        assert sent(sim) == 0

    def test_a_yes_sends(self, batch, sim, answering):
        answering("y\n")
        assert batch("--price", "10").code == 0
        assert sent(sim) == 4

    @pytest.mark.parametrize(
        "options",
        [
            ("--price", "5"),
            ("--price", "10", "--yes"),
            ("--price", "10", "--ask-above", "40"),
            ("--price", "10", "--budget", "20"),
            ("--price", "10", "--limit", "2"),
            (),
        ],
        ids=" ".join,
    )
    def test_otherwise_it_does_not_ask(self, batch, answering, options):
        answering("n\n")
        done = batch(*options)
        assert "[y/N]" not in done.err
        assert done.code == (1 if "--budget" in options else 0)

    def test_where_no_price_is_known_it_asks_above_a_hundred(self, pika, sim, here, answering):
        (here / "p.txt").write_text("".join(f"a {n}\n" for n in range(101)))
        answering("n\n")
        done = pika("batch", "p.txt", "--base-url", sim.url)
        assert "Submit 101 jobs, whose price is not known? [y/N] " in done.err
        assert sent(sim) == 0

    def test_where_stdin_is_no_terminal_it_never_asks(self, batch, sim, monkeypatch):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
        assert batch("--price", "100").code == 0
        assert sent(sim) == 4


class TestQuote:
    def test_the_price_of_a_prompt_is_a_line_on_stdout(self, pika, dear):
        done = pika("quote", "a panda", "--service", "pika", "--base-url", dear.url)
        assert (done.code, done.out, done.err) == (0, "$0.45\n", "")
        assert sent(dear) == 0

    def test_the_fields_of_a_prompt_count(self, pika, dear):
        done = pika(
            *("quote", "a panda", "--resolution", "nice"),
            *("--service", "pika", "--base-url", dear.url),
        )
        assert done.code == 2
        assert "--resolution: 'nice' is not allowed" in done.err

    def test_a_file_is_quoted_as_a_whole(self, pika, dear, prompts):
        done = pika("quote", "p.txt", "--service", "pika", "--base-url", dear.url)
        assert (done.code, done.out, done.err) == (0, "$1.80\n", "4 prompts\n")

    def test_a_file_that_is_not_there_is_no_prompt(self, pika, dear):
        done = pika("quote", "nowhere.csv", "--service", "pika", "--base-url", dear.url)
        assert done.code == 2
        assert "'nowhere.csv' cannot be read" in done.err

    def test_machines_get_whole_millionths(self, pika, dear):
        done = pika("quote", "a", "--service", "pika", "--base-url", dear.url, "--json")
        assert done.events == [
            {"event": "quote", "prompts": 1, "cost": {"micros": 450_000, "currency": "USD"}}
        ]

    def test_a_service_that_does_not_say_is_a_sentence_and_exit_1(self, pika, sim):
        done = pika("quote", "a", "--base-url", sim.url)
        assert (done.code, done.out) == (1, "")
        assert done.err == (
            "error: the service 'gateway' does not say what this costs; look at your account "
            "there.\n"
        )


class TestBalance:
    def test_what_is_left_is_one_line_on_stdout(self, pika, dear):
        done = pika("balance", "--service", "pika", "--base-url", dear.url)
        assert (done.code, done.out, done.err) == (0, "$100.00\n", "")

    def test_machines_get_whole_millionths(self, pika, dear):
        done = pika("balance", "--service", "pika", "--base-url", dear.url, "--json")
        assert done.events == [
            {"event": "balance", "balance": {"micros": 100_000_000, "currency": "USD"}}
        ]

    def test_a_service_that_does_not_say_is_a_sentence_and_exit_1(self, pika, sim):
        done = pika("balance", "--base-url", sim.url)
        assert (done.code, done.out) == (1, "")
        assert "the service 'gateway' does not say what is left" in done.err

    def test_without_a_key_that_is_said(self, pika, monkeypatch):
        monkeypatch.delenv("PIKA_API_KEY")
        done = pika("balance")
        assert done.code == 2
        assert "there is no API key" in done.err

    def test_a_refused_key_is_told_as_such(self, pika, dear, monkeypatch):
        monkeypatch.setenv("PIKA_API_KEY", "wrong")
        done = pika("balance", "--service", "pika", "--base-url", dear.url)
        assert done.code == 1
        assert "key" in done.err
        assert "does not say" not in done.err
