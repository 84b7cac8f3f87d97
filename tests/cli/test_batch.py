from __future__ import annotations

import errno
import io
import json
import os
import shlex
import stat
import sys

import pytest

from pika_async import Batch, ConfigurationError, QuotaExceededError
from pika_async.cli._running.trail import BatchTrail
from pika_async.cli._showing.batch_words import problem
from pika_async.simulator import Fault, Polls

KEY = "sk-9f8e7d6c5b4a"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)


@pytest.fixture
def prompts(here):
    (here / "prompts.txt").write_text("# three\na red panda\na blue cat\na dog\n")


@pytest.fixture
def batch(pika, sim, prompts):  # noqa: ARG001 - it is there
    return lambda *arguments: pika("batch", "prompts.txt", "--base-url", sim.url, *arguments)


def fails_with(word):
    return lambda body: "it fell" if word in body["promptText"] else None


def test_each_result_is_a_line_on_stdout_with_the_line_of_the_file_and_the_video(batch, here, sim):
    done = batch("-n", "1")
    assert done.code == 0
    lines = sorted(done.out.splitlines())
    assert [line.partition(": ")[0] for line in lines] == [
        f"prompts.txt:{number}" for number in (2, 3, 4)
    ]
    for line, job_id in zip(lines, sim.jobs, strict=True):
        path = here / line.partition(": ")[2]
        assert path.read_bytes()[4:8] == b"ftyp"
        assert path.parent == here / "prompts-videos"
        assert job_id in path.name


def test_stderr_says_what_is_about_to_be_done_and_what_came_of_it(batch, here):
    first, *middle, last = batch().err.splitlines()
    assert first == "3 prompts, at most 16 at once"
    assert middle == ["videos go to prompts-videos", "the journal is prompts.txt.journal"]
    assert last.startswith("3 prompts: 3 succeeded, 0 failed in ")
    assert last.endswith("; 3 files saved in prompts-videos")
    assert (here / "prompts.txt.journal").exists()


def test_no_more_jobs_run_than_were_asked_for(batch, sim):
    batch("-n", "2")
    # The second poll of a job finds it ended.
    ends = sorted(
        [poll.at for poll in sim.polls if poll.job_id == job_id][1] for job_id in sim.jobs
    )
    assert len(sim.submissions) == 3
    assert sim.submissions[1].at < ends[0] < sim.submissions[2].at


def test_a_second_run_pays_for_nothing_and_downloads_nothing(batch, sim):
    first = batch()
    asked = len(sim.submissions), len(sim.polls), len(sim.downloads)
    second = batch()
    assert (second.code, sorted(second.out.splitlines())) == (0, sorted(first.out.splitlines()))
    assert asked == (len(sim.submissions), len(sim.polls), len(sim.downloads))
    assert "3 known from the journal; the files are in prompts-videos" in second.err


def test_prompts_that_were_added_are_all_that_is_paid_for(batch, here, sim):
    batch()
    with (here / "prompts.txt").open("a") as file:
        file.write("a new one\n")
    assert batch().code == 0
    assert [submission.body["promptText"] for submission in sim.submissions[3:]] == ["a new one"]


def test_without_a_journal_nothing_is_remembered(batch, here, sim):
    batch("--no-journal")
    batch("--no-journal")
    assert len(sim.submissions) == 6
    assert sorted(path.name for path in here.iterdir()) == ["prompts-videos", "prompts.txt"]


def test_the_folder_and_the_journal_can_be_chosen(batch, here):
    done = batch("-d", "new/videos", "-j", "new/kept.journal")
    assert done.code == 0
    assert len(list((here / "new/videos").glob("*.mp4"))) == 3
    assert (here / "new/kept.journal").exists()
    assert not (here / "prompts.txt.journal").exists()


def test_without_downloads_the_links_are_given(batch, here):
    done = batch("--no-download")
    assert done.code == 0
    assert ["http://127.0.0.1" in line for line in done.out.splitlines()] == [True] * 3
    assert not (here / "prompts-videos").exists()
    assert "videos go to" not in done.err


