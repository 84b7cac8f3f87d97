"""What is said of uncertain submits that were decided about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pika_async import Failed, Succeeded
from pika_async.cli._showing.words import short, state_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pika_async import JobState, JournalEntry, Money

_PROMPT: Final = 60
_COUNTED: Final = {
    "resubmit": "the next run submits it again, as a new paid job.",
    "drop": "it is given up: only --retry-failed submits it again.",
}


def label(number: int) -> str:
    """The number of a request as the names of its videos begin with it: ``00007``.

    A count from 0 would pass for one from 1, as that of the lines of a file and of the prompts of a
    campaign is.
    """
    return f"{number:05}"


def prompt(entry: JournalEntry) -> str:
    """The prompt, in one line, as far as it goes in."""
    text = " ".join(entry.prompt.split())
    return text if len(text) <= _PROMPT else f"{text[: _PROMPT - 1]}…"


def settled(
    entry: JournalEntry, decision: str, state: JobState | None, not_checked: str | None
) -> Iterator[str]:
    """Which request it is, what was decided, and what that means for the money.

    Args:
        entry: The request, as it stands after the decision.
        decision: ``job``, ``resubmit`` or ``drop``.
        state: How the job stands that was named, where it was looked up.
        not_checked: Why it was not, else None.
    """
    yield f"  {label(entry.number)}  {prompt(entry)}"
    attempt = entry.attempt
    quoted = None if attempt is None else attempt.quoted
    if decision != "job":
        yield f"     {_COUNTED[decision]}"
        yield f"     the lost submit may be billed: it stays counted as spent{_so_much(quoted)}"
        return
    job_id = "" if attempt is None or attempt.job_id is None else attempt.job_id
    looked = "" if state is None else f", at the service: {_stands(state)}"
    yield f"     its job is {job_id}{looked}"
    if not_checked is not None:
        yield f"     it was not looked up: {not_checked}"
    yield f"     {_of_job(state, quoted)}"


def _stands(state: JobState) -> str:
    words = state_words(state)
    if isinstance(state, Failed):
        words += f", {short(' '.join(state.reason.split()))!r}"
    charge = state.charge if isinstance(state, Succeeded | Failed) else None
    return words if charge is None else f"{words}, charged {charge}"


def _of_job(state: JobState | None, quoted: Money | None) -> str:
    match state:
        case Succeeded():
            return "the next run saves its video, and pays for nothing again"
        case Failed():
            return (
                "the next run notes that it failed, and submits nothing; --retry-failed submits "
                "the prompt again, as a new paid job"
            )
        case _:
            return (
                "the next run waits for it, and pays for nothing again; until its end is seen it "
                f"counts as spent{_so_much(quoted)}"
            )


def _so_much(quoted: Money | None) -> str:
    return ", though nobody has said how much" if quoted is None else f" ({quoted} estimated)"
