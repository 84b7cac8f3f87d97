"""A polling policy of the user's own may have bugs, and they must not cost a paid job.

If a policy raises, or its answer is not a time to wait, an event tells of it once, and from then on
a backoff decides in its place. Whoever waits for a job notices nothing else.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pika_async._events import PollingPolicyFailed
from pika_async._polling.policies import ExponentialPolling

if TYPE_CHECKING:
    from pika_async._log import Teller
    from pika_async._polling.policies import Observation, PollPolicy


class GuardedPolicy:
    """The policy of a client, or a backoff once that has failed."""

    __slots__ = ("_policy", "_stand_in", "_tell", "given")

    def __init__(self, given: PollPolicy, tell: Teller) -> None:
        self.given = given
        self._policy = given
        self._stand_in: PollPolicy = ExponentialPolling()
        self._tell = tell

    def delay(self, observation: Observation, random_number: float) -> float:
        """Seconds to the next look; finite, and not negative."""
        try:
            delay = self._policy.delay(observation, random_number)
            if 0 <= delay < math.inf:
                # It may be a Decimal, which compares with numbers, and is added to none.
                return float(delay)
            problem: Exception | None = None
        except Exception as error:  # noqa: BLE001 - the user's own code, and a paid job waits
            delay, problem = math.nan, error
        self._stand_aside(f"it wants to wait {delay!r} s" if problem is None else "", problem)
        return self._stand_in.delay(observation, random_number)

    def finished(self, observation: Observation) -> None:
        """Tell the policy of a job's end."""
        try:
            self._policy.finished(observation)
        except Exception as error:  # noqa: BLE001 - as above
            self._stand_aside("", error)

    def _stand_aside(self, problem: str, error: Exception | None) -> None:
        failed, self._policy = self._policy, self._stand_in
        if failed is not self._stand_in:
            self._tell(PollingPolicyFailed(policy=repr(failed), problem=problem, error=error))
