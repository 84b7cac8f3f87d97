"""What a journal keeps of states, errors and files, as JSON text, and back.

An error is kept as facts, never as a sentence about what it means: whoever shows it puts money and
advice into words. No API key: errors have been cleared of it where they are made.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pika_async._api_errors import APIError, InvalidRequestError
from pika_async._errors import PikaError
from pika_async._journal.history import Limits, Problem, SavedFile
from pika_async._json import compact, from_json
from pika_async._meaning import Action, Advice, MoneyMeaning, Started
from pika_async._money import Money
from pika_async._states import Failed, JobState, Succeeded

if TYPE_CHECKING:
    from collections.abc import Iterable

# The kinds of what a person has decided about an attempt whose end nobody knows.
SENT_AGAIN: Final = "SentAgain"
DROPPED: Final = "Dropped"
# The kind of what was refused for want of money before anything was generated, at no charge.
NOT_BEGUN: Final = "NotBegun"

_ANSWER = ("status", "code", "request_id", "body")


def state_of(record: str) -> Succeeded | Failed:
    """The end of a job that ``to_json`` wrote."""
    state = from_json(record, JobState)
    assert isinstance(state, Succeeded | Failed)  # noqa: S101 - only ends are written down
    return state


def problem_record(error: PikaError, kind: str | None = None) -> str:
    """An error as facts: what happened, what it means, and what the service answered.

    ``kind``: one of those above, in place of the class of the error.
    """
    fields: dict[str, Any] = {
        "kind": type(error).__name__ if kind is None else kind,
        "what": error.what,
        "headline": str(error.args[0]) if error.args else "",
        "money": error.money.value,
    }
    advice = error.advice
    if advice is not None:
        fields["advice"] = {
            "action": advice.action.value,
            "job_id": advice.job_id,
            "journalled": advice.journalled,
        }
    if isinstance(error, APIError):
        fields["answer"] = {name: getattr(error, name) for name in _ANSWER}
    return compact(fields)


def problem_of(record: str) -> Problem:
    """What :func:`problem_record` wrote, in this version or in that of format 1.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: It is no such record.
    """
    fields = json.loads(record)
    # Format 1 kept the whole text of the error, which ends with what it means.
    meaning = fields.get("meaning", "")
    what = fields["what"] if "what" in fields else fields["text"].removesuffix(meaning).rstrip()
    answer = fields.get("answer", {})
    return Problem(
        kind=fields["kind"],
        what=what,
        headline=fields["headline"],
        money=_money_of(fields.get("money")),
        advice=_advice_of(fields.get("advice")),
        meaning=meaning,
        **{name: answer[name] for name in _ANSWER if name in answer},
    )


def headline_of(record: str) -> str:
    """What :func:`problem_record` wrote of an error, in the words of the error alone."""
    return str(json.loads(record)["headline"])


def kind_of(record: str) -> str:
    """The class of the error that :func:`problem_record` wrote, or what a person decided."""
    return str(json.loads(record)["kind"])


def settled_record(kind: str, headline: str) -> str:
    """What a person has decided about an attempt whose end nobody knows."""
    return compact(
        {
            "kind": kind,
            "what": headline,
            "headline": headline,
            "money": MoneyMeaning.MAY_BE_CHARGED.value,
        }
    )


def refusal_of(record: str) -> PikaError:
    """The service's refusal of a request, or that a person has given it up."""
    fields = json.loads(record)
    if fields["kind"] == DROPPED:
        return PikaError(fields["headline"], started=Started.MAYBE)
    return InvalidRequestError(fields["headline"], **fields["answer"])


def files_record(files: Iterable[SavedFile]) -> str:
    """The saved videos of a job."""
    return compact([{"name": one.name, "size": one.size, "place": one.place} for one in files])


def files_of(record: str) -> tuple[SavedFile, ...]:
    """What :func:`files_record` wrote."""
    return tuple(SavedFile(**file) for file in json.loads(record))


def folder_record(folder: Path | None, journal: Path) -> str | None:
    """A folder by its whole path, and by its way from the ``journal``, with which it may be moved.

    As JSON, which can spell every name that a file system can.
    """
    if folder is None:
        return None
    path = os.path.abspath(folder)  # noqa: PTH100 - without following links
    try:
        way = os.path.relpath(os.path.realpath(path), os.path.realpath(journal.parent))
    except ValueError:
        # On Windows, another drive.
        way = None
    return compact({"path": path, "from_journal": way})


def folder_of(record: str, journal: Path) -> tuple[Path, ...]:
    """Where the folder that :func:`folder_record` wrote may be by now, the likeliest in front."""
    fields = json.loads(record)
    path, way = Path(fields["path"]), fields["from_journal"]
    moved = None if way is None else Path(os.path.normpath(journal.absolute().parent / way))
    return (path,) if moved in (None, path) else (path, moved)


def with_metadata(record: str, last: str) -> str:
    """The record of a request, with the metadata that it had when it was met ``last``.

    They are the caller's own and no part of what is paid for. The rest stays as it was sent.
    """
    asked = json.loads(record)
    metadata = json.loads(last).get("metadata")
    if asked.get("metadata") == metadata:
        return record
    asked.pop("metadata", None)
    return compact(asked if metadata is None else {**asked, "metadata": metadata})


def limits_record(limits: Limits) -> str:
    """What runs may spend."""
    return compact({"budget": _amount(limits.budget), "price": _amount(limits.price)})


def limits_of(record: str) -> Limits:
    """What :func:`limits_record` wrote."""
    fields = json.loads(record)
    return Limits(budget=_amount_of(fields["budget"]), price=_amount_of(fields["price"]))


def _amount(money: Money | None) -> list[Any] | None:
    return None if money is None else [money.micros, money.currency]


def _amount_of(fields: list[Any] | None) -> Money | None:
    return None if fields is None else Money(*fields)


def _money_of(value: str | None) -> MoneyMeaning | None:
    return None if value is None else MoneyMeaning(value)


def _advice_of(fields: dict[str, Any] | None) -> Advice | None:
    if fields is None:
        return None
    return Advice(Action(fields["action"]), fields["job_id"], fields["journalled"])
