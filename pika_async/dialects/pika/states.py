"""A job document of Pika's own API as a job's state."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import attrs

from pika_async._money import Money
from pika_async._states import Failed, Queued, Running, Succeeded, Unknown, Video
from pika_async.dialects._answers import as_id, first_text, kept, objects, shown
from pika_async.dialects._words import ENDS_BADLY, ENDS_WELL, KINDS, meaning_of_word, spelt
from pika_async.dialects.pika.errors import (
    FORBIDDEN_CODES,
    MODERATION_CODES,
    QUOTA_CODES,
    RATE_CODES,
    UNAVAILABLE_CODES,
    code_of,
    message_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pika_async._states import JobState

KNOWN: Final = frozenset({"queued", "running", "completed", "failed"})
"""The words for how a job stands; the service may have others some day."""

_SETTLED: Final = "settled"
_PENDING: Final = "pending"
# Whatever is more is no sum of money, and fits into no journal.
_MOST: Final = 2**63
_WHOLE: Final = re.compile(r"-?[0-9]{1,19}")
_LINK: Final = re.compile(r"https?://\S+", re.IGNORECASE)
_PATH: Final = re.compile(r"/\S+")
# Where links stand where nothing says of what kind the medium is: a video goes before its poster.
_PLACES: Final = ("video", "videos", "image", "images", "audio", "transcript", "file", "files")
# The job was refused before the vendor was asked for anything.
_REFUSED_AT_THE_DOOR: Final = QUOTA_CODES | RATE_CODES | FORBIDDEN_CODES
_MEANINGS: Final = {
    code: meaning
    for codes, meaning in (
        (QUOTA_CODES, "quota"),
        (MODERATION_CODES, "moderation"),
        (RATE_CODES, "rate_limited"),
        (UNAVAILABLE_CODES, "unavailable"),
        (FORBIDDEN_CODES, "forbidden"),
    )
    for code in codes
}


def word_of(document: Mapping[str, Any]) -> str:
    """The word for how the job stands, in one spelling; empty where there is none."""
    return spelt(_status_of(document))


def _status_of(document: Mapping[str, Any]) -> str:
    """The same as it came."""
    return first_text(document.get("status")) or ""


def state_of(
    job_id: str, document: Mapping[str, Any], raw: Mapping[str, Any], *, at_the_door: bool = False
) -> JobState:
    """How a job stands; a finished one without a link has a video with an empty ``url``.

    ``at_the_door``: as the answer to its submit has it.
    """
    match word_of(document):
        case "queued":
            return Queued(raw=raw)
        case "running":
            return Running(raw=raw)
        case "completed":
            return _completed(job_id, document, raw)
        case word if word == "failed" or _has_ended_badly(job_id, word, document):
            return _failed(job_id, document, raw, at_the_door=at_the_door)
        case word:
            done = _completed(job_id, document, raw)
            if word in ENDS_WELL and any(video.url for video in done.videos):
                return done
            return Unknown(status=shown(_status_of(document)), raw=raw)


def _has_ended_badly(job_id: str, word: str, document: Mapping[str, Any]) -> bool:
    # Such words are said of requests, too: the document has to name the job.
    return word in ENDS_BADLY and as_id(document.get("id")) == job_id


def _completed(job_id: str, document: Mapping[str, Any], raw: Mapping[str, Any]) -> Succeeded:
    videos = _videos(job_id, objects(document.get("output")))
    return Succeeded(videos=videos, charge=charge_of(document), raw=raw)


def _failed(
    job_id: str, document: Mapping[str, Any], raw: Mapping[str, Any], *, at_the_door: bool
) -> Failed:
    code, word = code_of(document), word_of(document)
    reason = message_of(document) or code or f"the service said {word!r} and gave no reason"
    if code is None and word in KINDS:
        code = shown(_status_of(document).strip())
    charge = charge_of(document)
    # A limit may also be the vendor's, met while the job ran: then nobody says that it was free.
    free = code in _REFUSED_AT_THE_DOOR and (at_the_door or code not in RATE_CODES)
    if charge is None and free and not is_pending(document):
        charge = Money(0)
    videos = _videos(job_id, objects(document.get("output")))
    linked = tuple(video for video in videos if video.url)
    meaning = _MEANINGS.get(code or "", meaning_of_word(word))
    return Failed(reason=reason, code=code, videos=linked, charge=charge, meaning=meaning, raw=raw)


def charge_of(document: Mapping[str, Any]) -> Money | None:
    """What the job cost; None while that is not settled, or where the service does not say."""
    if _word_of_billing(document) not in ("", _SETTLED):
        return None
    return price(objects(document.get("billing")).get("charge_micro_usd"))


def is_pending(document: Mapping[str, Any]) -> bool:
    """Whether the service has still to say what the job cost, be it nothing."""
    return _word_of_billing(document) == _PENDING


def _word_of_billing(document: Mapping[str, Any]) -> str:
    """The word for how the billing stands, in lower case; empty where there is none."""
    word = first_text(objects(document.get("billing")).get("state"))
    return "" if word is None else word.strip().lower()


def money(micros: object) -> Money | None:
    """Whole micro-dollars as money; None where it is no such number.

    Numbers of 64 bits are told as text by many programs that write JSON.
    """
    if isinstance(micros, str) and _WHOLE.fullmatch(micros):
        micros = int(micros)
    if isinstance(micros, bool) or not isinstance(micros, int | float):
        return None
    fits = -_MOST <= micros < _MOST and micros == micros // 1
    return Money(int(micros)) if fits else None


def price(micros: object) -> Money | None:
    """The same of what something costs, which is never less than nothing."""
    cost = money(micros)
    return None if cost is None or cost.micros < 0 else cost


def link(value: object) -> str:
    """An http(s) link; empty where it is none."""
    text = value.strip() if isinstance(value, str) else ""
    return text if _LINK.fullmatch(text) else ""


def file_link(value: object) -> str:
    """The same, or a path at the service's host, which is a file there."""
    text = value.strip() if isinstance(value, str) else ""
    return link(text) or (text if _PATH.fullmatch(text) else "")


