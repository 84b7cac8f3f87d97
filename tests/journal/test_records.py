"""What a journal keeps of states and errors: all that is needed."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from support.tables import every_row

from pika_async import (
    APIError,
    DecodeError,
    Failed,
    GenerationRequest,
    InvalidRequestError,
    JobError,
    OtherServiceError,
    PikaError,
    SubmissionUncertainError,
    Succeeded,
    TransportError,
    Video,
)
from pika_async._journal.history import Problem, SavedFile
from pika_async._journal.records import (
    files_of,
    files_record,
    headline_of,
    problem_of,
    problem_record,
    refusal_of,
)
from pika_async._states import lacks_links

PNG = b"\x89PNG\r\n\x1a\n"
# Half surrogate pairs too: JSON can spell them.
texts = st.text(st.characters(exclude_categories=()))
maybe = st.none() | texts


def family(cls: type[PikaError]) -> list[type[PikaError]]:
    """A class and those below it, without those of the extras: no journal holds one."""
    children = (child for child in cls.__subclasses__() if "temporal" not in child.__module__)
    below = [found for child in children for found in family(child)]
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
    elif issubclass(cls, OtherServiceError):
        error = cls(words, service="pika", base_url=None, job_id="j-1")
    else:
        error = cls(words, job_id="j-1")
    error.__cause__ = TransportError("reset")
    return error


every_error = every_row("cls", family(PikaError), ids=lambda cls: cls.__name__)


class TestProblems:
    @every_error
    def test_an_error_is_kept_as_facts_and_comes_back_as_facts(self, cls):
        error = made(cls)
        problem = problem_of(problem_record(error))
        assert problem.kind == cls.__name__
        assert problem.what == error.what
        assert problem.headline == headline_of(problem_record(error)) == "something happened"
        assert problem.money is error.money
        assert problem.advice == error.advice
        assert problem.meaning == ""

    @every_error
    def test_no_sentence_about_its_meaning_is_kept(self, cls):
        record = json.loads(problem_record(made(cls)))
        assert set(record) <= {"kind", "what", "headline", "money", "advice", "answer"}

    @every_error
    def test_what_the_service_answered_is_kept_where_it_did(self, cls):
        answer = {
            "status": 418,
            "code": "teapot",
            "request_id": "r-1",
            "body": '{"short": "and stout"}',
        }
        expected = answer if issubclass(cls, APIError) else dict.fromkeys(answer) | {"body": ""}
        problem = problem_of(problem_record(made(cls)))
        assert {name: getattr(problem, name) for name in answer} == expected

    @every_error
    def test_an_error_without_words_is_kept(self, cls):
        assert problem_of(problem_record(made(cls, ""))).headline == ""

    def test_an_error_without_arguments_is_kept(self):
        error = PikaError("x")
        error.args = ()
        assert headline_of(problem_record(error)) == ""

    def test_what_format_1_wrote_is_taken_apart_at_its_own_seam(self):
        record = {
            "kind": "RateLimitError",
            "text": "too many requests (HTTP 429): slow. Nothing is charged.",
            "headline": "slow",
            "meaning": "Nothing is charged.",
            "answer": {"status": 429, "code": None, "request_id": None, "body": "{}"},
        }
        assert problem_of(json.dumps(record)) == Problem(
            kind="RateLimitError",
            what="too many requests (HTTP 429): slow.",
            headline="slow",
            meaning="Nothing is charged.",
            status=429,
            body="{}",
        )

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
        )
    )
    def test_a_refusal_comes_back_as_it_was(self, error):
        again = refusal_of(problem_record(error))
        assert type(again) is InvalidRequestError
        assert str(again) == str(error)
        assert vars(again) == vars(error)


class TestFiles:
    @given(
        st.lists(
            st.builds(
                SavedFile,
                name=texts,
                size=st.integers(0, 2**63),
                place=st.none() | st.integers(0, 9),
            )
        )
    )
    def test_files_come_back_as_they_were(self, files):
        assert files_of(files_record(files)) == tuple(files)


class TestEnds:
    LINKED = Video(id="v", job_id="j", url="https://media.test/v.mp4")
    LINKLESS = Video(id="w", job_id="j", url="")

    @every_row(
        ("end", "expected"),
        [
            (Succeeded(videos=(LINKED,)), False),
            (Failed(reason="no"), False),
            (Failed(reason="no", videos=(LINKED,)), False),
            (Failed(reason="no link came", videos=(LINKLESS,)), True),
            (Failed(reason="one of two failed", videos=(LINKED, LINKLESS)), True),
        ],
        ids=["done", "failed", "failed in part", "no link", "no link for one"],
    )
    def test_a_video_that_is_finished_and_has_no_link_is_to_be_looked_at_again(self, end, expected):
        assert lacks_links(end) is expected