def test_the_fields_of_a_file_reach_the_service(pika, here, sim):
    (here / "cake.png").write_bytes(PNG)
    (here / "shots.csv").write_text("prompt,image,seed,camera.zoom\nit melts,cake.png,7,in\n")
    assert pika("batch", "shots.csv", "--base-url", sim.url).code == 0
    body = sim.submissions[0].body
    assert body["image"].startswith("data:image/png;base64,")
    assert body["options"]["parameters"]["seed"] == 7
    assert body["options"]["camera"] == {"zoom": "in"}


def test_standard_input_is_a_file_too(pika, here, sim, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a red panda\n")))
    done = pika("batch", "-", "--base-url", sim.url)
    assert done.code == 0
    assert done.out.startswith("<stdin>:1: batch-videos/00000-a-red-panda-")
    assert sorted(path.name for path in here.iterdir()) == [
        "batch-videos",
        "batch.journal",
        "batch.journal-lock",
    ]


def test_whoever_is_to_type_the_prompts_is_told_so(pika, sim, monkeypatch):
    terminal = io.TextIOWrapper(io.BytesIO(b"a red panda\n"))
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    done = pika("batch", "-", "--base-url", sim.url)
    assert done.err.splitlines()[0] == (
        "prompts are read from the terminal, one a line; Ctrl-D ends them"
    )


def test_json_is_one_object_a_result_and_one_with_the_totals(batch, sim):
    sim.failure = fails_with("cat")
    done = batch("--json", "-n", "1")
    *results, summary = done.events
    assert [event["event"] for event in done.events] == ["result"] * 3 + ["summary"]
    job_ids = list(sim.jobs)
    # As each is ready: one may be saved while the next fails.
    first, second, _ = sorted(results, key=lambda result: result["index"])
    assert first == {
        "event": "result",
        "index": 0,
        "row": 0,
        "line": 2,
        "prompt": "a red panda",
        "metadata": {},
        "job_id": job_ids[0],
        "status": "succeeded",
        "ok": True,
        "error": None,
        "files": [f"prompts-videos/00000-a-red-panda-{job_ids[0]}.mp4"],
        "videos": first["videos"],
        "charged": None,
        "resumed": False,
    }
    assert first["videos"][0]["url"].startswith("http://127.0.0.1")
    assert (second["ok"], second["status"], second["files"]) == (False, "failed", [])
    assert second["error"]["kind"] == "JobFailedError"
    assert second["error"]["message"].startswith(f"job {job_ids[1]} failed: it fell.")
    assert second["error"]["money"] == "service_decides"
    assert second["error"]["advice"] == "submit_anew"
    assert {name: summary[name] for name in ("total", "succeeded", "failed", "exit_code")} == {
        "total": 3,
        "succeeded": 2,
        "failed": 1,
        "exit_code": 1,
    }
    assert summary["in_flight"] == []
    # People who look on see failures too.
    assert f"prompts.txt:3: error: job {job_ids[1]} failed: it fell." in done.err


def test_one_that_fails_is_exit_1_and_does_not_disturb_the_others(batch, pika, sim):
    sim.failure = fails_with("cat")
    done = batch()
    assert done.code == 1
    assert sum(": error: job " in line for line in done.out.splitlines()) == 1
    assert "3 prompts: 2 succeeded, 1 failed" in done.err
    *_, text, line = done.err.splitlines()
    assert "1 prompt failed, and no run submits it again by itself" in text
    sim.failure = None
    retried = pika(*shlex.split(line)[1:])
    assert (retried.code, len(sim.submissions)) == (0, 4)


def test_what_only_failed_for_now_is_done_by_the_same_line(batch, pika, sim):
    sim.duration = Polls(1000)
    done = batch("--timeout", "0.05")
    assert done.code == 1
    assert ["was not finished in time" in line for line in done.out.splitlines()] == [True] * 3
    *_, text, line = done.err.splitlines()
    assert "3 prompts did not come to an end" in text
    for job in sim.jobs.values():
        job.duration = Polls(1)
    assert pika(*shlex.split(line)[1:], "--timeout", "60").code == 0
    assert len(sim.submissions) == 3


def test_an_uncertain_submit_is_told_with_what_to_do(batch, pika, sim):
    sim.faults.append(Fault("reset-after"))
    done = batch("-n", "1")
    assert done.code == 1
    assert "prompts.txt:2: uncertain: the submit broke off" in done.out.splitlines()[0]
    assert "2 succeeded, 0 failed, 1 uncertain" in done.err
    assert "Look at the account's usage" in done.err
    line = done.err.splitlines()[-1]
    assert line.endswith(" --resubmit-uncertain")
    assert len(sim.submissions) == 3
    assert pika(*shlex.split(line)[1:]).code == 0
    assert len(sim.submissions) == 4


def test_where_the_budget_is_spent_the_line_that_submits_again_has_a_larger_one(batch, pika, sim):
    """Uncertain submits count as spent: with the same budget it would have refused them."""
    sim.faults.append(Fault("reset-after"))
    done = batch("-n", "1", "--price", "0.2", "--budget", "$0.60")
    assert done.code == 1
    *_, text, line = done.err.splitlines()
    assert "The budget counts them as spent: AMOUNT is $0.80 or more" in text
    assert "--budget AMOUNT" in line
    for amount, code, sent in (("0.79", 1, 3), ("0.80", 0, 4)):
        words = shlex.split(line.replace("AMOUNT", amount))
        assert pika(*words[1:]).code == code
        assert len(sim.submissions) == sent


def test_where_enough_of_the_budget_is_left_it_stays_as_it_was(batch, pika, sim):
    sim.faults.append(Fault("reset-after"))
    line = batch("-n", "1", "--price", "0.2", "--budget", "0.80").err.splitlines()[-1]
    assert "--budget 0.80" in line
    assert pika(*shlex.split(line)[1:]).code == 0
    assert len(sim.submissions) == 4


def test_without_a_journal_no_line_is_given_that_would_pay_again_for_all(batch, sim):
    sim.failure = fails_with("cat")
    done = batch("--no-journal")
    assert done.code == 1
    assert "put the prompts that failed into a file of their own." in done.err
    assert "pika-async batch" not in done.err


@pytest.fixture
def stopped(monkeypatch):
    """A batch that finds after its first result that the account is empty."""

    class StoppedBatch(Batch):
        async def __anext__(self):
            result = await super().__anext__()
            self._board.stop(QuotaExceededError("top up", status=402))
            return result

    monkeypatch.setattr("pika_async.Batch", StoppedBatch)
    yield
    monkeypatch.undo()


ONE_BY_ONE = ("-n", "1", "--no-download")


@pytest.mark.usefixtures("stopped")
def test_what_was_never_submitted_is_not_counted_as_failed_and_the_same_line_submits_it(
    batch, pika, sim, monkeypatch
):
    done = batch(*ONE_BY_ONE)
    assert (done.code, len(sim.submissions)) == (1, 1)
    assert "3 prompts: 1 succeeded, 0 failed, 2 not submitted in " in done.err
    *_, text, line = done.err.splitlines()
    assert text.startswith("2 prompts were not submitted. To wait for the jobs they have, and to")
    assert line == f"  pika-async batch prompts.txt --no-download -n 1 --base-url {sim.url}"
    monkeypatch.setattr("pika_async.Batch", Batch)
    assert pika(*shlex.split(line)[1:]).code == 0
    assert len(sim.submissions) == 3


@pytest.mark.usefixtures("stopped")
def test_why_nothing_more_is_submitted_is_said_once(batch):
    done = batch(*ONE_BY_ONE)
    reasons = [line for line in done.err.splitlines() if "balance or quota" in line]
    (said,) = reasons
    assert said == (
        "error: the batch submits nothing more: the account's balance or quota does not suffice "
        "(HTTP 402): top up. Nothing was started and nothing is charged. Top up the account, or "
        "raise its limit, before the next submit."
    )
    assert sorted(done.out.splitlines())[1:] == [
        "prompts.txt:3: not submitted",
        "prompts.txt:4: not submitted",
    ]


@pytest.mark.usefixtures("stopped")
def test_json_counts_what_was_never_submitted_and_says_why(batch):
    done = batch(*ONE_BY_ONE, "--json")
    *results, summary = done.events
    assert [summary[name] for name in ("succeeded", "failed", "not_submitted")] == [1, 0, 2]
    assert (summary["finished"], summary["exit_code"]) == (3, 1)
    assert summary["retry"][0].endswith("-n 1 --json --base-url " + summary["retry"][0].split()[-1])
    kinds = [result["error"] and result["error"]["kind"] for result in results]
    assert kinds == [None, "NotSubmittedError", "NotSubmittedError"]
    assert "balance or quota" in results[1]["error"]["message"]
    assert done.err.count("balance or quota") == 1


@pytest.mark.usefixtures("stopped")
def test_without_a_journal_what_was_never_submitted_wants_a_file_of_its_own(batch):
    done = batch(*ONE_BY_ONE, "--no-journal")
    assert "put the prompts that failed or were not submitted into a file of their own" in done.err
    assert "pika-async batch" not in done.err


def test_videos_of_a_job_that_failed_in_part_are_named(batch, sim):
    sim.variants = {"mixed-outcomes": 1.0}
    done = batch()
    assert done.code == 1
    assert "Saved all the same: prompts-videos/" in done.out


def test_bad_lines_are_told_before_anything_is_sent(pika, here, sim):
    (here / "shots.csv").write_text("prompt,seed\nfine,1\nwrong,x\nwrong,y\n")
    done = pika("batch", "shots.csv", "--base-url", sim.url)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        "error: 2 lines cannot be used; nothing was sent.",
        "shots.csv:3: seed: 'x' is not allowed; allowed is a whole number",
        "shots.csv:4: seed: 'y' is not allowed; allowed is a whole number",
    ]
    assert sim.submissions == []
    assert [path.name for path in here.iterdir()] == ["shots.csv"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--no-journal", "-j", "x"], "--no-journal and --journal contradict each other"),
        (["--no-download", "-d", "x"], "--no-download and --output-dir contradict each other"),
        (["-n", "0"], "--max-in-flight"),
        (["--timeout", "nan"], "--timeout"),
        (["-d", "prompts.txt"], "--output-dir: 'prompts.txt' cannot be written to"),
        (["-j", "prompts.txt"], "prompts.txt' is not a journal"),
        (["--format", "xml"], "--format"),
        (["--format", "csv"], "prompts.txt:1: the first line must be a header"),
        (["-j", "x.simulated"], "is one of simulated jobs, which would pass for paid ones"),
        (["--base-url", "ftp://x"], "--base-url: 'ftp://x' cannot be used"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_sent(batch, sim, arguments, words):
    done = batch(*arguments)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert "Traceback" not in done.err
    assert sim.submissions == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none.txt", "'none.txt' cannot be read: No such file or directory."),
        (".", "'.' cannot be read: Is a directory."),
        ("a red panda", "for one prompt there is `pika-async generate`"),
        ("plain", "'plain' does not tell how the prompts are written down: add --format"),
        ("empty.txt", "there are no prompts in empty.txt."),
    ],
)
def test_a_file_that_cannot_be_used_is_a_usage_error(pika, here, name, words):
    (here / "plain").touch()
    (here / "empty.txt").touch()
    done = pika("batch", name)
    assert (done.code, done.out) == (2, "")
    assert words in done.err


