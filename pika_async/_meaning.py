"""What an error means for the money, and what to do next: as values, and as Python's sentences.

Programs read the values. Sentences are made where they are shown: here for whoever reads
``str(error)`` and calls Python, in ``cli`` for whoever sits at a shell.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from attrs import frozen


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


@frozen
class Advice:
    """What to do next.

    Attributes:
        action: What to do.
        job_id: The job it is about, where it is about one.
        journalled: Whether a journal keeps what is needed to go on.
    """

    action: Action
    job_id: str | None = None
    journalled: bool = False


def runs_on(job_id: str | None) -> str:
    """Of a job that nobody waits for any more."""
    return (
        f"Job {job_id} runs on at the service and stays paid for: wait for it again with "
        f"client.job({job_id!r}).result(), do not submit it again."
    )


_UNCERTAIN: Final = (
    "The job may exist and may be billed, so it was not sent again. Look at the account's usage "
    "around that time; submit again only if nothing was started."
)
_SERVICE_DECIDES: Final = (
    "Whether a failed job is charged is the service's to say; submitting it again is a new paid job"
)
_NOT_CHARGED: Final = "Nothing was started and nothing is charged."

_MONEY: Final = {
    MoneyMeaning.NOT_SENT: "Nothing was sent.",
    MoneyMeaning.NOT_CHARGED: _NOT_CHARGED,
    MoneyMeaning.MAY_BE_CHARGED: _UNCERTAIN,
    MoneyMeaning.STAYS_PAID: "It stays paid for.",
    MoneyMeaning.SERVICE_DECIDES: f"{_SERVICE_DECIDES}.",
}


def in_sentences(  # noqa: PLR0911 - one return an action
    money: MoneyMeaning, advice: Advice | None
) -> str:
    """Both, in the words of someone who calls Python."""
    action = None if advice is None else advice.action
    job_id = None if advice is None else advice.job_id
    match action:
        case Action.WAIT_FOR_JOB:
            return runs_on(job_id)
        case Action.LOOK_AT_JOB:
            return (
                f"Yet the answer names job {job_id}: look at it with "
                f"client.job({job_id!r}).refresh() before submitting again."
            )
        case Action.CHECK_USAGE if advice is not None and advice.journalled:
            return f"{_UNCERTAIN} For a whole batch, resubmit_uncertain=True does that."
        case Action.CHECK_KEY_AND_URL:
            return (
                "Jobs belong to the account whose key made them, and expire; with another key or "
                "base URL the same id may be found. Nothing was submitted again."
            )
        case Action.CHANGE_REQUEST if money is MoneyMeaning.SERVICE_DECIDES:
            return f"{_SERVICE_DECIDES} and needs another prompt, image or video."
        case Action.DOWNLOAD_AGAIN | Action.OVERWRITE:
            return (
                "The video itself is finished and paid for: download it again, do not generate it "
                "again."
            )
        case Action.RUN_AGAIN:
            return (
                "Nothing was sent for it and nothing is charged for it. Mend that, then run the "
                "batch again with the same journal."
            )
        case Action.SEND_THE_REST:
            return (
                "Nothing was sent for it and nothing is charged for it. Mend that, then send the "
                "requests that come back with this error, and only those."
            )
        case Action.USE_ITS_SERVICE:
            return (
                "Nothing was sent for it now, and what it cost then stays paid for. Run the batch "
                "again with that service and base URL, or give the others a journal of their own."
            )
        case _:
            # The headline of the error says the rest.
            return _MONEY[money]
