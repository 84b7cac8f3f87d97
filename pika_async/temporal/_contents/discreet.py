"""What the engine is told of a line: no word of its prompt, no key in a link. Pure.

The names of videos begin with words of the prompt, the body of a submit has all of it, and services
and checks quote it. Links of media may be signed, and ``extra`` may hold anything. The engine keeps
histories for people with other rights than those who see the store. So it is told places in place
of names, which are spelled out when a page is sealed, and bodies with gaps, which are filled in
from the page.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from attrs import evolve

from pika_async.temporal._contents.formats import video_name
from pika_async.temporal._contents.spellings import in_json, in_words, without_keys
from pika_async.temporal._outcomes import Finished
from pika_async.temporal._records import Line

if TYPE_CHECKING:
    from pika_async._request.record import Intent
    from pika_async._request.request import GenerationRequest
    from pika_async.temporal._outcomes import Outcome
    from pika_async.temporal._records import Requested

_LONGEST: Final = 500
# A beginning of so many characters is one of the text.
_PART: Final = 30
# No JSON holds it.
_GAP: Final = "\x1a{}\x1a"
_A_GAP: Final = re.compile(r"\x1a(\d+)\x1a")


def hidden(intent: Intent, request: GenerationRequest) -> Intent:
    """The same, with a gap in its body for whatever of the request is its owner's own."""
    found = in_json(request)
    gaps = {text: _GAP.format(place) for place, (text, _) in reversed(list(enumerate(found)))}
    patterns = {text: pattern for text, pattern in reversed(found) if text}
    # The longest first: one may be a part of another. In one go: a gap is not looked into.
    several = "|".join(patterns[text] for text in sorted(patterns, key=len, reverse=True))
    if not several:
        return intent
    return evolve(intent, body=re.sub(several, lambda match: gaps[match[0]], intent.body))


def restored(intent: Intent, request: GenerationRequest) -> Intent:
    """The intent that :func:`hidden` was given. Whoever sends it checks the digest in it."""
    found = in_json(request)

    def filled(gap: re.Match[str]) -> str:
        place = int(gap[1])
        return found[place][0] if place < len(found) else gap[0]

    # In one go, too: what stands between two gaps may look like one.
    return evolve(intent, body=_A_GAP.sub(filled, intent.body))


def without_prompt(text: str, request: GenerationRequest) -> str:
    """What an error or a service says, without the texts of the request, and cut to a length.

    Nor does it hold a value of ``extra``, or a query of a link, be it the service's own. A history
    has no room for all of it.
    """
    for one in in_words(request):
        text = _without(text.replace(one, "…"), one)
    text = without_keys(text)
    # As bytes: five hundred of them stand in one message to the engine.
    whole = text.encode("utf-8", "replace")
    return text if len(whole) <= _LONGEST else whole[: _LONGEST - 3].decode(errors="ignore") + "…"


def discreetly(text: str, requested: Requested, request: GenerationRequest) -> str:
    """What the engine is told: of a line, nothing that quotes its prompt."""
    return without_prompt(text, request) if isinstance(requested, Line) else text


def _without(text: str, spelled: str) -> str:
    """Also without its beginning: errors show long values in part."""
    begins = spelled[:_PART]
    while len(begins) == _PART and (at := text.find(begins)) >= 0:
        shown = _PART
        while shown < len(spelled) and text.startswith(spelled[: shown + 1], at):
            shown += 1
        text = f"{text[:at]}…{text[at + shown :]}"
    return text


def without_names(text: str, page: int, index: int, prompt: str, job_id: str) -> str:
    """What is said of the videos of a job, without their names, which begin with words of it."""
    name = video_name(page, index, prompt, job_id, 0).rpartition("/")[2]
    return text.replace(name.removesuffix(".mp4"), f"{index + 1}-…")


def places(count: int) -> tuple[str, ...]:
    """What stands for the names of so many videos of a job."""
    return tuple(map(str, range(count)))


def spelled_out(outcome: Outcome, page: int, index: int, prompt: str) -> Outcome:
    """The same, with the names of its videos."""
    if not isinstance(outcome, Finished):
        return outcome
    names = (video_name(page, index, prompt, outcome.job_id, int(at)) for at in outcome.files)
    return evolve(outcome, files=tuple(names))
