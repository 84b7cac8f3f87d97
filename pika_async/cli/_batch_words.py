"""What is said of a batch: of each result, on the way, and at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from pika_async import DownloadError, JobFailedError, JobTimeoutError, SubmissionUncertainError
from pika_async.cli._exits import in_our_words
from pika_async.cli._words import counted, duration

if TYPE_CHECKING:
    from pika_async import BatchResult, PikaError
    from pika_async.cli._batch_progress import Progress
    from pika_async.cli._batch_trail import BatchTrail


@frozen(kw_only=True)
class Advice:
    """What to do about some of the results."""

    text: str
    line: str | None
    """The command that does it."""


def outcome(result: BatchResult, trail: BatchTrail) -> str:
    """What became of one request, in one line."""
    if result.error is not None:
        kept = f" Saved all the same: {', '.join(map(str, result.files))}." if result.files else ""
        return f"{problem(result.error, trail)}{kept}"
    found = [str(path) for path in result.files]
    if not found and result.state is not None:
        found = [video.url for video in result.state.videos if video.url]
    return ", ".join(found) or "succeeded"


def problem(error: PikaError, trail: BatchTrail) -> str:
    """What is said of an error in one line."""
    kind = "uncertain" if isinstance(error, SubmissionUncertainError) else "error"
    # What is the same for many is said once, at the end.
    said_later = isinstance(error, SubmissionUncertainError | JobFailedError) or (
        trail.journal and isinstance(error, JobTimeoutError | DownloadError)
    )
    text = in_our_words(error, trail, brief=said_later or trail.simulated)
    return f"{kind}: {' '.join(text.split())}"


def pace(progress: Progress) -> str:
    """``12 of 100 done, 2.4 a minute, about 36 min left``."""
    parts = [f"{progress.finished} of {progress.total} done"]
    rate = progress.rate()
    if rate is not None:
        parts.append(f"{rate:.1f} a minute" if rate < 10 else f"{rate:.0f} a minute")
    left = progress.time_left()
    if left is not None and progress.finished < progress.total:
        parts.append(f"about {duration(max(1.0, left))} left")
    return ", ".join(parts)


def counts(progress: Progress) -> str:
    """``14 running, 2 queued, 72 waiting, 1 failed``."""
    always = [
        f"{progress.running} running",
        f"{progress.queued} queued",
        f"{progress.waiting} waiting",
        f"{progress.failed} failed",
    ]
    stats = progress.stats
    sometimes = {"saving": stats.downloading, "uncertain": stats.uncertain}
    return ", ".join(always + [f"{number} {what}" for what, number in sometimes.items() if number])


def totals(progress: Progress, saved_in: str | None) -> str:
    """``100 prompts: 97 succeeded, 2 failed, 1 uncertain in 42 min; 97 files saved in videos``."""
    stats = progress.stats
    begun = "" if progress.finished == progress.total else f"{progress.finished} of "
    parts = [f"{stats.succeeded} succeeded", f"{progress.failed} failed"]
    parts += [f"{stats.uncertain} uncertain"] if stats.uncertain else []
    text = f"{begun}{counted(progress.total, 'prompt')}: {', '.join(parts)}"
    text += f" in {duration(progress.elapsed())}"
    if stats.resumed:
        text += f"; {stats.submitted} submitted now, {stats.resumed} known from the journal"
    if saved_in is not None and stats.downloaded:
        text += f"; {counted(stats.downloaded, 'file')} saved in {saved_in}"
    elif saved_in is not None and stats.succeeded:
        text += f"; the files are in {saved_in}"
    return text


def advice(progress: Progress, trail: BatchTrail) -> list[Advice]:
    """What to do about what went wrong; nothing of a simulated batch was paid."""
    wrong = progress.failed + progress.stats.uncertain
    if trail.simulated or not wrong:
        return []
    found = []
    if progress.stats.uncertain:
        found.append(
            Advice(
                text="Uncertain: the job may exist and may be billed. Look at the account's usage; "
                "where nothing was started, submit again"
                + (
                    f" all {progress.stats.uncertain} with (or some of them, from a file and with "
                    "a journal of their own)"
                    if trail.journal
                    else ", with a file of those prompts alone"
                ),
                line=trail.line("--resubmit-uncertain"),
            )
        )
    if not trail.journal:
        if progress.failed:
            found.append(
                Advice(
                    text="There is no journal, so to run the file again pays again for all: put "
                    "the prompts that failed into a file of their own",
                    line=None,
                )
            )
        return found
    if progress.for_good:
        found.append(
            Advice(
                text=f"{counted(progress.for_good, 'job')} failed at the service or never got "
                "past it; to submit again, as new paid jobs",
                line=trail.line("--retry-failed"),
            )
        )
    if progress.failed > progress.for_good:
        found.append(
            Advice(
                text=f"{counted(progress.failed - progress.for_good, 'prompt')} did not come to an "
                "end. To wait for the jobs they have, and to submit only those without one",
                line=trail.line(),
            )
        )
    return found
