"""``pika-async campaign``: what is said before any engine is asked, and preparing."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import evolve
from support.engine import free_port

from pika_async.cli._campaign import resolve, server, start, words
from pika_async.cli._campaign.engine import CampaignTrail
from pika_async.cli._running.exits import InterruptedRunError
from pika_async.cli._showing.stage import Stage
from pika_async.temporal import CampaignProgress
from pika_async.temporal._campaign.search import ATTRIBUTES

NOWHERE = ("--server", "127.0.0.1:1")


def test_prepare_writes_pages_and_says_how_many(pika, here):
    (here / "p.txt").write_text("a red panda\n" * 200)
    done = pika("campaign", "prepare", "p.txt", "--store", "summer")
    assert (done.code, done.out) == (0, "200 prompts in 1 page, in summer\n")
    assert (here / "summer" / "manifest.json").is_file()


@pytest.mark.parametrize(
    ("words", "service"), [("", ""), ("--service PIKA", "pika"), ("PIKA_SERVICE=fal", "fal")]
)
def test_a_service_that_is_said_binds_the_store(pika, here, monkeypatch, words, service):
    """Workers of another one would pay for it there; where none is said, any worker may."""
    monkeypatch.delenv("PIKA_SERVICE", raising=False)
    name, is_variable, value = words.partition("=")
    if is_variable:
        monkeypatch.setenv(name, value)
    given = () if is_variable else words.split()
    (here / "p.txt").write_text("a red panda\n")
    assert pika("campaign", "prepare", "p.txt", "--store", "summer", *given).code == 0
    manifest = json.loads((here / "summer" / "manifest.json").read_text())
    assert manifest["service"] == service


def test_a_store_that_was_prepared_without_a_service_stays_so_and_that_is_said(pika, here):
    (here / "p.txt").write_text("a red panda\n")
    assert pika("campaign", "prepare", "p.txt", "--store", "summer").code == 0
    again = pika("campaign", "prepare", "p.txt", "--store", "summer", "--service", "pika")
    assert again.code == 0
    assert "workers of any service submit it" in again.err


def test_the_whole_file_is_checked_before_a_page_is_written(pika, here):
    (here / "p.csv").write_text("prompt,seed\na red panda,1\na cat,x\n")
    done = pika("campaign", "prepare", "p.csv", "--store", "summer", "--page-size", "1")
    assert done.code == 2
    assert "p.csv:3: " in done.err
    assert not (here / "summer").exists()


def test_an_image_that_is_too_large_for_a_page_is_refused_with_its_line(pika, here):
    image = "data:image/png;base64," + "A" * 1_200_000
    (here / "p.jsonl").write_text(f'{{"prompt": "x"}}\n{{"prompt": "y", "image": "{image}"}}\n')
    done = pika("campaign", "prepare", "p.jsonl", "--store", "summer", "--page-size", "1")
    assert done.code == 2
    assert "p.jsonl:2: " in done.err
    assert not (here / "summer").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("prepare", "no.txt", "--store", "s"), "'no.txt' cannot be read"),
        (("start", "summer", "--store", "s", *NOWHERE), "no Temporal server answers at"),
        (("status", "summer", *NOWHERE), "no Temporal server answers at 127.0.0.1:1"),
        (("worker", *NOWHERE), "start one with `pika-async campaign server`"),
        (("resolve", "summer", "1", *NOWHERE), "give one of --adopt JOB_ID, --resubmit and"),
        (("report",), "give the ID of a campaign, or --store PLACE"),
        (("report", "--store", "s"), "no campaign is prepared in"),
        (("report", "--store", "ftp://x"), "a store of the kind ftp:// is not known"),
        (
            ("server", "--db", "no/pika.db", "--port", str(free_port())),
            "in a folder that is not there",
        ),
    ],
    ids=lambda given: given if isinstance(given, str) else given[0],
)
def test_what_cannot_work_is_a_sentence_and_exit_code_2(pika, words, said):
    done = pika("campaign", *words)
    assert done.code == 2
    assert said in done.err


def test_a_worker_without_a_key_says_so(pika, monkeypatch):
    monkeypatch.delenv("PIKA_API_KEY")
    done = pika("campaign", "worker", *NOWHERE)
    assert done.code == 2
    assert "there is no API key for the service 'gateway': set PIKA_API_KEY" in done.err


def test_without_the_engines_library_a_sentence_says_what_to_install(pika, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("pika_async.temporal")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "temporalio", None)
    monkeypatch.delattr("pika_async.temporal", raising=False)
    done = pika("campaign", "status", "summer")
    assert done.code == 2
    assert "pip install '/path/to/clone[cli,temporal]'" in done.err


def test_without_the_extra_all_else_works_and_a_verb_says_what_to_install():
    """In a process of its own: here it is installed."""
    program = """if True:
        import sys
        sys.modules["temporalio"] = None
        from pika_async.cli import main

        for line in ("quote --help", "campaign --help", "campaign status summer"):
            sys.argv = ["pika-async", *line.split()]
            try:
                main()
            except SystemExit as left:
                print(f"{line}: {left.code or 0}", flush=True)
        """
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    ends = [line for line in done.stdout.splitlines() if line[-3:-1] == ": "]
    assert ends == ["quote --help: 0", "campaign --help: 0", "campaign status summer: 2"]
    assert done.stdout.count("Usage: ") == 2
    assert "pip install '/path/to/clone[cli,temporal]'" in done.stderr


PROGRESS = CampaignProgress(
    prompts=9, taken=9, submitted=9, in_flight=0, succeeded=9, failed=0, refused=0, uncertain=0
)


class TestBeingFound:
    """By search attributes, which a server must be told of once."""

    def said(self, progress, **engine):
        return list(words.lines(progress, CampaignTrail(campaign="summer", **engine)))

    def test_status_says_how_to_add_them_to_a_server_that_does_not_know_them(self):
        said = self.said(PROGRESS, server="temporal.example:7233", namespace="films")
        create = "temporal operator search-attribute create"
        engine = "--address temporal.example:7233 --namespace films"
        assert said[-2:] == [
            f"  {create} --name PikaCampaign --type Keyword {engine}",
            f"  {create} --name PikaUncertain --name PikaFailed --type Int {engine}",
        ]
        named = {word for line in said[-2:] for word in line.split() if word.startswith("Pika")}
        assert named == set(ATTRIBUTES)

    def test_it_says_nothing_where_they_are_known(self):
        said = self.said(evolve(PROGRESS, searchable=True))
        assert "search" not in " ".join(said)

    def test_the_server_of_the_command_line_is_told_of_them(self):
        command = " ".join(server._command("temporal", Path("pika.db"), 7233, 8233))
        for name, kind in ATTRIBUTES.items():
            assert f"--search-attribute {name}={kind}" in command


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("d.csv", "row;job_id\n1;a\n", "there is no column decision"),
        ("d.csv", "row,decision\n1,later\n", "d.csv:2: decision: 'later' is not allowed; allowed"),
        ("d.csv", "row,decision\nx,drop\n", "d.csv:2: row: 'x' is not allowed"),
        ("d.csv", "row,decision\n0,drop\n", "d.csv:2: row: '0' is not allowed"),
        ("d.csv", "row,decision,job_id\n1,adopt,\n", "d.csv:2: job_id: it is empty"),
        ("d.csv", "row,decision\n1,drop\n1,resubmit\n", "d.csv:3: prompt 1 was decided in line 2"),
        ("d.csv", "row,decision\n1,\n", "d.csv holds no decision"),
        ("d.csv", 'row,decision\n1,"drop\n', "this is no row of a table"),
        ("d.jsonl", '{"row":1,"decision":"drop"\n', "d.jsonl:1: this is no JSON"),
        ("d.jsonl", "[1]\n", "d.jsonl:1: this is no JSON object"),
        ("no/d.csv", None, "no/d.csv cannot be read"),
    ],
)
def test_a_file_of_decisions_that_cannot_be_meant_is_told_by_its_lines(
    pika, here, name, content, said
):
    """Before any engine is asked."""
    if content is not None:
        (here / name).write_text(content)
    done = pika("campaign", "resolve", "summer", "--from", name, *NOWHERE)
    assert done.code == 2
    assert said in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give the number of a prompt, --all or --from"),
        (("1", "--all", "drop"), "one of the three"),
        (("1", "--drop", "--budget", "5"), "--budget goes with --resubmit"),
        (("1", "--resubmit", "-n", "5"), "-n goes with --all or --from"),
        (("--all", "drop", "--resubmit"), "one of the three"),
        (("--all", "drop", "--from", "d.csv"), "give --all or --from, not both"),
        (("--all", "later"), "'later' is not allowed; allowed are adopt, drop,"),
        (("--all", "resubmit", "--budget", "much"), "--budget: 'much' is not allowed"),
    ],
    ids=" ".join,
)
def test_what_is_decided_is_said_in_one_way(pika, words, said):
    done = pika("campaign", "resolve", "summer", *words, *NOWHERE)
    assert done.code == 2
    assert said in done.err


@pytest.mark.parametrize("nothing", ["0", "$0.00"])
def test_a_campaign_does_not_go_on_with_a_budget_of_nothing(pika, nothing):
    """It was said to go on, and was paused again at once."""
    done = pika("campaign", "resume", "summer", "--budget", nothing, "-n", "5", *NOWHERE)
    assert done.code == 2
    assert f"--budget: {nothing!r} is not allowed; allowed is an amount above 0" in done.err
    assert "pika-async campaign pause summer --server 127.0.0.1:1" in done.err
    assert "no Temporal server answers" not in done.err


@pytest.mark.parametrize("given", [(), ("--carry-on",)])
def test_what_an_earlier_campaign_has_left_is_started_where_that_is_said(pika, monkeypatch, given):
    """The sentence of a store that was started before asks for it."""
    begun = []
    monkeypatch.setattr(start, "run", lambda work, _: begun.append(work.args))
    assert pika("campaign", "start", "owls", "--store", "s", *given).code == 0
    assert begun[0][1]["carry_on"] == bool(given)


@pytest.mark.parametrize("option", ["--budget", "--price"])
@pytest.mark.parametrize(
    "verb", [("start", "owls", "--store", "s"), ("resolve", "owls", "--all", "drop")]
)
def test_an_amount_is_above_0(pika, verb, option):
    """It is refused before any server is asked."""
    for amount in ("0", "-2"):
        done = pika("campaign", *verb, option, amount, *NOWHERE)
        assert done.code == 2
        assert f"{option}: {amount!r} is not allowed; allowed is an amount above 0" in done.err


def test_a_report_is_of_the_campaign_that_was_named(pika, here):
    """The store of owls would be shown as what became of foxes."""
    (here / "prompts.txt").write_text("a red panda\n")
    assert pika("campaign", "prepare", "prompts.txt", "--store", "owls").code == 0
    (here / "owls" / "started.txt").write_text("owls")
    done = pika("campaign", "report", "foxes", "--store", "owls", "--csv", "-")
    assert done.code == 2
    assert "is of the campaign owls, not of foxes" in done.err
    assert pika("campaign", "report", "owls", "--store", "owls", "--csv", "-").code == 0
    assert pika("campaign", "report", "--store", "owls", "--csv", "-").code == 0


@pytest.fixture
def interrupted(pika, monkeypatch):
    """Run ``resolve``, which a signal ends: what it was to do, where, and what it says at last."""
    begun = []

    def run(work, trail):
        told = [one for one in work.args if not isinstance(one, list | Stage | CampaignTrail)]
        begun.append((trail.campaign, trail.server, trail.namespace, *told))
        trail.watched = True
        raise InterruptedRunError(signal.SIGTERM)

    monkeypatch.setattr(resolve, "run", run)

    def words(*given):
        done = pika(*given)
        assert done.code == 143
        return begun[-1], done.err

    return words


MONEY = ("--price", "0.45", "--budget", "$20", "-n", "1")
PLACES = ("--store", "my owls", "--queue", "night", "--server", "10.0.0.1:7233")


@pytest.mark.parametrize(
    "given",
    [
        ("--all", "resubmit"),
        ("--all", "resubmit", *MONEY),
        ("--all", "resubmit", *MONEY, *PLACES, "--namespace", "farm"),
        ("--all", "adopt", "--yes"),
        ("--all", "drop", "-y", "--max-in-flight", "3"),
        ("--all", "drop", "--json"),
        ("--from", "my decisions.csv", *MONEY, *PLACES),
        ("1", "--resubmit", *PLACES),
        ("1", "--adopt", "job 1", "--namespace", "farm"),
        ("1", "--drop", "--queue", "night"),
    ],
    ids=" ".join,
)
def test_the_line_that_goes_on_with_decisions_says_all_that_was_said(interrupted, here, given):
    """Whoever gave limits and wanted to be asked would go on without: with the whole bill."""
    (here / "my decisions.csv").write_text("row,decision\n1,resubmit\n")
    asked, said = interrupted("campaign", "resolve", "owls", *given)
    line = shlex.split(said.splitlines()[-1])
    assert line[:4] == ["pika-async", "campaign", "resolve", "owls"]
    assert ("--yes" in line or "-y" in line) == ("--yes" in given or "-y" in given)
    assert interrupted(*line[1:]) == (asked, said)


def test_the_line_that_goes_on_with_decisions_submits_nothing_once_more(interrupted):
    """What the interrupted run has submitted may have come to nothing, and be paid for."""
    asked, said = interrupted("campaign", "resolve", "owls", "--all", "resubmit", "--again", *MONEY)
    line = said.splitlines()[-1]
    assert "--again" not in line
    assert "It does not repeat --again" in said
    resumed, _ = interrupted(*shlex.split(line)[1:])
    (*place, many, store), (*same, without, known) = asked, resumed
    assert (many.again, without.again) == (True, False)
    assert (*same, without, known) == (*place, evolve(many, again=False), store)


def test_the_help_of_resolve_says_what_is_final_and_that_repairs_count(pika, monkeypatch):
    """Else somebody gives up a prompt for a day, or has more jobs at once than was meant."""
    monkeypatch.setenv("COLUMNS", "400")
    told = " ".join(pika("campaign", "resolve", "--help").out.split())
    assert "for good" in told
    assert "does not count" not in told
    assert "count towards the limit" in told
