"""One event of each kind."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pika_async import (
    AuthenticationError,
    BatchLeft,
    BatchStopped,
    Failed,
    FileSystemLimited,
    GenerationRequest,
    JobAccepted,
    JobEnded,
    JobTimeoutError,
    JournalBroken,
    JournalError,
    PollingPolicyFailed,
    Queued,
    RateLimitError,
    Running,
    StateChanged,
    SubmissionUncertainError,
    SubmitHeldBack,
    SubmitRefused,
    SubmitSent,
    SubmitUncertain,
    SubmitWithdrawn,
    Succeeded,
    Video,
    VideoKept,
    VideoSaved,
    WaitingEnded,
)

PROMPT = "a red panda nobody else may read of"
REQUEST = GenerationRequest(PROMPT)
NOW = datetime(2025, 5, 23, 8, 0, 0, tzinfo=UTC)
VIDEO = Video(id="v", job_id="job-1", url="https://media.example/v.mp4")
DONE = Succeeded(videos=(VIDEO,))
LOST = SubmissionUncertainError("it broke off", request=REQUEST, fingerprint="f" * 64, sent_at=NOW)
BROKEN = JournalError("the journal could not be written")

SENT = SubmitSent(submit_id="s-1", request=REQUEST, service="gateway", sent_at=NOW, tries=1)
HELD_BACK = SubmitHeldBack(
    submit_id="s-1", error=RateLimitError("slow down", status=429), seconds=2.0, tries=1
)
ACCEPTED = JobAccepted(submit_id="s-1", job_id="job-1", request=REQUEST, service="gateway")
ENDED = JobEnded(job_id="job-1", state=DONE, elapsed=61.5, polls=9)

EVENTS = [
    SENT,
    HELD_BACK,
    ACCEPTED,
    SubmitRefused(submit_id="s-1", error=AuthenticationError("no", status=401)),
    SubmitUncertain(submit_id="s-1", error=LOST),
    SubmitWithdrawn(submit_id="s-1"),
    StateChanged(job_id="job-1", previous=Queued(), state=Running(), elapsed=3.0, polls=2),
    ENDED,
    JobEnded(job_id="job-1", state=Failed(reason="fell"), elapsed=3.0, polls=2),
    WaitingEnded(job_id="job-1"),
    WaitingEnded(job_id="job-1", error=JobTimeoutError("over", job_id="job-1", state=None)),
    VideoSaved(video=VIDEO, path=Path("v.mp4"), size=10),
    VideoKept(video=VIDEO, path=Path("v.mp4"), size=7, saved_size=10),
    FileSystemLimited(path=Path("v.mp4"), cannot="lock", reason="no locks"),
    PollingPolicyFailed(policy="<Mine>", problem="-1 s", error=None),
    JournalBroken(path=Path("j"), error=BROKEN),
    BatchStopped(error=BROKEN),
    BatchLeft(in_flight={0: "job-1"}, unclaimed={1: "job-2"}, journalled=False),
    BatchLeft(uncertain={0: LOST}, journalled=True),
]
