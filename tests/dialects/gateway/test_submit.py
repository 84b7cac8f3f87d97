"""What the gateway's answer to a create means: a job, an error, or nobody knows."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pika_async import (
    APIError,
    DecodeError,
    NotFoundError,
    PikaError,
    Queued,
    QuotaExceededError,
)
from pika_async._jobs.verdicts import Verdict, after_submit
from pika_async._meaning import Started
from pika_async.dialects import Accepted, Gateway, Handle, HTTPResponse

GATEWAY = Gateway()


def error_of(response: HTTPResponse) -> PikaError:
    with pytest.raises(PikaError) as caught:
        GATEWAY.decode_submit(response)
    return caught.value


class TestTheJobId:
    @pytest.mark.parametrize("status", [200, 201, 202])
    @pytest.mark.parametrize("name", ["created", "created_bare", "created_three_schemas"])
    def test_it_is_read_from_the_recorded_answers(self, payload, answer, name, status):
        body = payload(name)
        accepted = GATEWAY.decode_submit(answer(body, status))
        assert accepted == Accepted(
            handle=Handle("daea3d5c-e413-4694-a573-b231eeaa9709"), state=Queued(raw=body), raw=body
        )

    # The order that WIRE.md gives: from each row on, the first is the id.
    PLACES = (
        ("id", {"id": "1"}),
        ("data.task_id", {"data": {"task_id": "2"}}),
        ("data.id", {"data": {"id": "3"}}),
        ("task_id", {"task_id": "4"}),
        ("video_id", {"video_id": "5"}),
        ("data itself", {"data": "6"}),
        ("data.job.id", {"data": {"job": {"id": "7"}}}),
    )

    @pytest.mark.parametrize(
        ("body", "expected"),
        [(body, str(index)) for index, (_, body) in enumerate(PLACES, 1)],
        ids=[name for name, _ in PLACES],
    )
    def test_it_is_found_in_each_place(self, answer, body, expected):
        assert GATEWAY.decode_submit(answer(body)).handle.job_id == expected

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ({"data": {"task_id": "2", "id": "3"}, "task_id": "4", "id": "1"}, "1"),
            ({"data": {"id": "3", "task_id": "2"}, "video_id": "5", "task_id": "4"}, "2"),
            ({"data": {"job": {"id": "7"}, "id": "3"}, "task_id": "4"}, "3"),
            ({"data": "6", "video_id": "5", "task_id": "4"}, "4"),
            ({"data": "6", "video_id": "5"}, "5"),
            ({"data": {"job": {"id": "7"}}, "video_id": "5"}, "5"),
        ],
        ids=[
            "id first",
            "then data.task_id",
            "then data.id",
            "then task_id",
            "then video_id before data",
            "then video_id before data.job.id",
        ],
    )
    def test_the_earlier_place_wins_in_whatever_order_the_keys_come(self, answer, body, expected):
        assert GATEWAY.decode_submit(answer(body)).handle.job_id == expected

    @pytest.mark.parametrize("junk", ["", None, 0, 7, True, [], {}, ["x"]], ids=repr)
    @pytest.mark.parametrize("place", ["id", "task_id", "video_id"])
    def test_what_is_no_text_or_empty_is_passed_over(self, answer, place, junk):
        assert GATEWAY.decode_submit(answer({place: junk, "data": "here"})).handle.job_id == "here"

    @pytest.mark.parametrize("name", ["request_id", "batch_id", "message", "prompt"])
    def test_it_is_never_another_things_name(self, answer, name):
        error = error_of(answer({name: "not-the-job", "data": {name: "nor-this"}}))
        assert isinstance(error, DecodeError)
        assert "names no job id" in str(error)

    def test_it_need_not_be_a_uuid(self, answer):
        assert GATEWAY.decode_submit(answer({"id": "größe/1 …"})).handle.job_id == "größe/1 …"

    def test_the_whole_answer_is_kept_as_raw(self, payload, answer):
        body = payload("created_three_schemas")
        assert GATEWAY.decode_submit(answer(body)).raw == body


class TestASuccessThatIsAnError:
    @pytest.mark.parametrize("code", [0, 200, "0", "200", "success", None], ids=repr)
    def test_these_codes_count_as_success(self, answer, code):
        assert GATEWAY.decode_submit(answer({"id": "j", "code": code})).handle.job_id == "j"

    @pytest.mark.parametrize(
        "code",
        [1, 201, -1, 400, "1", "error", "Success", "SUCCESS", "", True, False, [], {}, [0]],
        ids=repr,
    )
    def test_any_other_code_is_an_error(self, answer, code):
        assert isinstance(error_of(answer({"id": "j", "code": code})), APIError)

    @pytest.mark.parametrize(
        ("body", "message", "code"),
        [
            ({"success": False}, "", None),
            ({"success": False, "message": "busy"}, "busy", None),
            ({"success": False, "code": 200, "message": "busy"}, "busy", "200"),
            ({"error": "busy"}, "busy", None),
            ({"error": {"message": "busy", "code": "x"}}, "busy", "x"),
            ({"error": {"unheard": "of"}}, "", None),
            ({"code": "service_busy", "message": "busy"}, "busy", "service_busy"),
            ({"code": 1001, "msg": "busy"}, "busy", "1001"),
        ],
        ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
    )
    def test_it_is_an_api_error_with_the_services_own_words(self, answer, body, message, code):
        error = error_of(answer(body))
        assert type(error) is APIError
        assert (error.status, error.message, error.code) == (200, message, code)
        assert after_submit(error) is Verdict.RAISE

    @pytest.mark.parametrize(
        "body",
        [
            {"success": True},
            {"success": None},
            {"success": 0},
            {"success": "false"},
            {"error": ""},
            {"error": None},
            {"error": {}},
            {"error": []},
            {"error": 0},
            {"error": False},
            {"error": ["x"]},
        ],
        ids=json.dumps,
    )
    def test_what_only_looks_like_an_error_is_none(self, answer, body):
        assert GATEWAY.decode_submit(answer({**body, "id": "j"})).handle.job_id == "j"

    @pytest.mark.parametrize(
        ("body", "cls"),
        [
            (
                {"code": "quota_not_enough", "message": "user quota is not enough"},
                QuotaExceededError,
            ),
            ({"error": "Your API key has reached its generate limit"}, QuotaExceededError),
            ({"code": "task_not_exist", "message": "task_not_exist"}, NotFoundError),
        ],
        ids=["quota by code", "quota by text", "no such task"],
    )
    def test_it_has_the_class_that_its_code_or_text_means(self, answer, body, cls):
        assert type(error_of(answer(body))) is cls

    @pytest.mark.parametrize(
        "name",
        [
            "error_500_do_request",
            "error_500_read_body",
            "error_500_unmarshal",
            "error_500_insert_task",
            "error_500_panic",
            "error_fetch_down",
        ],
    )
    def test_it_is_uncertain_where_the_upstream_call_may_have_begun(self, payload, answer, name):
        error = error_of(answer(payload(name)))
        assert error.started is Started.MAYBE
        assert after_submit(error) is Verdict.UNCERTAIN

    def test_an_error_that_names_a_job_all_the_same_carries_its_id(self, answer):
        assert error_of(answer({"id": "j-1", "error": "busy"})).job_id == "j-1"
        assert error_of(answer({"error": "busy"})).job_id is None


class TestASuccessThatIsNoAnswer:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"   ",
            b"{}",
            b"[]",
            b"null",
            b"true",
            b"17",
            b'"an-id-perhaps"',
            b'[{"id": "j"}]',
            b'{"id": "j"',
            b'{"message": "success"}',
            b"OK",
            b"\xff\xfe\x00",
            b"\x00",
            b"[" * 100_000,
        ],
        ids=lambda body: repr(body[:30]),
    )
    @pytest.mark.parametrize("kind", ["application/json", "text/plain", None])
    def test_without_a_job_id_it_may_have_been_billed(self, answer, body, kind):
        error = error_of(answer(body, headers={"Content-Type": kind} if kind else {}))
        assert isinstance(error, DecodeError)
        assert error.started is Started.MAYBE
        assert after_submit(error) is Verdict.UNCERTAIN

    @pytest.mark.parametrize("kind", ["text/html", "text/html; charset=utf-8"])
    @pytest.mark.parametrize("body", [b"", b"\r\n", b"[]", b'{"message": "success"}'], ids=repr)
    def test_a_server_that_calls_everything_html_proves_nothing_by_it(self, answer, body, kind):
        error = error_of(answer(body, headers={"Content-Type": kind}))
        assert error.started is Started.MAYBE
        assert after_submit(error) is Verdict.UNCERTAIN

    def test_json_labelled_as_html_is_read_all_the_same(self, payload, answer):
        response = answer(payload("created"), headers={"Content-Type": "text/html"})
        assert (
            GATEWAY.decode_submit(response).handle.job_id == "daea3d5c-e413-4694-a573-b231eeaa9709"
        )

    @pytest.mark.parametrize("around", [(b" ", b""), (b"", b"\n"), (b"\r\n\t", b" \r\n")])
    def test_blanks_around_the_json_are_read_over(self, around, answer):
        before, after = around
        assert GATEWAY.decode_submit(answer(before + b'{"id": "j"}' + after)).handle.job_id == "j"

    def test_json_after_a_byte_order_mark_is_read_all_the_same(self, answer):
        assert GATEWAY.decode_submit(answer(b'\xef\xbb\xbf{"id": "j"}')).handle.job_id == "j"

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            (b"<!doctype html><title>New API</title>", "text/html"),
            (b"<html></html>", None),
            (b"<html></html>", "application/json"),
            (b"\xef\xbb\xbf\r\n <html></html>", None),
            (b"\n" * 500 + b"<html></html>", None),
            (b"Welcome!", "Text/HTML; charset=utf-8"),
            (b"<?xml version='1.0'?><Error/>", "application/xml"),
        ],
        ids=[
            "a page",
            "without a type",
            "with the wrong type",
            "after a byte order mark",
            "after blank lines",
            "by its type alone",
            "XML",
        ],
    )
    def test_a_web_page_started_nothing_and_says_what_to_look_at(self, answer, body, kind):
        error = error_of(answer(body, headers={"Content-Type": kind} if kind else {}))
        assert isinstance(error, DecodeError)
        assert "the base URL is wrong" in str(error)
        assert error.started is Started.NO
        assert after_submit(error) is Verdict.RAISE

    def test_it_keeps_status_and_an_excerpt(self, answer):
        error = error_of(answer(b'{"x": "' + b"y" * 1000, 202))
        assert (error.status, error.body) == (202, '{"x": "' + "y" * 493)


json_junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["error", "finished", "success", "fail_to_fetch_task", "9" * 5000, "--5"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=3)
            | st.sampled_from(
                ["id", "data", "task_id", "video_id", "job", "code", "success", "error", "message"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)
headers = st.dictionaries(
    st.sampled_from(["Content-Type", "Retry-After", "Date", "X-Request-Id"]),
    st.text() | st.sampled_from(["text/html", "application/json", "12"]),
)


@given(
    body=json_junk.map(lambda value: json.dumps(value).encode()) | st.binary(),
    status=st.integers(min_value=100, max_value=999),
    headers=headers,
)
def test_no_answer_whatever_leads_to_anything_but_a_job_or_a_pika_error(
    answer, body, status, headers
):
    try:
        accepted = GATEWAY.decode_submit(answer(body, status, headers))
    except PikaError as error:
        assert after_submit(error) is not None  # noqa: PT017 - raising is optional
    else:
        assert 200 <= status < 300
        assert isinstance(accepted.handle.job_id, str)
        assert accepted.handle.job_id
