"""Where a campaign stands, in words and as facts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from attrs import asdict

from pika_async._figures import counted
from pika_async.cli._showing.words import short

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from pika_async.cli._campaign.engine import CampaignTrail
    from pika_async.temporal import CampaignProgress, Waiting


_SHOWN_TROUBLES: Final = 3
_CROWDED: Final = (
    "nothing is submitted: other campaigns of its account, or repairs, have all places, or they "
    "are kept for jobs that may run"
)
# What a server must be told once, so that it finds campaigns by their counts.
_CREATE: Final = ("operator", "search-attribute", "create")
_TO_BE_FOUND: Final = (
    ("--name", "PikaCampaign", "--type", "Keyword"),
    ("--name", "PikaUncertain", "--name", "PikaFailed", "--type", "Int"),
)
_WORD: Final = re.compile(r"\S+")
_DIGIT: Final = re.compile(r"\d")
# By what pages and campaigns say of it; their owners may say the same of their own.
_REFUSE: Final = "--refuse-unknown"
_LACKS: Final = {
    "too little is left; the next job needs": ("--budget", "AMOUNT"),
    "given no price": ("--price", "AMOUNT"),
}


def finished(progress: CampaignProgress) -> int:
    """Lines of which the end is known, uncertain ones among them; not those never sent."""
    known = progress.succeeded + progress.failed + progress.refused
    return known + progress.uncertain + progress.dropped - progress.not_submitted


def all_done(progress: CampaignProgress) -> bool:
    """Whether every line has its video."""
    return progress.ended and progress.succeeded == progress.prompts


def state(progress: CampaignProgress) -> str:
    """``running``, ``paused``, ``stopping`` or ``ended``."""
    if progress.ended:
        return "ended"
    if progress.stopped:
        return "stopping"
    return "running" if progress.paused is None else "paused"


def counts(progress: CampaignProgress) -> str:
    """``118 succeeded, 1 failed, 25 in flight, 56 to come``; what is 0 is left out."""
    left = max(progress.prompts - finished(progress) - progress.in_flight, 0)
    unsent = left if progress.ended or progress.stopped else progress.not_submitted
    numbers = {
        "succeeded": progress.succeeded,
        "failed": progress.failed,
        "refused": progress.refused - progress.not_submitted,
        "uncertain": progress.uncertain,
        "given up": progress.dropped,
        "in flight": progress.in_flight,
        "to come": left - unsent,
        "not submitted": unsent,
    }
    told = [f"{number:,} {name}" for name, number in numbers.items() if number]
    return ", ".join(told) or "nothing yet"


def money(progress: CampaignProgress) -> str | None:
    """``$24.50: $20.00 charged, $4.50 reserved for jobs in flight; the budget is $40.00``.

    None: nothing is known.
    """
    known = {
        "charged": progress.charged,
        "estimated": progress.estimated,
        "reserved for jobs in flight": progress.reserved,
        "for what is or was submitted again": progress.repairs_cost,
    }
    parts = [f"{amount} {name}" for name, amount in known.items() if amount is not None]
    told = ", ".join(parts)
    if len(parts) > 1 and (total := progress.cost) is not None:
        told = f"{total}: {told}"
    budget = "" if progress.budget is None else f"the budget is {progress.budget}"
    return "; ".join(filter(None, (told, budget))) or None


def pace(progress: CampaignProgress) -> str:
    """``118 of 200 done``."""
    return f"{finished(progress):,} of {counted(progress.prompts, 'prompt')} done"


def going(progress: CampaignProgress) -> str:
    """One line while it goes on: how much is done, and what keeps the rest."""
    line = f"{pace(progress)}: {counts(progress)}"
    if progress.paused is not None and not progress.ended:
        return f"{line}; paused: {progress.paused}"
    wait = waits(progress)
    if wait is None and progress.crowded_since is not None and not progress.in_flight:
        return f"{line}; {_CROWDED}{_since(progress)}"
    return line if wait is None else f"{line}; {wait}"


def lines(progress: CampaignProgress, trail: CampaignTrail) -> Iterator[str]:
    """All that is to be said of it, and what to do about it."""
    name = trail.campaign
    yield f"campaign {name}: {_headline(progress)}"
    yield f"{counted(progress.prompts, 'prompt')}: {counts(progress)}"
    if (cost := money(progress)) is not None:
        yield f"cost: {cost}"
    if progress.repaired:
        repaired = counted(progress.repaired, "prompt")
        yield f"{repaired} decided about since, and counted as what they are now"
    if state(progress) == "running":
        yield f"at most {progress.share:,} in flight"
        yield from _no_place(progress, trail)
    if (wait := waits(progress)) is not None:
        yield wait
    if (kept := keeps(progress)) is not None:
        yield kept
    for trouble in troubles(progress.troubles):
        yield f"workers try again what fails with: {trouble}"
    if progress.stranded:
        pages = ", ".join(map(str, progress.stranded[:20]))
        yield f"ended by hand before their results were written down: pages {pages} (from 0)."
        yield "All of their prompts count as uncertain. To adopt jobs that the server still names,"
        yield "which costs nothing, before anything is decided about the rest:"
        yield f"  {trail.line_of('resolve', trail.campaign, '--all', 'adopt')}"
    if progress.ended and not progress.repairs_known:
        yield "its store is not seen from here: what was decided about prompts since is not counted"
    yield from _ways_on(progress, trail)
    if not (progress.searchable or progress.forgotten):
        yield "the server does not know the search attributes of campaigns. To find those with"
        yield "`PikaUncertain > 0`, add them once; campaigns that start later have them:"
        yield from (f"  {trail.temporal_line_of(*_CREATE, *words)}" for words in _TO_BE_FOUND)


def _no_place(progress: CampaignProgress, trail: CampaignTrail) -> Iterator[str]:
    """Why one that is under way submits nothing, where it may have no job in flight."""
    known = finished(progress) + progress.not_submitted
    left = progress.prompts - known - progress.in_flight
    free = progress.share - progress.unseen
    if free > 0 or progress.in_flight or waits(progress) is not None or left <= 0:
        return
    yield f"so {_CROWDED}{_since(progress)}."
    yield "It goes on when some are free, or with more:"
    yield f"  {trail.line_of('resume', trail.campaign, '--max-in-flight', 'N')}"


def _since(progress: CampaignProgress) -> str:
    since = progress.crowded_since
    return "" if since is None else f", since {since.astimezone():%Y-%m-%d %H:%M:%S}"


def waits(progress: CampaignProgress) -> str | None:
    """Why no submit leaves, until when, and since when; None where they leave."""
    waiting = progress.waiting
    if waiting is None or state(progress) != "running":
        return None
    until, since = (f"{time.astimezone():%Y-%m-%d %H:%M:%S}" for time in _times(waiting))
    reason = " ".join(waiting.reason.split())
    tries = "1 try" if waiting.tries == 1 else f"{waiting.tries:,} tries"
    return f"no submit leaves until {until}, after {tries} since {since}: {reason}"


def keeps(progress: CampaignProgress) -> str | None:
    """How many places are kept for jobs that may run, and until when; None: none is."""
    if progress.unseen_until is None:
        return None
    until = f"{progress.unseen_until.astimezone():%Y-%m-%d %H:%M:%S}"
    places = "1 place is" if progress.unseen == 1 else f"{progress.unseen:,} places are"
    return f"{places} kept until {until} for jobs that may run, though nobody can tell"


def _times(waiting: Waiting) -> tuple[datetime, datetime]:
    return waiting.until, waiting.since


def alike(text: str) -> str:
    """Equal for texts that differ in nothing but ids and numbers."""
    # Words with a digit in them are ids of jobs and requests, times, statuses. One pattern for all
    # of it would begin anew at each letter of a long word.
    return _WORD.sub(lambda word: "" if _DIGIT.search(word[0]) else word[0], text)


def troubles(told: Iterable[str]) -> list[str]:
    """What differs in nothing but ids and numbers is told once, and the most frequent first."""
    kinds: dict[str, list[str]] = {}
    for one in told:
        kinds.setdefault(alike(one), []).append(one)
    groups = sorted(kinds.values(), key=len, reverse=True)
    lines = [
        f"{' '.join(short(first).split())}{f' ({len(more)} more like it)' if more else ''}"
        for first, *more in groups[:_SHOWN_TROUBLES]
    ]
    if len(groups) > _SHOWN_TROUBLES:
        lines.append(f"… and {counted(len(groups) - _SHOWN_TROUBLES, 'other reason')}")
    return lines


def _headline(progress: CampaignProgress) -> str:
    match state(progress):
        case "paused":
            return f"paused: {progress.paused}"
        case "stopping":
            return "stopped; what is paid for is waited for"
        case "running":
            return "under way"
        case _:
            return _ended(progress)


def _ended(progress: CampaignProgress) -> str:
    if progress.forgotten:
        return "ended; the server has forgotten it, and this is what its store tells"
    if progress.stopped:
        return "ended, since it was stopped"
    if finished(progress) + progress.not_submitted < progress.prompts:
        return "ended by the server, before its end"
    return "ended"


def _ways_on(progress: CampaignProgress, trail: CampaignTrail) -> Iterator[str]:
    name = trail.campaign
    if state(progress) == "paused":
        yield "to go on:"
        yield f"  {trail.line_of('resume', name, *_what_lacks(progress.paused or ''))}"
        if _REFUSE in (progress.paused or ""):
            yield "or, where the service does not have the model; its prompts are refused then:"
            yield f"  {trail.line_of('resume', name, _REFUSE)}"
    if waits(progress) is not None:
        yield "nothing needs to be done: one is tried then, and the rest follow. Where it lasts,"
        yield "look at the account at the service; fewer jobs at once may help:"
        yield f"  {trail.line_of('resume', name, '--max-in-flight', 'N')}"
    if progress.uncertain:
        yield "uncertain ones may have started a job, and may be billed. To see those of pages that"
        yield "have ended, and what can be done about them:"
        yield f"  {trail.line_of('status', name, '--uncertain')}"
    if progress.ended and progress.not_submitted:
        yield "to submit those that were never sent, of pages that had begun; none is paid twice:"
        yield f"  {trail.line_of('resolve', name, '--all', 'submit')}"
    begun = finished(progress) + progress.not_submitted
    if progress.ended and begun < progress.prompts and not progress.stranded:
        yield "to start the pages that had not begun, under a new name:"
        place = "PLACE" if trail.store is None else trail.store
        yield f"  {trail.line_of('start', 'NAME', '--store', place, '--carry-on')}"
    if progress.ended:
        yield "what became of each prompt:"
        yield f"  {trail.line_of('report', name)}"


def _what_lacks(reason: str) -> tuple[str, ...]:
    """The options without which it would be paused again at once."""
    return tuple(word for sign, words in _LACKS.items() if sign in reason for word in words)


def facts(progress: CampaignProgress, campaign_id: str) -> dict[str, Any]:
    """For machines."""
    told = {"campaign": campaign_id, "state": state(progress), **asdict(progress)}
    if progress.waiting is not None:
        until, since = _times(progress.waiting)
        told["waiting"] |= {"until": until.timestamp(), "since": since.timestamp()}
    if progress.crowded_since is not None:
        told["crowded_since"] = progress.crowded_since.timestamp()
    if progress.unseen_until is not None:
        told["unseen_until"] = progress.unseen_until.timestamp()
    return told
