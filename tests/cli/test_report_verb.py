from __future__ import annotations

import asyncio
import errno
import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.batches import client_for, prompts
from support.journals import NOW, START, add, create, parsed, succeeded, video

from pika_async import Batch, Failed, JobTimeoutError, RateLimitError, run_batch
from pika_async._journal.file import JournalFile
from pika_async.simulator import Polls, Simulator

JOURNAL = "shots.txt.journal"
PAGE = "shots.txt.html"
TIMES = {"sent_at": START, "accepted_at": START + 1, "running_at": START + 4, "ended_at": START + 9}


@pytest.fixture
def journal(here):
    path = here / JOURNAL
    add(path, "a red panda", "succeeded", state=succeeded(), job_id="job", **TIMES)
    add(path, "a <b>cat</b>", "failed", state=Failed(reason="it fell"), job_id="job-2", **TIMES)
    return path


@pytest.fixture
def report(pika, journal):
    return lambda *arguments: pika("report", journal.name, *arguments)


@pytest.fixture
def saved_video(here, journal):
    """A video in the folder where `pika-async batch shots.txt` saves it."""
    name = "00002-a-dog-job-3.mp4"
    clip = video("job-3")
    files = json.dumps([{"name": name, "size": 5, "place": 0}])
    add(journal, "a dog", "succeeded", state=succeeded(clip), job_id="job-3", files=files)
    (here / "shots-videos").mkdir()
    (here / "shots-videos" / name).write_bytes(b"12345")
    return name


def sources(html: str) -> list[str]:
    return [one["src"] for one in parsed(html).every("video")]


def test_the_page_is_written_beside_the_journal_and_named_on_stdout(report, here):
    done = report()
    assert (done.code, done.out, done.err) == (0, f"{PAGE}\n", "")
    found = parsed((here / PAGE).read_text("utf-8"))
    assert [one.text for one in found.every("p", "prompt")] == ["a red panda", "a <b>cat</b>"]


def test_a_page_that_browsers_may_not_show_is_named_as_such(report, here, monkeypatch):
    """It is made all the same: there are other readers."""
    monkeypatch.setattr("pika_async.cli._report._MANY", 1)
    done = report()
    assert (done.code, done.out) == (0, f"{PAGE}\n")
    assert done.err == (
        "2 prompts make a page of 0 MB, which browsers may not show; --csv makes a table of them\n"
    )
    assert (here / PAGE).exists()


def test_o_names_the_page_and_missing_folders_are_made(report, here):
    done = report("-o", "pages/all.html")
    assert (done.code, done.out) == (0, "pages/all.html\n")
    assert list((here / "pages").iterdir()) == [here / "pages" / "all.html"]


def test_with_a_dash_the_page_goes_to_stdout(report, here):
    done = report("-o", "-")
    assert done.code == 0
    assert len(parsed(done.out).every("article")) == 2
    assert list(here.glob("*.html")) == []


def test_what_goes_to_stdout_is_what_goes_to_a_file(pika, here):
    path = here / "long.journal"
    for number in range(120):
        add(path, f"{number} {'long ' * 200}")
    pika("report", "long.journal", "-o", "page.html")
    printed = pika("report", "long.journal", "-o", "-").out
    written = (here / "page.html").read_text("utf-8")
    # The moment is not the same, nor is the digest of what tells it.
    ours = ("As it was", "<!-- pika-async report of")
    of_both = [
        [line for line in html.splitlines() if not any(one in line for one in ours)]
        for html in (printed, written)
    ]
    assert of_both[0] == of_both[1]


def test_an_existing_page_is_kept_unless_told_otherwise(report, here):
    (here / PAGE).write_text("mine")
    done = report()
    assert done.code == 2
    assert done.err == (
        f"error: '{PAGE}' exists already. Add --overwrite to replace it, or give another name "
        "with -o.\n"
    )
    assert (here / PAGE).read_text() == "mine"
    assert report("--overwrite").code == 0
    assert "<!doctype html>" in (here / PAGE).read_text("utf-8")


