"""NAME.results.csv: a row for each prompt, whole at every moment."""

from __future__ import annotations

import csv
import errno
import io
import signal
import sys
from pathlib import Path

import pytest

from pika_async.cli._running.table import ResultsTable
from pika_async.simulator import Fault, Polls


def rows(path="p-videos/p.results.csv"):
    text = Path(path).read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture
def batch(pika, sim, here):
    def batch(content, *options, name="p.csv"):
        (here / name).write_text(content, "utf-8")
        return pika("batch", name, "--base-url", sim.url, *options)

    return batch


def test_each_prompt_has_a_row_with_its_end_its_job_and_its_file(batch, sim, here):
    sim.failure = lambda body: "it fell" if body["promptText"] == "b" else None
    batch("sku,prompt,seed\nA,a,7\n\nB,b,\n")
    first, second = rows()
    by_prompt = {body.body["promptText"]: body for body in sim.submissions}
    assert len(by_prompt) == 2
    assert ",".join(first) == "row,line,sku,status,job_id,file,seed,charged,error"
    assert (first["row"], first["line"], first["sku"], first["status"]) == (
        *("0", "2", "A", "succeeded"),
    )
    assert first["job_id"] in sim.jobs
    assert (here / "p-videos" / first["file"]).read_bytes()[4:8] == b"ftyp"
    assert first["seed"] == "7"
    assert (second["row"], second["line"], second["sku"], second["status"]) == (
        *("1", "4", "B", "failed"),
    )
    assert "it fell" in second["error"]
    assert second["file"] == ""


def test_a_row_keeps_its_number_when_rows_are_added_in_front(batch):
    batch("prompt\na\nb\n")
    known = {row["job_id"]: row["row"] for row in rows()}
    done = batch("prompt\nnew\na\nb\n", "--json")
    found = rows()
    assert [row["row"] for row in found] == ["2", "0", "1"]
    assert [row["line"] for row in found] == ["2", "3", "4"]
    assert {row["job_id"]: row["row"] for row in found[1:]} == known
    results = sorted(
        (event for event in done.events if event["event"] == "result"),
        key=lambda event: event["line"],
    )
    assert [event["row"] for event in results] == [2, 0, 1]
    for row in found:
        assert row["file"].startswith(f"{int(row['row']):05}-")


def test_what_was_left_for_later_waits_in_it(batch):
    batch("prompt\na\nb\n", "--limit", "1")
    assert [row["status"] for row in rows()] == ["succeeded", "waiting"]


