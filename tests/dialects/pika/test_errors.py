"""What the errors of Pika's own API say: message, code, request id, time to wait."""

from __future__ import annotations

from support.answers import answer
from support.tables import every_row

from pika_async.dialects.pika.errors import error_of


@every_row(
    ("body", "message"),
    [
        ({"message": "plain"}, "plain"),
        ({"error": "as text"}, "as text"),
        ({"error": {"code": "x", "message": "as object"}}, "as object"),
        ({"detail": "as detail"}, "as detail"),
        ({"detail": {"message": "deep"}}, "deep"),
        ({"detail": [{"loc": ["body", "fps"], "msg": "Extra"}]}, "body.fps: Extra"),
        ({"detail": [{"loc": ["body", 0], "msg": "a"}, {"msg": "b"}]}, "body.0: a; b"),
        ({"errors": [{"path": ["prompt"], "message": "Required"}]}, "prompt: Required"),
        ({"detail": ["one", "two"]}, "one; two"),
        ({"detail": []}, ""),
        ({"message": ""}, ""),
        ({}, ""),
        ([], ""),
        (b"<html>", ""),
    ],
)
def test_its_words_are_found_in_every_shape(body, message):
    assert error_of(answer(body, 422)).message == message


def test_the_request_is_named_by_its_header():
    assert error_of(answer({}, 500, X_Request_ID="req-1")).request_id == "req-1"
    assert error_of(answer({}, 500, x_request_id="req-1")).request_id == "req-1"
    assert error_of(answer({}, 500)).request_id is None


def test_or_in_the_body_where_it_has_no_header():
    assert error_of(answer({"request_id": "req-2"}, 500)).request_id == "req-2"
    assert error_of(answer({"requestId": "req-2"}, 500)).request_id == "req-2"
    both = answer({"request_id": "req-2"}, 500, X_Request_ID="req-1")
    assert error_of(both).request_id == "req-1"
    assert error_of(answer({"request_id": 7}, 500)).request_id is None


@every_row(
    ("body", "seconds"),
    [
        ({"retry_after": 7}, 7.0),
        ({"retryAfter": 0.5}, 0.5),
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": -1}, None),
        ({"retry_after": True}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": 1e400}, None),
        ({"retry_after": None}, None),
    ],
)
def test_the_time_to_wait_may_stand_in_the_body(body, seconds):
    assert error_of(answer({"message": "many", **body}, 429)).retry_after == seconds
    assert error_of(answer({"message": "many", **body}, 429, Retry_After="3")).retry_after == 3.0


@every_row(
    ("header", "seconds"),
    [("7", 7.0), ("Sat, 28 Nov 2026 12:00:30 GMT", 30.0), ("soon", None), ("", None)],
)
def test_the_time_to_wait_is_seconds_or_a_date(header, seconds):
    date = "Sat, 28 Nov 2026 12:00:00 GMT"
    error = error_of(answer({"message": "many"}, 429, Retry_After=header, Date=date))
    assert error.retry_after == seconds


def test_the_code_stands_in_the_error_or_beside_it():
    assert error_of(answer({"error": {"code": " internal "}}, 500)).code == "internal"
    assert error_of(answer({"code": "internal", "message": "x"}, 500)).code == "internal"
    assert error_of(answer({"code": 17}, 500)).code is None