@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-lock"])
def test_the_journal_itself_is_never_replaced(report, here, end):
    before = (here / JOURNAL).read_bytes()
    done = report("-o", f"../{here.name}/{JOURNAL}{end}", "--overwrite")
    assert done.code == 2
    assert "is the journal itself" in done.err
    assert (here / JOURNAL).read_bytes() == before


def test_a_journal_under_another_name_is_still_the_journal(report, here):
    (here / "link.html").symlink_to(JOURNAL)
    assert report("-o", "link.html", "--overwrite").code == 2
    assert (here / "link.html").is_symlink()


def test_a_journal_with_the_suffix_of_a_page_is_not_replaced(pika, here):
    add(here / "odd.html")
    done = pika("report", "odd.html", "--overwrite")
    assert done.code == 2
    assert "is the journal itself" in done.err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have no names here")
def test_a_pipe_is_not_replaced(report, here):
    os.mkfifo(here / "page.html")
    done = report("-o", "page.html", "--overwrite")
    assert done.code == 2
    assert "is not a file, and cannot be replaced" in done.err
    assert stat.S_ISFIFO((here / "page.html").stat().st_mode)


def test_a_folder_is_no_place_for_a_page(report, here):
    (here / "pages").mkdir()
    done = report("-o", "pages", "--overwrite")
    assert done.code == 2
    assert "is a folder" in done.err


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [((), "'.' is not the name of a file"), (("-o", "page.html"), "is a folder")],
)
def test_a_folder_is_no_journal(pika, arguments, words):
    done = pika("report", ".", *arguments)
    assert done.code == 2
    assert words in done.err


def test_a_new_folder_is_no_name_of_a_page(report, here):
    """What was to be in it would be a file of its name."""
    done = report("-o", "new/")
    assert done.code == 2
    assert "'new/' is a folder; -o takes the name of a file." in done.err
    assert not (here / "new").exists()


def test_a_page_that_could_not_be_finished_is_not_there_at_all(report, here, monkeypatch):
    (here / PAGE).write_text("mine")

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    done = report("--overwrite")
    assert done.code == 1
    assert done.err == f"error: '{PAGE}' could not be written: {os.strerror(errno.ENOSPC)}.\n"
    assert (here / PAGE).read_text() == "mine"
    assert [path for path in here.iterdir() if path.suffix == ".part"] == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no journal"),
        (b"", "there is no journal"),
        (b"no database at all, by far" * 50, "is not a journal"),
    ],
)
def test_what_is_no_journal_is_wrong_usage_and_makes_no_page(pika, here, content, words):
    if content is not None:
        (here / JOURNAL).write_bytes(content)
    done = pika("report", JOURNAL)
    assert done.code == 2
    assert words in done.err
    assert not (here / PAGE).exists()


@pytest.mark.parametrize("name", [".", "/", ".."])
def test_what_cannot_be_a_journal_is_wrong_usage(pika, name):
    done = pika("report", name)
    assert done.code == 2
    assert "should not happen" not in done.err


def test_an_empty_journal_makes_a_page(pika, here):
    create(here / JOURNAL)
    assert pika("report", JOURNAL).code == 0
    assert "No request has been noted" in (here / PAGE).read_text("utf-8")


