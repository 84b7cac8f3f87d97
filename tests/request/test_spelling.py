"""Text that differs only in line ends or byte-order marks is the same request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables import every_row

from pika_async import FieldError, GenerationRequest
from pika_async._request.fingerprint import fingerprint
from pika_async._request.spelling import one_spelling

LINES = "a red panda\n\nin the rain"
SPELLINGS = {
    "line feeds": LINES,
    "as Windows saves it": LINES.replace("\n", "\r\n"),
    "as old Macs saved it": LINES.replace("\n", "\r"),
    "translated twice": LINES.replace("\n", "\r\r\n"),
    "two kinds of line ends": LINES.replace("\n\n", "\r\n\n"),
    "a mark before it": f"\ufeff{LINES}",
    "a mark behind it": f"{LINES}\ufeff",
    "a mark in a line of its own": LINES.replace("\n\n", "\n\ufeff\n"),
    "a mark inside a line end": LINES.replace("\n\n", "\n\n\ufeff"),
    "a line end behind it": f"{LINES}\n",
    "a line end of Windows behind it": f"{LINES}\r\n",
    "all of it": "\ufeff" + LINES.replace("\n", "\r\n\ufeff") + "\r\n\ufeff",
}


@pytest.fixture(params=SPELLINGS.values(), ids=SPELLINGS)
def spelling(request):
    return request.param


@pytest.mark.parametrize("field", ["prompt", "negative_prompt", "model"])
def test_every_spelling_of_a_text_is_the_same_request_and_is_sent_alike(field, spelling):
    plain = GenerationRequest(**{"prompt": "x", field: LINES})
    spelled = GenerationRequest(**{"prompt": "x", field: spelling})
    assert spelled == plain
    assert fingerprint(spelled) == fingerprint(plain)
    assert getattr(spelled, field) == LINES


def test_text_inside_extra_is_the_same_in_every_spelling_of_its_line_ends_and_marks():
    def asked(text):
        return GenerationRequest("x", extra={"style": {"words": [text, 1]}})

    assert asked("\ufeffa\r\nb") == asked("a\nb")
    assert asked("\ufeffa\r\nb").extra == {"style": {"words": ["a\nb", 1]}}


@every_row("text", ["a b", "a\n b", "a\n\n\nb", " a", "a\u2028b", "a\vb", "a\\nb"])
def test_what_differs_in_more_than_that_stays_another_request(text):
    others = {"ab", "a\nb", "a\n\nb", "a"}
    assert not any(
        fingerprint(GenerationRequest(text)) == fingerprint(GenerationRequest(other))
        for other in others
    )
    assert GenerationRequest(text).prompt == text


@every_row("text", ["\ufeff", "\ufeff\r\n", "\r", "\r\n\ufeff \n"])
def test_a_prompt_of_marks_and_line_ends_is_empty_and_refused(text):
    with pytest.raises(FieldError, match="text that is not empty"):
        GenerationRequest(text)


@given(st.text(alphabet="a \r\n\ufeff"))
def test_one_spelling_has_neither_carriage_returns_nor_marks_and_stays_as_it_is(text):
    once = one_spelling(text)
    assert not {"\r", "\ufeff"} & set(once)
    assert one_spelling(once) == once
