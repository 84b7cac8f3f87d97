"""Which prompt of a campaign a worker is about, for whoever is told the worker's events."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from attrs import frozen
from temporalio import activity

from pika_async.temporal._names import campaign_of
from pika_async.temporal._records import Line

if TYPE_CHECKING:
    from pika_async.temporal._records import Requested


@frozen(kw_only=True)
class PromptUnderWay:
    """A prompt of a campaign.

    Attributes:
        campaign: The id of the campaign.
        index: The prompt, from 0, as in ``Campaign.results()``.
    """

    campaign: str
    index: int


_UNDER_WAY: Final[ContextVar[PromptUnderWay | None]] = ContextVar("prompt under way", default=None)


def prompt_under_way() -> PromptUnderWay | None:
    """The prompt that is submitted, or whose job is waited for; None: it is of no campaign.

    For the ``observer`` of :func:`pika_async.temporal.run_worker`, while it is told an event.
    """
    return _UNDER_WAY.get()


def is_about(requested: Requested) -> None:
    """From now on this task, and those that it begins, are about this."""
    campaign = campaign_of(activity.info().workflow_id or "")
    if campaign is None or not isinstance(requested, Line):
        _UNDER_WAY.set(None)
    else:
        _UNDER_WAY.set(PromptUnderWay(campaign=campaign, index=requested.index))
