"""What a campaign says to the pages that it opens. Needs no engine."""

from __future__ import annotations

from attrs import evolve
from support.tables import every_row

from pika_async import Money
from pika_async.temporal._campaign.orders import news, page_of
from pika_async.temporal._messages.campaigns import CampaignOrder

ORDER = CampaignOrder(
    store="/summer", digest="d", prompts=9, pages=3, page_size=3, account="default"
)


@every_row(
    ("changes", "told"),
    [
        ({}, []),
        ({"paused": "lunch", "budget": Money(9)}, []),
        ({"price": Money(5)}, [("set_price", (Money(5),))]),
        ({"refuse_unknown": True}, [("refuse_unknown", (True,))]),
        ({"stopped": True}, [("stop", ())]),
        (
            {"price": Money(5), "refuse_unknown": True, "stopped": True},
            [("set_price", (Money(5),)), ("refuse_unknown", (True,)), ("stop", ())],
        ),
    ],
)
def test_what_has_changed_while_a_page_was_being_opened_is_told_to_it(changes, told):
    """It has begun with what held before."""
    assert list(news(ORDER, evolve(ORDER, **changes))) == told


def test_a_page_begins_with_what_holds_then():
    order = page_of(evolve(ORDER, refuse_unknown=True, price=Money(5)), 1, 2)
    assert (order.refuse_unknown, order.price, order.first, order.width) == (True, Money(5), 3, 2)