class TestVideos:
    def test_those_that_batch_has_saved_are_found_by_themselves(self, report, here, saved_video):
        assert report().err == ""
        html = (here / PAGE).read_text("utf-8")
        assert sources(html)[1:] == [f"shots-videos/{saved_video}"]

    def test_output_dir_tells_where_they_are(self, report, here, saved_video):
        (here / "shots-videos").rename(here / "elsewhere")
        assert report("-d", "elsewhere", "-o", "pages/a.html").err == ""
        html = (here / "pages" / "a.html").read_text("utf-8")
        assert sources(html)[1:] == [f"../elsewhere/{saved_video}"]

    def test_those_that_are_not_found_are_told_and_played_from_the_service(
        self, report, here, saved_video
    ):
        (here / "shots-videos" / saved_video).unlink()
        done = report()
        assert done.code == 0
        assert done.err.startswith("1 of 1 saved videos, not whole in 'shots-videos', are played")
        assert sources((here / PAGE).read_text("utf-8"))[1:] == ["https://media.test/job-3.mp4"]

    def test_without_a_folder_the_option_is_named(self, report, here, saved_video):
        (here / "far" / "away").mkdir(parents=True)
        (here / "shots-videos").rename(here / "far" / "away" / "videos")
        assert "--output-dir" in report().err

    def test_a_folder_that_is_not_there_is_wrong_usage(self, report, here):
        done = report("-d", "nowhere")
        assert (done.code, done.err) == (2, "error: --output-dir 'nowhere' is not a folder.\n")
        assert not (here / PAGE).exists()

    def test_the_page_of_a_batch_plays_its_files(self, pika, here):
        async def batch():
            with Simulator(duration=Polls(2)) as sim:
                async with client_for(sim) as client:
                    await run_batch(client, prompts(2), journal="b.journal", output_dir="videos")

        asyncio.run(batch())
        assert pika("report", "b.journal", "-d", "videos").err == ""
        found = sources((here / "b.html").read_text("utf-8"))
        assert [Path(source).exists() for source in found] == [True, True]


class TestAPageThatIsThere:
    def test_one_that_was_made_of_the_same_journal_is_replaced(self, report, pika, here, journal):
        assert report().code == 0
        add(journal, "a third one")
        done = report()
        assert (done.code, done.out, done.err) == (0, f"{PAGE}\n", "")
        assert "a third one" in (here / PAGE).read_text("utf-8")

    def test_one_that_was_printed_into_the_file_is_replaced_too(self, report, here):
        (here / PAGE).write_bytes(report("-o", "-").out.encode())
        assert report().code == 0

    def test_one_of_another_journal_stays(self, report, pika, here):
        add(here / "other.journal")
        pika("report", "other.journal", "-o", PAGE)
        before = (here / PAGE).read_bytes()
        assert report().code == 2
        assert (here / PAGE).read_bytes() == before

    def test_one_that_somebody_has_written_into_stays(self, report, here):
        report()
        mine = (here / PAGE).read_text("utf-8").replace("a red panda", "the best one: a red panda")
        (here / PAGE).write_text(mine, "utf-8")
        done = report()
        assert done.code == 2
        assert "exists already. Add --overwrite" in done.err
        assert (here / PAGE).read_text("utf-8") == mine


