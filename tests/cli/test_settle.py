"""``pika-async settle``: the uncertain submits of a journal, listed and decided about."""

from __future__ import annotations

import re

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
    line = f"pika-async settle {JOURNAL} --base-url {sim.url}\n"
    assert 0 < said.index(line) < said.index("--resubmit-uncertain")


def test_a_file_that_is_not_there_is_said_before_a_key_that_is_not(pika, monkeypatch):
    monkeypatch.delenv("PIKA_API_KEY")
    done = pika("batch", "nothere.txt")
    assert done.code == 2
    assert "'nothere.txt' cannot be read" in done.err


@pytest.mark.usefixtures("lost")
def test_it_lists_what_is_uncertain_and_says_what_to_do(pika, sim):
    done = pika("settle", JOURNAL)
    assert done.code == 0
    (line,) = done.out.splitlines()
    # With the zone: the service's list of jobs, and the error of the submit, are in another.
    assert re.fullmatch(r"00001  [-\d]{10} [:\d]{8} \S+  gateway  a blue cat", line)
    lines = [line for line in done.err.splitlines() if line.startswith("  pika-async")]
    # What pays comes last.
    assert lines == [
        f"  pika-async settle {JOURNAL} --base-url {sim.url} --job N=JOB_ID",
        f"  pika-async settle {JOURNAL} --base-url {sim.url} --drop N",
        f"  pika-async settle {JOURNAL} --base-url {sim.url} --resubmit N",
    ]


@pytest.mark.usefixtures("lost")
def test_the_file_of_prompts_in_the_place_of_its_journal_names_the_journal(pika):
    done = pika("settle", "p.txt")
    assert done.code == 2
    assert f"pika-async settle {JOURNAL}" in done.err


def test_a_job_is_named_and_waited_for(pika, sim, lost, again):
    done = pika("settle", JOURNAL, "--job", f"1={lost}", "--base-url", sim.url)
    assert (done.code, done.out) == (0, "")
    # A number that was mistaken for the line of the file shows at once.
    assert done.err.splitlines()[:2] == ["1 settled", "  00001  a blue cat"]
    assert f"nothing in {JOURNAL} is uncertain" in done.err
    assert again().code == 0
    assert len(sim.submissions) == 3


@pytest.mark.parametrize("number", ["1", "00001", "all"])
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


@pytest.mark.parametrize(
    "first", [("--job", "1=bogus", "--no-check"), ("--resubmit", "1"), ("--drop", "1")]
)
@pytest.mark.parametrize("then", ["job", "resubmit", "drop"])
def test_a_decision_by_which_nothing_was_sent_may_be_replaced(pika, sim, lost, again, first, then):  # noqa: PLR0917 - fixtures
    """What counts is what was decided last."""
    assert pika("settle", JOURNAL, *first).code == 0
    decision = (f"--{then}", f"1={lost}" if then == "job" else "1")
    done = pika("settle", JOURNAL, *decision, "--base-url", sim.url)
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
        assert f"found in the history of the service: --job 00001={lost}" in done.err
        assert f"perhaps job {lost}" in done.out
        assert len(sim.submissions) == 2


