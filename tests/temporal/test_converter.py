"""Our values cross the engine and come back equal; what it cannot carry is refused."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.tables import every_row
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultPayloadConverter

from pika_async import (
    Camera,
    ConfigurationError,
    Failed,
    FieldError,
    GenerationRequest,
    JobState,
    Money,
    Queued,
    Running,
    Succeeded,
    Transition,
    Unknown,
    Video,
)
from pika_async._request.record import Intent
from pika_async.temporal import (
    Declined,
    Finished,
    Outcome,
    PikaPayloadConverter,
    Refused,
    Uncertain,
    Why,
)
from pika_async.temporal._codec import checked, from_plain, read_record, to_plain
from pika_async.temporal._converter import with_our_values
from pika_async.temporal._records import Accepted, Errand, Leaving, Lost, Order, Record, Said

NOW = datetime(2026, 11, 28, 12, 0, 0, 5, tzinfo=UTC)
VIDEO = Video(id="v", job_id="d06e", url="https://x/y.mp4", duration=5.0, seed=2**40)
PLAIN = GenerationRequest("a red panda")
FULL = GenerationRequest(
    "a red panda",
    image="https://x/y.png",
    pikaffect="melt",
    model="2.2",
    resolution="720p",
    duration=5,
    keyframes=["https://x/1.png", "https://x/2.png"],
    keyframe_seconds=[3],
    aspect_ratio="16:9",
    camera=Camera(zoom="in"),
    seed=2**40,
    extra={"new": [1, {"a": None}]},
    metadata={"sku": "7"},
)
INTENT = Intent(service="gateway", base_url="https://x", submit_id="1", digest="2", body="{}")
LEAVING = Leaving(sent_at=NOW, fingerprint="f0", intent=INTENT, repeatable=True, searchable=False)
ACCEPTED = Accepted(
    job_id="d06e",
    sent_at=NOW,
    hints={"look": "https://x/1"},
    origin="00-a-b-01",
    service="pika",
    base_url="https://x",
)
STATES = [
    Queued(position=3),
    Running(progress=40),
    Succeeded(videos=(VIDEO,), charge=Money(450_000)),
    Failed(reason="no", code="moderation"),
    Unknown(status="new"),
]
OUTCOMES = [
    Finished(job_id="d06e", videos=(VIDEO,), files=("a.mp4",), charge=Money(450_000, "EUR")),
    Finished(job_id="d06e", videos=(VIDEO,)),
    Declined(job_id="d06e", reason="no", code="moderation"),
    Refused(error="QuotaExceededError", meaning="Top up."),
    Uncertain(fingerprint="f0", sent_at=NOW, why=Why.WORKER_LOST),
    Uncertain(fingerprint=None, sent_at=None, why=Why.BEGUN_ANEW),
]
VALUES = [
    *(PLAIN, FULL, VIDEO, Money(7), *STATES, *OUTCOMES),
    Transition(job_id="d06e", previous=None, state=Queued(), elapsed=0.5, polls=1),
    *(LEAVING, ACCEPTED, Order(request=FULL, run_id="r", again=LEAVING)),
    Order(request=PLAIN, run_id="r"),
    Lost(request=FULL, sent=LEAVING),
    Errand(request=FULL, job=ACCEPTED, timeout=3.5),
    Said(error="RateLimitError", meaning="Later.", seconds=3.0, sent=LEAVING),
]


def crossed(value, hint):
    converter = PikaPayloadConverter()
    (back,) = converter.from_payloads(converter.to_payloads([value]), [hint])
    return back


@every_row("value", VALUES, ids=lambda value: type(value).__name__)
def test_each_value_comes_back_equal(value):
    back = crossed(value, type(value))
    assert (back, type(back)) == (value, type(value))


@every_row(
    ("values", "union"), [(STATES, JobState), (OUTCOMES, Outcome), ([LEAVING, ACCEPTED], Record)]
)
def test_of_a_union_each_comes_back_as_what_it_was(values, union):
    for value in values:
        assert crossed(value, union) == value
        assert crossed(None, union | None) is None
    assert crossed(values, list[union]) == values
    assert crossed({"a": values[0]}, dict[str, union]) == {"a": values[0]}


def test_what_is_not_ours_crosses_as_ever():
    for value, hint in [(3, int), ("x", str), ([1.5], list[float]), (b"x", bytes), (NOW, datetime)]:
        assert crossed(value, hint) == value


def test_a_request_is_read_without_looking_into_files_and_checked_where_it_is_sent(tmp_path):
    path = tmp_path / "start.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    request = GenerationRequest("a", image=path)
    path.unlink()
    back = crossed(request, GenerationRequest)
    assert back == request
    with pytest.raises(FieldError, match="cannot be read"):
        checked(back)


def test_bytes_are_refused_before_anything_is_sent():
    request = GenerationRequest("a", image=b"\x89PNG\r\n\x1a\n")
    with pytest.raises(FieldError, match="image.*an engine keeps no media"):
        crossed(request, GenerationRequest)


@every_row(
    "written",
    [
        "a red panda",
        {"prompt": "a red panda"},
        {"prompt": "a red panda", "image": None, "keyframes": []},
    ],
)
def test_a_request_may_come_from_another_language(written):
    assert checked(crossed(written, GenerationRequest)) == PLAIN


def test_what_another_language_spells_differently_is_the_same_request():
    written = {"prompt": "a", "image": "https://x/y.png", "pikaffect": "melt", "seed": 7}
    expected = GenerationRequest("a", image="https://x/y.png", pikaffect="Melt", seed=7)
    assert crossed(written, GenerationRequest) == expected


@every_row("written", [{}, 3, {"prompt": 3}, {"prompt": "a", "sed": 7}, None])
def test_what_is_no_request_is_refused(written):
    with pytest.raises(ValueError, match=r"request|prompt"):
        crossed(written or {}, GenerationRequest)


@every_row(
    "kept", [None, 3, [], {}, {"phase": "later"}, {"phase": "accepted"}, {"phase": "leaving"}, "x"]
)
def test_a_record_that_is_not_understood_is_none(kept):
    assert read_record(kept) is None


def test_paths_stay_paths():
    assert crossed(Errand(request=_with_path(), job=ACCEPTED), Errand).request.image == Path("/x")


def _with_path():
    return crossed({"prompt": "a", "image": {"path": "/x"}}, GenerationRequest)


class Rot13:
    async def encode(self, payloads):
        return payloads

    async def decode(self, payloads):
        return payloads


def test_a_codec_of_ones_own_stays():
    given = dataclasses.replace(DataConverter.default, payload_codec=Rot13())
    ours = with_our_values(given)
    assert ours.payload_codec is given.payload_codec
    assert issubclass(ours.payload_converter_class, PikaPayloadConverter)


@every_row("given", [None, DataConverter.default])
def test_without_one_of_ones_own_it_is_ours(given):
    assert with_our_values(given).payload_converter_class is PikaPayloadConverter


def test_a_converter_that_knows_ours_stays():
    class Mine(PikaPayloadConverter):
        pass

    given = dataclasses.replace(DataConverter.default, payload_converter_class=Mine)
    assert with_our_values(given) is given


def test_one_that_does_not_is_refused_with_what_to_do():
    assert pydantic_data_converter.payload_converter_class is not DefaultPayloadConverter
    with pytest.raises(ConfigurationError, match="derive it from .*PikaPayloadConverter"):
        with_our_values(pydantic_data_converter)


def test_what_a_later_version_adds_to_a_record_is_overlooked():
    """So workers of two versions go on with each other's jobs."""
    later = {**to_plain(ACCEPTED), "added_later": {"a": 1}}
    assert from_plain(later, Accepted) == ACCEPTED
