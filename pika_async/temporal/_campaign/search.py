"""By what a campaign is found in the engine: search attributes, where the server knows them.

A server takes such attributes only after somebody has told it of them, and fails a workflow that
sets others. So whoever starts a campaign asks once, and the campaign keeps the answer.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from temporalio import workflow
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    SearchAttributeUpdate,
    TypedSearchAttributes,
)
from temporalio.exceptions import ActivityError
from temporalio.service import RPCError

from pika_async.temporal._messages.campaigns import Counting, Decided
from pika_async.temporal._names import DECIDED
from pika_async.temporal._steps import HEARTBEAT_TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Callable

    from temporalio.client import Client

    from pika_async.temporal._messages.campaigns import CampaignOrder
    from pika_async.temporal._messages.pages import Tally

_CAMPAIGN: Final = SearchAttributeKey.for_keyword("PikaCampaign")
_UNCERTAIN: Final = SearchAttributeKey.for_int("PikaUncertain")
_FAILED: Final = SearchAttributeKey.for_int("PikaFailed")

ATTRIBUTES: Final = {_CAMPAIGN.name: "Keyword", _UNCERTAIN.name: "Int", _FAILED.name: "Int"}
"""What a server must know, by the names of its types."""

BETWEEN: Final = timedelta(seconds=10)
"""Between two counts of what was decided: each takes room in the history."""

_COUNTED_WITHIN: Final = timedelta(minutes=10)

PATCH: Final = "search attributes"
"""Where workers of two versions take turns, the one that began a run decides for it."""

_TYPES: Final = {
    "Keyword": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    "Int": IndexedValueType.INDEXED_VALUE_TYPE_INT,
}


async def is_searchable(engine: Client) -> bool:
    """Whether the server takes the attributes; false also where it does not say."""
    asked = ListSearchAttributesRequest(namespace=engine.namespace)
    try:
        known = await engine.operator_service.list_search_attributes(asked)
    except RPCError:
        # Some servers let only operators ask, and a campaign runs without.
        return False
    return all(
        known.custom_attributes.get(name) == _TYPES[kind] for name, kind in ATTRIBUTES.items()
    )


def begun(campaign_id: str) -> TypedSearchAttributes:
    """Those of a campaign that starts."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(_CAMPAIGN, campaign_id),
            SearchAttributePair(_UNCERTAIN, 0),
            SearchAttributePair(_FAILED, 0),
        ]
    )


class Searchers:
    """Tells those who search for a campaign what the lines of its ended pages have come to.

    That is told at the end of a page, and when its owner has decided about lines. What he has
    decided stands in the store, where a worker counts it: whoever brings the news may come twice,
    or before the end of the page is known here. Many decisions are counted at once.

    Attributes:
        decided: What its owner has decided, as far as it was counted.
    """

    def __init__(self, order: CampaignOrder) -> None:
        self.decided = order.decided
        self._told = self._counts(order.ended)
        self._asked = False
        self._counting = False
        self._next = workflow.now()

    def tell(self, order: CampaignOrder) -> None:
        """At the end of a page, where there is news: that is an event in five hundred lines."""
        counts = self._counts(order.ended)
        if order.searchable and counts != self._told and workflow.patched(PATCH):
            self._told = counts
            workflow.upsert_search_attributes(counted(*counts))

    async def count(self, order: Callable[[], CampaignOrder]) -> None:
        """Count what its owner has decided, and tell it; where that goes on, it is counted after.

        Args:
            order: The campaign, as it stands at the moment.
        """
        self._asked = True
        if self._counting or not order().searchable:
            return
        self._counting = True
        try:
            while self._asked:
                if (early := self._next - workflow.now()) > timedelta():
                    await workflow.sleep(early)
                self._asked = False
                await self._count(order())
                self._next = workflow.now() + BETWEEN
                self.tell(order())
        finally:
            self._counting = False

    async def _count(self, order: CampaignOrder) -> None:
        counting = Counting(store=order.store, digest=order.digest, stranded=order.stranded)
        # A campaign that has none of these numbers right goes on all the same.
        with suppress(ActivityError):
            self.decided = await workflow.execute_activity(
                DECIDED,
                counting,
                result_type=Decided,
                schedule_to_close_timeout=_COUNTED_WITHIN,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
            )

    def _counts(self, ended: Tally) -> tuple[int, int]:
        # Of a page the end of which is not known here a line may be decided about already.
        uncertain = ended.uncertain + self.decided.uncertain
        return max(uncertain, 0), max(ended.failed + self.decided.failed, 0)


def counted(uncertain: int, failed: int) -> list[SearchAttributeUpdate[int]]:
    """What the attributes tell."""
    return [_UNCERTAIN.value_set(uncertain), _FAILED.value_set(failed)]
