"""One spelling for text that is the same, whatever program saved it.

Editors, spreadsheets and version control change line ends and byte-order marks without being
asked to. If those made another request, saving a file again would pay for all of it again.
"""

from __future__ import annotations

import re
from typing import Any, Final

MARK: Final = "\ufeff"
"""The byte-order mark, as it stands in text that has been read."""

# A line end that was translated twice has two carriage returns: "\r\r\n".
_LINE_END: Final = re.compile(r"\r*\n|\r")


def one_spelling(text: str) -> str:
    """``text`` with line feeds as its line ends, and without byte-order marks."""
    if "\r" in text:
        text = _LINE_END.sub("\n", text)
    return text.replace(MARK, "") if MARK in text else text


def to_text(value: str) -> str:
    """A converter: text in one spelling, without line ends behind it; all else as it is.

    Lines that are read from a file end in a line end, except perhaps the last one.
    """
    if not isinstance(value, str):
        return value
    text = one_spelling(value)
    # What is refused for being empty is shown as it came.
    return text.rstrip("\n") if text.strip() else text


def respelled(value: Any) -> Any:
    """What JSON can hold, with all text in one spelling; names in objects stay."""
    match value:
        case str():
            return one_spelling(value)
        case dict():
            return {name: respelled(inner) for name, inner in value.items()}
        case list():
            return [respelled(inner) for inner in value]
        case _:
            return value
