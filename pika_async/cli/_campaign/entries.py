"""Results of a campaign as the page and the table of a report show them. Values in, values out."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from attrs import asdict

from pika_async import Failed, Succeeded, Video
from pika_async._gallery import Attempt, Clip, Entry, Problem, Standing
from pika_async._request.record import request_record
from pika_async.cli._campaign.engine import temporal

if TYPE_CHECKING:
    from pika_async import Money
    from pika_async.temporal import CampaignResult

_NO_OPTIONS: Final = ("prompt", "metadata")
_NOT_YET: Final = (
    "Its page has not ended; what became of it is written down when it has. Where the page was "
    "ended by hand, `pika-async campaign status ID` says what to do."
)
_DROPPED: Final = "It was uncertain, and its owner gave it up. A job may exist and may be billed."


def entry(result: CampaignResult, place: str, page_folder: Path) -> Entry:
    """A result; ``page_folder``: from where its files are linked."""
    known = json.loads(request_record(result.request))
    fingerprint = getattr(result.outcome, "fingerprint", None)
    return Entry(
        id=result.index + 1,
        number=result.index + 1,
        index=result.index,
        run=1,
        in_last_run=True,
        fingerprint=fingerprint or "not known",
        prompt=result.request.prompt,
        options={name: value for name, value in known.items() if name not in _NO_OPTIONS},
        metadata=result.metadata,
        attempt=_attempt(result.outcome),
        clips=tuple(_clips(result.outcome, place, page_folder)),
    )


def _attempt(outcome: Any) -> Attempt:
    known = temporal()
    match outcome:
        case known.Finished(job_id=job_id, charge=charge):
            end = Succeeded(videos=_videos(outcome), charge=charge)
            return _ended(Standing.SUCCEEDED, job_id, end, charge)
        case known.Declined(job_id=job_id, reason=reason, code=code, charge=charge):
            failed = Failed(reason=reason, code=code, videos=(), charge=charge)
            return _ended(Standing.FAILED, job_id, failed, charge)
        case known.Refused(error=error, meaning=meaning, not_submitted=never_sent):
            standing = Standing.WAITING if never_sent else Standing.FAILED
            return _without_job(standing, Problem(kind=error, text=meaning, meaning=""))
        case known.Dropped():
            dropped = Problem(kind="Dropped", text=_DROPPED, meaning="")
            return _without_job(Standing.FAILED, dropped)
        case known.Uncertain(sent_at=sent_at):
            at = None if sent_at is None else sent_at.timestamp()
            return _without_job(Standing.UNCERTAIN, None, at)
        case _:
            not_yet = Problem(kind="", text=_NOT_YET, meaning="")
            return _without_job(Standing.RUNNING, not_yet)


def _ended(
    standing: Standing, job_id: str, end: Succeeded | Failed, charge: Money | None
) -> Attempt:
    return Attempt(
        standing=standing,
        job_id=job_id,
        sent_at=None,
        accepted_at=None,
        running_at=None,
        ended_at=None,
        end=end,
        problem=None,
        charged=charge,
    )


def _without_job(
    standing: Standing, problem: Problem | None, sent_at: float | None = None
) -> Attempt:
    return Attempt(
        standing=standing,
        job_id=None,
        sent_at=sent_at,
        accepted_at=None,
        running_at=None,
        ended_at=None,
        end=None,
        problem=problem,
    )


def _videos(outcome: Any, place: str = "") -> tuple[Video, ...]:
    return tuple(
        # What lies in an object store is named; a browser cannot open it.
        Video(id=name, job_id=outcome.job_id, url=f"{place}/{name}" if "://" in place else "")
        for name in outcome.files
    )


def _clips(outcome: Any, place: str, page_folder: Path) -> list[Clip]:
    if not isinstance(outcome, temporal().Finished):
        return []
    return [
        Clip(video=video, file=video.id, file_link=_link(place, video.id, page_folder))
        for video in _videos(outcome, place)
    ]


def _link(place: str, name: str, page_folder: Path) -> str | None:
    """A relative link to a file of a folder, or None where it is not there."""
    if "://" in place:
        return None
    path = Path(place) / name
    try:
        if not path.is_file():
            return None
        way = os.path.relpath(path, page_folder)
    except (OSError, ValueError):
        # On Windows, another drive.
        return None
    return quote(Path(way).as_posix().encode("utf-8", "surrogateescape"), safe="/")


def facts(result: CampaignResult, one: Entry) -> dict[str, Any]:
    """For machines, as the results of a batch are told."""
    attempt = one.attempt
    error = None
    if attempt.standing is Standing.FAILED:
        kind = "JobFailedError" if attempt.problem is None else attempt.problem.kind
        error = {"kind": kind, "message": attempt.reason, "code": attempt.code}
    elif attempt.standing is Standing.WAITING and attempt.problem is not None:
        error = {"kind": attempt.problem.kind, "message": attempt.problem.text, "code": None}
    return {
        "row": one.number,
        "prompt": one.prompt,
        "metadata": dict(one.metadata),
        "job_id": attempt.job_id,
        "ok": attempt.standing is Standing.SUCCEEDED,
        "state": None if result.outcome is None else type(result.outcome).__name__.lower(),
        "error": error,
        "files": [clip.file for clip in one.clips],
        "charged": None if attempt.charged is None else asdict(attempt.charged),
    }
