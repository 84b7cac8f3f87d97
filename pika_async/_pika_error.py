"""The base of all errors: facts, and what follows from them for the money and for what to do next.

An error carries facts: whether a job was started, which one, how often it was tried. ``money`` and
``advice`` are derived from them on demand. What is learnt of an error later is added as a fact.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pika_async._meaning import (
    PYTHON,
    Action,
    Advice,
    MoneyMeaning,
    Spelling,
    Started,
    in_sentences,
)
from pika_async._pickles import reduced


class PikaError(Exception):
    """Base of every error this package raises on purpose.

    Attributes:
        job_id: The job concerned, or None where no job is known.
        started: Whether the request that failed has started a job: NO, MAYBE or YES.
        tries: How often the request was sent, where it was sent more than once; else 1.

    Every error can be pickled, with its cause, to travel between processes.
    """

    # False where the message itself says what the error means for the money.
    _tells_meaning: ClassVar[bool] = True

    def __init__(
        self, message: str = "", *, job_id: str | None = None, started: Started = Started.NO
    ) -> None:
        super().__init__(message)
        self.job_id = job_id
        self.started: Started = started
        self.tries = 1

    @property
    def money(self) -> MoneyMeaning:
        """What this means for the money."""
        match self.started:
            case Started.YES:
                return MoneyMeaning.STAYS_PAID
            case Started.MAYBE:
                return MoneyMeaning.MAY_BE_CHARGED
            case Started.NO:
                return self._money_not_started

    _money_not_started: ClassVar[MoneyMeaning] = MoneyMeaning.NOT_SENT

    @property
    def advice(self) -> Advice | None:
        """What to do next, or None where the message says all there is to say."""
        match self.started:
            case Started.YES:
                return Advice(Action.WAIT_FOR_JOB, self.job_id)
            case Started.MAYBE if self.job_id is not None:
                return Advice(Action.LOOK_AT_JOB, self.job_id)
            case Started.MAYBE:
                return Advice(Action.CHECK_USAGE)
            case Started.NO:
                return self._advice_not_started()

    def _advice_not_started(self) -> Advice | None:
        return None

    @property
    def meaning(self) -> str:
        """``money`` and ``advice`` in a sentence or two; ``str(error)`` ends with it."""
        return self.meaning_in(PYTHON)

    def meaning_in(self, spelling: Spelling) -> str:
        """``meaning``, for whoever types something else than Python: ``spelling``."""
        if not self._tells_meaning or type(self) is PikaError:
            return ""
        sentences = in_sentences(self.money, self.advice, spelling)
        return f"{sentences} It was tried {self.tries} times." if self.tries > 1 else sentences

    def about_job(self, job_id: str) -> None:
        """Note that the request was about the job ``job_id``, and no submit: so there is a job."""
        if self.job_id is None:
            self.job_id = job_id
        self.started = Started.YES

    @property
    def what(self) -> str:
        """What happened, to which job: the text of the error without its meaning."""
        text = self.headline
        if self.job_id and self.job_id not in text:
            return f"job {self.job_id}: {text}"
        return text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.what!r})"

    def __str__(self) -> str:
        what, meaning = self.what, self.meaning
        return f"{what}{full_stop(what)} {meaning}" if what and meaning else what

    @property
    def headline(self) -> str:
        """What happened, without the job."""
        return str(self.args[0]) if self.args else ""

    def __reduce__(self) -> tuple[Any, ...]:
        return reduced(self)


def full_stop(text: str) -> str:
    """What ends a sentence that has no end yet."""
    return "" if text.endswith((".", "!", "?")) else "."
