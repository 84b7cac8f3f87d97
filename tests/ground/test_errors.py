"""The error tree: its shape, what each error carries, and that it travels between processes."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

import pika_async
from pika_async import (
    APIError,
    AuthenticationError,
    ClientStateError,
    ConfigurationError,
    DecodeError,
    DownloadError,
    Failed,
    GenerationRequest,
    InvalidRequestError,
    JobError,
    JobFailedError,
    JobTimeoutError,
    JournalError,
    ModerationError,
    NotFoundError,
    NotSubmittedError,
    OtherServiceError,
    PermissionDeniedError,
    PikaError,
    QuotaExceededError,
    RateLimitError,
    Running,
    ServerError,
    SubmissionUncertainError,
    TargetExistsError,
    TransportError,
    TransportTimeoutError,
    Video,
)
from pika_async._meaning import Started

# Error, its parent in the tree, what it is besides.
TREE = [
    (ConfigurationError, PikaError, None),
    (ClientStateError, ConfigurationError, RuntimeError),
    (TransportError, PikaError, None),
    (TransportTimeoutError, TransportError, TimeoutError),
    (SubmissionUncertainError, PikaError, None),
    (APIError, PikaError, None),
    (AuthenticationError, APIError, None),
    (PermissionDeniedError, APIError, None),
    (QuotaExceededError, APIError, None),
    (InvalidRequestError, APIError, None),
    (NotFoundError, APIError, None),
    (RateLimitError, APIError, None),
    (ServerError, APIError, None),
    (DecodeError, PikaError, None),
    (JobError, PikaError, None),
    (JobFailedError, JobError, None),
    (ModerationError, JobFailedError, None),
    (JobTimeoutError, JobError, TimeoutError),
    (JournalError, PikaError, None),
    (OtherServiceError, JournalError, None),
    (NotSubmittedError, PikaError, None),
    (DownloadError, PikaError, None),
    (TargetExistsError, DownloadError, FileExistsError),
]

_API = {
    "status": 418,
    "code": "teapot",
    "request_id": "r-1",
    "retry_after": 1.5,
    "body": "{}",
    "started": Started.MAYBE,
    "job_id": "j-1",
}
_VIDEO = Video(id="v", job_id="j-1", url="https://cdn.example/v.mp4", raw={"id": "v"})
_JOB = {"job_id": "j-1", "state": Failed(reason="no", videos=(_VIDEO,), raw={"a": 1})}
ATTRIBUTES = {
    PikaError: {"job_id": "j-1"},
    ConfigurationError: {"job_id": "j-1"},
    ClientStateError: {"job_id": "j-1"},
    TransportError: {"started": Started.NO, "job_id": "j-1"},
    TransportTimeoutError: {"started": Started.NO, "job_id": "j-1"},
    SubmissionUncertainError: {
        "request": GenerationRequest("a red panda", extra={"a": 1}),
        "fingerprint": "0123456789abcdef",
        "sent_at": datetime(2025, 5, 23, 8, 0, 0, tzinfo=UTC),
        "job_id": "j-1",
    },
    **{cls: _API for cls, _, _ in TREE if issubclass(cls, APIError)},
    DecodeError: {"status": 200, "body": "<html>", "started": Started.MAYBE, "job_id": "j-1"},
    **{cls: _JOB for cls, _, _ in TREE if issubclass(cls, JobError)},
    JournalError: {"job_id": "j-1"},
    OtherServiceError: {"service": "gateway", "base_url": "https://a.example", "job_id": "j-1"},
    NotSubmittedError: {"journalled": True, "job_id": "j-1"},
    DownloadError: {"job_id": "j-1"},
    TargetExistsError: {"job_id": "j-1"},
}


def name(cls: type) -> str:
    return cls.__name__


def family(cls: type) -> set[type]:
    return {cls, *(below for child in cls.__subclasses__() for below in family(child))}


def made(cls: type[PikaError], **changes) -> PikaError:
    return cls("something happened", **{**ATTRIBUTES[cls], **changes})


every_class = pytest.mark.parametrize("cls", list(ATTRIBUTES), ids=name)


@pytest.mark.parametrize(("cls", "parent", "besides"), TREE, ids=[name(row[0]) for row in TREE])
def test_an_error_has_the_place_in_the_tree_that_the_contract_draws(cls, parent, besides):
    expected = (parent,) if besides is None else (parent, besides)
    assert cls.__bases__ == expected


def test_the_tree_is_whole():
    assert family(PikaError) == {PikaError, *(cls for cls, _, _ in TREE)} == set(ATTRIBUTES)


@every_class
def test_every_error_is_public(cls):
    assert cls.__name__ in pika_async.__all__


@every_class
def test_every_error_carries_what_it_was_given(cls):
    error = made(cls)
    assert {key: getattr(error, key) for key in ATTRIBUTES[cls]} == ATTRIBUTES[cls]


@every_class
def test_every_error_survives_pickling_with_all_it_carries(cls):
    error = made(cls)
    error.add_note("seen in a worker")
    travelled = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(travelled) is cls
    assert travelled.args == error.args
    assert vars(travelled) == vars(error)
    assert str(travelled) == str(error)
    assert travelled.__cause__ is None


@every_class
def test_every_error_survives_pickling_with_its_cause_and_that_ones_cause(cls):
    middle = TransportError("reset", job_id="j-2")
    middle.__cause__ = ConnectionResetError(104, "reset by peer")
    error = made(cls)
    error.__cause__ = middle
    travelled = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(travelled.__cause__) is TransportError
    assert vars(travelled.__cause__) == vars(middle)
    assert repr(travelled.__cause__.__cause__) == repr(middle.__cause__)


class UnpicklableError(Exception):
    def __reduce__(self):
        raise TypeError("not me")


class UnrestorableError(Exception):
    """Pickles well, and cannot be unpickled: its class wants two arguments."""

    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")


@pytest.mark.parametrize(
    "cause", [UnpicklableError("broken"), UnrestorableError("this", "that")], ids=repr
)
@every_class
def test_a_cause_that_cannot_be_pickled_travels_as_its_type_and_text(cls, cause):
    error = made(cls)
    error.__cause__ = cause
    travelled = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert str(travelled.__cause__) == f"{type(cause).__name__}: {cause}"
    assert vars(travelled) == vars(error)


@every_class
def test_copying_keeps_all_of_an_error(cls):
    error = made(cls)
    assert vars(copy.copy(error)) == vars(error)
    assert str(copy.deepcopy(error)) == str(error)


@every_class
def test_the_text_of_every_error_names_the_job_and_ends_with_the_meaning(cls):
    error = made(cls)
    assert "j-1" in str(error)
    assert str(error).startswith(error.what)
    assert str(error).endswith(error.meaning)


@pytest.mark.parametrize(
    "cls", [cls for cls in ATTRIBUTES if not issubclass(cls, JobError)], ids=name
)
def test_an_error_of_no_known_job_names_none(cls):
    assert "job None" not in str(made(cls, job_id=None))


def test_a_job_that_the_message_names_is_not_named_twice():
    assert str(PikaError("job j-1 is gone.", job_id="j-1")) == "job j-1 is gone."


def test_an_error_without_words_is_empty_text():
    assert str(PikaError()) == ""


@pytest.mark.parametrize("cls", [JobError, JobFailedError, ModerationError, JobTimeoutError])
def test_a_job_error_cannot_be_made_without_its_job(cls):
    with pytest.raises(TypeError, match="job_id"):
        cls("failed", state=None)


def test_a_job_error_keeps_the_state_and_the_videos_that_finished():
    assert made(JobFailedError).state.videos == (_VIDEO,)
    assert made(JobTimeoutError, state=Running(progress=13)).state.progress == 13


def test_a_transport_error_may_have_started_a_job_unless_it_is_told_otherwise():
    assert TransportError("reset").started is Started.MAYBE


class TestSubmissionUncertain:
    def test_its_cause_is_its_cause(self):
        cause = TransportError("reset")
        error = made(SubmissionUncertainError)
        assert error.cause is None
        error.__cause__ = cause
        assert error.cause is cause

    def test_its_text_says_when_it_was_sent_and_what_to_do(self):
        text = str(made(SubmissionUncertainError))
        assert "sent 2025-05-23 08:00:00 UTC" in text
        assert "fingerprint 0123456789ab)" in text
        assert "may be billed, so it was not sent again" in text

    @pytest.mark.parametrize("missing", ["request", "fingerprint", "sent_at"])
    def test_it_cannot_be_made_without_its_evidence(self, missing):
        evidence = {**ATTRIBUTES[SubmissionUncertainError]}
        del evidence[missing]
        with pytest.raises(TypeError, match=missing):
            SubmissionUncertainError("broke off", **evidence)


class TestAPIErrorText:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ({}, "(HTTP 418)."),
            ({"code": "teapot"}, "(HTTP 418, code teapot)."),
            ({"request_id": "r-1"}, "(HTTP 418, request id r-1)."),
            ({"message": "Short and stout"}, "(HTTP 418): Short and stout."),
            ({"message": "Short!"}, "(HTTP 418): Short!"),
        ],
        ids=["status alone", "code", "request id", "message", "message with its own stop"],
    )
    def test_it_shows_the_evidence_there_is(self, given, expected):
        assert str(APIError(status=418, **given)).endswith(expected)

    @pytest.mark.parametrize(
        ("cls", "words"),
        [
            (AuthenticationError, "API key was not accepted"),
            (PermissionDeniedError, "not allowed for this account"),
            (QuotaExceededError, "balance or quota"),
            (InvalidRequestError, "refused the request"),
            (NotFoundError, "no such job for this API key, or a wrong base URL"),
            (RateLimitError, "too many requests"),
            (ServerError, "the service failed"),
        ],
        ids=lambda value: name(value) if isinstance(value, type) else "",
    )
    def test_it_says_in_words_what_its_class_means(self, cls, words):
        assert words in str(cls(status=400))


@pytest.mark.parametrize(
    ("cls", "caught_as"),
    [(cls, besides) for cls, _, besides in TREE if besides],
    ids=[name(cls) for cls, _, besides in TREE if besides],
)
def test_what_is_also_a_built_in_error_is_caught_as_one_and_reads_the_same(cls, caught_as):
    with pytest.raises(caught_as, match="something happened"):
        raise made(cls)


def test_an_unknown_attribute_of_a_foreign_subclass_travels_too():
    error = PikaError("x")
    error.details = SimpleNamespace(a=1)
    travelled = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert travelled.details == SimpleNamespace(a=1)
