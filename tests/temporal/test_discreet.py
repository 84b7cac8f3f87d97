"""What the engine is told of a line of a campaign holds no word of its prompt."""

from __future__ import annotations

import json

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from support.prompts import can_be_seen
from support.tables import every_row

from pika_async import GenerationRequest
from pika_async._request.record import Intent, intent_body, kept_body
from pika_async.temporal import Declined, Finished
from pika_async.temporal._contents.discreet import (
    hidden,
    places,
    restored,
    spelled_out,
    without_names,
    without_prompt,
)


def intent_of(body):
    digest, text = intent_body(body)
    return Intent(service="fal", base_url="http://x", submit_id="1", digest=digest, body=text)


TEXTS = st.text(min_size=1).filter(can_be_seen)


@given(TEXTS, TEXTS, st.booleans())
def test_a_body_is_the_same_again_once_its_gaps_are_filled(prompt, other, plain):
    """It is sent again under its key, so each byte counts."""
    request = GenerationRequest(prompt, negative_prompt=other)
    told = {"prompt": request.prompt, "not": request.negative_prompt, "seed": 7}
    body = json.dumps(told, ensure_ascii=plain).encode("utf-8", "surrogatepass")
    intent = intent_of(body)
    assert restored(hidden(intent, request), request) == intent
    assert kept_body(restored(hidden(intent, request), request)) == kept_body(intent)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(TEXTS, st.dictionaries(st.text(min_size=1), JSON), st.booleans())
def test_a_body_is_the_same_again_whatever_stands_in_extra(prompt, extra, plain):
    """Also where it is as short as a digit, or looks like a gap."""
    request = GenerationRequest(prompt, extra=extra)
    told = {"prompt": request.prompt, "seed": 7, "n": [1, 10]} | dict(extra)
    body = json.dumps(told, ensure_ascii=plain).encode("utf-8", "surrogatepass")
    intent = intent_of(body)
    assert restored(hidden(intent, request), request) == intent


def test_what_stands_between_two_gaps_is_not_taken_for_one():
    """As a digit between two prompts does."""
    request = GenerationRequest("ab", negative_prompt="cd")
    intent = intent_of(b'{"x": "ab0cd"}')
    assert restored(hidden(intent, request), request) == intent


def test_a_record_of_an_earlier_version_has_its_gaps_filled():
    """Its submit may be under way: the texts come first, then what was added."""
    request = GenerationRequest("a cat", negative_prompt="a dog", extra={"a": "b"})
    intent = intent_of(b'{"prompt":"a cat","not":"a dog"}')
    old = evolve(intent, body='{"prompt":"\x1a0\x1a","not":"\x1a2\x1a"}')
    assert restored(old, request) == intent


def test_a_hidden_body_holds_no_link_of_its_owner_and_nothing_of_extra():
    link = "https://bucket.example/panda.png?X-Amz-Signature=5ecre7"
    request = GenerationRequest("a cat", image=link, extra={"hook": {"token": "t0k", "id": 7117}})
    body = json.dumps({"image": link, "seed": 1, "hook": {"token": "t0k", "id": 7117}})
    left = hidden(intent_of(body.encode()), request).body
    assert [
        word for word in ("bucket", "5ecre7", "hook", "token", "t0k", "7117") if word in left
    ] == []
    assert '"seed": 1' in left


@every_row(
    ("said", "told"),
    [
        ("see https://x.example/a/b?sig=1#2 there", "see https://x.example/a/b?… there"),
        ("see https://x.example/a#token=1", "see https://x.example/a#…"),
        ("see https://user:pw@x.example:8443/a", "see https://x.example:8443/a"),
        ("see https://x.example/a.", "see https://x.example/a."),
        (r'{"url":"https:\/\/x.example\/a?Expires=1"}', r'{"url":"https:\/\/x.example\/a?…"}'),
        ("data:image/png;base64,AAAA is too large", "data:… is too large"),
        ("GET /a.png?X-Goog-Signature=1f2e&x=y: 403", "GET /a.png?…: 403"),
        (
            "temp_url_sig=1f2e&temp_url_expires=7 is over",
            "temp_url_sig=…&temp_url_expires=7 is over",
        ),
        ('{"api_key": "1f2e"} was sent', '{"api_key": "…"} was sent'),
        ("the token is over; is seed=7 right?", "the token is over; is seed=7 right?"),
        ("twice http://a.b/?c=d, http://a.b/?e=f", "twice http://a.b/?… http://a.b/?…"),
    ],
)
def test_links_are_told_without_what_may_be_a_key(said, told):
    """Whoever reads it still knows which link is meant."""
    assert without_prompt(said, GenerationRequest("q")) == told