class TestNearby:
    @pytest.mark.parametrize("folder", [".", "elsewhere"])
    def test_videos_in_the_journals_folder_or_one_in_it_are_found(
        self, report, here, saved_video, folder
    ):
        (here / "shots-videos").rename(here / "elsewhere")
        if folder == ".":
            (here / "elsewhere" / saved_video).rename(here / saved_video)
        assert report().err == ""
        expected = saved_video if folder == "." else f"elsewhere/{saved_video}"
        assert sources((here / PAGE).read_text("utf-8"))[1:] == [expected]

    def test_videos_near_where_the_command_is_run_are_found(
        self, pika, here, saved_video, monkeypatch
    ):
        (here / "deep" / "er" / "mine").mkdir(parents=True)
        (here / "shots-videos" / saved_video).rename(here / "deep" / "er" / "mine" / saved_video)
        monkeypatch.chdir(here / "deep" / "er")
        assert pika("report", f"../../{JOURNAL}").err == ""
        html = (here / PAGE).read_text("utf-8")
        assert sources(html)[1:] == [f"deep/er/mine/{saved_video}"]

    def test_the_folder_that_the_batch_used_is_known_from_any_other(
        self, pika, here, sim, monkeypatch
    ):
        (here / "in").mkdir()
        (here / "in" / "p.txt").write_text("a\nb\n")
        sim.failure = lambda body: "it fell" if body["promptText"] == "b" else None
        pika("batch", "in/p.txt", "--base-url", sim.url, "-d", "far/from/it", "-j", "p.journal")
        (here / "other").mkdir()
        monkeypatch.chdir(here / "other")
        assert pika("report", "../p.journal").err == ""
        html = (here / "p.html").read_text("utf-8")
        (source,) = sources(html)
        assert (here / source).is_file()
        # The command that tries again saves where that batch did.
        assert f"--output-dir {here / 'far/from/it'} " in html

    def test_a_folder_that_was_moved_beside_the_journal_is_found_there(self, pika, here, sim):
        (here / "p.txt").write_text("a\n")
        pika("batch", "p.txt", "--base-url", sim.url, "-d", "far/from/it")
        (here / "far" / "from" / "it").rename(here / "near")
        assert pika("report", "p.txt.journal").err == ""
        (source,) = sources((here / "p.txt.html").read_text("utf-8"))
        assert (here / source).parent.name == "near"

    def test_the_command_that_tries_again_names_no_folder_that_is_the_usual_one(
        self, pika, here, sim
    ):
        (here / "p.txt").write_text("a\n")
        sim.failure = "it fell"
        pika("batch", "p.txt", "--base-url", sim.url)
        assert pika("report", "p.txt.journal").err == ""
        html = (here / "p.txt.html").read_text("utf-8")
        assert "pika-async batch p.txt --base-url" in html

    def test_a_batch_that_saved_elsewhere_is_followed_into_its_folder(self, pika, here):
        async def batch():
            with Simulator(duration=Polls(2)) as sim:
                async with client_for(sim) as client:
                    await run_batch(client, prompts(2), journal="b.journal", output_dir="out")

        asyncio.run(batch())
        assert pika("report", "b.journal").err == ""
        found = sources((here / "b.html").read_text("utf-8"))
        assert [Path(source).parent.name for source in found] == ["out", "out"]

    @pytest.mark.parametrize("given", ["shots.txt", "shots", "shots.csv", "shots-videos"])
    def test_what_is_given_in_the_place_of_a_journal_points_at_it(self, pika, here, journal, given):
        if given == "shots-videos":
            (here / given).mkdir()
        elif given != "shots":
            (here / given).write_text("a red panda\n")
        (here / JOURNAL).rename(
            here / "shots.csv.journal" if given == "shots.csv" else here / JOURNAL
        )
        meant = "shots.csv.journal" if given == "shots.csv" else JOURNAL
        done = pika("report", given)
        assert done.code == 2
        assert f"its batch keeps its journal in '{meant}': pika-async report {meant}\n" in done.err
        assert list(here.glob("*.html")) == []

    def test_a_journal_of_simulated_jobs_is_pointed_at_too(self, pika, here):
        add(here / "lone.simulated")
        (here / "lone.csv").write_text("prompt\n")
        (here / "lone.html").write_text("mine")
        done = pika("report", "lone.csv")
        assert done.code == 2
        assert "its batch keeps its journal in 'lone.simulated'" in done.err

    def test_what_is_no_journal_is_told_before_what_stands_in_the_place_of_its_page(
        self, pika, here
    ):
        (here / "lone.csv").write_text("prompt\na red panda\n" * 50)
        (here / "lone.html").write_text("mine")
        assert "is not a journal" in pika("report", "lone.csv").err

    def test_a_file_of_prompts_without_a_journal_is_told_as_what_it_is(self, pika, here):
        (here / "lone.csv").write_text("prompt\na red panda\n" * 50)
        done = pika("report", "lone.csv")
        assert done.code == 2
        assert "is not a journal" in done.err


