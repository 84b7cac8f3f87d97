"""What an error means for the money, and what to do next: as values, and as sentences.

Programs read the values. The sentences are the same for everyone but for what is to be typed, which
is a :class:`Spelling`: Python's stands here, that of the shell in ``cli``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Started(StrEnum):
    """Whether a job was started by the request that the error is about."""

    NO = "no"
    """Provably not: nothing left, or the service said so."""
    MAYBE = "maybe"
    """It left whole, and nobody can tell what became of it."""
    YES = "yes"
    """There is a job, known by its id."""


class MoneyMeaning(StrEnum):
    """What an error means for the money."""

    NOT_SENT = "not_sent"
    """Nothing left this machine."""
    NOT_CHARGED = "not_charged"
    """Something left; it provably started nothing."""
    MAY_BE_CHARGED = "may_be_charged"
    """A job may exist and may be billed."""
    STAYS_PAID = "stays_paid"
    """There is a job, and it is paid for: go on with it, do not submit again."""
    SERVICE_DECIDES = "service_decides"
    """The job failed; whether a failed job is billed is the service's to say."""


class Action(StrEnum):
    """What to do next."""

    WAIT_FOR_JOB = "wait_for_job"
    """Wait for the job again; it runs on."""
    LOOK_AT_JOB = "look_at_job"
    """The answer that refused names a job all the same: look at it before submitting again."""
    CHECK_USAGE = "check_usage"
    """Look at the account's usage around that time; submit again only if nothing was started."""
    CHECK_KEY_AND_URL = "check_key_and_url"
    """Jobs belong to the account whose key made them: another key or address may know it."""
    CHECK_KEY = "check_key"
    CHECK_BASE_URL = "check_base_url"
    TOP_UP = "top_up"
    CHANGE_REQUEST = "change_request"
    """Sending the same again changes nothing."""
    TRY_LATER = "try_later"
    SUBMIT_ANEW = "submit_anew"
    """Submitting again is allowed, and is a new paid job."""
    DOWNLOAD_AGAIN = "download_again"
    OVERWRITE = "overwrite"
    """Download again, and allow it to replace the file that is there."""
    RUN_AGAIN = "run_again"
    """Mend the reason, then run the batch again with the same journal."""
    SEND_THE_REST = "send_the_rest"
    """Mend the reason, then send the requests that came back with this error, and only those."""
    USE_ITS_SERVICE = "use_its_service"
    """Run it again with the service and base URL that the job was submitted to."""
    ALLOW_INSECURE = "allow_insecure"
    """Use https, or allow the key to travel over plain http."""


# Of the standard library alone: errors are imported where nothing else is needed.
class Advice(NamedTuple):
    """What to do next.

    Attributes:
        action: What to do.
        job_id: The job it is about, where it is about one.
        journalled: Whether a journal keeps what is needed to go on.
    """

    action: Action
    job_id: str | None = None
    journalled: bool = False


FOR_LATER: Final = ("rate_limited", "unavailable")
"""What failed jobs mean that the service had no room for, or nobody to make them."""


def after_failure(meaning: str | None, usual: Action, *, linked: bool) -> Action:
    """What to do about a job that failed.

    ``meaning``: as in ``Failed``; ``usual``: what its class of errors says; ``linked``: whether
    each video that it has made has its link.
    """
    if not linked:
        return Action.WAIT_FOR_JOB
    return Action.TRY_LATER if meaning in FOR_LATER else usual


class Spelling(NamedTuple):
    """What is to be typed where a sentence advises something.

    Attributes:
        wait: To wait for the job with this id.
        look: To look at the job with this id, once.
        overwrite: To replace a file; the beginning of a sentence.
        resubmit_uncertain: To submit again what was left uncertain.
        allow_insecure: To let the key travel over plain http.
    """

    wait: Callable[[str | None], str]
    look: Callable[[str | None], str]
    overwrite: str
    resubmit_uncertain: str
    allow_insecure: str


PYTHON: Final = Spelling(
    wait="client.job({!r}).result()".format,
    look="client.job({!r}).refresh()".format,
    overwrite="Pass overwrite=True",
    resubmit_uncertain="resubmit_uncertain=True",
    allow_insecure="allow_insecure=True",
)


def runs_on(job_id: str | None, spelling: Spelling = PYTHON) -> str:
    """Of a job that nobody waits for any more."""
    return (
        f"Job {job_id} runs on at the service and stays paid for: wait for it again with "
        f"{spelling.wait(job_id)}, do not submit it again."
    )