def test_json_tells_usage_errors_too(pika):
    (event,) = pika("batch", "none.txt", "--json").events
    assert (event["event"], event["type"], event["exit_code"]) == ("error", "UsageError", 2)
    assert (event["money"], event["advice"]) == ("not_sent", None)


def test_without_a_key_one_sentence_names_both_ways_out(batch, sim, monkeypatch):
    monkeypatch.delenv("PIKA_API_KEY")
    done = batch()
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: there is no API key for the service 'gateway': set PIKA_API_KEY in the "
        "environment, or add --simulate to try it without paying.\n"
    )
    assert sim.submissions == []


def test_a_journal_in_use_is_refused(start, batch, sim):
    sim.duration = Polls(1000)
    with start("batch", "prompts.txt", "--base-url", sim.url) as command:
        command.wait_for("the journal is")
        done = batch()
    assert done.code == 2
    assert "is in use by another batch" in done.err


def test_a_line_that_cannot_be_used_any_more_fails_alone(pika, here, sim):
    (here / "cake.png").write_bytes(PNG)
    rows = [{"prompt": "a"}, {"prompt": "b", "image": "cake.png"}, {"prompt": "c"}]
    (here / "p.jsonl").write_text("\n".join(map(json.dumps, rows)))

    def remove(_):
        (here / "cake.png").unlink(missing_ok=True)

    # Asked for the fate of the first job, when the others have not been taken.
    sim.failure = remove
    done = pika("batch", "p.jsonl", "-n", "1", "--no-download", "--json", "--base-url", sim.url)
    assert done.code == 1
    outcomes = {event["line"]: event for event in done.events[:-1]}
    assert [outcomes[number]["ok"] for number in (1, 2, 3)] == [True, False, True]
    assert "changed since it was checked: image: 'cake.png'" in outcomes[2]["error"]["message"]
    assert (done.events[-1]["failed"], done.events[-1]["finished"]) == (1, 3)
    assert len(sim.submissions) == 2


