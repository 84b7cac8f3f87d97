"""What an answer of Pika's own API to a submit means: a job, an error, or ask again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.answers import answer
from support.documents import ANY_JSON, DOCUMENTS, STATUSES
from support.tables import every_row

from pika_async import (
    APIError,
    AuthenticationError,
    DecodeError,
    Failed,
    InvalidRequestError,
    Money,
    NotFoundError,
    PermissionDeniedError,
    PikaError,
    Queued,
    QuotaExceededError,
    RateLimitError,
    Running,
    ServerError,
    Succeeded,
    Unknown,
)
from pika_async._jobs.verdicts import Verdict, after_submit
from pika_async._meaning import Started
from pika_async.dialects import Accepted, Handle, HTTPResponse, Pika

PIKA = Pika()
NULLS = dict.fromkeys(("output", "usage", "billing", "error"))
QUEUED = {"id": "media_1", "status": "queued"}


def failed(code: str, message: str = "no", **more: object) -> dict[str, object]:
    return {
        "id": "media_1",
        "status": "failed",
        "error": {"code": code, "message": message},
        **more,
    }


def error_of(response: HTTPResponse) -> PikaError:
    with pytest.raises(PikaError) as caught:
        PIKA.decode_submit(response)
    return caught.value


class TestAccepted:
    @every_row("status", [200, 201, 202])
    @every_row("body", [QUEUED, {**QUEUED, **NULLS}, {"id": "media_1"}])
    def test_the_document_names_the_job(self, body, status):
        accepted = PIKA.decode_submit(answer(body, status))
        assert accepted == Accepted(handle=Handle("media_1"), state=Queued(), raw=body)

    def test_a_number_is_an_id_too(self):
        assert PIKA.decode_submit(answer({"id": 17, "status": "queued"})).handle == Handle("17")

    def test_a_key_used_before_names_the_first_job_in_whatever_state_it_is(self):
        done = {"media_type": "video", "video": {"url": "https://cdn.pika.art/a.mp4"}}
        billing = {"state": "settled", "charge_micro_usd": 200_000}
        cases = [
            ({"status": "running"}, Running()),
            ({"status": "brand_new"}, Unknown(status="brand_new")),
            (failed("provider_error"), Failed(reason="no", code="provider_error")),
        ]
        for body, state in cases:
            assert PIKA.decode_submit(answer({**QUEUED, **body})).state == state
        body = {**QUEUED, "status": "completed", "output": done, "billing": billing}
        state = PIKA.decode_submit(answer(body)).state
        assert isinstance(state, Succeeded)
        assert (state.video.url, state.charge) == ("https://cdn.pika.art/a.mp4", Money(200_000))

    @every_row("output", [None, {}, {"media_type": "video", "video": {}}, {"url": "/files/a.mp4"}])
    def test_a_job_that_is_done_without_a_link_yet_is_left_to_a_poll(self, output):
        body = {**QUEUED, "status": "completed", "output": output}
        assert PIKA.decode_submit(answer(body)).state == Running(progress=100)

    @every_row("status", [409, 429, 500, 503])
    def test_the_body_is_read_before_the_status(self, status):
        accepted = PIKA.decode_submit(answer(QUEUED, status))
        assert (accepted.handle, accepted.state) == (Handle("media_1"), Queued())


class TestAJobThatFailedAtItsSubmit:
    @every_row("status", [402, 403, 429, 503])
    def test_it_is_an_accepted_job_that_cost_nothing(self, status):
        accepted = PIKA.decode_submit(answer(failed("provider_unavailable", "down"), status))
        assert accepted.handle == Handle("media_1")
        assert accepted.state == Failed(
            reason="down", code="provider_unavailable", meaning="unavailable", charge=Money(0)
        )

    def test_under_200_it_is_the_same_where_it_was_refused_at_the_door(self):
        accepted = PIKA.decode_submit(answer(failed("insufficient_balance", "no money")))
        assert accepted.state == Failed(
            reason="no money", code="insufficient_balance", meaning="quota", charge=Money(0)
        )

    @every_row("status", [429, 200])
    def test_one_beyond_the_rate_limit_cost_nothing_under_any_status(self, status):
        """It was refused at the door, too."""
        accepted = PIKA.decode_submit(answer(failed("rate_limited"), status))
        assert accepted.state == Failed(reason="no", code="rate_limited", charge=Money(0))

    @every_row("status", [429, 200])
    @every_row("code", ["rate_limited", "insufficient_balance"])
    def test_while_its_charge_is_pending_nobody_says_that_it_cost_nothing(self, code, status):
        """Else the next run of a batch would submit it again, and the charge comes all the same."""
        pending = failed(code) | {"billing": {"state": "pending", "charge_micro_usd": None}}
        assert PIKA.decode_submit(answer(pending, status)).state.charge is None

    def test_under_200_nobody_says_what_a_job_cost_that_failed_later(self):
        assert PIKA.decode_submit(answer(failed("provider_error"))).state.charge is None

    @every_row(
        ("code", "meaning"),
        [
            ("insufficient_balance", "quota"),
            ("cycle_limit_exceeded", "quota"),
            ("cycle_limit", "quota"),
            ("usage_limit_exceeded", "quota"),
            ("content_moderation", "moderation"),
            ("invalid_input", None),
            ("provider_error", None),
            ("provider_timeout", None),
            ("timed_out", None),
            ("internal", None),
            ("provider_unavailable", "unavailable"),
            ("rate_limited", "rate_limited"),
            ("membership_required", "forbidden"),
            ("caller_plan_required", "forbidden"),
            ("admission_suspended", "forbidden"),
            ("brand_new", None),
        ],
    )
    def test_its_code_is_the_services_own_beside_what_it_means(self, code, meaning):
        """Also a code that is newer than this version is kept."""
        state = PIKA.decode_submit(answer(failed(code), 402)).state
        assert (state.code, state.meaning) == (code, meaning)

    @every_row(
        ("error", "reason"),
        [
            ({"code": "internal", "message": "it broke"}, "it broke"),
            ({"code": "internal", "message": ""}, "internal"),
            ("it broke", "it broke"),
            (None, "the service said 'failed' and gave no reason"),
            ({}, "the service said 'failed' and gave no reason"),
            (["odd"], "the service said 'failed' and gave no reason"),
        ],
    )
    def test_its_reason_is_the_error_as_object_or_as_text(self, error, reason):
        body = {"id": "media_1", "status": "failed", "error": error}
        assert PIKA.decode_submit(answer(body, 503)).state.reason == reason

    def test_what_the_bill_says_goes_before_what_is_usual(self):
        billing = {"state": "settled", "charge_micro_usd": 5}
        body = failed("insufficient_balance", billing=billing)
        assert PIKA.decode_submit(answer(body, 402)).state.charge == Money(5)


# Status, body, class, verdict at this service.
REFUSALS = [
    (400, {"message": "bad"}, InvalidRequestError, Verdict.RAISE),
    (401, {"message": "who"}, AuthenticationError, Verdict.RAISE),
    (402, {"message": "pay"}, QuotaExceededError, Verdict.RAISE),
    (403, {"message": "Your API key is not active"}, PermissionDeniedError, Verdict.RAISE),
    (403, {"error": {"code": "cycle_limit"}}, QuotaExceededError, Verdict.RAISE),
    (404, {"message": "no such model"}, NotFoundError, Verdict.RAISE),
    (408, {}, APIError, Verdict.SAME_AGAIN),
    (409, {"message": "in progress"}, APIError, Verdict.SAME_AGAIN),
    (413, {"message": "large"}, InvalidRequestError, Verdict.RAISE),
    (422, {"message": "bad"}, InvalidRequestError, Verdict.RAISE),
    (429, {"message": "many"}, RateLimitError, Verdict.AGAIN),
    (500, {"message": "broke"}, ServerError, Verdict.SAME_AGAIN),
    (503, {"message": "down"}, ServerError, Verdict.SAME_AGAIN),
    (504, b"<html>", ServerError, Verdict.SAME_AGAIN),
    (307, b"", APIError, Verdict.RAISE),
    (200, b"<html>", DecodeError, Verdict.RAISE),
    (200, b"", DecodeError, Verdict.SAME_AGAIN),
    (200, [], DecodeError, Verdict.SAME_AGAIN),
    (200, {"status": "queued"}, DecodeError, Verdict.SAME_AGAIN),
    (200, {"id": None, "message": "ok"}, DecodeError, Verdict.SAME_AGAIN),
]


@every_row(("status", "body", "cls", "verdict"), REFUSALS)
def test_an_answer_that_names_no_job_is_refused_or_asked_again(status, body, cls, verdict):
    error = error_of(answer(body, status))
    assert type(error) is cls
    assert after_submit(error, repeatable=True) is verdict


def test_while_the_first_call_is_still_running_the_same_is_asked_again_and_nobody_knows():
    error = error_of(answer({"message": "a request with this key is in progress"}, 409))
    assert error.started is Started.MAYBE
    assert after_submit(error, repeatable=True) is Verdict.SAME_AGAIN


def test_a_refusal_that_names_a_job_in_a_shape_of_its_own_says_which():
    error = error_of(answer({"id": "media_7", "state": "odd", "message": "no"}, 400))
    assert error.job_id == "media_7"
    assert error_of(answer({"id": "req_7", "message": "no"}, 400)).job_id is None


@given(ANY_JSON | DOCUMENTS, STATUSES)
def test_any_json_is_a_job_or_an_error(body, status):
    try:
        accepted = PIKA.decode_submit(answer(body, status))
    except PikaError as error:
        str(error)
    else:
        str(accepted.state)
        assert accepted.handle.job_id


@given(st.binary(max_size=60), STATUSES)
def test_any_bytes_are_a_job_or_an_error(body, status):
    try:
        accepted = PIKA.decode_submit(answer(body, status))
    except PikaError as error:
        str(error)
    else:
        assert accepted.handle.job_id


@given(DOCUMENTS, STATUSES)
def test_a_job_that_is_named_by_a_success_is_never_lost(body, status):
    named = {**body, "id": "media_1"}
    if 200 <= status < 300:
        assert PIKA.decode_submit(answer(named, status)).handle == Handle("media_1")


def test_a_document_in_another_encoding_is_read_too():
    body = json.dumps(QUEUED).encode("utf-16")
    assert PIKA.decode_submit(answer(body)).handle == Handle("media_1")
