"""What a batch writes with, at each of its thousands of jobs: cheap, and refused where wrong."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from pika_async._journal import attempts, schema
from pika_async._journal.history import Status
from pika_async._money import Money
from pika_async._request.record import Intent

INTENT = Intent(service="gateway", base_url="https://x.example", submit_id="k", digest="d", body="")


@pytest.fixture
def tables():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.make(connection)
        connection.execute("INSERT INTO runs (id, started_at, version) VALUES (1, 0.0, '0')")
        attempts.claim(1, "f", 0, "{}", attempts.Numbers(), connection)
        yield connection


def traced(connection, write):
    """The statements that ``write`` runs, as SQLite runs them."""
    statements = []
    connection.set_trace_callback(statements.append)
    write(connection)
    connection.set_trace_callback(None)
    return statements


WRITES = {
    "claim": lambda one: attempts.claim(1, "g", 1, "{}", attempts.Numbers(), one),
    "begin": lambda one: attempts.begin_attempt(1, INTENT, None, 1.0, one),
    "begin, priced": lambda one: attempts.begin_attempt(1, INTENT, Money(1, "USD"), 1.0, one),
    "accept": attempts.updating(1, {"status": "submitted", "job_id": "j", "hints": None}),
    "end": attempts.updating(1, {"status": "succeeded", "state": "{}", "problem": None}),
}


@pytest.mark.parametrize("name", WRITES)
def test_no_write_of_a_job_fills_a_table_of_its_own(tables, name):
    """As SQLite does for a list of allowed values: it cost more than the row itself."""
    for statement in traced(tables, WRITES[name]):
        plan = [row[1] for row in tables.execute(f"EXPLAIN {statement}")]
        assert "OpenEphemeral" not in plan, statement


def test_nothing_is_bound_that_would_have_to_be_adapted(tables):
    """None and an enumeration are: for each, sqlite3 looks for somebody who would adapt it."""
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        for kind in (type(None), Status):
            patch.setitem(sqlite3.adapters, (kind, sqlite3.PrepareProtocol), asked.append)
        for write in WRITES.values():
            write(tables)

    assert asked == []


@pytest.mark.parametrize("status", list(Status))
def test_a_state_that_an_attempt_can_be_in_is_taken(tables, status):
    """All but that of a request that has none."""
    attempts.begin_attempt(1, INTENT, None, 1.0, tables)
    write = attempts.updating(1, {"status": status.value})
    if status is Status.WAITING:
        with pytest.raises(sqlite3.IntegrityError):
            write(tables)
    else:
        write(tables)


def test_what_is_not_known_any_more_is_unset(tables):
    """A value that stood there is of the past."""
    attempts.begin_attempt(1, INTENT, Money(5, "USD"), 1.0, tables)
    attempts.updating(1, {"problem": "p", "job_id": "j"})(tables)
    attempts.updating(1, {"problem": None, "job_id": "k"})(tables)

    row = tables.execute("SELECT problem, job_id, quoted, quoted_currency FROM attempts").fetchone()
    assert row == (None, "k", 5, "USD")
