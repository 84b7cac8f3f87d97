"""``--quiet``: a batch that says only what went wrong."""

from __future__ import annotations

import pytest

from pika_async.simulator import Fault


@pytest.fixture
def batch(pika, sim, here):
    (here / "p.txt").write_text("a\nb\n")
    return lambda *more: pika("batch", "p.txt", "--base-url", sim.url, "--quiet", *more)


def test_where_all_goes_well_it_says_nothing(batch, here):
    done = batch("--price", "0.4")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert len(list((here / "p-videos").glob("*.mp4"))) == 2


def test_what_went_wrong_is_said_with_what_to_do(batch, sim):
    sim.failure = lambda body: "it fell" if body["promptText"] == "b" else None
    done = batch()
    assert (done.code, done.out) == (1, "")
    first, *_, last = done.err.splitlines()
    assert first.startswith("p.txt:2: error: job ")
    assert last == f"  pika-async batch p.txt -q --base-url {sim.url} --retry-failed"


def test_what_stops_the_batch_is_said_once(batch, sim):
    sim.faults.append(Fault("401-new-api-error", times=None))
    assert batch("-n", "1").err.count("the batch submits nothing more") == 1


def test_machines_are_told_all_the_same(batch):
    done = batch("--json")
    assert [event["event"] for event in done.events] == ["result", "result", "summary"]
    assert done.err == ""


def test_a_dry_run_is_said_since_it_was_asked_for(batch):
    assert batch("--dry-run").err == "2 to submit\n"
