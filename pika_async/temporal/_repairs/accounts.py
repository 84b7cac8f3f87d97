"""Under whose limit the jobs of repairs are in flight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from pika_async.temporal._engine import ForgottenError, said
from pika_async.temporal._messages.campaigns import CampaignOrder
from pika_async.temporal._names import DEFAULT_ACCOUNT

if TYPE_CHECKING:
    from temporalio.api.history.v1 import HistoryEvent
    from temporalio.client import Client


@frozen(kw_only=True)
class UnderAccount:
    """The account of a campaign.

    Attributes:
        name: Its name.
        limit: Its limit, as the campaign has set it; None where it has not.
    """

    name: str
    limit: int | None = None


async def account_of(engine: Client, campaign_id: str) -> UnderAccount:
    """The account that a campaign was started in; the default one where the engine forgot it.

    Raises:
        CampaignError: The engine cannot be asked.
    """
    try:
        event = await said(_first_event(engine, campaign_id))
    except ForgottenError:
        return UnderAccount(name=DEFAULT_ACCOUNT)
    begun = event.workflow_execution_started_event_attributes
    (order,) = await engine.data_converter.decode(begun.input.payloads, [CampaignOrder])
    return UnderAccount(name=order.account, limit=order.max_in_flight)


async def _first_event(engine: Client, campaign_id: str) -> HistoryEvent:
    """It says how the campaign was started, and no worker is needed to ask."""
    events = engine.get_workflow_handle(campaign_id).fetch_history_events(page_size=1)
    return await anext(events)
