"""Which line of a campaign a worker submits, for whoever is told the worker's events."""

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
class LineUnderWay:
    """A line of a campaign.

    Attributes:
        campaign: The id of the campaign.
        index: The line, from 0, as in ``Campaign.results()``.
    """

    campaign: str
    index: int


_UNDER_WAY: Final[ContextVar[LineUnderWay | None]] = ContextVar("line under way", default=None)


def line_under_way() -> LineUnderWay | None:
    """The line that is submitted; None where it is none of a campaign.

    For the ``observer`` of :func:`pika_async.temporal.run_worker`, while it is told of a submit.
    """
    return _UNDER_WAY.get()


def submits(requested: Requested) -> None:
    """From now on this task, and those that it begins, submit this."""
    campaign = campaign_of(activity.info().workflow_id or "")
    if campaign is None or not isinstance(requested, Line):
        _UNDER_WAY.set(None)
    else:
        _UNDER_WAY.set(LineUnderWay(campaign=campaign, index=requested.index))