class TestTheLineThatGoesOn:
    def line(self, here, page=PAGE):
        found = parsed((here / page).read_text("utf-8")).every("span", "command")
        return found[-1].one("code").text

    def test_it_names_the_prompts_that_lie_beside_the_journal(self, report, here):
        (here / "shots.txt").write_text("a red panda\n")
        report()
        assert self.line(here) == (
            "pika-async batch shots.txt --base-url https://api.test --retry-failed"
        )

    def test_without_prompts_it_names_the_journal(self, report, here):
        report()
        assert self.line(here).startswith("pika-async batch FILE --journal shots.txt.journal ")

    def test_it_names_the_service_and_the_folder_that_were_used(self, pika, here):
        (here / "my shots.csv").write_text("prompt\na\n")
        (here / "out put").mkdir()
        sent = {"service": "pika", "base_url": "https://api.dev.pika.art"}
        failed = {"state": Failed(reason="x"), "job_id": "j"}
        add(here / "my shots.csv.journal", "a", "failed", **failed, **sent)
        pika("report", "my shots.csv.journal", "-d", "out put", "-o", "p.html")
        assert self.line(here, "p.html") == (
            "pika-async batch 'my shots.csv' --output-dir 'out put' --service pika --retry-failed"
        )

    def test_of_a_simulated_journal_it_simulates(self, pika, here):
        add(here / "s.journal.simulated")
        pika("report", "s.journal.simulated", "-o", "p.html")
        assert self.line(here, "p.html") == (
            "pika-async batch FILE --journal s.journal.simulated --simulate"
        )

    def test_of_simulated_jobs_in_a_journal_of_any_name_it_names_that_and_their_service(
        self, pika, here
    ):
        """By default a simulated batch has no journal, and would make all anew."""
        (here / "shots.txt").write_text("a\n")
        for port in (8001, 8002):
            sent = {"service": "pika", "base_url": f"http://127.0.0.1:{port}/simulated"}
            failed = {"state": Failed(reason="x"), "job_id": f"j{port}"}
            add(here / JOURNAL, f"a{port}", "failed", **failed, **sent)
        pika("report", JOURNAL)
        assert self.line(here) == (
            f"pika-async batch shots.txt --journal {JOURNAL} --service pika --simulate "
            "--retry-failed"
        )


def test_times_are_local(report, here, monkeypatch):
    monkeypatch.setenv("TZ", "IST-5:30")
    time.tzset()
    try:
        report()
    finally:
        monkeypatch.undo()
        time.tzset()
    assert "2023-11-15 03:43:20 UTC+5:30" in (here / PAGE).read_text("utf-8")


class TestCSV:
    def test_it_goes_to_stdout_and_there_is_no_page(self, report, here):
        done = report("--csv")
        assert (done.code, done.err) == (0, "")
        assert done.out.splitlines() == [
            "row,status,job_id,file,seed,charged,estimated,earlier,error",
            "0,succeeded,job,,,,,,",
            "1,failed,job-2,,,,,,it fell",
        ]
        assert not (here / PAGE).exists()

    def test_with_o_the_page_is_written_too_and_stdout_stays_rows(self, report, here):
        done = report("--csv", "-o", "a.html")
        assert len(done.out.splitlines()) == 3
        assert (here / "a.html").exists()

    def test_metadata_are_columns(self, pika, here):
        add(here / JOURNAL, options={"metadata": {"sku": "J\u00fcrgen \ud800"}})
        done = pika("report", JOURNAL, "--csv")
        assert done.out.splitlines()[:2] == [
            "\ufeffrow,sku,status,job_id,file,seed,charged,estimated,earlier,error",
            "0,J\u00fcrgen \\ud800,waiting,,,,,,,",
        ]

    @pytest.mark.parametrize("other", [("--json",), ("-o", "-")])
    def test_two_things_on_stdout_are_wrong_usage(self, report, other):
        done = report("--csv", *other)
        assert done.code == 2
        assert "would both write to stdout" in done.out + done.err


class TestPrice:
    def test_it_is_multiplied_by_the_accepted_jobs(self, report, here):
        assert report("--price", "0.20").code == 0
        assert "$0.40</b> estimated" in (here / PAGE).read_text("utf-8")

    @pytest.mark.parametrize("price", ["", "free", "-1", "nan", "inf", "1e999999", "0,20"])
    def test_what_is_no_amount_is_wrong_usage(self, report, here, price):
        done = report(f"--price={price}")
        assert done.code == 2
        assert done.err.startswith(f"error: --price: {price!r} is not allowed; allowed is an")
        assert not (here / PAGE).exists()

    def test_round_amounts_are_written_out(self, report, here):
        report("--price", "1E+3")
        assert "$2,000.00</b> estimated, $1,000.00 for a job" in (here / PAGE).read_text("utf-8")


