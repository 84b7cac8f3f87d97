"""Words for how a job stands that mean the same at every service that says them.

A service may say one day what it never said before, or pass on the word of the vendor behind it.
Of most such words nobody knows what they mean, and the job is polled on. These are beyond doubt:
whoever polls on after them waits until the deadline for a video that is there, or that never will
be. "Error" and "fail" are not among them, since APIs say those of a request:
https://github.com/omniti-labs/jsend
"""

from __future__ import annotations

import re
from typing import Final

_LONGEST: Final = 100
_GAPS: Final = re.compile(r"(?<=\w)[\s-]+(?=\w)")

ENDS_WELL: Final = frozenset(
    {"complete", "completed", "done", "finished", "succeed", "succeeded", "success"}
)
"""The job has ended with a video; of a request they are said too, so a link has to stand beside."""

_MODERATED: Final = frozenset({"content_moderated", "nsfw", "request_moderated"})
KINDS: Final = _MODERATED | {
    *("aborted", "canceled", "cancelled", "declined", "deleted", "expired", "rejected"),
    *("terminated", "timed_out"),
}
"""The job has ended without a video, and the word says in which way."""

ENDS_BADLY: Final = KINDS | {"errored", "failed", "failure"}
"""The job has ended without a video."""


def spelt(word: str) -> str:
    """A word in the one spelling in which it is known: "Timed Out" is timed_out."""
    word = word.strip()[:_LONGEST].lower()
    # Almost every word is one already.
    return word if word.isidentifier() else _GAPS.sub("_", word)


def meaning_of_word(word: str) -> str | None:
    """What a word of ``KINDS``, in that spelling, calls for, as ``Failed.meaning`` has it."""
    return "moderation" if word in _MODERATED else None