def test_fields_of_a_file_are_not_called_options():
    trail = BatchTrail(file="p.csv", journal="p.journal")
    error = ConfigurationError("'x' could be used, but not now.", setting="image")
    assert problem(error, trail) == (
        "error: image: 'x' could be used, but not now. Nothing was sent."
    )


def test_lines_that_were_added_after_the_check_wait_for_the_next_run(pika, here, sim):
    (here / "p.txt").write_text("a\nb\n")

    def append(_):
        with (here / "p.txt").open("a") as file:
            file.write("late\n")

    sim.failure = append
    assert pika("batch", "p.txt", "-n", "1", "--base-url", sim.url).code == 0
    assert len(sim.submissions) == 2


def test_where_nobody_watches_the_progress_is_told_now_and_then(batch, sim, monkeypatch):
    monkeypatch.setattr("pika_async.cli._running.batch._SECONDS_BETWEEN_LINES", 0.0)
    sim.duration = Polls(5)
    told = [line for line in batch("-n", "1").err.splitlines() if " of 3 done" in line]
    assert any("1 of 3 done, " in line and " a minute, about " in line for line in told)
    assert any(" waiting, 0 failed" in line for line in told)


def test_warnings_of_one_kind_are_told_once_in_a_while(batch, sim):
    sim.faults.append(Fault("429-openai", times=6))
    done = batch()
    assert done.code == 0
    assert done.err.count("submit held back") == 1