def _videos(job_id: str, output: Mapping[str, Any]) -> tuple[Video, ...]:
    told = (list(_items(place)) for place in _places(output))
    items: list[Mapping[str, Any]] = next(filter(None, told), [{}])
    return tuple(
        Video(
            id=shown(first_text(item.get("id")) or _name(job_id, place)),
            job_id=job_id,
            url=file_link(item.get("url")),
            raw=kept(item),
        )
        for place, item in enumerate(items, start=1)
    )


def _name(job_id: str, place: int) -> str:
    # A video without an id is named by its place, so that its link can be renewed.
    return job_id if place == 1 else f"{job_id}-{place}"


def _places(output: Mapping[str, Any]) -> Iterator[object]:
    # Routes of other vendors may make an image or a sound: what was paid for is had all the same.
    # Yet beside a video that is to come an image is no more than its poster.
    kind = output.get("media_type")
    if isinstance(kind, str):
        one = kind.removesuffix("s")
        yield from map(output.get, (kind, one, f"{one}s"))
    else:
        yield from map(output.get, _PLACES)
    yield output if "url" in output else None


def _items(place: object) -> Iterator[Mapping[str, Any]]:
    for item in place if isinstance(place, list) else [place]:
        if isinstance(item, str):
            yield {"url": item}
        elif isinstance(item, dict):
            yield item


def with_link(state: Succeeded, url: str) -> Succeeded:
    """The same with the link of its first video."""
    first, *rest = state.videos
    return attrs.evolve(state, videos=(attrs.evolve(first, url=url), *rest))


def explained(state: Succeeded) -> Succeeded | Failed:
    """The same; where no video has a link and the document says what is wrong, a failure.

    The link is waited for all the same, and this is why if it does not come.
    """
    error = state.raw.get("error")
    reason = first_text(objects(error).get("message"), error)
    if reason is None or any(video.url for video in state.videos):
        return state
    code = code_of(state.raw)
    return Failed(
        reason=shown(reason),
        code=code,
        videos=state.videos,
        charge=state.charge,
        meaning=_MEANINGS.get(code or ""),
        raw=state.raw,
    )
