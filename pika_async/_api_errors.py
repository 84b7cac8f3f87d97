"""What the service answered, as errors: refusals, failures, and answers that are not the API's."""

from __future__ import annotations

from typing import ClassVar, Final

from pika_async._errors import PikaError, full_stop
from pika_async._meaning import Action, Advice, MoneyMeaning, Started


class APIError(PikaError):
    """The service answered with an error.

    Attributes:
        status: HTTP status.
        code: The service's own code, or None.
        message: The service's own words; empty where it gave none.
        request_id: The service's name for this request, for its support, or None.
        retry_after: Seconds the service asked to wait, or None.
        body: The first 500 characters of the answer.
        is_api_answer: Whether the API itself said this. False where something in front of it or
            behind it did: a page of a proxy or of a firewall, an answer without a word, a refusal
            that the gateway met at the service behind it. Such an answer tells nothing of the
            key, of the account or of a job, and the next request may not meet it.
    """

    _money_not_started = MoneyMeaning.NOT_CHARGED
    _action: ClassVar[Action | None] = None
    # Whether this kind says something of the key or the account, which only the API itself can.
    _of_account: ClassVar[bool] = False

    def __init__(
        self,
        message: str = "",
        *,
        status: int,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        body: str = "",
        started: Started = Started.NO,
        job_id: str | None = None,
        is_api_answer: bool = True,
    ) -> None:
        super().__init__(message, job_id=job_id, started=started)
        self.message = message
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        self.body = body
        self.is_api_answer = is_api_answer

    @property
    def money(self) -> MoneyMeaning:
        """Where the answer names a job all the same, nobody can tell before it is looked at."""
        if self.started is Started.NO and self.job_id is not None:
            return MoneyMeaning.MAY_BE_CHARGED
        return super().money

    def _advice_not_started(self) -> Advice | None:
        if self.job_id is not None:
            return Advice(Action.LOOK_AT_JOB, self.job_id)
        if self._of_account and not self.is_api_answer:
            return Advice(Action.TRY_LATER)
        return None if self._action is None else Advice(self._action)

    summary = "the service answered with an error"

    @property
    def headline(self) -> str:
        """What its class means, the evidence, and the service's own words."""
        of_others = self._of_account and not self.is_api_answer
        summary = _OF_OTHERS if of_others else self.summary
        facts = [f"HTTP {self.status}"]
        if self.code:
            facts.append(f"code {self.code}")
        if self.request_id:
            facts.append(f"request id {self.request_id}")
        said = f": {self.message}" if self.message else ""
        return f"{summary} ({', '.join(facts)}){said}{full_stop(said)}"


_OF_OTHERS: Final = (
    "the request was refused, and not by the API itself: by a proxy, a firewall or the service "
    "behind it"
)


class AuthenticationError(APIError):
    """401: the key is missing, unknown, expired, disabled, or its own quota is used up."""

    _of_account = True
    _action = Action.CHECK_KEY
    summary = "the API key was not accepted: unknown, expired, disabled, or its quota is used up"


class PermissionDeniedError(APIError):
    """403: the account, its address or the model is not allowed."""

    _of_account = True
    _action = Action.CHECK_KEY
    summary = "not allowed for this account, address or model"


class QuotaExceededError(APIError):
    """402, or 403 with a code that says so: the account's balance is too small."""

    _of_account = True
    _action = Action.TOP_UP
    summary = "the account's balance or quota does not suffice"


class InvalidRequestError(APIError):
    """400, 413, 422: the service refuses this request; sending it again changes nothing."""

    _action = Action.CHANGE_REQUEST
    summary = "the service refused the request"


class NotFoundError(APIError):
    """404, or the service's own code: no such job for this key, or a wrong base URL."""

    _action = Action.CHECK_BASE_URL
    summary = "not found: no such job for this API key, or a wrong base URL"

    @property
    def money(self) -> MoneyMeaning:
        """Of a job that is not found nobody here can tell what it cost."""
        known = super().money
        return MoneyMeaning.MAY_BE_CHARGED if known is MoneyMeaning.STAYS_PAID else known

    @property
    def advice(self) -> Advice | None:
        """Of a job that is not found: look with the key and the address that made it."""
        if self.started is Started.YES:
            return Advice(Action.CHECK_KEY_AND_URL, self.job_id)
        return super().advice


class RateLimitError(APIError):
    """429: too many requests."""

    _action = Action.TRY_LATER
    summary = "too many requests"


class ServerError(APIError):
    """5xx: the service, or a proxy in front of it, failed."""

    _action = Action.TRY_LATER
    summary = "the service failed"


class DecodeError(PikaError):
    """The answer is not the API's: a web page, say, because the base URL is wrong.

    Attributes:
        status: HTTP status.
        body: The first 500 characters of the answer.
    """

    _money_not_started = MoneyMeaning.NOT_CHARGED

    def __init__(
        self,
        message: str = "",
        *,
        status: int,
        body: str = "",
        started: Started = Started.NO,
        job_id: str | None = None,
    ) -> None:
        super().__init__(message, job_id=job_id, started=started)
        self.status = status
        self.body = body

    def _advice_not_started(self) -> Advice:
        return Advice(Action.CHECK_BASE_URL)
