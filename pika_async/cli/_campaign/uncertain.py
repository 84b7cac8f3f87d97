"""Lines of a campaign as somebody sees them who has to decide about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pika_async.cli._campaign.engine import temporal
from pika_async.cli._showing.output import event, write

if TYPE_CHECKING:
    from datetime import datetime

    from pika_async.temporal import CampaignResult

_PROMPT: Final = 60
_FINGERPRINT: Final = 12
_CALLED: Final = {
    "Finished": "succeeded",
    "Declined": "failed",
    "Refused": "refused: nothing was started",
    "Dropped": "given up",
    "NoneType": "its page has not ended",
}
_WHY: Final = {
    "no_answer": "it was sent, and no answer came",
    "worker_lost": "its worker was lost while it sent it",
    "begun_anew": "an earlier run may have sent it",
    "unknown": "the engine does not tell what became of it",
}


def tell_of(result: CampaignResult, *, as_json: bool, decided: str | None = None) -> None:
    """A line: its number, when it was sent, its fingerprint, words of its prompt, and why."""
    outcome = result.outcome
    sent_at: datetime | None = getattr(outcome, "sent_at", None)
    known: str | None = getattr(outcome, "fingerprint", None)
    is_uncertain = isinstance(outcome, temporal().Uncertain)
    why = str(getattr(outcome, "why", "unknown")) if is_uncertain else None
    if as_json:
        more = {} if decided is None else {"decision": decided}
        event(
            "uncertain",
            row=result.index + 1,
            prompt=result.request.prompt,
            metadata=dict(result.metadata),
            fingerprint=known,
            sent_at=None if sent_at is None else sent_at.timestamp(),
            why=why,
            **more,
        )
        return
    # With its zone: it is held against the account's usage.
    told = None if sent_at is None else f"{sent_at.astimezone():%Y-%m-%d %H:%M:%S %Z}"
    when, fingerprint = told or "at an unknown time", known or "?"
    prompt = " ".join(result.request.prompt.split())
    prompt = prompt if len(prompt) <= _PROMPT else f"{prompt[: _PROMPT - 1]}…"
    if why is None:
        # Nothing is unknown of it: of a file of decisions, which may be given again.
        when, fingerprint = "", ""
    reason = _CALLED[type(outcome).__name__] if why is None else _WHY.get(why, why)
    if getattr(outcome, "not_submitted", False):
        reason = "it was never sent"
    to_do = "" if decided is None else f"  → {decided}"
    write(
        "  ".join(
            filter(None, (f"{result.index + 1:>7}", when, fingerprint[:_FINGERPRINT], prompt))
        )
        + f"  ({reason}){to_do}"
    )
