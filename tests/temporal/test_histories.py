"""How an activity ended, as the history of its workflow has it."""

from __future__ import annotations

from support.tables import every_row
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent

from pika_async.temporal._repairs.histories import ActivityEnd, end_of_activity

RESULT = Payloads(payloads=[Payload(data=b"7")])
FAILURE = Failure(message="no room")


def event(kind, **told):
    number = EventType.Value(f"EVENT_TYPE_ACTIVITY_TASK_{kind.upper()}")
    attributes = f"activity_task_{kind}_event_attributes"
    return HistoryEvent(event_id=9, event_type=number, **{attributes: told})


@every_row(
    ("kind", "told", "came"),
    [
        ("completed", {"result": RESULT}, RESULT),
        ("failed", {"failure": FAILURE}, FAILURE),
        ("timed_out", {"failure": FAILURE}, FAILURE),
    ],
)
def test_an_end_names_the_event_that_asked_for_it_and_tells_what_came(kind, told, came):
    found = end_of_activity(event(kind, scheduled_event_id=5, **told))
    assert found == ActivityEnd(scheduled=5, came=came)


@every_row("other", [event("scheduled"), event("started"), event("canceled", scheduled_event_id=5)])
def test_what_is_no_end_with_a_word_tells_none(other):
    assert end_of_activity(other) is None
