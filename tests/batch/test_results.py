"""What a batch gives back for each request, and its counts."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from support.tables import every_row

from pika_async import (
    BatchResult,
    BatchStats,
    DownloadError,
    Failed,
    GenerationRequest,
    JobFailedError,
    Money,
    Succeeded,
    Video,
)

REQUEST = GenerationRequest("a red panda", seed=7)
DONE = Succeeded(videos=(Video(id="v", job_id="j", url="https://media.example/v.mp4"),))
FAILURE = JobFailedError("failed", job_id="j", state=Failed(reason="no"))
NOT_SAVED = DownloadError("the disk is full", job_id="j")


def result(**fields):
    return BatchResult(**{"index": 0, "request": REQUEST, **fields})


def test_a_job_that_succeeded_is_ok():
    assert result(job_id="j", state=DONE).ok


def test_a_job_that_failed_is_not():
    assert not result(job_id="j", error=FAILURE).ok


def test_a_job_whose_videos_could_not_be_saved_is_not():
    assert not result(job_id="j", state=DONE, error=NOT_SAVED).ok


def test_a_request_of_which_nothing_came_is_not():
    assert not result().ok


def test_unwrapped_a_success_is_its_state():
    assert result(state=DONE).unwrap() is DONE


@every_row("state", [None, DONE], ids=["without a state", "beside a state"])
def test_unwrapped_an_error_is_raised(state):
    with pytest.raises(JobFailedError) as caught:
        result(state=state, error=FAILURE).unwrap()
    assert caught.value is FAILURE


@every_row(
    ("given", "prompt"),
    [(REQUEST, "a red panda"), ("a red panda", "a red panda"), ("", ""), (None, "None"), (7, "7")],
    ids=repr,
)
def test_the_prompt_is_shown_also_of_what_was_not_allowed(given, prompt):
    assert result(request=given).prompt == prompt


def test_the_metadata_is_the_requests_own_and_empty_where_it_has_none():
    request = GenerationRequest("a red panda", metadata={"sku": "17"})
    assert result(request=request).metadata == {"sku": "17"}
    assert result().metadata == {}
    assert result(request="x").metadata == {}


def test_the_charge_is_that_of_the_end_whichever_it_was():
    """A failed job may be charged, too, and its result has no state to read that from."""
    cents = Money.of("0.45")
    failed = JobFailedError("failed", job_id="j", state=Failed(reason="no", charge=cents))
    assert result(state=attrs.evolve(DONE, charge=cents)).charge == cents
    assert result(state=attrs.evolve(DONE, charge=cents), error=NOT_SAVED).charge == cents
    assert result(error=failed).charge == cents
    assert result(error=FAILURE).charge is None
    assert result(error=NOT_SAVED).charge is None
    assert result().charge is None


def test_a_result_says_nothing_of_what_is_not_known():
    bare = result()
    assert (bare.job_id, bare.state, bare.error) == (None, None, None)
    assert (bare.files, bare.resumed) == ((), False)


def test_a_result_cannot_be_changed():
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        result().files = (Path("a.mp4"),)


def test_finished_are_all_that_have_a_result():
    assert BatchStats(taken=50, running=20, succeeded=5, failed=3, uncertain=2).finished == 10


def test_nothing_is_counted_before_anything_has_happened():
    counts = attrs.asdict(BatchStats(), recurse=False)
    assert counts.pop("spent").total == Money(0)
    assert set(counts.values()) == {0}
    assert BatchStats().finished == 0
