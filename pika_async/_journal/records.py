"""What a journal keeps of states and errors, as JSON text, and back.

No API key: errors have been cleared of it where they are made.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pika_async._api_errors import APIError, InvalidRequestError
from pika_async._json import compact, from_json
from pika_async._states import Failed, JobState, Succeeded

if TYPE_CHECKING:
    from pika_async._errors import PikaError


def state_of(record: str) -> Succeeded | Failed:
    """The end of a job that ``to_json`` wrote."""
    state = from_json(record, JobState)
    assert isinstance(state, Succeeded | Failed)  # noqa: S101 - only ends are written down
    return state


def problem_record(error: PikaError) -> str:
    """An error: its class, its words, and where the service answered, what it said."""
    fields: dict[str, Any] = {
        "kind": type(error).__name__,
        "text": error.what,
        "headline": str(error.args[0]) if error.args else "",
        "meaning": error.meaning,
        "money": error.money.value,
    }
    if error.advice is not None:
        fields["advice"] = error.advice.action.value
    if isinstance(error, APIError):
        fields["answer"] = {
            name: getattr(error, name) for name in ("status", "code", "request_id", "body")
        }
    return compact(fields)


def headline_of(record: str) -> str:
    """What :func:`problem_record` wrote of an error, without what it means."""
    return str(json.loads(record)["headline"])


def refusal_of(record: str) -> InvalidRequestError:
    """The service's refusal of a request, as :func:`problem_record` wrote it."""
    fields = json.loads(record)
    return InvalidRequestError(fields["headline"], **fields["answer"])
