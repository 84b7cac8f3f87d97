"""A submit as one text: whole or refused, wherever it was kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from pika_async import FieldError, GenerationRequest
from pika_async._request.again import Kept, asked_beside_media, kept_of, mark_of, text_of
from pika_async._request.record import Intent, intent_body

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
JPEG = b"\xff\xd8\xff\xe0" + bytes(100)
KEY = "sk-secret-0123456789"

# Half surrogate pairs too: JSON can spell them.
texts = st.text(st.characters(exclude_categories=()), max_size=40)
moments = st.datetimes(timezones=st.just(UTC))


def kept(sent=b'{"prompt": "a red panda"}', sent_at=datetime(2026, 11, 5, 12, tzinfo=UTC), **more):
    digest, text = intent_body(sent)
    intent = Intent(
        service="pika", base_url="https://pika.example", submit_id="s", digest=digest, body=text
    )
    return Kept(
        intent=evolve(intent, **more),
        sent_at=sent_at,
        fingerprint="f",
        asked="a",
        account=mark_of(KEY, "s"),
    )


@given(body=texts, service=texts, origin=st.none() | texts, sent_at=moments)
def test_what_is_written_is_read(body, service, origin, sent_at):
    whole = kept(sent_at=sent_at, body=body, service=service, origin=origin)
    assert kept_of(text_of(whole)) == whole


@given(body=texts)
def test_it_is_ascii_in_one_line_so_that_every_column_holds_it(body):
    """https://github.com/octokit/webhooks.js/issues/1155: a digest over letters lost on the way."""
    text = text_of(kept(body=body))
    assert text.isascii()
    assert text.isprintable()


def as_a_database_spells_it(text):
    """As a column of JSON gives it back: https://www.postgresql.org/docs/current/datatype-json."""

    def spelled(value):
        if not isinstance(value, dict):
            return value
        names = sorted(value, key=lambda name: (len(name), name))
        return {name: spelled(value[name]) for name in names}

    return json.dumps(spelled(json.loads(text)), ensure_ascii=False)


def test_a_column_that_spells_json_anew_changes_nothing():
    """https://github.com/mojaloop/project/issues/2463: one that sorts the names of an object."""
    whole = kept('{"prompt": "ein Panda, größer als 🐼"}'.encode())
    text = text_of(whole)
    assert as_a_database_spells_it(text) != text
    assert kept_of(as_a_database_spells_it(text)) == whole


@given(data=st.data())
def test_one_that_is_cut_anywhere_is_refused(data):
    """By a column that is too short: https://github.com/ADmad/cakephp-social-auth/issues/30."""
    text = text_of(kept())
    end = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(FieldError, match=r"^again: .* allowed is the text that"):
        kept_of(text[:end])


EDITS = {
    "another key": ('"submit_id":"s"', '"submit_id":"t"'),
    "another prompt": ("a red panda", "a red Panda"),
    "a younger age": ("2026-11-05", "2026-11-06"),
    "another place": ("pika.example", "evil.example"),
    "another account": (mark_of(KEY, "s"), mark_of("another", "s")),
    "a field less": ('"origin":null,', ""),
    "a field more": ('"origin":null', '"origin":null,"more":1'),
    "another type": ('"fingerprint":"f"', '"fingerprint":1'),
    # Of a column whose characters are those of one language.
    "other letters": ("red panda", "red ?????"),
}


@pytest.mark.parametrize("edit", EDITS, ids=str)
def test_one_that_was_edited_is_refused(edit):
    text = text_of(kept())
    edited = text.replace(*EDITS[edit])
    assert edited != text
    with pytest.raises(FieldError, match=r"^again: .* was changed since"):
        kept_of(edited)


@pytest.mark.parametrize(
    "given",
    [
        *("", "null", "7", "[]", "{}", "a red panda", "[" * 100_000, '{"format": 1}', "NaN"),
        *(None, 7, b"\xff", {"format": 1}, '{"format":1,"sum":"x"}', "9" * 5_000),
    ],
    ids=lambda given: repr(given)[:30],
)
def test_what_is_no_such_text_is_refused(given):
    with pytest.raises(FieldError, match=r"^again: .* allowed is the text that"):
        kept_of(given)


@pytest.mark.parametrize("facts", [None, 7, [], {}], ids=repr)
def test_a_sum_alone_makes_no_text(facts):
    """Nobody writes such a one, but no other error than the one for texts may come of it."""
    text = text_of(kept())
    given = json.loads(text) | {"submit": facts}
    with pytest.raises(FieldError):
        kept_of(json.dumps(given))


def test_one_of_a_newer_version_is_refused_by_that_name():
    given = json.loads(text_of(kept())) | {"format": 2}
    with pytest.raises(FieldError, match="this version does not know the format 2"):
        kept_of(json.dumps(given))


def test_neither_the_key_nor_what_a_short_look_tells_of_it_is_in_it():
    text = text_of(kept())
    assert KEY not in text
    assert mark_of(KEY, "s") != mark_of(KEY, "another")
    assert mark_of(KEY, "s") != mark_of("another key", "s")


def test_what_is_asked_for_beside_media_is_known_without_files(tmp_path):
    here = tmp_path / "a.png"
    here.write_bytes(PNG)
    request = GenerationRequest("a red panda", image=here, seed=7)
    here.unlink()
    mark = asked_beside_media(request)
    assert asked_beside_media(evolve(request, image=PNG)) == mark
    assert asked_beside_media(evolve(request, image="https://host.example/a.png")) == mark
    assert asked_beside_media(evolve(request, seed=8)) != mark
    assert asked_beside_media(evolve(request, prompt="an otter")) != mark
    assert asked_beside_media(evolve(request, image=None)) != mark
