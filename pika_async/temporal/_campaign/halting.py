"""When a page submits nothing: it pauses, it is held, or it is stopped.

- It *pauses* where the service takes nothing now: the brake is closed, and one line tries after a
  while.
- It is *held* where no line can be submitted until somebody has done something: the campaign is
  told, and the page waits until that is resumed. It gives its room to others meanwhile.
- It is *stopped* for good, by its owner, or since the engine has no room for more of its history.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from temporalio import workflow

from pika_async.temporal._blame import is_for_all, is_put_off
from pika_async.temporal._campaign.aside import Aside, Others
from pika_async.temporal._campaign.sentences import FOR_A_DAY, NO_ROOM, STOPPED, waiting
from pika_async.temporal._limits.brake import Brake
from pika_async.temporal._messages.pages import Held, Narrowed, Waiting
from pika_async.temporal._signals import tell_campaign
from pika_async.temporal._steps import pause

if TYPE_CHECKING:
    from collections.abc import Callable

    from pika_async.temporal._failures import Told
    from pika_async.temporal._limits.room import Room
    from pika_async.temporal._outcomes import Refused

PATIENCE: Final = timedelta(days=1)
"""How long nothing but failures to submit is taken before somebody has to say how to go on."""
MOST_EVENTS: Final = 40_000
"""Events in its history after which a page submits nothing more; the engine ends it at 51,200."""
MOST_BYTES: Final = 40 * 1024 * 1024
"""The same in bytes; the engine's end is at 50 MB."""

_LONGEST_PAUSE: Final = 300.0


class Halting:
    """Of one page.

    Attributes:
        brake: Which submit may pass after a pause.
        aside: The lines that are put off.
        stopped: Whether nothing is submitted any more.
        unsent: What comes of a line then.
        waiting: What the page waits for while it pauses, else None.
        held: How often it was held, and its owner has gone on with it.
    """

    def __init__(self, page: int, room: Room, in_flight: Callable[[], int]) -> None:
        """``in_flight``: how many lines of that page have a submit or a job under way."""
        self.brake = Brake()
        self.aside = Aside()
        self.stopped = False
        self.unsent: Refused = STOPPED
        self.waiting: Waiting | None = None
        self.held = 0
        self._page = page
        self._room = room
        self._in_flight = in_flight
        self._failing_since: datetime = workflow.now()

    @property
    def resumed(self) -> bool:
        """Whether a page that was held need not wait any more."""
        return self.stopped or self._room.width > 0

    def went_well(self, round_: int) -> None:
        """A submit of that round of the brake was answered by the service."""
        self._failing_since = workflow.now()
        self.waiting = None
        self.brake.went_well(round_, self._room.width)

    async def goes_on(
        self, told: Told, round_: int, others: Callable[[], Others], *, refused: bool
    ) -> bool:
        """Wait until the line may be tried again; False: it is refused, and others are not.

        Args:
            told: How its submit ended.
            round_: Of which round of the brake that was.
            others: The other lines.
            refused: Whether that is the end, of this line or of all.
        """
        if _is_history_full():
            # The engine ends what has no room any more, and its outcomes would be lost.
            self.stopped, self.unsent = True, NO_ROOM
        if refused and not is_for_all(told):
            return False
        if refused:
            self.brake.hand_back(round_)
            await self.hold("" if told.said is None else told.said.meaning)
        elif self.brake.held_up(round_):
            await self._pause(told, others)
        return True

    async def _pause(self, told: Told, others: Callable[[], Others]) -> None:
        """Nothing was started: nothing is sent for a while."""
        self.aside.pauses(told, self.brake.failures)
        if self.brake.failures == 1:
            self._failing_since = workflow.now()
        elif workflow.now() - self._failing_since > PATIENCE:
            self._failing_since = workflow.now()
            await self.hold(FOR_A_DAY if told.said is None else told.said.meaning)
        elif (reason := self.aside.why_held(told, self.brake.failures, others())) is not None:
            # Once in a row: whoever goes on as it was has lines refused, one by one.
            await self.hold(reason)
            self.brake.paused()
            return
        failures, woken = self.brake.failures, self.aside.wakes(told, self._room)
        seconds = pause(told, failures - 1, longest=_LONGEST_PAUSE).total_seconds()
        until = workflow.now() + timedelta(seconds=seconds)
        self.waiting = waiting(told, self._failing_since, until, failures)
        with suppress(TimeoutError):
            await workflow.wait_condition(lambda: self.stopped or woken(), timeout=seconds)
        self.brake.paused()
        if is_put_off(told):
            # Lines that wait already are woken first: another one tries, which may be taken.
            await workflow.wait_condition(lambda: True)

    async def hold(self, reason: str) -> None:
        """Say that nothing can be submitted, and wait until somebody has resumed the campaign."""
        if self._room.width:
            self._room.width = 0
            await tell_campaign("held", Held(page=self._page, reason=reason))
            await self._make_room()
        await workflow.wait_condition(lambda: self.resumed)
        self.held += 1

    async def _make_room(self) -> None:
        """Give the room to others meanwhile; last the room of jobs that nobody waits for."""
        await workflow.wait_condition(lambda: self.resumed or not self._in_flight())
        if self._room.unseen and not self.resumed:
            await self._tell_narrowed(self._flying)
            await workflow.wait_condition(lambda: self.resumed or not self._flying)
        if not self.resumed:
            await self._tell_narrowed(0)

    @property
    def _flying(self) -> int:
        return self._room.taken(self._in_flight())

    async def _tell_narrowed(self, width: int) -> None:
        await tell_campaign("narrowed", Narrowed(page=self._page, width=width))


def _is_history_full() -> bool:
    """Whether the history of the workflow that asks has had enough."""
    info = workflow.info()
    length, size = info.get_current_history_length(), info.get_current_history_size()
    return length > MOST_EVENTS or size > MOST_BYTES
