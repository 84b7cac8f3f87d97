"""What the gateway's answer to a create means: a job, an error, or nobody knows."""

from __future__ import annotations

import gzip
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables import every_row

from pika_async import (
    APIError,
    AuthenticationError,
    DecodeError,
    Failed,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
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
    @every_row("status", [200, 201, 202])
    @every_row("name", ["created", "created_bare", "created_three_schemas"])
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

    @every_row(
        ("body", "expected"),
        [(body, str(index)) for index, (_, body) in enumerate(PLACES, 1)],
        ids=[name for name, _ in PLACES],
    )
    def test_it_is_found_in_each_place(self, answer, body, expected):
        assert GATEWAY.decode_submit(answer(body)).handle.job_id == expected

    @every_row(
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

    @every_row("junk", ["", None, 0, 7, True, [], {}, ["x"]], ids=repr)
    @every_row("place", ["id", "task_id", "video_id"])
    def test_what_is_no_text_or_empty_is_passed_over(self, answer, place, junk):
        assert GATEWAY.decode_submit(answer({place: junk, "data": "here"})).handle.job_id == "here"

    @every_row("name", ["request_id", "batch_id", "message", "prompt"])
    def test_it_is_never_another_things_name(self, answer, name):
        error = error_of(answer({name: "not-the-job", "data": {name: "nor-this"}}))
        assert isinstance(error, DecodeError)
        assert "names no job id" in str(error)

    @every_row(
        "place",
        [
            lambda job_id: {"id": job_id},
            lambda job_id: {"data": {"task_id": job_id}},
            lambda job_id: {"data": {"id": job_id}},
            lambda job_id: {"task_id": job_id},
            lambda job_id: {"video_id": job_id},
            lambda job_id: {"data": job_id},
            lambda job_id: {"data": {"job": {"id": job_id}}},
            lambda job_id: {"code": 0, "data": [{"task_id": job_id}]},
            lambda job_id: {"code": "success", "data": json.dumps({"task_id": job_id})},
        ],
        ids=[*(name for name, _ in PLACES), "in a list", "in a text that holds JSON"],
    )
    @every_row(
        ("told", "expected"),
        [
            (1234567, "1234567"),
            (77, "77"),
            (1, "1"),
            (2**64 + 1, str(2**64 + 1)),
            (10**300, str(10**300)),
            (1e3, "1000"),
            (2.0**53, str(2**53)),
            (" j-1\r\n", "j-1"),
            ("\N{NO-BREAK SPACE}j 1 ", "j 1"),
            ("0", "0"),
        ],
        ids=lambda value: repr(value)[:20],
    )
    def test_it_is_text_or_a_whole_number_in_each_place(self, answer, place, told, expected):
        assert GATEWAY.decode_submit(answer(place(told))).handle.job_id == expected

    @every_row(
        "token",
        [
            "true",
            "false",
            "null",
            "0",
            "-0",
            "0.0",
            "-7",
            "-7.0",
            "7.5",
            "1e-3",
            "9007199254740994.0",
            "1e300",
            "1e999",
            "-1e999",
            "NaN",
            "Infinity",
            "-Infinity",
            '""',
            '" "',
            '"\\ud800"',
            '"a\\udfffb"',
            '"\\ufffd"',
            "[]",
            "[7]",
            "{}",
            '{"id": 7}',
            f'"{"A" * 1001}"',
        ],
        ids=lambda token: token[:20],
    )
    def test_nothing_else_is_an_id_and_the_next_place_is_looked_at(self, answer, token):
        assert error_of(answer(b'{"id": %s}' % token.encode())).started is Started.MAYBE
        later = answer(b'{"id": %s, "task_id": "here"}' % token.encode())
        assert GATEWAY.decode_submit(later).handle.job_id == "here"

    @every_row(
        "body",
        [{"id": 12, "task_id": "here"}, {"data": {"id": 12, "task_id": "here"}}],
        ids=json.dumps,
    )
    def test_a_text_counts_for_more_than_the_number_of_a_row(self, answer, body):
        assert GATEWAY.decode_submit(answer(body)).handle.job_id == "here"

    @every_row("name", ["request_id", "batch_id"])
    def test_the_number_of_another_thing_is_none(self, answer, name):
        assert isinstance(error_of(answer({name: 77, "data": {name: 78}})), DecodeError)

    def test_it_need_not_be_a_uuid(self, answer):
        assert GATEWAY.decode_submit(answer({"id": "größe/1 …"})).handle.job_id == "größe/1 …"

    def test_the_whole_answer_is_kept_as_raw(self, payload, answer):
        body = payload("created_three_schemas")
        assert GATEWAY.decode_submit(answer(body)).raw == body


BULK = "A" * 1_500_000
ECHOES = {
    "beside it": {"id": "j", "input": {"image": BULK}},
    "before it": {"input": {"image": BULK}, "prompt": BULK, "id": "j"},
    "in data": {"code": "success", "data": {"task_id": "j", "properties": {"input": BULK}}},
    "many small texts": {"id": "j", "input": ["A" * 1_000] * 5_000},
    "many keys": {"id": "j", "input": {f"{n}-{'A' * 500}": n for n in range(5_000)}},
    "numbers": {"id": "j", "pixels": [[255] * 1_000] * 1_000},
    "a long key": {"id": "j", BULK: 1},
}


class TestAnEcho:
    @every_row("name", ECHOES)
    def test_the_id_is_read_whatever_stands_beside_it(self, answer, name):
        assert GATEWAY.decode_submit(answer(ECHOES[name])).handle.job_id == "j"

    @every_row("name", ECHOES)
    def test_what_is_kept_of_it_is_small(self, answer, name):
        accepted = GATEWAY.decode_submit(answer(ECHOES[name]))
        assert len(pickle.dumps(accepted)) < 400_000

    def test_a_long_text_is_cut_and_says_how_long_it_was(self, answer):
        accepted = GATEWAY.decode_submit(answer({"id": "j", "input": {"image": BULK, "n": 1}}))
        assert accepted.raw == {
            "id": "j",
            "input": {"image": f"{'A' * 200}… (1500000 characters)", "n": 1},
        }

    @every_row("length", [7_900, 8_000])
    def test_a_text_of_up_to_8000_characters_is_kept_whole(self, answer, length):
        body = {"id": "j", "input": "A" * length}
        assert GATEWAY.decode_submit(answer(body)).raw == body

    def test_without_an_id_the_error_holds_an_excerpt(self, answer):
        error = error_of(answer({"input": BULK}))
        assert error.started is Started.MAYBE
        assert len(pickle.dumps(error)) < 5_000

    @every_row("data", ["{", '{"task_id": "j"', "[1, 2", " <html></html>"], ids=repr)
    def test_a_broken_answer_in_the_place_of_an_id_is_none(self, answer, data):
        error = error_of(answer({"code": "success", "data": data}))
        assert error.started is Started.MAYBE

    def test_an_image_in_the_place_of_an_id_is_none(self, answer):
        assert error_of(answer({"code": "success", "data": BULK})).started is Started.MAYBE


class TestASubmitThatIsAnsweredWithAFailedJob:
    FAILED = (
        {"code": "success", "data": {"task_id": "j", "status": "FAILURE", "fail_reason": "no"}},
        {"code": "task_failed", "data": {"task_id": "j", "status": "failed", "fail_reason": "no"}},
        {"task_id": "j", "status": "FAILURE", "fail_reason": "no"},
    )

    @every_row("body", FAILED, ids=json.dumps)
    @every_row("status", [200, 201, 400, 402, 500, 503])
    def test_it_is_a_job_that_failed_under_any_status(self, answer, body, status):
        accepted = GATEWAY.decode_submit(answer(body, status))
        assert (accepted.handle, accepted.state) == (Handle("j"), Failed(reason="no"))

    @every_row("word", ["SUBMITTED", "NOT_START", "QUEUED", "IN_PROGRESS", "SUCCESS"])
    def test_any_other_state_is_asked_for_by_polls(self, answer, word):
        body = {"code": "success", "data": {"task_id": "j", "status": word}}
        assert GATEWAY.decode_submit(answer(body)).state == Queued()

    @every_row(
        "body",
        [{"id": "j", "status": "error", "error": "busy"}, {"status": "failed"}],
        ids=json.dumps,
    )
    def test_a_word_that_may_be_said_of_the_request_is_no_failed_job(self, answer, body):
        assert error_of(answer(body, 400)).started is Started.NO

    @every_row(
        ("status", "word", "kind"),
        [
            (401, "expired", AuthenticationError),
            (403, "terminated", PermissionDeniedError),
            (400, "rejected", InvalidRequestError),
        ],
    )
    def test_what_a_refusal_says_of_the_key_or_the_request_is_not_said_of_a_job(
        self, answer, status, word, kind
    ):
        """A batch stops at a key that is refused; it would go on past a job that failed."""
        body = {"id": "request-7", "status": word, "error": {"message": f"this is {word}"}}
        assert type(error_of(answer(body, status))) is kind
        accepted = GATEWAY.decode_submit(answer({"id": "j", "status": word, "message": "no"}))
        assert accepted.state == Failed(reason="no", code=word)


class TestASuccessThatIsAnError:
    @every_row("code", [0, 200, "0", "200", "success", None], ids=repr)
    def test_these_codes_count_as_success(self, answer, code):
        assert GATEWAY.decode_submit(answer({"id": "j", "code": code})).handle.job_id == "j"

    @every_row(
        "code",
        [1, 201, -1, 400, "1", "error", "Success", "SUCCESS", "", True, False, [], {}, [0]],
        ids=repr,
    )
    def test_any_other_code_is_an_error(self, answer, code):
        assert isinstance(error_of(answer({"id": "j", "code": code})), APIError)

    @every_row(
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

    @every_row(
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

    @every_row(
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

    @every_row(
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


SPELLINGS = {
    "UTF-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "UTF-16, the other way round": lambda text: text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32"),
    "GBK": lambda text: text.encode("gbk"),
    "encoded twice": lambda text: json.dumps(text).encode(),
    "encoded three times": lambda text: json.dumps(json.dumps(text)).encode(),
    "encoded twice, with blanks": lambda text: json.dumps(f" {text}\n").encode(),
    "packed": lambda text: gzip.compress(text.encode(), mtime=0),
    "with half a character beside it": lambda text: text.replace("é", "\\ud800").encode(),
    "with half a character as bytes": lambda text: text.encode().replace(
        "é".encode(), b"\xed\xa0\x80"
    ),
    "with NaN beside it": lambda text: text.replace('"é"', "NaN").encode(),
    "with infinity beside it": lambda text: text.replace('"é"', "-Infinity").encode(),
    "with a number of 5,000 digits": lambda text: text.replace('"é"', "9" * 5_000).encode(),
    "with an exponent of a thousand digits": lambda text: text.replace(
        '"é"', f"1e{'9' * 1_000}"
    ).encode(),
    "with a line end as it is in a text": lambda text: text.replace("é", "a\r\n\tb").encode(),
    "twice under one name": lambda text: text.replace('"id"', '"id": "old", "id"').encode(),
}


class TestASuccessThatIsNoAnswer:
    @every_row(
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
    @every_row("kind", ["application/json", "text/plain", None])
    def test_without_a_job_id_it_may_have_been_billed(self, answer, body, kind):
        error = error_of(answer(body, headers={"Content-Type": kind} if kind else {}))
        assert isinstance(error, DecodeError)
        assert error.started is Started.MAYBE
        assert after_submit(error) is Verdict.UNCERTAIN

    @every_row("kind", ["text/html", "text/html; charset=utf-8"])
    @every_row("body", [b"", b"\r\n", b"[]", b'{"message": "success"}'], ids=repr)
    def test_a_server_that_calls_everything_html_proves_nothing_by_it(self, answer, body, kind):
        error = error_of(answer(body, headers={"Content-Type": kind}))
        assert error.started is Started.MAYBE
        assert after_submit(error) is Verdict.UNCERTAIN

    def test_json_labelled_as_html_is_read_all_the_same(self, payload, answer):
        response = answer(payload("created"), headers={"Content-Type": "text/html"})
        assert (
            GATEWAY.decode_submit(response).handle.job_id == "daea3d5c-e413-4694-a573-b231eeaa9709"
        )

    @every_row("around", [(b" ", b""), (b"", b"\n"), (b"\r\n\t", b" \r\n")])
    def test_blanks_around_the_json_are_read_over(self, around, answer):
        before, after = around
        assert GATEWAY.decode_submit(answer(before + b'{"id": "j"}' + after)).handle.job_id == "j"

    @every_row("spell", SPELLINGS.values(), ids=SPELLINGS)
    @every_row("kind", ["application/json", "text/html"])
    def test_an_answer_is_understood_however_it_is_spelt(self, answer, spell, kind):
        body = spell('{"id": "j", "prompt": "é"}')
        accepted = GATEWAY.decode_submit(answer(body, headers={"Content-Type": kind}))
        assert accepted.handle.job_id == "j"

    @every_row(
        "body",
        [
            b'{"id": "j", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            b'{"id": "j"}}',
            b"{'id': 'j'}",
            b'{id: "j"}',
            b'{"id": "j"} {"id": "k"}',
            b'data: {"id": "j"}\n\n',
            b"OK",
            b"\x1f\x8b broken",
            gzip.compress(b'{"id": "j"}', mtime=0)[:-9],
            b"\x00\x00\xfe\xff\x00",
            b'"' + b'\\"' * 50_000 + b'"',
        ],
        ids=lambda body: repr(body[:20]),
    )
    def test_what_is_not_understood_is_a_decode_error_with_an_excerpt(self, answer, body):
        error = error_of(answer(body))
        assert isinstance(error, DecodeError)
        assert error.started is Started.MAYBE
        assert 0 < len(error.body) <= 500

    @every_row("kind", ["application/json", "text/html"])
    def test_what_is_packed_is_not_unpacked_without_end_and_proves_nothing(self, answer, kind):
        bomb = gzip.compress(b" " * 40_000_000, compresslevel=1)
        error = error_of(answer(bomb, headers={"Content-Type": kind}))
        assert (type(error), error.started) == (DecodeError, Started.MAYBE)

    def test_json_after_a_byte_order_mark_is_read_all_the_same(self, answer):
        assert GATEWAY.decode_submit(answer(b'\xef\xbb\xbf{"id": "j"}')).handle.job_id == "j"

    @every_row(
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
                [
                    "id",
                    "data",
                    "task_id",
                    "video_id",
                    "job",
                    "code",
                    "success",
                    "error",
                    "message",
                    "status",
                    "fail_reason",
                    "videos",
                    "progress",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)
# Arbitrary JSON seldom names a job; this mostly does.
named = st.builds(
    lambda rest, place, job_id: {**rest, place: job_id},
    st.dictionaries(st.text(max_size=3), json_junk, max_size=3),
    st.sampled_from(["id", "task_id", "video_id"]),
    st.text(min_size=1, max_size=9),
)
headers = st.dictionaries(
    st.sampled_from(["Content-Type", "Retry-After", "Date", "X-Request-Id"]),
    st.text() | st.sampled_from(["text/html", "application/json", "12"]),
)


encodings = st.sampled_from(
    [
        str.encode,
        lambda text: text.encode("utf-16"),
        lambda text: json.dumps(text).encode(),
        lambda text: gzip.compress(text.encode(), mtime=0),
    ]
)


@given(
    body=st.builds(lambda value, spell: spell(json.dumps(value)), named | json_junk, encodings)
    | st.binary()
    | st.binary().map(lambda rest: b"\x1f\x8b" + rest),
    status=st.just(200) | st.integers(min_value=100, max_value=999),
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
