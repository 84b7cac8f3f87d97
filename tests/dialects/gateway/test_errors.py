"""The gateway's errors: the table of WIRE.md row by row, and what each part is read from."""

from __future__ import annotations

import pickle
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.conversations import meant
from support.tables import every_row

from pika_async import (
    APIError,
    AuthenticationError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    PikaError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
)
from pika_async._http import retry_after
from pika_async._jobs.verdicts import Verdict, after_poll, after_submit
from pika_async._meaning import Action, Advice, Started
from pika_async.dialects import Endpoint, Gateway, Handle
from pika_async.dialects._answers import excerpt

GATEWAY = Gateway()
ENDPOINT = Endpoint(base_url="https://h.example", api_key="k")
AGAIN, RAISE, UNCERTAIN, GRACE = Verdict.AGAIN, Verdict.RAISE, Verdict.UNCERTAIN, Verdict.GRACE

PAGE = b"<html><head><title>Bad Gateway</title></head></html>"
RID = "20250523080000123456789abcdef"
STARTED, NOT_STARTED = True, False
NO_CHANNEL = "No available channel for model pika under group default"


class Row(NamedTuple):
    """What comes; what is read from it; what it leads to on submit and on poll."""

    status: int
    body: bytes | str
    """Bytes, or the name of a recorded payload."""
    headers: dict[str, str]
    cls: type[APIError]
    code: str | None
    message: str
    request_id: str | None
    may_have_started: bool
    on_submit: Verdict
    on_poll: Verdict


