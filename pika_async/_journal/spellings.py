"""Requests that older versions wrote down under another fingerprint, for the spelling of a text.

Those told line ends and byte-order marks apart. Their rows are found again when a run comes to the
request: each is then one of the equal ones, behind those that are known already, and stays so.
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
# As JSON escapes them. Both may be met where the text has a backslash, and are then looked at.
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
    """Look for such rows, and remember them; whether there are any."""
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
    """Give the rows of this request its fingerprint ``name``; ``content``: with its files read."""
    for request, known_as, record in connection.execute(_LOOK, (content.prompt,)).fetchall():
        # With the texts as they were spelled, it has the fingerprint of then, or it is another.
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
