"""Uploads, prices and the balance at Pika's own API."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from support.answers import answer
from support.conversations import asked, meant
from support.documents import ANY_JSON, DOCUMENTS, STATUSES
from support.tables import every_row

from pika_async import (
    APIError,
    AuthenticationError,
    DecodeError,
    GenerationRequest,
    InvalidRequestError,
    Money,
    PikaError,
    RateLimitError,
)
from pika_async._jobs.verdicts import Verdict, after_poll
from pika_async._meaning import Started
from pika_async.dialects import (
    Endpoint,
    LimitsMedia,
    Pika,
    Quotes,
    SettlesLate,
    TakesUploads,
    TellsBalance,
)

PIKA = Pika()
HERE = Endpoint(base_url="https://api.dev.pika.art", api_key="key-0123456789")
THERE = "https://storage.example/put/1?X-Amz-Signature=abc"
LASTING = "https://cdn.pika.art/u/1.png"
TICKET = {"upload_url": THERE, "headers": {"x-amz-meta-a": "b"}, "url": LASTING}


def upload():
    return PIKA.upload(HERE, b"bytes", "image/png")


def put_for(ticket):
    conversation = upload()
    next(conversation)
    return conversation.send(answer(ticket))


def error_of(conversation, *answers) -> PikaError:
    with pytest.raises(PikaError) as caught:
        meant(conversation, *answers)
    return caught.value


def test_it_can_do_what_its_service_can():
    for ability in (TakesUploads, LimitsMedia, Quotes, TellsBalance, SettlesLate):
        assert isinstance(PIKA, ability)


class TestUploads:
    def test_an_address_is_asked_for_with_the_key(self):
        request = asked(upload())
        assert (request.method, request.host) == ("POST", "api")
        assert request.url == "https://api.dev.pika.art/v1/media/uploads"
        assert request.headers["X-API-Key"] == "key-0123456789"
        assert json.loads(request.body) == {"content_type": "image/png", "size_bytes": 5}

    def test_the_bytes_go_there_raw_with_exactly_the_headers_that_were_given_and_no_key(self):
        put = put_for(TICKET)
        assert (put.method, put.url, put.host, put.body) == ("PUT", THERE, None, b"bytes")
        assert put.headers == {"x-amz-meta-a": "b"}

    def test_a_type_that_the_service_signed_goes_before_the_one_that_was_announced(self):
        headers = {"content-type": "application/octet-stream", "Cache-Control": "max-age=1"}
        assert put_for({**TICKET, "headers": headers}).headers == headers

    @every_row("headers", [None, {}])
    def test_where_no_headers_are_given_the_announced_type_is_sent(self, headers):
        assert put_for({**TICKET, "headers": headers}).headers == {"Content-Type": "image/png"}

    def test_a_length_is_not_said_twice(self):
        headers = {"content-length": "5", "x-a": "b"}
        assert put_for({**TICKET, "headers": headers}).headers == {"x-a": "b"}

    @every_row("status", [200, 201, 204])
    def test_the_lasting_address_is_what_goes_into_the_body(self, status):
        assert meant(upload(), answer(TICKET), answer(b"", status)) == LASTING

    @every_row(
        "ticket",
        [
            {},
            [],
            b"",
            b"<html>",
            {**TICKET, "url": None},
            {**TICKET, "url": "data:image/png;base64,AA"},
            {**TICKET, "upload_url": "/relative"},
            {**TICKET, "upload_url": "http://host:99999/"},
            {**TICKET, "upload_url": "http://[/"},
            {**TICKET, "upload_url": "https://"},
            {**TICKET, "headers": ["a"]},
            {**TICKET, "headers": {"a": 1}},
            {**TICKET, "headers": {"a": "b\r\nX-Evil: 1"}},
            {**TICKET, "headers": {"a\n": "b"}},
        ],
        ids=str,
    )
    def test_an_answer_without_addresses_is_asked_for_again(self, ticket):
        error = error_of(upload(), answer(ticket))
        assert type(error) is DecodeError
        assert after_poll(error) is Verdict.AGAIN
        assert error.started is Started.NO

    @every_row("status", [400, 403, 404, 408, 410, 500, 503, 302])
    def test_a_put_that_fails_is_begun_anew_with_a_new_address(self, status):
        error = error_of(upload(), answer(TICKET), answer(b"<Error/>", status))
        assert after_poll(error) is Verdict.AGAIN

    @every_row("place", ["ticket", "put"])
    @every_row(
        ("status", "what_to_do"),
        [(413, "make the file smaller"), (415, "the type image/png: convert it")],
    )
    def test_a_file_that_is_not_taken_is_refused_with_what_to_do(self, place, status, what_to_do):
        refusal = answer({"message": "no"} if place == "ticket" else b"", status)
        answers = [refusal] if place == "ticket" else [answer(TICKET), refusal]
        error = error_of(upload(), *answers)
        assert type(error) is InvalidRequestError
        assert what_to_do in error.message
        assert after_poll(error) is Verdict.RAISE

    def test_uploads_count_among_the_jobs_in_flight(self):
        error = error_of(upload(), answer({"message": "many"}, 429, Retry_After="3"))
        assert (type(error), error.retry_after) == (RateLimitError, 3.0)

    @every_row("status", [401, 408, 409, 500, 503])
    def test_whatever_goes_wrong_no_job_was_started(self, status):
        for answers in ([answer(b"", status)], [answer(TICKET), answer(b"", status)]):
            assert error_of(upload(), *answers).started is Started.NO

    @given(ANY_JSON | DOCUMENTS, STATUSES, STATUSES)
    def test_any_answer_is_an_address_or_an_error(self, ticket, status, stored):
        try:
            address = meant(upload(), answer(ticket, status), answer(b"", stored))
        except PikaError as error:
            str(error)
        else:
            assert address.startswith(("https://", "http://"))


class TestQuotes:
    def quote(self, request=None):
        return PIKA.quote(HERE, request or GenerationRequest("go", resolution="720p"))

    def test_the_price_is_asked_for_with_the_body_of_the_submit_and_without_the_key(self):
        request = asked(self.quote())
        assert request.url == (
            "https://api.dev.pika.art/catalog/apis/pika%2Fpika-2.5%2Ftext-to-video/quote"
        )
        submit = PIKA.encode_submit(HERE, GenerationRequest("go", resolution="720p"), "k")
        assert (request.method, request.body) == ("POST", submit.body)
        assert "key-0123456789" not in str(dict(request.headers))

    def test_of_a_full_path_it_is_asked_too(self):
        request = asked(self.quote(GenerationRequest("go", model="kling/a b/text-to-video")))
        assert "/catalog/apis/kling%2Fa%20b%2Ftext-to-video/quote" in request.url

    @every_row(
        ("said", "price"),
        [
            (answer({"micro_usd": 12500, "sell_usd": "0.0125"}), Money(12500)),
            (answer({"sell_usd": "0.0125"}), Money(12500)),
            (answer({"micro_usd": None}), None),
            (answer({"micro_usd": -1, "sell_usd": "-1"}), None),
            (answer({"micro_usd": 2**63, "sell_usd": "1e400"}), None),
            (answer({"micro_usd": 1e300}), None),
            (answer({"micro_usd": "x", "sell_usd": "x"}), None),
            (answer({"sell_usd": "NaN"}), None),
            (answer({}), None),
            (answer({"message": "no such api"}, 404), None),
        ],
    )
    def test_it_is_whole_micro_dollars_or_none(self, said, price):
        assert meant(self.quote(), said) == price

    def test_a_body_that_would_be_refused_is_refused_here_too(self):
        error = error_of(self.quote(), answer({"message": "fps: Extra"}, 422))
        assert type(error) is InvalidRequestError
        assert error.started is Started.NO


class TestTheBalance:
    def test_it_is_asked_for_with_the_key(self):
        request = asked(PIKA.balance(HERE))
        assert (request.method, request.url) == (
            "GET",
            "https://api.dev.pika.art/billing/balance",
        )
        assert request.headers == {"X-API-Key": "key-0123456789"}

    CYCLE = {"used_micro_usd": 1, "limit_micro_usd": 10, "remaining_micro_usd": 9}  # noqa: RUF012

    @every_row(
        ("said", "left"),
        [
            ({"balance_micro_usd": 5, "postpaid": None}, Money(5)),
            ({"balance_micro_usd": -5}, Money(-5)),
            ({"balance_micro_usd": 10**30}, None),
            ({"balance_micro_usd": 5, "postpaid": {"active": True, "cycle": CYCLE}}, Money(9)),
            ({"balance_micro_usd": 5, "postpaid": {"active": False, "cycle": CYCLE}}, Money(5)),
            ({"balance_micro_usd": 5, "postpaid": {"active": True, "cycle": None}}, Money(5)),
            ({}, None),
        ],
    )
    def test_it_is_what_may_still_be_spent(self, said, left):
        assert meant(PIKA.balance(HERE), answer(said)) == left

    def test_what_is_no_answer_of_the_api_is_an_error(self):
        assert isinstance(error_of(PIKA.balance(HERE), answer(b"<html>")), DecodeError)
        refused = error_of(PIKA.balance(HERE), answer({"message": "who"}, 401))
        assert type(refused) is AuthenticationError
        assert isinstance(error_of(PIKA.balance(HERE), answer(b"", 500)), APIError)

    @given(ANY_JSON | DOCUMENTS, STATUSES)
    def test_any_answer_is_money_or_none_or_an_error(self, said, status):
        for conversation in (PIKA.balance(HERE), PIKA.quote(HERE, GenerationRequest("go"))):
            try:
                money = meant(conversation, answer(said, status))
            except PikaError as error:
                str(error)
            else:
                assert money is None or isinstance(money, Money)