# fmt: off
ROWS = {
    "401 key unknown": (
        401, "error_401_new_api", {},
        AuthenticationError, None, f"Invalid token (request id: {RID})", RID, NOT_STARTED,
        RAISE, RAISE),
    "401 the key's quota is used up": (
        401, "error_401_quota_used_up", {},
        AuthenticationError, None, f"该令牌额度已用尽 (request id: {RID})", RID, NOT_STARTED,
        RAISE, RAISE),
    "401 empty": (
        401, b"", {}, AuthenticationError, None, "", None, NOT_STARTED, RAISE, AGAIN),
    "401 the observed words for a quota": (
        401, "error_generate_limit", {},
        AuthenticationError, None, "Your API key has reached its generate limit", None, NOT_STARTED,
        RAISE, RAISE),
    "402": (
        402, b"", {}, QuotaExceededError, None, "", None, NOT_STARTED, RAISE, AGAIN),
    "403 user banned, IP or model not allowed": (
        403, "error_403_banned", {"X-Oneapi-Request-Id": "from-header"},
        PermissionDeniedError, None, f"User is banned (request id: {RID})", "from-header",
        NOT_STARTED, RAISE, RAISE),
    "403 account balance short": (
        403, "error_403_quota", {},
        QuotaExceededError, "quota_not_enough", "user quota is not enough", None, NOT_STARTED,
        RAISE, RAISE),
    "403 the observed words for a quota": (
        403, "error_generate_limit", {},
        QuotaExceededError, None, "Your API key has reached its generate limit", None, NOT_STARTED,
        RAISE, RAISE),
    "403 page of a proxy": (
        403, PAGE, {}, PermissionDeniedError, None, "", None, NOT_STARTED, RAISE, AGAIN),
    "400 bad body, the task endpoint's shape": (
        400, "error_400_invalid_request", {},
        InvalidRequestError, "invalid_request", "field promptText is required", None, NOT_STARTED,
        RAISE, RAISE),
    "400 bad body, OpenAI's shape": (
        400, "error_400_openai", {},
        InvalidRequestError, None, "Invalid value for 'model'", None, NOT_STARTED,
        RAISE, RAISE),
    "413 page of a proxy": (
        413, PAGE, {}, InvalidRequestError, None, "", None, NOT_STARTED, RAISE, AGAIN),
    "422 detail": (
        422, b'{"detail": "motion is too large"}', {},
        InvalidRequestError, None, "motion is too large", None, NOT_STARTED, RAISE, RAISE),
    "404 wrong path": (
        404, "error_404_wrong_path", {},
        NotFoundError, None, "Invalid URL (POST /v1/pika/generate)", None, NOT_STARTED,
        RAISE, GRACE),
    "404 page": (
        404, PAGE, {}, NotFoundError, None, "", None, NOT_STARTED, RAISE, AGAIN),
    "404 empty": (
        404, b"", {}, NotFoundError, None, "", None, NOT_STARTED, RAISE, AGAIN),
    "400 no such task": (
        400, "error_task_not_exist", {},
        NotFoundError, "task_not_exist", "task_not_exist", None, NOT_STARTED, RAISE, GRACE),
    "404 no such task": (
        404, "error_task_not_exist", {},
        NotFoundError, "task_not_exist", "task_not_exist", None, NOT_STARTED, RAISE, GRACE),
    "429 OpenAI's shape": (
        429, "error_429_openai", {},
        RateLimitError, "rate_limit_exceeded", "Too many requests", None, NOT_STARTED,
        AGAIN, AGAIN),
    "429 empty": (
        429, b"", {}, RateLimitError, None, "", None, NOT_STARTED, AGAIN, AGAIN),
    "429 limits upstream": (
        429, "error_fetch_busy", {},
        RateLimitError, "fail_to_fetch_task", '{"detail":"Too many concurrent jobs"}', None,
        NOT_STARTED, AGAIN, AGAIN),
    "429 that mentions a quota": (
        429, "error_generate_limit", {},
        RateLimitError, None, "Your API key has reached its generate limit", None, NOT_STARTED,
        AGAIN, AGAIN),
    "503 no channel for that model": (
        503, "error_503_no_channel", {},
        ServerError, None, NO_CHANNEL, None, NOT_STARTED, RAISE, AGAIN),
    "503 no channel, with Retry-After": (
        503, "error_503_no_channel", {"Retry-After": "5"},
        ServerError, None, NO_CHANNEL, None, NOT_STARTED, AGAIN, AGAIN),
    "503 page": (
        503, PAGE, {}, ServerError, None, "", None, STARTED, UNCERTAIN, AGAIN),
    "503 page with Retry-After": (
        503, PAGE, {"Retry-After": "5"}, ServerError, None, "", None, STARTED, AGAIN, AGAIN),
    "503 empty": (
        503, b"", {}, ServerError, None, "", None, STARTED, UNCERTAIN, AGAIN),
    "503 an error object that says nothing": (
        503, b'{"error": {}}', {}, ServerError, None, "", None, STARTED, UNCERTAIN, AGAIN),
    "503 upstream down": (
        503, "error_fetch_down", {},
        ServerError, "fail_to_fetch_task", '{"detail":"Internal Server Error"}', None, STARTED,
        UNCERTAIN, AGAIN),
    "503 panic": (
        503, "error_500_panic", {},
        ServerError, None, "Panic detected, error: nil pointer", None, STARTED, UNCERTAIN, AGAIN),
    "400 upstream refused": (
        400, "error_fetch_refused", {},
        InvalidRequestError, "fail_to_fetch_task", '{"detail":"prompt not allowed"}', None,
        NOT_STARTED, RAISE, RAISE),
    "500 upstream down": (
        500, "error_fetch_down", {},
        ServerError, "fail_to_fetch_task", '{"detail":"Internal Server Error"}', None, STARTED,
        UNCERTAIN, AGAIN),
    "500 do_request_failed": (
        500, "error_500_do_request", {},
        ServerError, "do_request_failed", "read: connection reset by peer", None, STARTED,
        UNCERTAIN, AGAIN),
    "500 read_response_body_failed": (
        500, "error_500_read_body", {},
        ServerError, "read_response_body_failed", "unexpected EOF", None, STARTED,
        UNCERTAIN, AGAIN),
    "500 unmarshal_response_body_failed": (
        500, "error_500_unmarshal", {},
        ServerError, "unmarshal_response_body_failed",
        "invalid character '<' looking for beginning of value", None, STARTED, UNCERTAIN, AGAIN),
    "500 insert_task_failed": (
        500, "error_500_insert_task", {},
        ServerError, "insert_task_failed", "database is locked", None, STARTED, UNCERTAIN, AGAIN),
    "400 with a code of after the upstream call": (
        400, "error_500_read_body", {},
        InvalidRequestError, "read_response_body_failed", "unexpected EOF", None, STARTED,
        UNCERTAIN, AGAIN),
    "500 panic": (
        500, "error_500_panic", {},
        ServerError, None, "Panic detected, error: nil pointer", None, STARTED, UNCERTAIN, AGAIN),
    "500 empty": (
        500, b"", {}, ServerError, None, "", None, STARTED, UNCERTAIN, AGAIN),
    "500 OpenAI's shape": (
        500, "error_400_openai", {},
        ServerError, None, "Invalid value for 'model'", None, STARTED, UNCERTAIN, AGAIN),
    "500 no such task": (
        500, "error_task_not_exist", {},
        ServerError, "task_not_exist", "task_not_exist", None, STARTED, UNCERTAIN, AGAIN),
    "500 quota": (
        500, "error_403_quota", {},
        ServerError, "quota_not_enough", "user quota is not enough", None, STARTED,
        UNCERTAIN, AGAIN),
    **{f"{status} {what}": (
        status, body, {}, ServerError, None, "", None, STARTED, UNCERTAIN, AGAIN)
       for status in (501, 502, 504, 520, 522, 524, 530, 599)
       for what, body in (("page", PAGE), ("empty", b""))},
    "504 in the API's own shape": (
        504, "error_503_no_channel", {},
        ServerError, None, NO_CHANNEL, None, STARTED, UNCERTAIN, AGAIN),
    "502 with Retry-After": (
        502, PAGE, {"Retry-After": "5"}, ServerError, None, "", None, STARTED, UNCERTAIN, AGAIN),
    "408": (
        408, b"", {}, APIError, None, "", None, STARTED, UNCERTAIN, AGAIN),
    "425": (
        425, b"", {}, APIError, None, "", None, NOT_STARTED, RAISE, AGAIN),
    "409": (
        409, b'{"message": "conflict"}', {},
        APIError, None, "conflict", None, NOT_STARTED, RAISE, RAISE),
    **{f"{status} a redirect": (
        status, PAGE, {"Location": "https://elsewhere.example/"},
        APIError, None, "", None, NOT_STARTED, RAISE, AGAIN)
       for status in (301, 302, 303, 307, 308)},
}
# fmt: on


