"""Names of files that every file system takes.

A name has letters and digits of any script, in lower case, and hyphens. Nothing in it is seen and
cannot be typed, nothing turns the direction of a line, and nothing is reserved anywhere: the digits
or the word in front keep it from being a name that Windows reserves. Letters are composed (NFC). Of
file systems that keep them decomposed, as macOS did, see :func:`spellings`.

Its words take at most 60 bytes, so that all of it fits where names have 143 bytes, the shortest
that is known of file systems in use (encrypted folders).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final

_WORDS_LENGTH: Final = 60
# A UUID is not cut.
_ID_LENGTH: Final = 36
_DIGEST_LENGTH: Final = 8


def video_name(
    number: int, prompt: str, job_id: str, place: int = 0, *, ascii_only: bool = False
) -> str:
    """``00007-a-red-panda-surfing-66e0818e.mp4``: unique to the job and safe everywhere.

    The name of one video may be another with another version of Python, which knows more letters.
    So whoever comes back to a video goes by the name that was written down.

    Args:
        number: The place among the requests, which sorts the files.
        prompt: Its first words are shown.
        job_id: Shown whole where it is as plain as the rest; else told apart by a digest.
        place: The video among those of one job, from 0; the second is ``….mp4`` with ``-2``.
        ascii_only: With letters of ASCII alone, for file systems that take no others. All names
            were so before journals of format 4: it must stay as it is.
    """
    words = ascii_short(prompt, _WORDS_LENGTH) if ascii_only else short(prompt, _WORDS_LENGTH)
    return _joined(f"{number:05}", words, job_id, place)


def name_in_folder(prompt: str, job_id: str, place: int = 0, *, ascii_only: bool = False) -> str:
    """``pika-a-red-panda-surfing-66e0818e.mp4``: the same for a video that is saved alone."""
    words = ascii_short(prompt, _WORDS_LENGTH) if ascii_only else short(prompt, _WORDS_LENGTH)
    return _joined("pika", words, job_id, place)


def spellings(name: str) -> tuple[str, ...]:
    """``name``, and how a file system may have spelt it: with its letters composed or not."""
    if name.isascii():
        return (name,)
    forms = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    return tuple(dict.fromkeys((name, *forms)))


def short(text: str, length: int) -> str:
    """The words of ``text`` as letters, digits and hyphens, cut between words.

    Args:
        text: Any text.
        length: How many bytes it may have in UTF-8.
    """
    words = plain(text)
    if len(words.encode()) <= length:
        return words
    # Half a letter is left out.
    cut = words.encode()[:length].decode(errors="ignore")
    if words[len(cut)] == "-":
        return cut
    whole, _, begun = cut.rpartition("-")
    # Chinese, say, has no blanks between words: there most would be lost with the last of them.
    if whole and (begun.isascii() or 2 * len(whole.encode()) >= length):
        return whole
    # Of a letter with marks, all is left out.
    while cut and _is_mark(words[len(cut)]):
        cut = cut[:-1]
    return cut.strip("-")


def plain(text: str) -> str:
    """``text`` in lower-case letters and digits of any script, with a hyphen for all between."""
    if text.isascii():
        return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    undressed = "".join(map(_undressed, unicodedata.normalize("NFC", text)))
    # The dot of a capital I of the Turks would come as a mark to an i that has one.
    lower = unicodedata.normalize("NFC", undressed.lower().replace("i\u0307", "i"))
    # Once more, since what stood between a letter and its mark may be gone.
    kept = unicodedata.normalize("NFC", "".join(_kept(lower)))
    return re.sub(r"-+", "-", kept).strip("-")


def ascii_short(text: str, length: int) -> str:
    """The words of ``text`` as ASCII letters, digits and hyphens, cut between words."""
    words = ascii_plain(text)
    if len(words) <= length:
        return words
    return words[: length + 1].rpartition("-")[0] or words[:length]


def ascii_plain(text: str) -> str:
    """``text`` in lower-case ASCII letters and digits, with a hyphen for all between."""
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")


def _joined(first: str, words: str, job_id: str, place: int) -> str:
    parts = [first, words, _plain_id(job_id)]
    if place:
        parts.append(str(place + 1))
    return "-".join(part for part in parts if part) + ".mp4"


def _undressed(letter: str) -> str:
    """An ASCII letter or digit that is written wide, in a circle, joined or in another font."""
    if letter.isascii():
        return letter
    simple = unicodedata.normalize("NFKC", letter)
    return simple if simple.isascii() and simple.isalnum() else letter


# Nobody sees them: fillers of Hangul, two vowels of Khmer, a joiner of marks.
_UNSEEN: Final = frozenset("\u115f\u1160\u3164\uffa0\u17b4\u17b5\u034f")
# Marks that choose between the forms of a sign. They are no letters, and emoji are full of them.
_VARIATIONS: Final = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def _kept(text: str) -> list[str]:
    """Letters, digits, and marks on letters; a hyphen for what separates, nothing for the unseen.

    Joiners stand within a word, as in Persian, and so do soft hyphens.
    """
    kept: list[str] = []
    for letter in text:
        category = unicodedata.category(letter)
        if category == "Cf" or letter in _UNSEEN or _VARIATIONS.match(letter):
            continue
        if _is_mark(letter):
            # A mark on what is left out would come to the hyphen.
            if kept and kept[-1] != "-":
                kept.append(letter)
        elif category[0] == "L" or category == "Nd":
            kept.append(letter)
        else:
            kept.append("-")
    return kept


def _is_mark(letter: str) -> bool:
    return unicodedata.category(letter) in ("Mn", "Mc")


def _plain_id(job_id: str) -> str:
    words = ascii_plain(job_id)
    if words == job_id and len(words) <= _ID_LENGTH:
        return words
    digest = hashlib.sha256(job_id.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
    return f"{words[: _ID_LENGTH - _DIGEST_LENGTH - 1].strip('-')}-{digest}".strip("-")


# Of the ten-thousand-millionth request, and the hundredth video of its job.
LONGEST_NAME: Final = len(video_name(10**10, "x" * _WORDS_LENGTH, "x" * _ID_LENGTH, 99))
"""Bytes of the longest name of a video."""
