"""Errors in the words of the shell: made of facts, never of sentences."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.tables import every_row

from pika_async import (
    AuthenticationError,
    ConfigurationError,
    DownloadError,
    Failed,
    FieldError,
    JobFailedError,
    JobTimeoutError,
    JournalBroken,
    JournalError,
    PikaError,
    ServerError,
    Started,
    TargetExistsError,
    Transition,
    TransportError,
    Unknown,
)
from pika_async.cli._running.clients import Ear
from pika_async.cli._running.failures import failure
from pika_async.cli._running.trail import BatchTrail, JobTrail, Trail, watch_line
from pika_async.cli._showing.as_json import AsJSON
from pika_async.cli._showing.batch_words import problem
from pika_async.cli._showing.sentences import (
    meaning,
    name_of,
    reason,
    refusal,
    sentence,
)
from pika_async.cli._showing.shown import Failure
from pika_async.cli._showing.words import state_words

FILE = BatchTrail(file="p.csv", journal="p.journal")


@every_row(
    ("field", "option", "in_file"),
    [
        ("prompt", "PROMPT", "prompt"),
        ("aspect_ratio", "--aspect-ratio", "aspect_ratio"),
        ("camera.zoom", "--camera zoom", "camera.zoom"),
        # Arguments are options in any case.
        ("output_dir", "--output-dir", "--output-dir"),
    ],
)
def test_a_field_is_called_what_it_is_where_it_was_given(field, option, in_file):
    assert name_of(field, of_file=False) == option
    assert name_of(field, of_file=True) == in_file


def test_what_is_newer_goes_through_extra_as_one_writes_it_there():
    error = FieldError("pikaffect", "x", "Melt", verb="are", through_extra=True)
    assert refusal(error, of_file=False).endswith("""goes through --extra '{"pikaffect": "…"}'""")
    assert refusal(error, of_file=True).endswith('goes through extra: {"pikaffect": "…"}')


def test_values_are_told_as_they_are_written():
    error = FieldError("extend", "x", "True or False", written="true or false")
    assert refusal(error, of_file=True) == "extend: 'x' is not allowed; allowed is true or false"


@every_row(
    ("error", "said"),
    [
        (
            JobTimeoutError("not finished in time", job_id="a b", state=None),
            "wait for it again with `pika-async watch 'a b'`, do not submit it again.",
        ),
        (TargetExistsError("'x' exists.", job_id="j"), "Add --overwrite to replace it."),
        (
            ServerError(status=500, started=Started.MAYBE, job_id="j"),
            "look at it with `pika-async watch j` before submitting again.",
        ),
        (
            TransportError("reset", started=Started.NO),
            "Nothing was started and nothing is charged.",
        ),
    ],
)
def test_advice_is_a_command(error, said):
    told = sentence(error, Trail())
    assert said in told
    assert "client." not in told


def test_a_line_that_is_shown_below_is_pointed_at():
    error = JobTimeoutError("not finished in time", job_id="j", state=None)
    assert "wait for it again with the line below" in sentence(error, Trail(), "pika-async watch j")


def test_what_a_journal_keeps_of_an_error_is_told_in_the_same_words():
    error = JobTimeoutError("not finished in time", job_id="j", state=None)
    assert sentence(error, Trail()).endswith(meaning(error.money, error.advice))


def test_briefly_it_is_what_happened_alone():
    error = DownloadError("video v was not saved: disk full.", job_id="j")
    assert sentence(error, Trail(), brief=True) == "job j: video v was not saved: disk full."


def test_a_setting_is_named_where_it_was_given():
    error = ConfigurationError("'x' cannot be used", setting="base_url")
    given = Trail(base_url="x")
    assert sentence(error, given).startswith("--base-url: 'x' cannot be used.")
    assert sentence(error, Trail()).startswith("PIKA_BASE_URL: 'x' cannot be used.")
    medium = ConfigurationError("'x.png' is gone", setting="image")
    assert sentence(medium, FILE).startswith("image: 'x.png' is gone.")


def test_of_a_simulated_job_nothing_is_said_about_money():
    error = JobTimeoutError("not finished in time", job_id="j", state=None)
    assert sentence(error, Trail(simulated=True)) == (
        "job j: not finished in time. Simulated: nothing was paid."
    )


def test_errors_that_differ_only_in_job_and_number_have_the_same_reason():
    def refused(number):
        return AuthenticationError("unknown", status=401, request_id=f"r-{number}")

    def failed(job_id, why):
        return JobFailedError(f"{job_id}: {why}", job_id=job_id, state=Failed(reason=why))

    def full(job_id):
        error = DownloadError(f"video of {job_id}", job_id=job_id)
        error.__cause__ = OSError(28, "No space left")
        return error

    def late(job_id):
        return JobTimeoutError(f"{job_id} is late", job_id=job_id, state=None)

    for same in (refused, full, late):
        assert reason(same("1")) == reason(same("2"))
    assert reason(failed("1", "fell")) == reason(failed("2", "fell"))
    assert reason(failed("1", "fell")) != reason(failed("1", "refused"))
    assert reason(AuthenticationError("a", status=401)) != reason(refused("1"))
    assert reason(PikaError("a")) != reason(PikaError("b"))


def test_the_line_that_watches_is_fit_for_a_shell():
    line = watch_line("$(id)", ["-o", "my x.mp4"])
    assert line == "pika-async watch '$(id)' -o 'my x.mp4'"
    code = "import sys; print(sys.argv[1:])"
    done = subprocess.run(
        ["/bin/sh", "-c", line.replace("pika-async", f"{sys.executable} -c '{code}'", 1)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "['watch', '$(id)', '-o', 'my x.mp4']\n"


def test_an_error_that_names_a_job_leads_back_to_it():
    trail = JobTrail(submits=True)
    told = failure(ServerError(status=502, started=Started.YES, job_id="j"), trail)
    assert (told.job_id, told.resume, told.code) == ("j", "pika-async watch j", 1)


def test_what_goes_wrong_while_an_event_is_shown_is_not_lost():
    def broken(_):
        raise RuntimeError("oops")

    class Hearing(Trail):
        def hears(self, event):
            return True

    ear = Ear(Hearing(), broken)
    with pytest.raises(RuntimeError):
        ear("event")
    assert str(ear.problem) == "oops"


LONG = "it fell. " * 100_000


class TestServicesThatSayTooMuch:
    def test_a_reason_of_900_kilobytes_is_shown_by_its_beginning(self):
        state = Failed(reason=LONG)
        error = JobFailedError(f"job job-1 failed: {LONG}", job_id="job-1", state=state)
        said = sentence(error, JobTrail())
        assert said.startswith("job job-1 failed: it fell. it fell.")
        assert "… (900,018 characters)" in said
        assert len(said) < 1000

    @every_row(
        "error",
        [
            ServerError(LONG, status=500),
            DownloadError(LONG, job_id="job-1"),
            TransportError(LONG),
            ConfigurationError(LONG, setting="base_url"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_so_is_whatever_else_is_said(self, error):
        assert len(sentence(error, FILE)) < 1000
        assert len(problem(error, FILE)) < 1000

    def test_so_is_why_the_last_look_failed(self):
        error = JobTimeoutError("job job-1 was not finished in time", job_id="job-1", state=None)
        error.__cause__ = ServerError(LONG, status=500)
        assert len(sentence(error, FILE)) < 2000

    def test_so_is_a_state_that_is_not_known(self):
        assert len(state_words(Unknown(status=LONG))) < 1000

    def test_machines_are_given_ten_thousand_characters_of_it(self, capfd):
        show = AsJSON(JobTrail())
        show(Transition(job_id="j", previous=None, state=Failed(reason=LONG), elapsed=1, polls=1))
        show(Transition(job_id="j", previous=None, state=Unknown(status=LONG), elapsed=1, polls=1))
        failed, unknown = map(json.loads, capfd.readouterr().out.splitlines())
        assert failed["reason"] == LONG[:10_000]
        assert unknown["status"] == LONG[:10_000]


class TestErrorEvents:
    def test_those_of_a_batch_name_the_job_where_there_is_one(self, capfd):
        show = AsJSON(FILE)
        show(Failure(kind="X", message="m", job_id="job-1", resume=None, code=1))
        show(Failure(kind="X", message="m", job_id=None, resume=None, code=1))
        told = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
        assert [event["job_id"] for event in told] == ["job-1", None]

    def test_a_paid_job_that_is_not_in_the_journal_is_one(self, capfd):
        show = AsJSON(FILE)
        broken = JournalError("the journal could not be written")
        show(JournalBroken(path=Path("j"), error=broken))
        show(JournalBroken(path=Path("j"), error=broken, job_id="job-1"))
        (told,) = map(json.loads, capfd.readouterr().out.splitlines())
        assert (told["event"], told["job_id"]) == ("error", "job-1")
        assert told["resume"] == "pika-async watch job-1"


@pytest.mark.parametrize("verb", [("batch", "f.txt"), ("quote", "f.txt")], ids=lambda verb: verb[0])
def test_a_word_that_is_none_of_those_allowed_is_told_as_everywhere(pika, verb):
    """The library's own words for it, "Value error", are of another style."""
    done = pika(*verb, "--format", "xml", "--json")
    assert (done.code, done.events[0]["message"]) == (
        2,
        "Invalid value for '--format': 'xml' is not allowed; allowed are txt, csv, jsonl.",
    )
    assert "'xml' is not allowed; allowed are txt" in pika(*verb, "--format", "xml").err
