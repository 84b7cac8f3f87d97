"""By what a campaign is found in the engine: search attributes, where the server knows them.

A server takes such attributes only after somebody has told it of them, and fails a workflow that
sets others. So whoever starts a campaign asks once, and the campaign keeps the answer.
"""

from __future__ import annotations

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
from temporalio.service import RPCError

if TYPE_CHECKING:
    from temporalio.client import Client

    from pika_async.temporal._messages.campaigns import CampaignOrder
    from pika_async.temporal._messages.pages import Tally

_CAMPAIGN: Final = SearchAttributeKey.for_keyword("PikaCampaign")
_UNCERTAIN: Final = SearchAttributeKey.for_int("PikaUncertain")
_FAILED: Final = SearchAttributeKey.for_int("PikaFailed")

ATTRIBUTES: Final = {_CAMPAIGN.name: "Keyword", _UNCERTAIN.name: "Int", _FAILED.name: "Int"}
"""What a server must know, by the names of its types."""

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
    """Whoever looks for a campaign by what has become of the lines of its pages that have ended."""

    def __init__(self, ended: Tally) -> None:
        self._told = _counts(ended)

    def tell(self, order: CampaignOrder) -> None:
        """At the end of a page, where there is news: that is an event in five hundred lines."""
        counts = _counts(order.ended)
        if order.searchable and counts != self._told and workflow.patched(PATCH):
            self._told = counts
            workflow.upsert_search_attributes(counted(order.ended))


def counted(ended: Tally) -> list[SearchAttributeUpdate[int]]:
    """What the attributes tell of the pages that have ended."""
    uncertain, failed = _counts(ended)
    return [_UNCERTAIN.value_set(uncertain), _FAILED.value_set(failed)]


def _counts(ended: Tally) -> tuple[int, int]:
    return ended.uncertain, ended.failed