@every_row("said", ["a", "a.", "?a=.", "//", "a:/", "key-", "data:"])
def test_what_a_service_says_may_be_as_long_as_it_likes(said):
    """Were the work not linear in it, this would go on for hours."""
    assert len(without_prompt(said * 50_000, GenerationRequest("q")).encode()) <= 500


def test_an_error_that_quotes_extra_is_told_without_its_values_and_with_its_names():
    """The name is what somebody has to know who mends it."""
    request = GenerationRequest("q", extra={"callback": {"token": "t0k-own", "n": 3}})
    said = "callback: 't0k-own' is not allowed; 3 tries"
    assert without_prompt(said, request) == "callback: '…' is not allowed; 3 tries"


@every_row("prompt", ['a "red" panda', "красная панда", "a\nb", "🦊 runs"])
@every_row("plain", [False, True])
def test_a_hidden_body_holds_no_text_of_its_owner(prompt, plain):
    """However JSON spells it."""
    request = GenerationRequest(prompt)
    body = json.dumps({"prompt": prompt}, ensure_ascii=plain).encode()
    assert json.dumps(prompt, ensure_ascii=plain)[1:-1] not in hidden(intent_of(body), request).body


def test_an_error_that_quotes_the_prompt_is_told_without_it():
    """What is left says still what happened."""
    said = "the prompt 'a red panda' is too long"
    assert without_prompt(said, GenerationRequest("a red panda")) == "the prompt '…' is too long"


def test_an_error_that_shows_the_beginning_of_a_long_prompt_is_told_without_it():
    prompt = "a violet hippopotamus " * 40
    said = f"prompt: '{prompt[:200]}… is too long"
    assert without_prompt(said, GenerationRequest(prompt)) == "prompt: '…… is too long"


def test_an_error_is_told_without_the_other_texts_of_the_request_too():
    request = GenerationRequest("a cat", negative_prompt="no violet hippopotamus")
    assert (
        without_prompt("'no violet hippopotamus' is not allowed", request) == "'…' is not allowed"
    )


def test_an_error_that_names_a_video_is_told_without_the_words_in_its_name():
    name = "/store/videos/000001/00501-a-red-panda-66e0818e-2.mp4.part"
    said = without_names(f"{name} could not be written", 1, 500, "a red panda", "66e0818e")
    assert said == "/store/videos/000001/501-…-2.mp4.part could not be written"


def test_a_long_error_is_cut():
    """Five hundred of them stand in one history."""
    told = without_prompt("x" * 1_000, GenerationRequest("a red panda"))
    assert (len(told.encode()), told[-1]) == (500, "…")


def test_a_long_error_is_cut_by_its_bytes():
    """A message to the engine is bounded in bytes."""
    told = without_prompt("熊" * 1_000, GenerationRequest("a red panda"))
    assert 490 < len(told.encode()) <= 500
    assert told.endswith("熊…")


def test_names_of_videos_are_spelled_out_from_the_page():
    """In histories their places stand for them."""
    ended = Finished(job_id="66e0818e", videos=(), files=places(2))
    assert spelled_out(ended, 1, 500, "a red panda").files == (
        "videos/000001/00501-a-red-panda-66e0818e.mp4",
        "videos/000001/00501-a-red-panda-66e0818e-2.mp4",
    )


def test_what_has_no_videos_stays_as_it_is():
    """There are no names in it."""
    declined = Declined(job_id="1", reason="it broke")
    assert spelled_out(declined, 0, 0, "a red panda") is declined