class TestJSON:
    def test_it_has_the_same_data_and_writes_no_page(self, report, here):
        done = report("--json", "--price", "0.20")
        assert done.code == 0
        assert [event["event"] for event in done.events] == [
            "report",
            "run",
            "result",
            "result",
            "totals",
        ]
        _, run, first, second, totals = done.events
        assert run["seconds"] == 9
        assert (first["status"], first["prompt"]) == ("succeeded", "a red panda")
        assert first["queued_seconds"] == 3
        assert first["videos"][0]["url"] == "https://media.test/job.mp4"
        assert (second["status"], second["reason"]) == ("failed", "it fell")
        assert (totals["requests"], totals["accepted"], totals["estimate"]) == (2, 2, "0.40")
        assert not (here / PAGE).exists()

    def test_with_o_it_writes_the_page_too_and_says_so(self, report, here):
        done = report("--json", "-o", "a.html")
        assert done.events[-1] == {"event": "saved", "path": "a.html"}
        assert (here / "a.html").exists()

    def test_two_things_on_stdout_are_wrong_usage(self, report):
        done = report("--json", "-o", "-")
        assert done.code == 2
        assert done.events[-1]["type"] == "UsageError"

    def test_what_others_wrote_stays_as_they_wrote_it(self, pika, here):
        add(here / JOURNAL, "\u202e<b>\x00\ud800")
        (_, _, item, _) = pika("report", JOURNAL, "--json").events
        assert item["prompt"] == "\u202e<b>\x00\ud800"

    def test_money_services_and_metadata_are_in_it(self, pika, here):
        path = here / "m.journal"
        money = {"quoted": 5, "quoted_currency": "USD", "charged": 4, "charged_currency": "USD"}
        sent = {"service": "pika", "job_id": "j", "sent_at": START}
        options = {"metadata": {"sku": "A"}}
        add(path, status="succeeded", state=succeeded(), options=options, **money, **sent)
        _, run, item, totals = pika("report", "m.journal", "--json").events
        four, five = ({"micros": micros, "currency": "USD"} for micros in (4, 5))
        assert (item["charged"], item["quoted"], item["service"]) == (four, five, "pika")
        assert (item["metadata"], item["options"], item["row"]) == ({"sku": "A"}, {}, 0)
        bill = {"submits": 1, "charged": [four], "estimated": [], "unknown": 0}
        assert (run["submits"], run["outcomes"], run["money"]) == (1, {"succeeded": 1}, bill)
        assert totals["money"]["outcomes"] == {"succeeded": bill}
        assert [one["service"] for one in totals["places"]] == ["pika"]

    def test_a_failure_has_the_word_of_the_service_and_the_one_of_all_services(self, pika, here):
        """Who counts what was moderated does not ask which service said it, or which version."""
        state = Failed(reason="no", code="content_moderation", meaning="moderation")
        add(here / JOURNAL, status="failed", state=state, job_id="j")
        (_, _, item, _) = pika("report", JOURNAL, "--json").events
        assert (item["code"], item["meaning"]) == ("content_moderation", "moderation")

    def test_sums_of_several_currencies_are_no_one_estimate(self, pika, here):
        path = here / "m.journal"
        for currency in ("USD", "SEK"):
            add(path, status="submitted", job_id="j", charged=4, charged_currency=currency)
        *_, totals = pika("report", "m.journal", "--json", "--price", "1").events
        assert (totals["estimate"], len(totals["money"]["charged"])) == (None, 2)

    def test_earlier_attempts_and_problems_are_in_it(self, pika, here):
        error = RateLimitError("slow", status=429)
        past = [{"status": "failed", "job_id": "old", "state": Failed(reason="fell")}]
        add(here / JOURNAL, status="submitted", problem=error, past=past)
        (_, _, item, _) = pika("report", JOURNAL, "--json").events
        assert item["error"]["status"] == 429
        assert [(one["job_id"], one["reason"]) for one in item["earlier"]] == [("old", "fell")]


