"""A submit as one text: what it takes to send the same again, or to look its job up.

Whoever writes submits down by hand keeps the text in a place of his own. It is JSON in ASCII, so
that a column of any database holds it, and it tells whether it is whole: a column may be too short,
a database may spell JSON anew (that changes nothing), and somebody may edit it. Sent with the same
key, another body would be refused, or be a new job.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import attrs
from attrs import frozen

from pika_async._checks import FieldError
from pika_async._json import compact
from pika_async._request.fingerprint import fingerprint
from pika_async._request.parts import has_media, media_of, with_media
from pika_async._request.record import Intent

if TYPE_CHECKING:
    from pika_async._request.request import GenerationRequest

FIELD: Final = "again"
"""The argument that takes the text."""
_ALLOWED: Final = "the text that the method prepared of a record was told, whole and unchanged"
_FORMAT: Final = 1

# https://www.rfc-editor.org/rfc/rfc2606: a name that never resolves.
_A_MEDIUM: Final = "https://medium.invalid/"


@frozen(kw_only=True)
class Kept:
    """A submit that was about to leave.

    Attributes:
        intent: What it sent.
        sent_at: When it left, aware: the first time of those that may have started its job.
        fingerprint: That of the request.
        asked: See :func:`asked_beside_media`.
        account: See :func:`mark_of`.
    """

    intent: Intent
    sent_at: datetime
    fingerprint: str
    asked: str
    account: str


_PARTS: Final = tuple(field.name for field in attrs.fields(Intent))
_FACTS: Final = ("fingerprint", "asked", "account")


def text_of(kept: Kept) -> str:
    """The text of a submit."""
    facts = {name: getattr(kept.intent, name) for name in _PARTS}
    facts |= {name: getattr(kept, name) for name in _FACTS}
    facts["sent_at"] = kept.sent_at.isoformat()
    return compact({"format": _FORMAT, "sum": _sum(facts), "submit": facts})


def kept_of(text: str) -> Kept:
    """The submit of a text.

    Raises:
        FieldError: It is no such text, was changed or cut, or is of a newer version.
    """
    try:
        given = json.loads(text)
        form, facts, checksum = given["format"], given["submit"], given["sum"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise FieldError(FIELD, text, _ALLOWED) from None
    if form != _FORMAT:
        problem = f"this version does not know the format {form!r:.50}: a newer one has written it"
        raise FieldError(FIELD, text, _ALLOWED, problem=problem)
    if _sum(facts) != checksum:
        raise FieldError(FIELD, text, _ALLOWED, problem="it was changed since a record was told it")
    return Kept(
        intent=Intent(**{name: facts[name] for name in _PARTS}),
        sent_at=datetime.fromisoformat(facts["sent_at"]),
        **{name: facts[name] for name in _FACTS},
    )


def asked_beside_media(request: GenerationRequest) -> str:
    """The fingerprint of a request whose media are all the same: its files need not be there."""
    if not has_media(request):
        return fingerprint(request)
    return fingerprint(with_media(request, [_A_MEDIUM for _ in media_of(request)]))


def mark_of(api_key: str, submit_id: str) -> str:
    """By what one API key is told from another, and which tells nothing of it.

    It is other for each submit, so that texts do not tell which of them are of one account.
    """
    return hashlib.sha256(f"{submit_id}\n{api_key}".encode("utf-8", "replace")).hexdigest()[:16]


def _sum(facts: Any) -> str:
    # Over the values, and not over the text: a database may order and space JSON as it likes.
    canonical = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
