"""Requests that older versions wrote down under another fingerprint, for the spelling of a text.

Older versions counted texts as different that differ in line ends or byte-order marks alone. When a
run comes to such a request, its old rows get the fingerprint of today. They are then occurrences of
an equal request, behind those that have it already.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from pika_async._request.fingerprint import fingerprint
from pika_async._request.spelling import respelled, to_text

if TYPE_CHECKING:
    import sqlite3

    from pika_async._request.request import GenerationRequest

# On disk, so that memory does not grow with it; the prompt as it is spelled now.
_TABLE: Final = "CREATE TEMP TABLE spellings (prompt TEXT NOT NULL, request INTEGER NOT NULL)"
_INDEX: Final = "CREATE INDEX temp.spellings_by_prompt ON spellings (prompt)"
# The marks as JSON escapes them. A text with a backslash may match by chance: it is read, below.
_PERHAPS: Final = r"""
SELECT id, request FROM requests
WHERE instr(request, '\r') OR instr(request, '\ufeff') OR instr(request, '\n"')
"""
_ADD: Final = "INSERT INTO spellings VALUES (?, ?)"
_LOOK: Final = """
SELECT requests.id, requests.fingerprint, requests.request
FROM spellings JOIN requests ON requests.id = spellings.request
WHERE spellings.prompt = ? ORDER BY requests.id
"""
_RENAME: Final = """
UPDATE requests SET fingerprint = :name, occurrence = (
    SELECT coalesce(max(occurrence), 0) + 1 FROM requests WHERE fingerprint = :name
) WHERE id = :request
"""
_FORGET: Final = "DELETE FROM spellings WHERE request = ?"


def gather(connection: sqlite3.Connection) -> bool:
    """Look for such rows and remember them. Returns whether there are any."""
    connection.execute(_TABLE)
    found = False
    for request, record in connection.execute(_PERHAPS):
        asked = json.loads(record)
        if _texts(asked) != _now(asked):
            connection.execute(_ADD, (to_text(asked["prompt"]), request))
            found = True
    if found:
        connection.execute(_INDEX)
    return found


def take_over(name: str, content: GenerationRequest, connection: sqlite3.Connection) -> None:
    """Give the old rows of a request its fingerprint of today.

    Args:
        name: The fingerprint.
        content: The request, with its files read.
        connection: The journal.
    """
    for request, known_as, record in connection.execute(_LOOK, (content.prompt,)).fetchall():
        # It is this request if, with the texts as they were spelled, it has that fingerprint.
        if known_as == fingerprint(content, spelled=_texts(json.loads(record))):
            connection.execute(_RENAME, {"name": name, "request": request})
            connection.execute(_FORGET, (request,))


_SPELLED: Final = ("prompt", "negative_prompt", "model", "extra")


def _texts(asked: dict[str, Any]) -> dict[str, Any]:
    return {name: asked[name] for name in _SPELLED if name in asked}


def _now(asked: dict[str, Any]) -> dict[str, Any]:
    return {
        name: respelled(text) if name == "extra" else to_text(text)
        for name, text in _texts(asked).items()
    }
