"""What a journal keeps of states and errors: all that is needed."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pika_async import (
    APIError,
    DecodeError,
    Failed,
    GenerationRequest,
    InvalidRequestError,
    JobError,
    PikaError,
    SubmissionUncertainError,
    TransportError,
)
from pika_async._journal.records import headline_of, problem_record, refusal_of

PNG = b"\x89PNG\r\n\x1a\n"
# Half surrogate pairs too: JSON can spell them.
texts = st.text(st.characters(exclude_categories=()))
maybe = st.none() | texts


def family(cls: type[PikaError]) -> list[type[PikaError]]:
    below = [found for child in cls.__subclasses__() for found in family(child)]
    return [cls, *(found for found in below if found.__module__.startswith("pika_async"))]


def made(cls: type[PikaError], words: str = "something happened") -> PikaError:
    """An error with all the evidence its class can carry."""
    if issubclass(cls, APIError):
        error = cls(
            words,
            status=418,
            code="teapot",
            request_id="r-1",
            retry_after=1.5,
            body='{"short": "and stout"}',
            job_id="j-1",
        )
    elif issubclass(cls, JobError):
        error = cls(words, job_id="j-1", state=Failed(reason="no"))
    elif issubclass(cls, DecodeError):
        error = cls(words, status=200, body="<html>", job_id="j-1")
    elif issubclass(cls, SubmissionUncertainError):
        error = cls(
            words,
            request=GenerationRequest("x", image=PNG),
            fingerprint="f" * 64,
            sent_at=datetime(2025, 5, 23, 8, tzinfo=UTC),
            job_id="j-1",
        )
    else:
        error = cls(words, job_id="j-1")
    error.meaning = error.meaning or "Wait for it."
    error.__cause__ = TransportError("reset")
    return error


every_error = pytest.mark.parametrize("cls", family(PikaError), ids=lambda cls: cls.__name__)


class TestProblems:
    @every_error
    def test_an_error_is_kept_by_its_class_and_its_words(self, cls):
        error = made(cls)
        kept = json.loads(problem_record(error))
        assert kept["kind"] == cls.__name__
        assert kept["text"] == str(error)
        assert kept["meaning"] == error.meaning != ""
        assert headline_of(problem_record(error)) == "something happened"

    @every_error
    def test_what_the_service_answered_is_kept_where_it_did(self, cls):
        answer = {
            "status": 418,
            "code": "teapot",
            "request_id": "r-1",
            "body": '{"short": "and stout"}',
        }
        expected = answer if issubclass(cls, APIError) else None
        assert json.loads(problem_record(made(cls))).get("answer") == expected

    @every_error
    def test_an_error_without_words_is_kept(self, cls):
        assert headline_of(problem_record(made(cls, ""))) == ""

    def test_an_error_without_arguments_is_kept(self):
        error = PikaError("x")
        error.args = ()
        assert headline_of(problem_record(error)) == ""

    @given(texts)
    def test_odd_words_are_kept_in_one_line_that_every_file_can_hold(self, words):
        record = problem_record(PikaError(words))
        assert record.isascii()
        assert "\n" not in record
        assert headline_of(record) == words

    @given(
        st.builds(
            InvalidRequestError,
            texts,
            status=st.integers(400, 499),
            code=maybe,
            request_id=maybe,
            body=texts,
        ),
        texts,
    )
    def test_a_refusal_comes_back_as_it_was(self, error, meaning):
        error.meaning = meaning
        again = refusal_of(problem_record(error))
        assert type(again) is InvalidRequestError
        assert str(again) == str(error)
        assert vars(again) == vars(error)
