"""``pika-async settle``: the uncertain submits of a journal, listed and decided about."""

from __future__ import annotations

import pytest

from pika_async.simulator import Fault, Polls, Simulator

KEY = "sk-9f8e7d6c5b4a"
JOURNAL = "p.txt.journal"


@pytest.fixture
def lost(pika, sim, here):
    """A journal in which one of three submits is uncertain, and the job that it has started."""
    (here / "p.txt").write_text("a red panda\na blue cat\na dog\n")
    sim.faults.append(Fault("reset-after", prompt="a blue cat"))
    done = pika("batch", "p.txt", "--base-url", sim.url, "-n", "1")
    assert "1 uncertain" in done.err
    return [*sim.jobs][1]


@pytest.fixture
def again(pika, sim):
    return lambda *more: pika("batch", "p.txt", "--base-url", sim.url, *more)


def test_the_batch_names_settle_before_what_pays_again(pika, sim, here):
    (here / "p.txt").write_text("a blue cat\n")
    sim.faults.append(Fault("reset-after"))
    said = pika("batch", "p.txt", "--base-url", sim.url).err
    assert 0 < said.index(f"pika-async settle {JOURNAL}") < said.index("--resubmit-uncertain")


def test_a_file_that_is_not_there_is_said_before_a_key_that_is_not(pika, monkeypatch):
    monkeypatch.delenv("PIKA_API_KEY")
    done = pika("batch", "nothere.txt")
    assert done.code == 2
    assert "'nothere.txt' cannot be read" in done.err


@pytest.mark.usefixtures("lost")
def test_it_lists_what_is_uncertain_and_says_what_to_do(pika):
    done = pika("settle", JOURNAL)
    assert done.code == 0
    (line,) = done.out.splitlines()
    assert line.split()[0] == "1"
    assert line.endswith("  gateway  a blue cat")
    assert "add --job N=JOB_ID, --resubmit N or --drop N" in done.err


def test_a_job_is_named_and_waited_for(pika, sim, lost, again):
    done = pika("settle", JOURNAL, "--job", f"1={lost}")
    assert (done.code, done.out) == (0, "")
    # A number that was mistaken for the line of the file shows at once.
    settled = ["1 settled", "  1  a blue cat"]
    assert done.err.splitlines() == [*settled, f"nothing in {JOURNAL} is uncertain"]
    assert again().code == 0
    assert len(sim.submissions) == 3


@pytest.mark.parametrize("number", ["1", "all"])
@pytest.mark.usefixtures("lost")
def test_one_is_submitted_again(pika, sim, again, number):
    assert pika("settle", JOURNAL, "--resubmit", number).code == 0
    assert "2 known, 1 to submit" in again("--dry-run").err
    assert again().code == 0
    assert len(sim.submissions) == 4


@pytest.mark.usefixtures("lost")
def test_one_is_dropped(pika, sim, again):
    assert pika("settle", JOURNAL, "--drop", "1").code == 0
    done = again()
    assert done.code == 1
    assert len(sim.submissions) == 3
    assert "0 uncertain" not in done.err
    assert "2 succeeded, 1 failed" in done.err
    assert done.err.splitlines()[-1].endswith("--retry-failed")


@pytest.mark.parametrize("first", [("--job", "1=bogus"), ("--resubmit", "1"), ("--drop", "1")])
@pytest.mark.parametrize("then", ["job", "resubmit", "drop"])
def test_a_decision_by_which_nothing_was_sent_may_be_replaced(pika, sim, lost, again, first, then):  # noqa: PLR0917 - fixtures
    """What counts is what was decided last."""
    assert pika("settle", JOURNAL, *first).code == 0
    done = pika("settle", JOURNAL, f"--{then}", f"1={lost}" if then == "job" else "1")
    assert done.code == 0, done.err
    assert again().code == (1 if then == "drop" else 0)
    assert len(sim.submissions) == (4 if then == "resubmit" else 3)


@pytest.mark.usefixtures("lost")
def test_what_was_submitted_again_is_not_decided_about_any_more(pika, again):
    assert pika("settle", JOURNAL, "--resubmit", "1").code == 0
    assert again().code == 0
    assert pika("settle", JOURNAL, "--drop", "1").code == 2


@pytest.mark.usefixtures("lost")
def test_machines_get_an_object_for_each(pika):
    (event,) = pika("settle", JOURNAL, "--json").events
    assert (event["event"], event["row"], event["prompt"]) == ("uncertain", 1, "a blue cat")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--job", "1"), "--job: '1' is not allowed; allowed is N=JOB_ID."),
        (("--job", "x=y"), "--job: 'x' is not allowed; allowed is the number of a request."),
        (("--job", "1=a", "--job", "1=b"), "--job: 1 is named twice."),
        (("--drop", "-1"), "--drop: '-1' is not allowed"),
        (("--drop", "0"), "--drop: 0 is not allowed; allowed are the numbers of"),
        (("--drop", "1", "--resubmit", "1"), "it is named more than once"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("lost")
def test_what_cannot_be_meant_is_a_usage_error(pika, options, said):
    done = pika("settle", JOURNAL, *options)
    assert done.code == 2
    assert said in done.err


def test_a_journal_that_is_not_there_is_said(pika, here):
    done = pika("settle", "nothing.journal")
    assert done.code == 2
    assert "nothing.journal" in done.err
    assert list(here.iterdir()) == []


def test_where_the_service_has_a_history_the_jobs_are_looked_for(pika, here, monkeypatch):
    monkeypatch.setenv("FAL_KEY", KEY)
    (here / "p.txt").write_text("a red panda\na blue cat\n")
    with Simulator(service="fal", duration=Polls(2), api_key=KEY) as sim:
        way = ("--service", "fal", "--base-url", sim.url)
        sim.faults.append(Fault("reset-after", prompt="a blue cat"))
        done = pika("batch", "p.txt", *way, "-n", "1")
        assert "1 uncertain" in done.err, done.err
        lost = [*sim.jobs][1]
        done = pika("settle", JOURNAL, *way)
        assert f"found in the history of the service: --job 1={lost}" in done.err
        assert f"perhaps job {lost}" in done.out
        assert len(sim.submissions) == 2
