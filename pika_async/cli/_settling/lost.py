"""Lost submits of a journal, looked for in the history of the service."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pika_async import FieldError, GenerationRequest, PikaError, SubmissionUncertainError
from pika_async._journal.history import intent_of
from pika_async._request.parts import MEDIA_FIELDS
from pika_async.cli._running.clients import client_for
from pika_async.cli._settling.words import label
from pika_async.cli._showing.sentences import sentence
from pika_async.cli._showing.shown import Note

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import anyio

    from pika_async import JournalEntry
    from pika_async.cli._running.trail import Trail
    from pika_async.cli._showing.shown import Show

# A history is compared with the body that was sent, which the journal has, and not with media.
_SOME_MEDIUM: Final = "https://example.invalid/medium"


async def found_jobs(  # noqa: PLR0917 - given by partial
    journal: Path,
    entries: Iterable[JournalEntry],
    looked: dict[int, str],
    show: Show,
    trail: Trail,
    scope: anyio.CancelScope,
) -> None:
    """Fill ``looked`` with the jobs that were found, by the numbers of their requests."""
    from pika_async import read_journal  # noqa: PLC0415 - it loads sqlite

    known = {
        attempt.job_id
        for entry in read_journal(journal)
        for attempt in entry.attempts
        if attempt.job_id is not None
    }
    with scope:
        async with client_for(trail, show) as client:
            for entry in entries:
                lost = _lost(entry, trail)
                if lost is None:
                    continue
                try:
                    job = await client.find(lost)
                except PikaError as error:
                    show(
                        Note(f"{label(entry.number)} was not looked for: {sentence(error, trail)}")
                    )
                    continue
                if job is not None and job.id not in known:
                    looked[entry.number] = job.id
                    known.add(job.id)


def _lost(entry: JournalEntry, trail: Trail) -> SubmissionUncertainError | None:
    """What became uncertain, if it was sent to the service that is asked."""
    attempt = entry.attempt
    if attempt is None or attempt.service != trail.service or attempt.sent_at is None:
        return None
    sent = intent_of(attempt)
    if sent is None:
        return None
    try:
        request = GenerationRequest(**{n: _value(n, v) for n, v in entry.request.items()})
    except (FieldError, TypeError):
        # The journal is of another version, with fields that this one does not have.
        return None
    return SubmissionUncertainError(
        "its end is not known",
        request=request,
        fingerprint=entry.fingerprint,
        sent_at=datetime.fromtimestamp(attempt.sent_at, UTC),
        journalled=True,
        sent=sent,
    )


def _value(name: str, value: Any) -> Any:
    if name in MEDIA_FIELDS:
        return [_medium(one) for one in value] if isinstance(value, list) else _medium(value)
    return value


def _medium(shown: Mapping[str, str]) -> str:
    return shown.get("url", _SOME_MEDIUM)
