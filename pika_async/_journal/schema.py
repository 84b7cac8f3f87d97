"""The tables of a journal, and the steps from older formats to this one.

Format 1 had one row a request, and copied what a new submit would overwrite into a table of the
past. Format 2 has one row a request and one row a submit of it. Format 3 says of itself whether
its log is with it. Format 4 tells where a run saved its videos, format 5 what the observer called a
submit, and format 6 the budget that a run was given.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from pika_async._download.names import video_name
from pika_async._journal.history import SavedFile
from pika_async._journal.log import make_log, note_tables
from pika_async._journal.records import files_record, state_of
from pika_async._states import lacks_links

if TYPE_CHECKING:
    import sqlite3

    from pika_async._states import Failed, Succeeded

# "PIKA", so that `file` and other programs can tell whose it is:
# https://www.sqlite.org/fileformat2.html#application_id
APPLICATION_ID: Final = 0x50494B41

SCHEMA_VERSION: Final = 6

# Times are seconds since 1970, money is whole millionths of its currency. The columns of a request
# after `request` tell what went wrong with it while no attempt stands. An attempt is a submit that
# may have started a job; of a request the newest one counts. A run says where it saves videos, and
# what may be spent. The states of an attempt are compared one by one: for IN with so many SQLite
# fills a table of its own at each write.
_REQUESTS: Final = """
CREATE TABLE requests (
    id INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    occurrence INTEGER NOT NULL,
    number INTEGER NOT NULL,
    position INTEGER NOT NULL,
    run INTEGER NOT NULL REFERENCES runs (id),
    request TEXT NOT NULL,
    problem TEXT,
    refused_at REAL,
    UNIQUE (fingerprint, occurrence)
)
"""
_ATTEMPTS: Final = """
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    request INTEGER NOT NULL REFERENCES requests (id),
    status TEXT NOT NULL CHECK (
        status = 'submitting' OR status = 'uncertain' OR status = 'submitted'
        OR status = 'succeeded' OR status = 'failed'
    ),
    service TEXT NOT NULL,
    base_url TEXT,
    submit_id TEXT,
    digest TEXT,
    body TEXT,
    job_id TEXT,
    hints TEXT,
    sent_at REAL,
    accepted_at REAL,
    running_at REAL,
    ended_at REAL,
    state TEXT,
    problem TEXT,
    files TEXT,
    quoted INTEGER,
    quoted_currency TEXT,
    charged INTEGER,
    charged_currency TEXT
)
"""
_INDEX: Final = "CREATE INDEX attempts_of_a_request ON attempts (request)"
_RUNS: Final = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    started_at REAL NOT NULL,
    version TEXT NOT NULL,
    output_dir TEXT,
    limits TEXT
)
"""
# Of formats 2 to 4 the attempts were as above.
_ADD_ORIGIN: Final = "ALTER TABLE attempts ADD COLUMN origin TEXT"
_ADD_OUTPUT_DIR: Final = "ALTER TABLE runs ADD COLUMN output_dir TEXT"
_ADD_LIMITS: Final = "ALTER TABLE runs ADD COLUMN limits TEXT"