def test_sentences_of_the_library_are_in_the_words_of_the_shell(pika, here):
    error = JobTimeoutError("not finished in time", job_id="job-4", state=None)
    add(here / JOURNAL, status="submitted", job_id="job-4", accepted_at=START, problem=error)
    pika("report", JOURNAL)
    assert "`pika-async watch job-4`" in (here / PAGE).read_text("utf-8")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("arguments", [("-o", "-"), ("--json",)], ids=["a page", "JSON"])
def test_a_journal_at_rest_and_its_folder_stay_as_they_are(report, here, arguments):
    before = contents(here)
    assert report(*arguments).code == 0
    assert contents(here) == before


def test_a_page_is_all_that_is_added_to_the_folder(report, here):
    before = contents(here)
    assert report().code == 0
    assert contents(here).keys() - before.keys() == {PAGE}


def test_a_journal_in_use_is_shown_as_last_committed_and_its_folder_stays_as_it_is(
    pika, here, journal
):
    writer = JournalFile(journal, NOW)
    writer.connection.execute("UPDATE attempts SET status = 'submitted', state = NULL")
    writer.connection.execute("BEGIN IMMEDIATE")
    writer.connection.execute("UPDATE attempts SET status = 'uncertain'")
    names = contents(here).keys()
    try:
        _, *events, _ = pika("report", JOURNAL, "--json").events
        assert contents(here).keys() == names
        writer.connection.execute("COMMIT")
    finally:
        writer.close()
    states = [event["status"] for event in events if event["event"] == "result"]
    assert states == ["running", "running"]


def test_a_second_name_of_a_journal_is_wrong_usage(pika, here, journal):
    (here / "second.journal").hardlink_to(journal)
    done = pika("report", "second.journal")
    assert done.code == 2
    assert "has 2 names (hard links)" in done.err
    assert not (here / "second.html").exists()


def test_a_journal_in_use_can_be_reported(report, journal):
    writer = JournalFile(journal, NOW)
    try:
        assert report().code == 0
    finally:
        writer.close()


async def test_a_running_batch_can_be_reported_from_another_process(start):
    with Simulator(duration=Polls(5)) as sim:
        async with (
            client_for(sim) as client,
            Batch(client, prompts(12), max_in_flight=3, journal="live.journal") as batch,
        ):
            await anext(batch)
            with start("report", "live.journal", "-o", "-") as command:
                done = command.end()
            assert len([result async for result in batch]) == 11
    assert done.code == 0, done.err
    assert 1 <= len(parsed(done.out).every("article")) <= 12


@pytest.mark.parametrize("missing", ["jinja2", "markupsafe"])
def test_without_the_template_library_one_sentence_says_how_to_get_it(python, journal, missing):
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        f"sys.argv = ['pika-async', 'report', {str(journal)!r}]\n"
        "import pika_async.cli as c; c.main()"
    )
    done = python(code)
    assert done.code == 2
    assert done.err == (
        f"error: the command line needs {missing}, which is not installed: "
        "pip install '/path/to/clone[cli]'\n"
    )


def test_other_verbs_do_without_the_template_library(python):
    code = (
        "import sys; sys.modules['jinja2'] = None\n"
        "sys.argv = ['pika-async', 'report', '--help']\n"
        "import pika_async.cli as c; c.main()"
    )
    assert python(code).code == 0


def test_a_reader_that_goes_away_is_no_error(here):
    for number in range(20):
        add(here / "long.journal", f"{number} {'long ' * 2000}")
    done = subprocess.run(  # noqa: S602 - a pipe is what this is about
        f"{sys.executable} -m pika_async.cli report long.journal -o - | head -c 10",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("<!doctype ", "")


def test_no_key_is_needed(report, monkeypatch):
    monkeypatch.delenv("PIKA_API_KEY")
    assert report().code == 0
