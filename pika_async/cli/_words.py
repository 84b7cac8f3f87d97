"""The library speaks Python; here its sentences are put into the words of the shell."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pika_async import Estimate

_FIELDS: Final = (
    "image|video|pikaffect|model|aspect_ratio|frame_rate|camera|guidance_scale|motion"
    "|negative_prompt|seed|extend|extra"
)
_COMMON: Final[dict[str, str]] = {
    r"for a file pass a pathlib\.Path": "for a file give its path",
    r"\bbase_url\b": "--base-url",
    r"\ballow_insecure=True\b": "--allow-insecure",
    r"\bPass overwrite=True\b": "Add --overwrite",
    r"\Aoutput_dir:": "--output-dir:",
    r"\b(resubmit_uncertain|retry_failed)=True\b": r"--\1",
    r"client\.job\((['\"])(.+?)\1\)\.\w+\(\)": r"`pika-async watch \2`",
}
_OPTIONS: Final[dict[str, str]] = {
    r"\Aprompt:": "PROMPT:",
    r"\Acamera\.(\w+):": r"--camera \1:",
    rf"\A({_FIELDS}):": r"--\1:",
    r"\bextra=\{'pikaffect': …\}": """--extra '{"pikaffect": "…"}'""",
}
_FIELDS_OF_FILES: Final[dict[str, str]] = {
    r"\bextra=\{'pikaffect': …\}": 'extra: {"pikaffect": "…"}',
    r"allowed are a pathlib\.Path, bytes, or an": "allowed are the path of a file, or an",
    r"allowed is True or False": "allowed is true or false",
    r"allowed is a mapping with text keys and values that JSON can hold": "allowed is an object",
}


def for_shell(text: str, *, of_file: bool = False) -> str:
    """A sentence of the library with option names for argument names, commands for calls.

    With ``of_file`` it is about a request that stands in a file, where fields are no options.
    """
    for pattern, words in (_COMMON | (_FIELDS_OF_FILES if of_file else _OPTIONS)).items():
        text = re.sub(pattern, words, text)
    return re.sub(r"(?<!\S)--[a-z_]+\b", lambda option: option[0].replace("_", "-"), text)


def printable(text: str) -> str:
    """``text`` without what a terminal would obey; servers choose some of our words."""
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    obeyed = unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t"
    return repr(character)[1:-1] if obeyed else character


def size(count: int) -> str:
    """Bytes for people: ``640 bytes``, ``23.4 kB``, ``5.1 MB``."""
    if count < 1000:
        return f"{count} bytes"
    amount = count / 1000
    for unit in ("kB", "MB"):
        if amount < 999.95:
            return f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def duration(seconds: float) -> str:
    """Seconds for people: ``4.2 s``, ``48 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def counted(number: int, one: str, many: str = "") -> str:
    """``1 file``, ``2 files``."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


# What an estimate rests on tells how far to trust it: a time left, and what leads to its spread.
_LEFT: Final[dict[str, tuple[str, str]]] = {
    "assumed": ("at a guess {} left", "typically "),
    "durations": ("about {} left", ""),
    "progress": ("about {} left by its progress", ""),
}


def time_left(estimate: Estimate, since: float) -> str | None:
    """``about 40 s left (20 s to 90 s)``, ``since`` seconds after the answer it rests on.

    None where nine in ten had ended by now: nothing is known until the next answer.
    """
    if since >= estimate.high:
        return None
    low, median, high = (
        _rough(seconds - since) for seconds in (estimate.low, estimate.median, estimate.high)
    )
    words, spread = _LEFT[estimate.basis]
    words = words.format(median)
    return words if low == high else f"{words} ({spread}{low} to {high})"


def _rough(seconds: float) -> str:
    # Tenths would say more than is known.
    return duration(max(10.0, seconds)) if seconds >= 9.5 else f"{max(1, round(seconds))} s"
