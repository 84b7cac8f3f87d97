"""What earlier runs of a campaign have begun, where somebody has reset it.

The new run remembers nothing of what came after the event that it was reset to. Pages that were
opened then go on, and their jobs are in flight. So it asks for them before it does anything else.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy

from pika_async.temporal._names import ACCOUNTS, PAGES_BEGUN

# In histories: of runs that were reset, and have found pages of an earlier run by opening them. One
# for a run that was reset to its very beginning, since the other is decided only later.
_ASKED_FIRST: Final = "pages of an earlier run are asked for first"
_ASKED: Final = "pages of an earlier run are asked for"
_LOOKING: Final = timedelta(minutes=5)
_PATIENT: Final = RetryPolicy(maximum_interval=timedelta(seconds=10))


class Earlier:
    """The earlier runs of one campaign, as its present run knows them."""

    def __init__(self) -> None:
        self.unknown = False
        """Whether the run was reset, and nobody has asked since."""
        # The engine gives a run that was reset other random numbers from that event on. By nothing
        # else does a workflow notice it at the same place each time that it is replayed.
        workflow.register_random_seed_callback(self._begin_anew)

    def begin(self) -> None:
        """Called once, when the run begins: where it was reset to, it has those numbers already."""
        info = workflow.info()
        if info.original_execution_run_id != info.run_id:
            self.unknown = workflow.patched(_ASKED_FIRST)

    def _begin_anew(self, _: int) -> None:
        # The engine's library hides whatever goes wrong here.
        self.unknown = True

    async def pages(self) -> int | None:
        """How many pages were opened, from the first one on, as far as earlier runs tell.

        None: nobody asks, since an earlier version did not.
        """
        begun: int | None = None
        if workflow.patched(_ASKED):
            begun = await workflow.execute_activity(
                PAGES_BEGUN,
                args=[workflow.info().workflow_id, workflow.info().run_id],
                result_type=int,
                task_queue=ACCOUNTS,
                start_to_close_timeout=_LOOKING,
                retry_policy=_PATIENT,
            )
        self.unknown = False
        return begun
