"""The ``raw`` of a state of a job that goes on: kept in bytes, read as what they say."""

from __future__ import annotations

import copy
import json
import pickle
import threading

import pytest
from attrs import asdict, evolve
from hypothesis import given
from hypothesis import strategies as st
from support.answers import answer
from support.conversations import meant
from support.tables import every_row

from pika_async import Queued, Running, Unknown, _as_it_came
from pika_async._http import Endpoint
from pika_async.dialects import Fal, Gateway, Handle, Pika
from pika_async.dialects._answers import decoded, kept

ENDPOINT = Endpoint(base_url="https://host.test", api_key="key-of-a-test")

# What each service says of a job that goes on, and the state that it means.
ANSWERS = [
    (Gateway(), {"videos": [{"status": "pending", "progress": 16}]}, Running(progress=16)),
    (Gateway(), {"videos": [{"status": "queued"}]}, Queued()),
    (Gateway(), {"videos": [{"status": "thinking"}]}, Unknown(status="thinking")),
    (Gateway(), {"task_id": "7", "status": "SUBMITTED"}, Queued()),
    (Pika(), {"id": "7", "status": "running"}, Running()),
    (Fal(), {"request_id": "7", "status": "IN_QUEUE", "queue_position": 2}, Queued(position=2)),
]


def polled(dialect, body: bytes):
    return meant(dialect.poll(ENDPOINT, Handle("7")), answer(body))


def place_of(state) -> object:
    """What lies in the place of ``raw``, without being decoded."""
    return vars(type(state))["raw"]._get(state, type(state))


EVERY = every_row("dialect, said, state", ANSWERS, ids=str)


@EVERY
def test_what_was_said_is_kept_in_bytes_until_somebody_reads_it(dialect, said, state):
    body = json.dumps(said).encode()
    found = polled(dialect, body)
    assert found == state
    assert place_of(found) == body
    assert found.raw == said
    assert place_of(found) is found.raw


@EVERY
def test_copied_pickled_and_evolved_it_says_the_same(dialect, said, state):
    body = json.dumps(said).encode()
    for other in (
        copy.copy(polled(dialect, body)),
        copy.deepcopy(polled(dialect, body)),
        pickle.loads(pickle.dumps(polled(dialect, body))),  # noqa: S301 - its own
        evolve(polled(dialect, body)),
    ):
        assert other == state
        assert other.raw == said
    assert asdict(polled(dialect, body))["raw"] == said


@EVERY
def test_neither_a_repr_nor_a_comparison_reads_what_was_said(dialect, said, state):
    body = json.dumps(said).encode()
    found = polled(dialect, body)
    assert repr(found) == repr(state)
    assert hash(found) == hash(state)
    assert found == polled(dialect, json.dumps(said | {"more": 1}).encode())
    assert place_of(found) == body


@given(
    said=st.dictionaries(
        st.text(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=20,
        ),
        max_size=8,
    ),
    ensure_ascii=st.booleans(),
    indent=st.sampled_from([None, 2]),
)
def test_whatever_stands_beside_the_status_is_read_as_it_was_said(said, ensure_ascii, indent):
    whole = {**said, "videos": [{"status": "pending"}]}
    text = json.dumps(whole, ensure_ascii=ensure_ascii, indent=indent)
    body = text.encode("utf-8", "surrogatepass")
    found = polled(Gateway(), body)
    assert isinstance(found, Running)
    assert json.dumps(found.raw) == json.dumps(kept(decoded(body), body))


@pytest.mark.parametrize("state", [Queued, Running, lambda **raw: Unknown(status="new", **raw)])
def test_a_state_that_somebody_makes_has_the_raw_that_was_given(state):
    said = {"status": "as it is"}
    assert state(raw=said).raw is said
    assert state().raw == {}


def test_a_line_end_that_should_be_escaped_is_read_as_it_was_the_first_time():
    body = b'{"videos": [{"status": "pending"}], "note": "two\nlines"}'
    assert polled(Gateway(), body).raw["note"] == "two\nlines"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            b'{"videos": [{"status": "pending"}], "note": "' + b"a" * 9000 + b'"}', id="long"
        ),
        pytest.param(b'{"videos": [{"status": "pending"}], "note": "\xff"}', id="broken letters"),
    ],
)
def test_what_is_bulky_or_broken_is_kept_as_it_was_mended(body):
    found = polled(Gateway(), body)
    assert place_of(found) == found.raw == kept(decoded(body), body)


def test_a_thread_that_is_overtaken_while_it_reads_is_given_the_same_object(monkeypatch):
    """https://github.com/namecheap/fast_mail_parser/pull/209,
    https://github.com/visallo/vertexium/pull/454.
    """
    state = polled(Gateway(), b'{"videos": [{"status": "pending"}]}')
    others = []

    class Overtaken:
        """Another thread reads it while the first one does."""

        @staticmethod
        def loads(*arguments, **options):
            monkeypatch.setattr(_as_it_came, "json", json)
            other = threading.Thread(target=lambda: others.append(state.raw))
            other.start()
            other.join()
            return json.loads(*arguments, **options)

    monkeypatch.setattr(_as_it_came, "json", Overtaken)
    mine = state.raw
    assert [mine] == others
    assert mine is others[0] is state.raw
