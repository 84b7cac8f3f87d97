"""Names of files that every file system takes."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final

_PROMPT_LENGTH = 60
# A UUID is not cut.
_ID_LENGTH = 36
_DIGEST_LENGTH = 8


def video_name(number: int, prompt: str, job_id: str, place: int = 0) -> str:
    """``00007-a-red-panda-surfing-66e0818e.mp4``: unique to the job and safe everywhere.

    Lower-case ASCII letters, digits and hyphens alone, so nothing depends on case, encoding or
    reserved characters; the leading digits keep it from being a name that Windows reserves.

    Args:
        number: The place among the requests, which sorts the files.
        prompt: Its first words are shown.
        job_id: Shown whole where it is as plain as the rest; else told apart by a digest.
        place: The video among those of one job, from 0; the second is ``….mp4`` with ``-2``.
    """
    parts = [f"{number:05}", short(prompt, _PROMPT_LENGTH), _plain_id(job_id)]
    if place:
        parts.append(str(place + 1))
    return "-".join(part for part in parts if part) + ".mp4"


def name_in_folder(prompt: str, job_id: str, place: int = 0) -> str:
    """``pika-a-red-panda-surfing-66e0818e.mp4``: the same for a video that is saved alone.

    The word in front keeps it from being a name that Windows reserves.
    """
    parts = [short(prompt, _PROMPT_LENGTH), _plain_id(job_id)]
    if place:
        parts.append(str(place + 1))
    return "-".join(["pika", *(part for part in parts if part)]) + ".mp4"


def short(text: str, length: int) -> str:
    """The words of ``text`` as ASCII letters, digits and hyphens, cut between words."""
    words = plain(text)
    if len(words) <= length:
        return words
    return words[: length + 1].rpartition("-")[0] or words[:length]


def plain(text: str) -> str:
    """``text`` in lower-case ASCII letters and digits, with a hyphen for all between."""
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")


def _plain_id(job_id: str) -> str:
    words = plain(job_id)
    if words == job_id and len(words) <= _ID_LENGTH:
        return words
    digest = hashlib.sha256(job_id.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
    return f"{words[: _ID_LENGTH - _DIGEST_LENGTH - 1].strip('-')}-{digest}".strip("-")


# Of the ten-thousand-millionth request, and the hundredth video of its job.
LONGEST_NAME: Final = len(video_name(10**10, "x" * _PROMPT_LENGTH, "x" * _ID_LENGTH, 99))
"""Bytes of the longest name of a video."""