def test_an_uncertain_one_has_a_word_of_its_own_and_an_unsent_one_waits_and_says_why(batch, sim):
    sim.faults.append(Fault("reset-after", times=1))
    batch("prompt\na\nb\nc\n", "-n", "1", "--budget", "2", "--price", "1")
    assert [row["status"] for row in rows()] == ["uncertain", "succeeded", "waiting"]
    assert "of the budget of $2.00 nothing is left" in rows()[2]["error"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on POSIX")
def test_after_an_interruption_it_is_whole_and_names_the_jobs_that_run_on(interrupting, sim, here):
    (here / "p.txt").write_text("a\nb\nc\n")
    sim.duration = Polls(1000)
    interrupting(
        signal.SIGINT,
        lambda: len({poll.job_id for poll in sim.polls}) == 2,
        *("batch", "p.txt", "-n", "2", "--base-url", sim.url),
    )
    found = rows()
    assert [row["status"] for row in found] == ["running", "running", "waiting"]
    assert {row["job_id"] for row in found[:2]} == set(sim.jobs)


def test_without_downloads_it_stands_beside_the_prompts(batch, here):
    batch("prompt\na\n", "--no-download")
    assert [row["status"] for row in rows("p.results.csv")] == ["succeeded"]
    assert not (here / "p-videos").exists()


def test_letters_of_all_scripts_have_a_mark_for_spreadsheets_and_plain_text_has_none(batch):
    batch("ort,prompt\nKöln,a\n")
    assert Path("p-videos/p.results.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert rows()[0]["ort"] == "Köln"
    batch("ort,prompt\nBonn,a\n")
    assert Path("p-videos/p.results.csv").read_bytes().startswith(b"row,")


def test_a_column_with_the_name_of_one_of_its_own_gets_another(batch):
    batch("prompt,status,line\na,new,7\n")
    (row,) = rows()
    assert (row["status"], row["metadata.status"]) == ("succeeded", "new")
    assert (row["line"], row["metadata.line"]) == ("2", "7")


@pytest.mark.usefixtures("brief")
def test_what_a_service_charges_is_a_number(pika, here):
    (here / "p.txt").write_text("a\n")
    done = pika("batch", "p.txt", "--simulate", "--service", "pika")
    assert done.code == 0
    (row,) = rows("p-simulated/p.results.csv")
    assert float(row["charged"]) == 0.45


def test_a_table_that_cannot_be_written_is_told_of_once_and_disturbs_nothing(batch, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    done = batch("prompt\na\n")
    assert done.code == 0
    assert done.err.count("p.results.csv cannot be written: No space left on device") == 1
    assert not list(Path("p-videos").glob("*.part"))


def test_it_is_moved_into_place_whole(tmp_path, monkeypatch):
    table = ResultsTable(path=tmp_path / "r.csv", columns=(), show=None)
    table.write()
    before = table.path.read_text()
    seen = []
    replace = Path.replace
    monkeypatch.setattr(
        Path, "replace", lambda it, to: (seen.append(to.read_text()), replace(it, to))[1]
    )
    table.write()
    assert seen == [before]
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]


def test_after_a_kill_what_is_on_the_disk_is_whole_and_the_same_line_completes_it(
    start, pika, sim, here, eventually
):
    (here / "p.txt").write_text("a\nb\nc\n")
    sim.duration = Polls(1000)
    with start("batch", "p.txt", "--base-url", sim.url) as command:
        eventually(lambda: len({poll.job_id for poll in sim.polls}) == 3)
        command.process.kill()
        command.end()
    assert [row["row"] for row in rows()] == ["0", "1", "2"]
    for job in sim.jobs.values():
        job.duration = Polls(1)
    assert pika("batch", "p.txt", "--base-url", sim.url).code == 0
    assert [row["status"] for row in rows()] == ["succeeded"] * 3
    assert len(sim.submissions) == 3


ENDS = {
    "it succeeded": ("succeeded", None),
    "it failed": ("failed", None),
    "it was refused": ("failed", Fault("400-invalid-request", prompt="it was refused", times=None)),
    "nobody knows": ("uncertain", Fault("reset-after", prompt="nobody knows", times=None)),
    "no video": ("succeeded", Fault("redirect-loop", on="download", prompt="no video", times=None)),
    "it runs on": ("running", Fault("502-html", on="poll", prompt="it runs on", times=None)),
    "no key": ("waiting", Fault("401-new-api-error", prompt="no key", times=None)),
    "after that": ("waiting", None),
}


def test_a_report_of_the_journal_has_the_same_rows(batch, pika, sim):
    """Whatever became of a request, both tables and both kinds of JSON say the same of it."""
    sim.failure = lambda body: "=it fell" if body["promptText"] == "it failed" else None
    sim.faults += [fault for _, fault in ENDS.values() if fault is not None]
    sim.duration = Polls(1)
    prompts = "".join(f"=A,urgent,{prompt},7\n" for prompt in ENDS)
    done = batch(f"sku,status,prompt,seed\n{prompts}", "--json", "-n", "1", "--timeout", "0")
    theirs = rows()
    assert [row["status"] for row in theirs] == [status for status, _ in ENDS.values()]
    report = csv.DictReader(io.StringIO(pika("report", "p.csv.journal", "--csv").out, newline=""))
    ours = list(report)
    assert theirs[0].keys() - ours[0].keys() == {"line"}
    # What a journal alone knows.
    assert ours[0].keys() - theirs[0].keys() == {"estimated", "earlier"}
    for row in theirs:
        del row["line"]
    for row in ours:
        del row["estimated"], row["earlier"]
    assert ours == theirs
    by_row = {event["row"]: event for event in done.events if event["event"] == "result"}
    told = [
        event
        for event in pika("report", "p.csv.journal", "--json").events
        if event["event"] == "result"
    ]
    alike = ("row", "prompt", "metadata", "job_id", "status", "charged", "index")
    for event in told:
        twin = by_row[event["row"]]
        assert {name: event[name] for name in alike} == {name: twin[name] for name in alike}
        assert event["files"] == [Path(path).name for path in twin["files"]]
        kinds = [None if one["error"] is None else one["error"]["kind"] for one in (event, twin)]
        assert kinds[0] == kinds[1]
