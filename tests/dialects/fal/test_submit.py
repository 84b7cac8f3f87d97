"""What an answer to a submit means: the job, or whether there may be one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fal import FAL, JOB, PAGE, answer, complaint
from support.tables import every_row

from pika_async import (
    APIError,
    AuthenticationError,
    DecodeError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    PikaError,
    Queued,
    QuotaExceededError,
    RateLimitError,
    ServerError,
)
from pika_async._jobs.verdicts import Verdict, after_submit
from pika_async._meaning import Action, MoneyMeaning, Started

URLS = {"response_url": JOB, "status_url": f"{JOB}/status", "cancel_url": f"{JOB}/cancel"}
QUEUED = {"request_id": "j", "status": "IN_QUEUE"}
TEXT = {"detail": "said so"}
LOCKED = {"detail": "User is locked. Reason: Exhausted balance. Top up your balance."}


@every_row(
    ("body", "state"),
    [
        (
            {"request_id": "j", "status": "IN_QUEUE", "queue_position": 3, **URLS},
            Queued(position=3),
        ),
        (
            {"request_id": "j", "status": "IN_QUEUE", "queue_position": 0, **URLS},
            Queued(position=0),
        ),
        ({"request_id": "j", **URLS}, Queued()),
        ({"request_id": "j", "status": None, "queue_position": None}, Queued()),
        ({"request_id": " j ", "status": "SOMETHING_NEW"}, Queued()),
    ],
)
def test_an_accepted_job_is_queued(body, state) -> None:
    accepted = FAL.decode_submit(answer(200, body))
    assert (accepted.handle.job_id, accepted.state, accepted.raw) == ("j", state, body)


def test_a_whole_number_is_an_id_too_and_any_2xx_an_answer() -> None:
    assert FAL.decode_submit(answer(202, {"request_id": 17})).handle.job_id == "17"


def test_the_addresses_that_were_given_are_kept_as_hints() -> None:
    body = {"request_id": "j", "status_url": URLS["status_url"], "response_url": None}
    assert FAL.decode_submit(answer(200, body)).handle.hints == {"status_url": f"{JOB}/status"}


NO, MAYBE = Started.NO, Started.MAYBE
SUBMITS = [
    (400, TEXT, InvalidRequestError, NO),
    (401, TEXT, AuthenticationError, NO),
    (403, TEXT, PermissionDeniedError, NO),
    (403, LOCKED, QuotaExceededError, NO),
    (403, {"detail": "User is locked. Reason: TOP_UP."}, QuotaExceededError, NO),
    (403, {"detail": "User is locked. Reason: Admin lock."}, PermissionDeniedError, NO),
    (404, TEXT, NotFoundError, NO),
    (413, TEXT, InvalidRequestError, NO),
    (415, TEXT, InvalidRequestError, NO),
    (422, complaint("too long", "string_too_long", "prompt"), InvalidRequestError, NO),
    (429, TEXT, RateLimitError, NO),
    (429, b"", RateLimitError, NO),
    (402, TEXT, QuotaExceededError, NO),
    (405, TEXT, APIError, NO),
    (408, TEXT, APIError, MAYBE),
    (409, TEXT, APIError, MAYBE),
    (499, TEXT, APIError, MAYBE),
    (500, TEXT, ServerError, MAYBE),
    (500, b"", ServerError, MAYBE),
    (502, PAGE, ServerError, MAYBE),
    (503, PAGE, ServerError, MAYBE),
    (503, {"detail": "x", "error_type": "runner_scheduling_failure"}, ServerError, MAYBE),
    (504, {"detail": "x", "error_type": "startup_timeout"}, ServerError, MAYBE),
    (524, PAGE, ServerError, MAYBE),
    (307, b"", APIError, NO),
]


@every_row(
    ("status", "body", "kind", "started"), SUBMITS, ids=[f"{c[0]}-{c[2].__name__}" for c in SUBMITS]
)
def test_a_refused_submit_says_whether_it_may_have_started_a_job(
    status, body, kind, started
) -> None:
    with pytest.raises(PikaError) as caught:
        FAL.decode_submit(answer(status, body))
    assert type(caught.value) is kind
    assert caught.value.started is started
    assert caught.value.job_id is None


def test_a_504_by_the_callers_own_limit_started_nothing() -> None:
    with pytest.raises(ServerError) as caught:
        FAL.decode_submit(answer(504, TEXT, X_Fal_Request_Timeout_Type="user"))
    assert caught.value.started is Started.NO
    assert after_submit(caught.value) is Verdict.RAISE


@every_row("status", [409, 499, 500, 502, 503, 504])
def test_an_answer_that_may_have_started_a_job_names_it_in_its_header(status: int) -> None:
    with pytest.raises(APIError) as caught:
        FAL.decode_submit(answer(status, TEXT, X_Fal_Request_Id="j"))
    assert caught.value.job_id == caught.value.request_id == "j"


def test_a_refusal_names_no_job_whatever_its_header_says() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        FAL.decode_submit(answer(422, TEXT, X_Fal_Request_Id="j"))
    assert (caught.value.job_id, caught.value.request_id) == (None, "j")
    assert caught.value.money is MoneyMeaning.NOT_CHARGED


def test_a_pause_that_is_asked_for_is_kept_where_no_job_is_named() -> None:
    for status in (429, 503):
        with pytest.raises(APIError) as caught:
            FAL.decode_submit(answer(status, PAGE, Retry_After="7"))
        assert caught.value.retry_after == 7
        assert after_submit(caught.value) is Verdict.AGAIN


def test_a_503_that_names_a_job_is_never_sent_again_whatever_pause_it_asks_for() -> None:
    with pytest.raises(ServerError) as caught:
        FAL.decode_submit(answer(503, TEXT, Retry_After="7", X_Fal_Request_Id="j"))
    assert after_submit(caught.value) is Verdict.UNCERTAIN


@every_row(
    "body", [{}, {"request_id": None}, {"request_id": ""}, {"status": "IN_QUEUE"}, [], b"", b"null"]
)
def test_a_success_without_an_id_may_have_started_a_job(body) -> None:
    with pytest.raises(DecodeError) as caught:
        FAL.decode_submit(answer(200, body, X_Fal_Request_Id="j"))
    assert (caught.value.started, caught.value.job_id) == (Started.MAYBE, "j")


def test_a_page_is_no_answer_of_fal_unless_it_names_a_request() -> None:
    with pytest.raises(DecodeError) as caught:
        FAL.decode_submit(answer(200, PAGE))
    assert caught.value.started is Started.NO
    with pytest.raises(DecodeError) as caught:
        FAL.decode_submit(answer(200, PAGE, X_Fal_Request_Id="j"))
    assert (caught.value.started, caught.value.job_id) == (Started.MAYBE, "j")


@every_row(
    ("body", "header", "code", "message"),
    [
        ({"detail": "x", "error_type": "bad_request"}, "other", "bad_request", "x"),
        ({"detail": "x"}, "internal_error", "internal_error", "x"),
        (complaint("too small", "image_too_small", "image_url"), "", "image_too_small",
         "image_url: too small"),
        ({"detail": [{"loc": ["body"], "msg": "no", "type": "t"}, {"msg": "no more"}]}, "", "t",
         "no; no more"),
        ({"detail": {"msg": "one", "type": "t"}}, "", "t", "one"),
        ({"detail": [], "error_type": ""}, "", None, ""),
        ({"detail": [None, 5, {"loc": 3, "msg": 4}]}, "", None, ""),
        ({"status": "NOT_FOUND"}, "", "NOT_FOUND", ""),
        ({"error": {"type": "authorization_error", "message": "x"}}, "", "authorization_error",
         "x"),
        ({"error": "x"}, "", None, "x"),
    ],
)  # fmt: skip
def test_code_and_message_of_every_shape_of_errors(body, header, code, message) -> None:
    with pytest.raises(APIError) as caught:
        FAL.decode_submit(answer(422, body, X_Fal_Error_Type=header))
    assert (caught.value.code, caught.value.message) == (code, message)


def test_what_was_sent_does_not_come_back_in_the_message() -> None:
    with pytest.raises(APIError) as caught:
        FAL.decode_submit(answer(422, complaint("bad", "value_error", "image_url")))
    assert caught.value.message == "image_url: bad"


def test_an_account_that_is_locked_is_to_be_topped_up() -> None:
    with pytest.raises(QuotaExceededError) as caught:
        FAL.decode_submit(answer(403, LOCKED))
    assert caught.value.advice is not None
    assert caught.value.advice.action is Action.TOP_UP


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["request_id", "status", "detail", "error", "error_type", "queue_position"]
            )
            | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
STATUSES = st.sampled_from([200, 202, 301, 400, 401, 403, 404, 408, 422, 429, 500, 503, 504, 599])


def read(status: int, body: object) -> PikaError | None:
    """The error that an answer means, if it means one."""
    try:
        assert FAL.decode_submit(answer(status, body)).handle.job_id
    except PikaError as error:
        return error
    return None


@given(STATUSES, JSON)
def test_any_json_is_a_job_or_an_error_of_this_package(status: int, body: object) -> None:
    error = read(status, body)
    assert str(error)
    if status >= 500 or status == 408:
        assert error is not None
        assert after_submit(error) is Verdict.UNCERTAIN


@given(STATUSES, st.binary(max_size=200))
def test_any_bytes_are_a_job_or_an_error_of_this_package(status: int, body: bytes) -> None:
    assert str(read(status, body))