def test_a_bug_is_no_traceback_and_counts_the_jobs(batch, sim, monkeypatch):
    def broken(*_):
        raise RuntimeError("oops")

    sim.duration = Polls(3)
    monkeypatch.setattr("pika_async.cli._running.progress.Progress.transition", broken)
    done = batch("-n", "1")
    assert done.code == 1
    assert "error: RuntimeError: oops. This should not happen" in done.err
    assert len(sim.jobs) == 1
    assert "1 job runs on at the service and stays paid for. " in done.err
    assert done.err.splitlines()[-1] == f"  pika-async batch prompts.txt -n 1 --base-url {sim.url}"


@pytest.mark.parametrize("fault", ["401-new-api-error", "reset-after", "200-html", None])
def test_the_key_is_never_printed(batch, sim, fault):
    if fault:
        sim.faults.append(Fault(fault))
    done = batch("--debug", "--json")
    assert KEY not in done.out + done.err


@pytest.mark.usefixtures("prompts", "brief")
def test_simulate_needs_no_key_keeps_no_journal_and_pays_nothing(pika, here, monkeypatch):
    monkeypatch.delenv("PIKA_API_KEY")
    # Unusable, so that whoever looks at it fails.
    monkeypatch.setenv("PIKA_BASE_URL", "ftp://x")
    done = pika("batch", "prompts.txt", "--simulate")
    assert done.code == 0
    assert done.err.splitlines()[0] == "simulated: nothing is sent to the service, nothing is paid"
    assert len(list((here / "prompts-simulated").glob("*.mp4"))) == 3
    assert sorted(path.name for path in here.iterdir()) == ["prompts-simulated", "prompts.txt"]