# What stands between a client and the gateway, or behind the gateway, and says no in its stead.
CHALLENGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head></html>"
OTHERS = {
    "a challenge of a firewall": (CHALLENGE, {"Server": "cloudflare", "cf-mitigated": "challenge"}),
    "a page declared as JSON": (PAGE, {"Content-Type": "application/json"}),
    "a page in UTF-16": (PAGE.decode().encode("utf-16"), {}),
    "nothing": (b"", {}),
    "nothing, declared as a page": (b"", {"Content-Type": "text/html"}),
    "blanks": (b"\r\n", {}),
    "text": (b"Forbidden", {"Content-Type": "text/plain"}),
    "XML": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", {}),
    "null": (b"null", {}),
    "an empty object": (b"{}", {}),
    "a list": (b"[]", {}),
    "a text in JSON": (b'"denied"', {}),
    "a message and no more": (b'{"message": "Forbidden"}', {}),
    "a firewall that speaks JSON": (
        b'{"title": "Error 1010", "status": 403, "detail": "denied", "cloudflare_error": true}',
        {},
    ),
    "words of the service behind it": (
        b'{"code": "fail_to_fetch_task", "message": "invalid key", "data": null}',
        {},
    ),
}


@every_row("status", [401, 402, 403])
@every_row(("body", "headers"), list(OTHERS.values()), ids=list(OTHERS))
def test_a_refusal_that_is_not_the_apis_own_says_nothing_of_key_or_job(
    answer, status, body, headers
):
    response = answer(body, status, headers)
    on_submit = error_of(response)
    with pytest.raises(APIError) as on_poll:
        meant(GATEWAY.poll(ENDPOINT, Handle("j")), response)
    assert not on_submit.is_api_answer
    assert (after_submit(on_submit), after_poll(on_poll.value)) == (RAISE, AGAIN)
    assert "API key" not in str(on_submit)
    assert "account" not in str(on_submit)
    assert "not by the API itself" in str(on_submit)
    assert on_submit.advice == Advice(Action.TRY_LATER)


