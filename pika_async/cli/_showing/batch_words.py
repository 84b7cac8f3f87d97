"""What is said of a batch: of each result, on the way, and at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from attrs import frozen

from pika_async import (
    DownloadError,
    InvalidRequestError,
    JobError,
    JobFailedError,
    JobTimeoutError,
    Money,
    NotSubmittedError,
    OtherServiceError,
    PikaError,
    SubmissionUncertainError,
)
from pika_async._figures import counted, roughly
from pika_async._meaning import Started
from pika_async._sheet import Standing
from pika_async._states import Failed, Succeeded
from pika_async.cli._showing.sentences import sentence
from pika_async.cli._showing.words import short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pika_async import BatchResult, BatchStats, Spent
    from pika_async.cli._running.progress import Progress
    from pika_async.cli._running.trail import BatchTrail
    from pika_async.cli._showing.shown import Planned


_AMOUNT: Final = "AMOUNT"
_REMEMBERED: Final = (
    "the budget comes from an earlier run with this journal; --budget AMOUNT changes it, and "
    "--budget inf lifts it"
)


@frozen(kw_only=True)
class Hint:
    """What to do about some of the results."""

    text: str
    line: str | None
    """The command that does it."""


def outcome(result: BatchResult | str, trail: BatchTrail) -> str:
    """What became of one request, in one line; text: why there is none any more."""
    if isinstance(result, str):
        return problem(result, trail)
    if result.error is not None:
        kept = f" Saved all the same: {', '.join(map(str, result.files))}." if result.files else ""
        return f"{problem(result.error, trail)}{kept}"
    found = [str(path) for path in result.files]
    if not found and result.state is not None:
        found = [video.url for video in result.state.videos if video.url]
    return ", ".join(found) or "succeeded"


def end_of(result: BatchResult) -> Succeeded | Failed | None:
    """How the job ended, if it did, whatever came of its videos."""
    state = result.error.state if isinstance(result.error, JobError) else result.state
    return state if isinstance(state, Succeeded | Failed) else None


def standing(result: BatchResult) -> Standing:
    """Where a request stands, in the word that a report of the journal has for it."""
    match result.error:
        case SubmissionUncertainError():
            return Standing.UNCERTAIN
        case OtherServiceError(started=Started.MAYBE):
            return Standing.UNCERTAIN
        # The latter was given up by a person.
        case InvalidRequestError() | PikaError(started=Started.MAYBE) if result.job_id is None:
            return Standing.FAILED
        case _:
            pass
    match end_of(result):
        case Succeeded():
            return Standing.SUCCEEDED
        case Failed():
            return Standing.FAILED
        case None:
            return Standing.WAITING if result.job_id is None else Standing.RUNNING


def reason(error: PikaError) -> str:
    """What went wrong, without what it means: in the words that a report of the journal has."""
    match error:
        case JobError(state=Failed(reason=said)):
            return said
        case SubmissionUncertainError():
            return str(error.args[0])
        case _:
            return error.what


def problem(error: PikaError | str, trail: BatchTrail) -> str:
    """What is said of an error in one line; what is the same for many is said once."""
    match error:
        case str():
            return f"error: {short(error)}"
        case NotSubmittedError():
            return "not submitted"
        case SubmissionUncertainError():
            text = f"uncertain: {sentence(error, trail, brief=True)}"
        case _:
            said_later = trail.simulated or isinstance(error, JobFailedError)
            if isinstance(error, JobTimeoutError | DownloadError):
                said_later |= trail.journal is not None
            text = f"error: {sentence(error, trail, brief=said_later)}"
    return " ".join(text.split())


def plan(what: Planned) -> Iterator[str]:
    """``192 known, 8 uncertain, 250 to submit: about $50.00``, and what else is to be known."""
    numbers = {"known": what.known, "uncertain": what.uncertain}
    text = _listed(
        {name: number for name, number in numbers.items() if number} | {"to submit": what.to_submit}
    )
    if what.cost is not None and what.to_submit:
        text += f": about {what.cost}"
    if what.perhaps:
        text += f", and up to {what.perhaps} more, if the service does not know their jobs"
        if what.perhaps_cost is not None:
            text += f": about {what.perhaps_cost} more"
    if what.budget is not None:
        text += f"; the budget is {what.budget}"
        if what.spent is not None and what.spent.micros:
            text += f", of which about {what.spent} are spent"
    if what.left:
        text += f"; {what.left} left for later"
    if what.says_more:
        yield text
    if what.budget_remembered:
        yield _REMEMBERED
    if what.own_columns:
        yield f"kept with the results, and not sent: {', '.join(what.own_columns)}"


def pace(progress: Progress) -> str:
    """``12 of 100 done, 2.4 a minute, about 36 min left``."""
    parts = [f"{progress.finished:,} of {progress.total:,} done"]
    rate = progress.rate()
    if rate is not None:
        parts.append(f"{rate:.1f} a minute" if rate < 10 else f"{rate:.0f} a minute")
    left = progress.time_left()
    if left is not None and progress.finished < progress.total:
        parts.append(f"about {roughly(max(1.0, left))} left")
    return ", ".join(parts)


def counts(progress: Progress) -> str:
    """``14 running, 2 queued, 72 waiting, 1 failed``."""
    stats = progress.stats
    always = {
        "running": progress.running,
        "queued": progress.queued,
        "waiting": progress.waiting,
        "failed": progress.failed,
    }
    sometimes = {
        "saving": stats.downloading,
        "uncertain": stats.uncertain,
        "not submitted": stats.not_submitted,
    }
    return _listed(always | {what: number for what, number in sometimes.items() if number})


def totals(progress: Progress, saved_in: str | None, *, simulated: bool = False) -> str:
    """``100 prompts: 97 succeeded, 2 failed, 1 uncertain in 42 min; 97 files saved in videos``."""
    stats = progress.stats
    begun = "" if progress.finished == progress.total else f"{progress.finished:,} of "
    always = {"succeeded": stats.succeeded, "failed": progress.failed}
    sometimes = {"uncertain": stats.uncertain, "not submitted": stats.not_submitted}
    ends = always | {what: number for what, number in sometimes.items() if number}
    text = f"{begun}{counted(progress.total, 'prompt')}: {_listed(ends)}"
    text += f" in {roughly(progress.elapsed())}"
    if stats.resumed:
        text += f"; {stats.submitted} submitted now, {stats.resumed} known from the journal"
    if stats.spent.total.micros and not simulated:
        about = "" if stats.spent.total == stats.spent.charged else "about "
        text += f"; {about}{stats.spent.total} spent{_parts(stats.spent)}"
        if unpriced := stats.spent.unpriced:
            # Without this the sum would look complete.
            text += f", and nobody has said what {counted(unpriced, 'job')} more cost"
    if saved_in is not None and stats.downloaded:
        text += f"; {counted(stats.downloaded, 'file')} saved in {saved_in}"
    elif saved_in is not None and stats.succeeded:
        text += f"; the files are in {saved_in}"
    return text


def _parts(spent: Spent) -> str:
    """``($0.45 charged, $0.40 reserved for jobs in flight)``, where it is of several kinds."""
    known = {
        "charged": spent.charged,
        "estimated": spent.estimated,
        "reserved for jobs in flight": spent.reserved,
    }
    parts = [f"{amount} {name}" for name, amount in known.items() if amount.micros]
    return f" ({', '.join(parts)})" if len(parts) > 1 else ""


def _listed(numbers: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {what}" for what, number in numbers.items())


def hints(trail: BatchTrail) -> list[Hint]:
    """What to do about what went wrong; nothing of a simulated batch was paid."""
    progress = trail.progress
    if trail.simulated or progress is None:
        return []
    found = []
    if progress.stats.uncertain:
        if (settle := trail.settle_line()) is not None:
            text = (
                f"{counted(progress.stats.uncertain, 'submit')} may have started a job, and may be "
                "billed. Look at the account's usage. To list them, and to name the jobs that were "
                "started, which costs nothing"
            )
            found.append(Hint(text=text, line=settle))
        found.append(_about_uncertain(progress.stats, trail))
    if progress.over_budget is not None:
        found.append(_about_budget(progress.over_budget, progress.beyond_budget, trail))
    unfinished = _unfinished(progress)
    if trail.journal is None:
        if progress.failed or unfinished:
            those = "failed or were not submitted" if progress.stats.not_submitted else "failed"
            text = (
                "There is no journal, so to run the file again pays again for all: put the prompts "
                f"that {those} into a file of their own"
            )
            found.append(Hint(text=text, line=None))
        return found
    if progress.for_good:
        those = "it" if progress.for_good == 1 else "them"
        text = (
            f"{counted(progress.for_good, 'prompt')} failed, and no run submits {those} again by "
            "itself. To do that, as new paid jobs"
        )
        found.append(Hint(text=text, line=trail.line("--retry-failed")))
    if unfinished:
        text = (
            f"{' and '.join(unfinished)}. To wait for the jobs they have, and to submit only those "
            "without one"
        )
        found.append(Hint(text=text, line=trail.line()))
    return found


def _about_budget(error: PikaError, count: int, trail: BatchTrail) -> Hint:
    text = f"{counted(count, 'prompt')} {short(error.what)}. To submit more, "
    line, progress = trail.line(budget=_AMOUNT), trail.progress
    if line is None or progress is None:
        return Hint(text=f"{text}give a larger --budget", line=None)
    text += "with a larger budget"
    spent = progress.stats.spent.total
    if trail.price is not None and trail.price.currency == spent.currency:
        text += f", of which {spent + count * trail.price} are enough for all of them"
    return Hint(text=text, line=line)


def _about_uncertain(stats: BatchStats, trail: BatchTrail) -> Hint:
    count = stats.uncertain
    if trail.journal is None:
        return Hint(
            text="Uncertain: the job may exist and may be billed. Look at the account's usage; "
            "where nothing was started, submit again, with a file of those prompts alone",
            line=None,
        )
    those = "it" if count == 1 else f"all {count:,}"
    text = (
        f"Where nothing was started, this submits {those} again; where a job was started after "
        "all, that is a second paid job"
    )
    again = "--resubmit-uncertain"
    if trail.budget is None:
        return Hint(text=text, line=trail.line(again))
    # What may have been paid for counts as spent, so the same budget would refuse them.
    spent = stats.spent.total
    price = stats.spent.estimated.micros // count if trail.price is None else trail.price.micros
    least = Money(spent.micros + count * price, spent.currency)
    if trail.budget.micros >= least.micros:
        return Hint(text=text, line=trail.line(again))
    text += f". The budget counts them as spent: AMOUNT is {least} or more, for all"
    return Hint(text=text, line=trail.line(again, budget=_AMOUNT))


def _unfinished(progress: Progress) -> list[str]:
    """What the same line brings to an end, once what was wrong has been mended."""
    found = []
    if progress.failed > progress.for_good:
        prompts = counted(progress.failed - progress.for_good, "prompt")
        found.append(f"{prompts} did not come to an end")
    if number := progress.stats.not_submitted - progress.beyond_budget:
        be = "was" if number == 1 else "were"
        found.append(f"{counted(number, 'prompt')} {be} not submitted")
    return found