@pytest.mark.parametrize("service", ["gateway", "pika", "fal"])
@pytest.mark.parametrize("name", ["run.journal", "try.simulated"])
@pytest.mark.usefixtures("prompts", "brief")
def test_a_simulated_batch_may_have_a_journal(pika, here, service, name):
    """Run again, it brings back what is done; a paid batch is kept out of it, whatever its name."""
    line = ("batch", "prompts.txt", "--service", service, "-j", name)
    assert pika(*line, "--simulate").code == 0
    assert (here / name).exists()
    again = pika(*line, "--simulate", "--json")
    assert [event["resumed"] for event in again.events if event["event"] == "result"] == [True] * 3
    paid = pika(*line)
    assert paid.code == 2
    assert f"--journal '{name}' is one of simulated jobs, which would pass for paid" in paid.err


@pytest.mark.usefixtures("prompts")
def test_of_a_simulated_journal_the_page_has_the_line_that_simulates(pika, here):
    """Also where the name of the journal does not say what is in it."""
    line = ("batch", "prompts.txt", "--simulate", "-j", "run.journal")
    assert pika(*line, "--timeout", "0").code == 1
    assert pika("report", "run.journal", "-o", "page.html").code == 0
    page = (here / "page.html").read_text()
    assert "SIMULATED" in page
    assert "FILE --journal run.journal --output-dir prompts-simulated --simulate" in page


def test_simulated_jobs_are_kept_out_of_a_journal_of_paid_ones(batch, here, monkeypatch):
    """They would pass for paid ones; the journal stays as it was."""
    assert batch("-j", "run.journal").code == 0
    monkeypatch.delenv("PIKA_BASE_URL", raising=False)
    before = (here / "run.journal").read_bytes()
    done = batch("-j", "run.journal", "--simulate")
    assert (done.code, done.out) == (2, "")
    assert "--journal 'run.journal' is one of paid jobs, and simulated ones" in done.err
    assert (here / "run.journal").read_bytes() == before


@pytest.mark.usefixtures("prompts")
def test_a_simulated_failure_does_not_talk_of_money(pika):
    done = pika("batch", "prompts.txt", "--simulate", "--timeout", "0")
    assert done.code == 1
    assert done.err.splitlines()[-1] == "simulated: nothing was paid"
    assert "stays paid for" not in done.out + done.err
    assert "pika-async" not in done.out + done.err


@pytest.mark.skipif(sys.platform == "win32", reason="videos are written in another way there")
def test_when_the_disk_is_full_it_is_said_once_however_many_were_not_sent(
    pika, here, sim, monkeypatch
):
    (here / "many.txt").write_text("".join(f"prompt {number}\n" for number in range(40)))
    real = os.write

    def full(handle, data):
        # It was not full when it was tried before the first submit.
        if len(data) > 1_000 and stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(handle, data)

    monkeypatch.setattr(os, "write", full)
    done = pika("batch", "many.txt", "-n", "4", "--base-url", sim.url)
    assert done.code == 1
    told = done.err.splitlines()
    (why,) = [line for line in told if os.strerror(errno.ENOSPC) in line]
    assert why.startswith("error: the batch submits nothing more: ")
    assert len([line for line in told if "prompts were not submitted." in line]) == 1
    assert len(told) <= 8, told
    assert len(done.out.splitlines()) == 40