@every_row("status", [400, 404, 405, 409, 410, 413, 418, 422, 451])
@every_row("body", [PAGE, CHALLENGE, b"", b"Not here", b"null", b"{}"], ids=repr)
def test_a_page_or_nothing_is_a_failed_poll_whatever_its_status(answer, status, body):
    response = answer(body, status)
    with pytest.raises(APIError) as caught:
        meant(GATEWAY.poll(ENDPOINT, Handle("j")), response)
    assert after_poll(caught.value) is AGAIN
    assert after_submit(error_of(response)) is RAISE


@every_row("status", [401, 403])
@every_row(
    "body",
    [
        {"error": {"message": "Invalid token", "type": "new_api_error"}},
        {"error": "Invalid token"},
        {"code": "access_denied", "message": "no"},
        {"success": False, "message": "no"},
    ],
    ids=repr,
)
def test_a_refusal_in_the_apis_own_shape_ends_the_waiting(answer, status, body):
    with pytest.raises(APIError) as caught:
        meant(GATEWAY.poll(ENDPOINT, Handle("j")), answer(body, status))
    assert caught.value.is_api_answer
    assert after_poll(caught.value) is RAISE


def error_of(response) -> APIError:
    with pytest.raises(PikaError) as caught:
        GATEWAY.decode_submit(response)
    return caught.value


@every_row("row", [Row(*values) for values in ROWS.values()], ids=list(ROWS))
def test_an_error_is_read_and_judged_as_its_row_says(payload, answer, row):
    body = payload(row.body) if isinstance(row.body, str) else row.body
    response = answer(body, row.status, row.headers)
    on_submit = error_of(response)
    with pytest.raises(PikaError) as caught:
        meant(GATEWAY.poll(ENDPOINT, Handle("j")), response)
    for error in (on_submit, caught.value):
        assert type(error) is row.cls
        assert (error.status, error.code, error.message) == (row.status, row.code, row.message)
        assert error.request_id == row.request_id
        assert (error.started is Started.MAYBE) is row.may_have_started
        assert error.body == response.body.decode()[:500]
    assert (after_submit(on_submit), after_poll(caught.value)) == (row.on_submit, row.on_poll)


class TestMessage:
    PLACES = (
        {"error": {"message": "1"}},
        {"message": "2"},
        {"msg": "3"},
        {"err": "4"},
        {"error_msg": "5"},
        {"error": "6"},
        {"detail": "7"},
    )

    @every_row("first", range(7), ids=[str(place) for place in PLACES])
    def test_the_first_place_that_has_one_wins(self, answer, first):
        body: dict = {}
        for place in reversed(self.PLACES[first:]):
            body.update(place)
        assert error_of(answer(body, 400)).message == str(first + 1)

    @every_row("junk", ["", None, 5, [], ["x"], {}, {"text": "x"}, True], ids=repr)
    def test_what_is_no_text_or_empty_is_passed_over(self, answer, junk):
        body = {"error": {"message": junk}, "message": junk, "msg": junk, "detail": "here"}
        assert error_of(answer(body, 400)).message == "here"

    @every_row(
        "body", [{}, [], "text", 5, None, {"detail": [{"loc": ["body"], "msg": "x"}]}], ids=repr
    )
    def test_an_error_without_one_has_empty_text(self, answer, body):
        assert error_of(answer(body, 400)).message == ""