class TestAJobThatIsNamed:
    """It is looked up once, at the service that its submit went to, before it is believed."""

    @pytest.fixture
    def settle(self, pika, sim):
        return lambda *more: pika("settle", JOURNAL, "--base-url", sim.url, *more)

    @pytest.fixture
    def polls(self, sim, lost):
        before = len(sim.polls)
        return lambda: len(sim.polls) - before

    def test_the_answer_says_whose_job_it_is_how_it_stands_and_what_to_do(
        self, settle, lost, polls, sim
    ):
        done = settle("--job", f"1={lost}")
        assert (done.code, done.out) == (0, "")
        assert done.err.splitlines() == [
            "1 settled",
            "  00001  a blue cat",
            f"     its job is {lost}, at the service: queued",
            (
                "     the next run waits for it, and pays for nothing again; until its end is seen "
                "it counts as spent, though nobody has said how much"
            ),
            f"nothing in {JOURNAL} is uncertain",
            "to go on with the batch, with its other options as they were:",
            f"  pika-async batch p.txt --base-url {sim.url}",
        ]
        assert polls() == 1

    def test_an_id_that_the_service_does_not_know_changes_nothing(self, settle, lost, again, here):
        before = (here / JOURNAL).read_bytes()
        wrong = f"{lost[:-1]}{'0' if lost[-1] != '0' else '1'}"
        done = settle("--job", f"1={wrong}", "--json")
        assert done.code == 2
        (error,) = done.events
        assert error["message"].startswith(f"--job 00001={wrong}: ")
        assert "Nothing was decided." in error["message"]
        assert "--no-check" in error["message"]
        assert (here / JOURNAL).read_bytes() == before
        assert "2 known, 1 uncertain" in again("--dry-run").err

    def test_one_wrong_id_of_two_decides_about_none(self, settle, lost, again):
        done = settle("--job", f"1={lost}", "--job", "2=nothing")
        assert done.code == 2
        assert "1 uncertain" in again("--dry-run").err

    def test_without_a_look_it_is_believed_where_that_is_wanted(self, settle, polls):
        done = settle("--job", "1=nothing", "--no-check")
        assert done.code == 0
        assert "     its job is nothing\n" in done.err
        assert polls() == 0

    def test_where_there_is_no_key_that_is_said(self, settle, lost, polls, monkeypatch):
        monkeypatch.delenv("PIKA_API_KEY")
        done = settle("--job", f"1={lost}")
        assert done.code == 0
        assert "it was not looked up: there is no API key for the service 'gateway'" in done.err
        assert polls() == 0

    def test_a_service_that_does_not_answer_decides_nothing(self, settle, lost, sim, again):
        sim.faults.append(Fault("502-html", on="poll", times=None))
        done = settle("--job", f"1={lost}")
        assert done.code == 1
        assert done.err.startswith(
            "nothing was decided. Give the same line again later; --no-check"
        )
        sim.faults.clear()
        assert "1 uncertain" in again("--dry-run").err

    def test_the_key_goes_nowhere_but_where_the_command_line_says(self, pika, lost, polls, sim):
        """The address in a journal, which may come from anywhere, is named and not asked."""
        with Simulator(duration=Polls(1), api_key=KEY) as other:
            done = pika("settle", JOURNAL, "--base-url", other.url, "--job", f"1={lost}")
            assert len(other.polls) == 0
        assert done.code == 2
        assert (
            f"to have the job looked up there, give --base-url {sim.url}. Nothing was" in done.err
        )
        assert polls() == 0

    def test_one_that_has_ended_is_told_with_what_it_cost(self, pika, here):
        (here / "p.txt").write_text("a red panda\na blue cat\n")
        with Simulator(service="pika", duration=Polls(1), api_key=KEY) as dear:
            way = ("--service", "pika", "--base-url", dear.url)
            dear.faults.append(Fault("500-message", prompt="a blue cat", times=None))
            pika("batch", "p.txt", *way, "-n", "1")
            dear.faults.clear()
            lost = [*dear.jobs][1]
            done = pika("settle", JOURNAL, *way, "--job", f"1={lost}", "--json")
        assert done.code == 0, done.out
        settled = done.events[0]
        assert (settled["event"], settled["row"], settled["decision"]) == ("settled", 1, "job")
        assert (settled["state"], settled["charged"]["micros"]) == ("succeeded", 450_000)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--resubmit", "the next run submits it again, as a new paid job."),
        ("--drop", "it is given up: only --retry-failed submits it again."),
    ],
)
def test_what_was_decided_says_what_it_means_for_the_money(pika, sim, here, option, said):
    (here / "p.txt").write_text("a blue cat\n")
    sim.faults.append(Fault("reset-after"))
    pika("batch", "p.txt", "--base-url", sim.url, "--price", "0.4")
    done = pika("settle", JOURNAL, option, "0")
    assert done.err.splitlines()[:4] == [
        "1 settled",
        "  00000  a blue cat",
        f"     {said}",
        "     the lost submit may be billed: it stays counted as spent ($0.40 estimated)",
    ]
