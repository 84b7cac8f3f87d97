"""The error tree: its shape, what each error carries, and that it travels between processes."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from support.tables import every_row

import pika_async
from pika_async import (
    Action,
    Advice,
    APIError,
    AuthenticationError,
    BudgetError,
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
    Money,
    MoneyMeaning,
    NotFoundError,
    NotSubmittedError,
    OtherServiceError,
    PermissionDeniedError,
    PikaError,
    QuotaExceededError,
    RateLimitError,
    Running,
    ServerError,
    Started,
    SubmissionUncertainError,
    TargetExistsError,
    TransportError,
    TransportTimeoutError,
    UnsupportedError,
    Video,
)

# Error, its parent in the tree, what it is besides.
TREE = [
    (ConfigurationError, PikaError, None),
    (ClientStateError, ConfigurationError, RuntimeError),
    (UnsupportedError, ConfigurationError, None),
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
    (BudgetError, NotSubmittedError, None),
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
    ConfigurationError: {"setting": "base_url", "job_id": "j-1"},
    ClientStateError: {"job_id": "j-1"},
    UnsupportedError: {"job_id": "j-1"},
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
    BudgetError: {"journalled": True, "job_id": "j-1"},
    DownloadError: {"job_id": "j-1"},
    TargetExistsError: {"job_id": "j-1"},
}


EXTRAS = ("pika_async.temporal",)


def name(cls: type) -> str:
    return cls.__name__


def family(cls: type) -> set[type]:
    """A class and those below it, without those of the extras: they may be imported, or not."""
    below = {each for child in cls.__subclasses__() for each in family(child)}
    return {cls, *(each for each in below if not each.__module__.startswith(EXTRAS))}


def made(cls: type[PikaError], **changes) -> PikaError:
    return cls("something happened", **{**ATTRIBUTES[cls], **changes})


every_class = every_row("cls", list(ATTRIBUTES), ids=name)


@every_row(("cls", "parent", "besides"), TREE, ids=[name(row[0]) for row in TREE])
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


@every_row("cause", [UnpicklableError("broken"), UnrestorableError("this", "that")], ids=repr)
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


@every_row("cls", [cls for cls in ATTRIBUTES if not issubclass(cls, JobError)], ids=name)
def test_an_error_of_no_known_job_names_none(cls):
    assert "job None" not in str(made(cls, job_id=None))


def test_a_job_that_the_message_names_is_not_named_twice():
    assert str(PikaError("job j-1 is gone.", job_id="j-1")) == "job j-1 is gone."


def test_an_error_without_words_is_empty_text():
    assert str(PikaError()) == ""


@every_row("cls", [JobError, JobFailedError, ModerationError, JobTimeoutError])
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

    def test_a_reason_that_is_a_sentence_has_one_end(self):
        evidence = ATTRIBUTES[SubmissionUncertainError]
        error = SubmissionUncertainError("the service failed (HTTP 502).", **evidence)
        assert str(error).startswith("job j-1: the service failed (HTTP 502) (sent 2025-05-23")

    def test_its_text_says_when_it_was_sent_and_what_to_do(self):
        text = str(made(SubmissionUncertainError))
        assert "sent 2025-05-23 08:00:00 UTC" in text
        assert "fingerprint 0123456789ab)" in text
        assert "may be billed, so no second job was asked for" in text

    @every_row("missing", ["request", "fingerprint", "sent_at"])
    def test_it_cannot_be_made_without_its_evidence(self, missing):
        evidence = {**ATTRIBUTES[SubmissionUncertainError]}
        del evidence[missing]
        with pytest.raises(TypeError, match=missing):
            SubmissionUncertainError("broke off", **evidence)


class TestAPIErrorText:
    @every_row(
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
        assert APIError(status=418, **given).what.endswith(expected)

    @every_row(
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


# What an error means where its request has started nothing: for the money, and what to do.
NOT_STARTED = {
    ConfigurationError: (MoneyMeaning.NOT_SENT, None),
    ClientStateError: (MoneyMeaning.NOT_SENT, None),
    UnsupportedError: (MoneyMeaning.NOT_SENT, None),
    TransportError: (MoneyMeaning.NOT_CHARGED, Action.TRY_LATER),
    TransportTimeoutError: (MoneyMeaning.NOT_CHARGED, Action.TRY_LATER),
    NotSubmittedError: (MoneyMeaning.NOT_SENT, Action.RUN_AGAIN),
    BudgetError: (MoneyMeaning.NOT_SENT, Action.RUN_AGAIN),
    APIError: (MoneyMeaning.NOT_CHARGED, None),
    AuthenticationError: (MoneyMeaning.NOT_CHARGED, Action.CHECK_KEY),
    PermissionDeniedError: (MoneyMeaning.NOT_CHARGED, Action.CHECK_KEY),
    QuotaExceededError: (MoneyMeaning.NOT_CHARGED, Action.TOP_UP),
    InvalidRequestError: (MoneyMeaning.NOT_CHARGED, Action.CHANGE_REQUEST),
    NotFoundError: (MoneyMeaning.NOT_CHARGED, Action.CHECK_BASE_URL),
    RateLimitError: (MoneyMeaning.NOT_CHARGED, Action.TRY_LATER),
    ServerError: (MoneyMeaning.NOT_CHARGED, Action.TRY_LATER),
    DecodeError: (MoneyMeaning.NOT_CHARGED, Action.CHECK_BASE_URL),
    JournalError: (MoneyMeaning.NOT_SENT, None),
}
# Of these it is known, whatever they are given.
ALWAYS = {
    SubmissionUncertainError: (MoneyMeaning.MAY_BE_CHARGED, Action.CHECK_USAGE),
    JobError: (MoneyMeaning.STAYS_PAID, Action.WAIT_FOR_JOB),
    JobFailedError: (MoneyMeaning.SERVICE_DECIDES, Action.SUBMIT_ANEW),
    ModerationError: (MoneyMeaning.SERVICE_DECIDES, Action.CHANGE_REQUEST),
    JobTimeoutError: (MoneyMeaning.STAYS_PAID, Action.WAIT_FOR_JOB),
    OtherServiceError: (MoneyMeaning.STAYS_PAID, Action.USE_ITS_SERVICE),
    DownloadError: (MoneyMeaning.STAYS_PAID, Action.DOWNLOAD_AGAIN),
    TargetExistsError: (MoneyMeaning.STAYS_PAID, Action.OVERWRITE),
}


def meant(error: PikaError) -> tuple[MoneyMeaning, Action | None]:
    return error.money, None if error.advice is None else error.advice.action


class TestMoneyAndAdvice:
    def test_every_class_has_its_place_in_the_tables(self):
        assert {*NOT_STARTED, *ALWAYS} == set(ATTRIBUTES) - {PikaError}

    @every_row("cls", NOT_STARTED, ids=name)
    def test_what_started_nothing_costs_nothing(self, cls):
        error = made(cls, job_id=None)
        error.started = Started.NO
        assert meant(error) == NOT_STARTED[cls]

    @every_row("cls", NOT_STARTED, ids=name)
    def test_what_may_have_started_a_job_may_be_charged(self, cls):
        error = made(cls, job_id=None)
        error.started = Started.MAYBE
        assert meant(error) == (MoneyMeaning.MAY_BE_CHARGED, Action.CHECK_USAGE)

    @every_row("cls", NOT_STARTED, ids=name)
    def test_where_the_answer_names_a_job_all_the_same_that_one_is_to_be_looked_at(self, cls):
        error = made(cls)
        error.started = Started.MAYBE
        assert meant(error) == (MoneyMeaning.MAY_BE_CHARGED, Action.LOOK_AT_JOB)
        assert error.advice.job_id == "j-1"

    @every_row("cls", sorted({*NOT_STARTED} - {NotFoundError}, key=name), ids=name)
    def test_what_is_about_a_job_leaves_it_paid_for_and_to_be_waited_for(self, cls):
        error = made(cls, job_id=None)
        error.about_job("j-2")
        assert meant(error) == (MoneyMeaning.STAYS_PAID, Action.WAIT_FOR_JOB)
        assert error.advice == Advice(Action.WAIT_FOR_JOB, "j-2")

    def test_of_a_job_that_is_not_found_nobody_can_tell_what_it_cost(self):
        error = made(NotFoundError, job_id=None)
        error.about_job("j-2")
        assert meant(error) == (MoneyMeaning.MAY_BE_CHARGED, Action.CHECK_KEY_AND_URL)

    @every_row("cls", ALWAYS, ids=name)
    def test_of_some_it_is_known_from_the_start(self, cls):
        error = made(cls)
        assert meant(error) == ALWAYS[cls]
        assert error.advice.job_id == "j-1"

    def test_without_a_journal_only_what_was_not_submitted_is_to_be_sent(self):
        error = made(NotSubmittedError, journalled=False)
        assert error.advice == Advice(Action.SEND_THE_REST)

    @every_row("cls", [NotSubmittedError, SubmissionUncertainError], ids=name)
    def test_advice_knows_whether_a_journal_does(self, cls):
        assert made(cls, journalled=True).advice.journalled
        assert not made(cls, journalled=False).advice.journalled

    def test_the_plain_class_makes_no_statement_about_money_in_its_text(self):
        assert made(PikaError).meaning == ""

    def test_a_journal_says_itself_what_it_means(self):
        assert made(JournalError).meaning == ""

    def test_how_often_it_was_tried_is_told_where_it_was_tried_again(self):
        error = made(ServerError, started=Started.NO)
        assert "It was tried" not in str(error)
        error.tries = 5
        assert str(error).endswith("It was tried 5 times.")

    @every_row(
        ("charge", "says"),
        [
            (
                Money(0),
                "Nothing was charged for it. The service takes no more for now: submit it ",
            ),
            (None, "is a new paid job, for later: the service takes no more for now."),
            (
                Money(1),
                "It was charged all the same; submitting it again is a new paid job, for later",
            ),
        ],
    )
    @pytest.mark.parametrize("code", ["rate_limited", "unavailable"])
    def test_a_job_that_the_service_has_no_room_for_is_for_later(self, code, charge, says):
        state = Failed(reason="Too many jobs", code=code, charge=charge)
        error = made(JobFailedError, state=state)
        assert error.advice == Advice(Action.TRY_LATER, "j-1")
        assert says in str(error)

    def test_the_first_job_that_is_known_stays(self):
        error = made(TransportError)
        error.about_job("j-2")
        assert (error.job_id, error.started) == ("j-1", Started.YES)


class TestConfiguration:
    def test_its_text_begins_with_the_setting_and_facts_stand_apart(self):
        error = ConfigurationError("'x' cannot be used", setting="base_url")
        assert str(error) == "base_url: 'x' cannot be used. Nothing was sent."
        assert (error.setting, error.problem) == ("base_url", "'x' cannot be used")

    def test_one_about_no_setting_is_its_problem(self):
        assert ConfigurationError("no API key").what == "no API key"

    def test_what_to_do_is_part_of_its_meaning(self):
        error = ConfigurationError("plain http", setting="base_url", action=Action.ALLOW_INSECURE)
        assert error.advice == Advice(Action.ALLOW_INSECURE)
        assert "or allow_insecure=True if that is what you want" in str(error)


@every_row(
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


@every_class
def test_a_repr_says_what_happened(cls):
    error = made(cls)
    assert repr(error) == f"{cls.__name__}({error.what!r})"
    assert error.what


def test_the_repr_of_an_error_without_words_says_its_status():
    assert repr(ServerError(status=502)) != "ServerError('')"