class TestBulk:
    @every_row(
        "body",
        [
            {"error": {"message": "A" * 1_500_000, "code": "B" * 1_500_000}},
            {"code": "B" * 1_500_000, "message": "no", "input": {"image": "A" * 1_500_000}},
            {"detail": "A" * 1_500_000},
        ],
        ids=["in the error", "beside it", "in its detail"],
    )
    def test_no_error_holds_more_than_an_excerpt_of_an_answer(self, answer, body):
        response = answer(body, 400, {"X-Request-Id": "r" * 60_000})
        assert len(pickle.dumps(error_of(response))) < 5_000

    def test_half_a_character_can_be_written_down_all_the_same(self, answer):
        response = answer(b'{"error": {"message": "a\\ud800b", "code": "c\\udfff"}}', 400)
        error = error_of(response)
        assert error.message.encode() == "a\N{REPLACEMENT CHARACTER}b".encode()
        assert str(error).encode()


class TestCode:
    @every_row(
        ("body", "expected"),
        [
            ({"code": "a"}, "a"),
            ({"error": {"code": "a"}}, "a"),
            ({"error": {"code": "a"}, "code": "b"}, "a"),
            ({"error": {"code": None}, "code": "b"}, "b"),
            ({"error": {"code": ""}, "code": "b"}, "b"),
            ({"code": 1001}, "1001"),
            ({"code": True}, None),
            ({"code": 1.5}, None),
            ({"code": []}, None),
            ({"code": ""}, None),
            ({}, None),
        ],
        ids=repr,
    )
    def test_it_is_text_or_a_whole_number_of_the_error_or_beside_it(self, answer, body, expected):
        assert error_of(answer(body, 400)).code == expected

    @every_row("code", ["quota_not_enough", "insufficient_quota", "insufficient_user_quota"])
    @every_row("status", [400, 402, 403])
    def test_every_code_for_want_of_money_is_a_quota_error(self, answer, code, status):
        assert type(error_of(answer({"code": code}, status))) is QuotaExceededError
        assert type(error_of(answer({"error": {"code": code}}, status))) is QuotaExceededError


class TestRequestId:
    @every_row(
        ("headers", "expected"),
        [
            ({"X-Oneapi-Request-Id": "one"}, "one"),
            ({"X-Request-Id": "two"}, "two"),
            ({"X-Request-Id": "two", "X-Oneapi-Request-Id": "one"}, "one"),
            ({"x-oneapi-request-id": "one"}, "one"),
            ({"X-Oneapi-Request-Id": "", "X-Request-Id": "two"}, "two"),
            ({}, "three-3"),
        ],
        ids=repr,
    )
    def test_a_header_names_it_or_else_the_message(self, answer, headers, expected):
        body = {"error": {"message": "no (request id: three-3)"}}
        assert error_of(answer(body, 400, headers)).request_id == expected

    @every_row(
        ("message", "expected"),
        [
            (f"Invalid token (request id: {RID})", RID),
            ("Request ID: abc_1-2.", "abc_1-2"),
            ("request_id:abc", "abc"),
            ("the request id is missing", None),
            ("request id:", None),
            ("no such request", None),
        ],
    )
    def test_it_is_found_within_the_message(self, answer, message, expected):
        assert error_of(answer({"message": message}, 400)).request_id == expected

    def test_errors_within_a_2xx_have_it_too(self, answer):
        error = error_of(answer({"error": "no"}, 200, {"X-Request-Id": "two"}))
        assert error.request_id == "two"


NOW = "Fri, 23 May 2025 08:00:00 GMT"
NOW_SECONDS = 1747987200.0


