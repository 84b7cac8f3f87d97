"""What may be said of a campaign."""

from __future__ import annotations

from pika_async import FieldError
from pika_async.temporal._campaign.campaign import MOST_IN_FLIGHT


def check_start(
    campaign_id: str,
    max_in_flight: int | None,
    submits_per_second: float | None,
    timeout: float | None,
) -> None:
    """Refuse what a campaign cannot be started with.

    Raises:
        FieldError: It is not allowed.
    """
    if not campaign_id.strip() or campaign_id != campaign_id.strip():
        raise FieldError("campaign_id", campaign_id, "a name without blanks around it")
    if max_in_flight is not None:
        check_in_flight(max_in_flight)
    if submits_per_second is not None and not 0 < submits_per_second < 100_000:
        raise FieldError("submits_per_second", submits_per_second, "a number above 0")
    if timeout is not None and not 0 < timeout < 31 * 24 * 3600:
        raise FieldError("timeout", timeout, "seconds above 0, up to a month; or None")


def check_in_flight(jobs: int) -> None:
    """Refuse what can be no limit of jobs in flight.

    Raises:
        FieldError: It is not allowed.
    """
    if isinstance(jobs, bool) or not isinstance(jobs, int) or not 1 <= jobs <= MOST_IN_FLIGHT:
        raise FieldError("max_in_flight", jobs, f"a whole number from 1 to {MOST_IN_FLIGHT}")
