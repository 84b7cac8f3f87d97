"""Where a campaign stands, for people and programs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from attrs import frozen

from pika_async._money import Money
from pika_async.temporal._limits.purse import Cost
from pika_async.temporal._limits.unseen import jobs, still
from pika_async.temporal._messages.pages import Waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pika_async.temporal._messages.campaigns import CampaignState
    from pika_async.temporal._messages.pages import Standing


@frozen(kw_only=True)
class CampaignProgress:
    """Where a campaign stands, in lines.

    Attributes:
        prompts: All of them.
        taken: Begun so far.
        submitted: Accepted by the service: what has been paid for.
        in_flight: Submitted, or about to be, and not ended.
        succeeded: Their videos are saved.
        failed: The job ended without a video.
        refused: Nothing was started, and nothing will be.
        not_submitted: Those of the refused that were never sent, as since the campaign was stopped.
        uncertain: A job may exist and be billed; see ``Campaign.resolve``.
        charged: What the service says that ended jobs cost; None where it says nothing.
        estimated: What jobs cost by their prices where the service does not say, and what uncertain
            submits may have cost; None where there is none, or no price is known.
        budget: The most that it may spend.
        share: How many jobs it may have in flight now.
        paused: Why nothing is submitted; None where it goes on.
        stopped: Whether nothing will be submitted any more.
        ended: Whether it is over.
        stranded: Pages whose outcomes nobody could write down; their lines count as uncertain.
        troubles: What workers fail with, over and over, and try again.
        searchable: Whether it is found in the engine by its search attributes; see ``Campaign``.
        waiting: Why no submit leaves at the moment, and when the next one does; None where they
            leave. Of several pages that wait, what the one that tries next says.
        unseen: How many jobs may run that nobody waits for, since the answers to their submits were
            lost, or their page was terminated; they count towards the limit of the account.
        unseen_until: When all of them are taken to have ended.
        crowded_since: Since when no submit leaves because the account has no place for one: other
            campaigns, repairs, or jobs that may run have all of them. None where it has some, or
            the campaign wants none.
        forgotten: Whether the engine has forgotten the campaign, so that its store alone tells: how
            it was started, and what jobs cost by their prices, is known to nobody any more.
    """

    prompts: int
    taken: int
    submitted: int
    in_flight: int
    succeeded: int
    failed: int
    refused: int
    uncertain: int
    charged: Money | None = None
    estimated: Money | None = None
    budget: Money | None = None
    share: int = 0
    paused: str | None = None
    stopped: bool = False
    ended: bool = False
    stranded: tuple[int, ...] = ()
    troubles: tuple[str, ...] = ()
    searchable: bool = False
    waiting: Waiting | None = None
    unseen: int = 0
    unseen_until: datetime | None = None
    forgotten: bool = False
    not_submitted: int = 0
    crowded_since: datetime | None = None

    @property
    def cost(self) -> Money | None:
        """What it has come to: charged and estimated; None where nothing is known."""
        return Cost(charged=self.charged, estimated=self.estimated).total


def progress_of(
    state: CampaignState,
    standings: Sequence[Standing],
    *,
    ended: bool,
    troubles: Iterable[str],
    now: datetime,
) -> CampaignProgress:
    """What a campaign and its open pages say, as one."""
    order = state.order
    sum_ = sum((each.tally for each in standings), order.ended)
    unseen = still((*order.unseen, *(one for each in standings for one in each.unseen)), now)
    waiting = [each.waiting for each in standings if each.waiting is not None]
    return CampaignProgress(
        prompts=order.prompts,
        taken=sum_.taken,
        submitted=sum_.submitted,
        in_flight=sum_.in_flight,
        succeeded=sum_.succeeded,
        failed=sum_.failed,
        refused=sum_.refused,
        not_submitted=sum_.not_submitted,
        uncertain=sum_.uncertain,
        charged=sum_.cost.charged,
        estimated=sum_.cost.estimated,
        budget=order.budget,
        share=state.share,
        crowded_since=None if ended else state.crowded_since,
        paused=order.paused,
        stopped=order.stopped,
        ended=ended,
        stranded=order.stranded,
        troubles=tuple(troubles),
        searchable=order.searchable,
        waiting=min(waiting, key=lambda one: one.until, default=None),
        unseen=jobs(unseen),
        unseen_until=max((each.until for each in unseen), default=None),
    )