class TestRetryAfter:
    @every_row(
        ("value", "expected"),
        [
            ("0", 0.0),
            ("7", 7.0),
            ("  7 ", 7.0),
            ("007", 7.0),
            ("1.5", 1.5),
            ("120000", 120000.0),
            ("9" * 400, 1e9),
        ],
        ids=lambda value: str(value)[:20],
    )
    def test_it_may_be_seconds(self, answer, value, expected):
        assert retry_after(answer(headers={"Retry-After": value})) == expected

    @every_row(
        "value",
        [
            "Fri, 23 May 2025 08:00:30 GMT",
            "Friday, 23-May-25 08:00:30 GMT",
            "Fri May 23 08:00:30 2025",
            "Fri, 23 May 2025 10:00:30 +0200",
        ],
        ids=["IMF", "RFC 850", "asctime", "with an offset"],
    )
    @every_row(
        ("headers", "received_at"),
        [({"Date": NOW}, NOW_SECONDS + 3600), ({}, NOW_SECONDS), ({"Date": "junk"}, NOW_SECONDS)],
        ids=["from the server's Date", "from ours without one", "from ours if it is junk"],
    )
    def test_it_may_be_a_date(self, answer, value, headers, received_at):
        response = answer(headers={**headers, "Retry-After": value}, received_at=received_at)
        assert retry_after(response) == 30.0

    @every_row("value", ["Fri, 23 May 2025 07:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"])
    def test_a_date_that_has_passed_is_zero_and_never_less(self, answer, value):
        assert retry_after(answer(headers={"Date": NOW, "Retry-After": value})) == 0.0

    @every_row(
        "value",
        [
            "",
            "soon",
            "-5",
            "+5",
            "1e3",
            "1.2.3",
            ".",
            "5s",
            "٣",
            "²",
            "nan",
            "inf",
            "2025-05-23T08:00:00Z",
            "Fri, 99 May 2025 08:00:30 GMT",
            "Fri, 23 May 99999999999 08:00:30 GMT",
            "Fri, 23 May 2025 08:00:30 +99999999999999999999",
        ],
        ids=ascii,
    )
    def test_garbage_says_nothing(self, answer, value):
        assert retry_after(answer(headers={"Retry-After": value})) is None

    def test_without_the_header_it_says_nothing(self, answer):
        assert retry_after(answer(headers={"Date": NOW})) is None

    @given(value=st.text(), date=st.text() | st.just(NOW))
    def test_any_text_whatever_is_seconds_from_zero_or_nothing(self, answer, value, date):
        wait = retry_after(answer(headers={"Retry-After": value, "Date": date}))
        assert wait is None or wait >= 0.0

    @given(
        st.datetimes().map(lambda date: date.strftime("%d %b %Y %H:%M:%S"))
        | st.from_regex(r"(Mon, )?\d{1,12} Jan \d{1,12} \d{1,3}:\d{1,3}(:\d{1,3})? [+-]\d{1,25}")
    )
    def test_anything_like_a_date_is_seconds_from_zero_or_nothing(self, answer, value):
        wait = retry_after(answer(headers={"Retry-After": value}))
        assert wait is None or wait >= 0.0

    @every_row("status", [429, 503, 400, 200])
    def test_errors_carry_it(self, answer, status):
        error = error_of(answer({"error": "no"}, status, {"Retry-After": "7"}))
        assert error.retry_after == 7.0


class TestExcerpt:
    def test_it_is_the_first_500_characters(self):
        assert excerpt(b"x" * 501) == "x" * 500

    def test_it_counts_characters_not_bytes(self):
        assert excerpt("😀".encode() * 600) == "😀" * 500

    def test_what_is_no_utf_8_is_shown_as_far_as_it_can_be(self):
        assert excerpt(b"a\xffb") == "a\N{REPLACEMENT CHARACTER}b"

    @given(st.binary(max_size=5000))
    def test_any_bytes_have_one_of_at_most_500_characters(self, body):
        assert len(excerpt(body)) <= 500

    @given(st.text())
    def test_short_text_is_kept_whole(self, text):
        assert excerpt(text.encode()) == text[:500]