def make(connection: sqlite3.Connection) -> None:
    """Make the tables in an empty database."""
    with _Transaction(connection):
        for statement in (_RUNS, _REQUESTS, _ATTEMPTS, _INDEX, _ADD_ORIGIN):
            connection.execute(statement)
        make_log(connection)
        note_tables(connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def version_of(connection: sqlite3.Connection) -> int:
    """The format of a journal."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def step_up(connection: sqlite3.Connection) -> None:
    """Bring a journal of an older format to this one; all of it, or nothing."""
    with _Transaction(connection):
        for version in range(version_of(connection), SCHEMA_VERSION):
            _STEPS[version](connection)
            connection.execute(f"PRAGMA user_version = {version + 1}")
        note_tables(connection)


class _Transaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._connection.execute("COMMIT")
        elif self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


# Format 1 knew one service, and not where that was.
_OF_ONE_SUBMIT: Final = """
job_id, sent_at, accepted_at, running_at, ended_at, state, problem, files
"""
_TO_REQUESTS: Final = """
INSERT INTO requests (id, fingerprint, occurrence, number, position, run, request)
SELECT id, fingerprint, occurrence, number, position, run, request FROM items
"""
_PAST_TO_ATTEMPTS: Final = f"""
INSERT INTO attempts (request, status, service, {_OF_ONE_SUBMIT})
SELECT item, status, 'gateway', {_OF_ONE_SUBMIT} FROM past
WHERE status != 'waiting' AND (status != 'failed' OR state IS NOT NULL)
ORDER BY rowid
"""
_ITEMS_TO_ATTEMPTS: Final = f"""
INSERT INTO attempts (request, status, service, {_OF_ONE_SUBMIT})
SELECT id, status, 'gateway', {_OF_ONE_SUBMIT} FROM items
WHERE status != 'waiting' AND (status != 'failed' OR state IS NOT NULL)
"""
# A submit that was left uncertain, or whose job was given up, stood in the same row as the refusal
# of the one that was to take its place. A refused submit alone has no time at which it was sent.
_HIDDEN_BY_A_REFUSAL: Final = """
INSERT INTO attempts (request, status, service, job_id, sent_at, accepted_at, running_at)
SELECT id, iif(accepted_at IS NULL, 'uncertain', 'submitted'), 'gateway',
    job_id, sent_at, accepted_at, running_at
FROM items WHERE status = 'failed' AND state IS NULL AND sent_at IS NOT NULL
"""
_PROBLEMS_TO_REQUESTS: Final = """
UPDATE requests SET (problem, refused_at) = (
    SELECT problem, iif(status = 'failed', coalesce(ended_at, 0.0), NULL)
    FROM items WHERE items.id = requests.id
)
WHERE id IN (
    SELECT id FROM items WHERE status = 'waiting' OR status = 'failed' AND state IS NULL
)
"""
_ENDED: Final = """
SELECT id FROM attempts WHERE state IS NOT NULL AND (files IS NOT NULL OR status = 'failed')
"""
_END: Final = """
SELECT requests.number, requests.request, attempts.state, attempts.files
FROM attempts JOIN requests ON requests.id = attempts.request WHERE attempts.id = ?
"""
_PLACE: Final = "UPDATE attempts SET files = ? WHERE id = ?"
_LOOK_AGAIN: Final = """
UPDATE attempts SET status = 'submitted', state = NULL, ended_at = NULL WHERE id = ?
"""


def _from_1_to_2(connection: sqlite3.Connection) -> None:
    for statement in (
        *(_REQUESTS, _ATTEMPTS, _INDEX),
        *(_TO_REQUESTS, _PAST_TO_ATTEMPTS, _ITEMS_TO_ATTEMPTS, _HIDDEN_BY_A_REFUSAL),
        _PROBLEMS_TO_REQUESTS,
    ):
        connection.execute(statement)
    # Their numbers alone are held: the ends of a long batch are many.
    for (attempt,) in connection.execute(_ENDED).fetchall():
        number, request, record, files = connection.execute(_END, (attempt,)).fetchone()
        end = state_of(record)
        if files is not None:
            placed = _placed(json.loads(files), end, number, json.loads(request)["prompt"])
            connection.execute(_PLACE, (files_record(placed), attempt))
        if lacks_links(end):
            connection.execute(_LOOK_AGAIN, (attempt,))
    connection.execute("DROP TABLE past")
    connection.execute("DROP TABLE items")


def _placed(
    files: list[dict[str, Any]], end: Succeeded | Failed, number: int, prompt: str
) -> list[SavedFile]:
    """Format 1 told by the name of a file which video it is, or by their number."""
    names = [
        video_name(number, prompt, video.job_id, place, ascii_only=True)
        for place, video in enumerate(end.videos)
    ]
    whole = len(files) == len(end.videos)
    return [
        SavedFile(
            name=file["name"],
            size=file["size"],
            place=names.index(file["name"]) if file["name"] in names else at if whole else None,
        )
        for at, file in enumerate(files)
    ]


def _from_3_to_4(connection: sqlite3.Connection) -> None:
    connection.execute(_ADD_OUTPUT_DIR)


def _from_4_to_5(connection: sqlite3.Connection) -> None:
    connection.execute(_ADD_ORIGIN)


def _from_5_to_6(connection: sqlite3.Connection) -> None:
    connection.execute(_ADD_LIMITS)


_STEPS: Final = {
    1: _from_1_to_2,
    2: make_log,
    3: _from_3_to_4,
    4: _from_4_to_5,
    5: _from_5_to_6,
}