_UNCERTAIN: Final = (
    "The job may exist and may be billed, so no second job was asked for. Look at the account's "
    "usage around that time; submit again only if nothing was started."
)
_SERVICE_DECIDES: Final = (
    "Whether a failed job is charged is the service's to say; submitting it again is a new paid job"
)
_DOWNLOAD_AGAIN: Final = (
    "The video itself is finished and paid for: download it again, do not generate it again."
)
_NOT_CHARGED: Final = "Nothing was started and nothing is charged."

_MONEY: Final = {
    MoneyMeaning.NOT_SENT: "Nothing was sent.",
    MoneyMeaning.NOT_CHARGED: _NOT_CHARGED,
    MoneyMeaning.MAY_BE_CHARGED: _UNCERTAIN,
    MoneyMeaning.STAYS_PAID: "It stays paid for.",
    MoneyMeaning.SERVICE_DECIDES: f"{_SERVICE_DECIDES}.",
}


def in_sentences(  # noqa: C901, PLR0911, PLR0912 - one return an action
    money: MoneyMeaning, advice: Advice | None, spelling: Spelling = PYTHON
) -> str:
    """Both, for whoever types in this spelling."""
    action = None if advice is None else advice.action
    job_id = None if advice is None else advice.job_id
    match action:
        case Action.WAIT_FOR_JOB if money is MoneyMeaning.SERVICE_DECIDES:
            # Only what failed for want of a link is waited for again.
            return (
                "The link may still come: ask for it again with "
                f"{spelling.wait(job_id)}, do not submit the job again."
            )
        case Action.WAIT_FOR_JOB:
            return runs_on(job_id, spelling)
        case Action.LOOK_AT_JOB:
            return (
                f"Yet the answer names job {job_id}: look at it with {spelling.look(job_id)} "
                "before submitting again."
            )
        case Action.CHECK_USAGE if advice is not None and advice.journalled:
            return f"{_UNCERTAIN} For a whole batch, {spelling.resubmit_uncertain} does that."
        case Action.CHECK_KEY_AND_URL:
            return (
                "Jobs belong to the account whose key made them, and expire; with another key or "
                "base URL the same id may be found. Nothing was submitted again."
            )
        case Action.TRY_LATER if money is MoneyMeaning.NOT_CHARGED and job_id is not None:
            return (
                "Nothing was charged for it. The service takes no more for now: submit it again "
                "later. A batch with a journal does that when it is run again."
            )
        case Action.TRY_LATER if money is MoneyMeaning.STAYS_PAID:
            return (
                "It was charged all the same; submitting it again is a new paid job, for later: "
                "the service takes no more for now."
            )
        case Action.TRY_LATER if money is MoneyMeaning.SERVICE_DECIDES:
            return f"{_SERVICE_DECIDES}, for later: the service takes no more for now."
        case Action.SUBMIT_ANEW if money is MoneyMeaning.NOT_CHARGED:
            return "Nothing was charged for it; submitting it again is a new job."
        case Action.SUBMIT_ANEW if money is MoneyMeaning.STAYS_PAID:
            return "It was charged all the same; submitting it again is a new paid job."
        case Action.CHANGE_REQUEST if money is MoneyMeaning.NOT_CHARGED and job_id is not None:
            return "Nothing was charged for it. It needs another prompt, image or video."
        case Action.CHANGE_REQUEST if money is MoneyMeaning.SERVICE_DECIDES:
            return f"{_SERVICE_DECIDES} and needs another prompt, image or video."
        case Action.TOP_UP:
            return (
                f"{_MONEY[money]} Top up the account, or raise its limit, before the next submit."
            )
        case Action.CHECK_KEY:
            return f"{_MONEY[money]} Check the key and what its account allows."
        case Action.DOWNLOAD_AGAIN:
            return _DOWNLOAD_AGAIN
        case Action.OVERWRITE:
            return f"{spelling.overwrite} to replace it. {_DOWNLOAD_AGAIN}"
        case Action.ALLOW_INSECURE:
            return (
                f"Use https, or {spelling.allow_insecure} if that is what you want. {_MONEY[money]}"
            )
        case Action.RUN_AGAIN:
            return (
                "Nothing was sent for it and nothing is charged for it. Put that right, then run "
                "the batch again with the same journal: it goes on where this run has stopped."
            )
        case Action.SEND_THE_REST:
            return (
                "Nothing was sent for it and nothing is charged for it. Put that right, then send "
                "the requests that come back with this error, and only those."
            )
        case Action.USE_ITS_SERVICE if advice is not None and not advice.journalled:
            return (
                "Nothing was sent now, and its job may exist and may be billed there. Go on with a "
                "client of that service and base URL."
            )
        case Action.USE_ITS_SERVICE:
            return (
                "Nothing was sent for it now, and what it cost then stays paid for. Run the batch "
                "again with that service and base URL, or give the others a journal of their own."
            )
        case _:
            # The headline of the error says the rest.
            return _MONEY[money]
