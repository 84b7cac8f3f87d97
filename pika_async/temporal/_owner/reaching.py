"""A campaign as its owner reaches it: at its engine, and in its store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from temporalio.client import Client, WorkflowExecutionStatus

from pika_async.temporal._campaign.campaign import CampaignRun
from pika_async.temporal._contents.claims import is_of
from pika_async.temporal._converter import check_knows_our_values
from pika_async.temporal._engine import CampaignError, said
from pika_async.temporal._names import STORE
from pika_async.temporal._polled import check_polled
from pika_async.temporal._store.store import Store, open_store

if TYPE_CHECKING:
    import os
    from collections.abc import Awaitable
    from datetime import timedelta

    from temporalio.client import WorkflowExecutionDescription, WorkflowHandle

    from pika_async.temporal._messages.campaigns import CampaignState

T = TypeVar("T")


class Reaching:
    """The part of a campaign that all others stand on."""

    def __init__(
        self, engine: Client, campaign_id: str, *, store: str | os.PathLike[str] | None = None
    ) -> None:
        """Name a campaign; nothing is asked of the engine.

        Args:
            engine: A client of Temporal, connected with ``plugins=[PikaPlugin()]``.
            campaign_id: As it was started.
            store: Where it lies. The engine knows it as long as it keeps ended workflows; after
                that it has to be said. The store of another campaign is refused when it is used.

        Raises:
            ConfigurationError: The client has not the plugin.
        """
        check_knows_our_values(engine.data_converter)
        self._engine = engine
        self.id: Final = campaign_id
        self._place = store
        self._store: Store | None = None
        self._is_ours = False

    @property
    def _handle(self) -> WorkflowHandle[CampaignRun, CampaignState]:
        return self._engine.get_workflow_handle_for(CampaignRun.run, self.id)

    async def _asked(self, asking: Awaitable[T]) -> T:
        return await said(asking, campaign=self.id)

    async def _queried(self, patience: timedelta) -> CampaignState:
        """Where it stands without the lines of its open pages, as one of its workers tells."""
        return await self._asked(self._handle.query(CampaignRun.state, rpc_timeout=patience))

    async def _state_of(self, described: WorkflowExecutionDescription) -> CampaignState:
        """The same, of one that is so described: where it has ended well, no worker is needed."""
        if described.status is WorkflowExecutionStatus.COMPLETED:
            return await self._asked(self._handle.result())
        return await self._queried(await check_polled(self._engine, described.task_queue))

    async def _opened(self, *, to_decide: bool = False) -> Store:
        """Its store.

        Raises:
            CampaignError: It is of another campaign; or it has to be of this one, since something
                is decided there, and no campaign was ever started on it.
        """
        if self._store is None:
            self._store = open_store(await self._found() if self._place is None else self._place)
        # Whoever said it may have meant the store of another campaign.
        self._is_ours = self._is_ours or await is_of(self._store, self.id)
        if to_decide and not self._is_ours:
            raise CampaignError(
                f"no campaign was ever started on the store {self._store.place}, so none of its "
                "prompts was submitted; nothing was changed. Say the store that "
                f"{self.id} was started with"
            )
        return self._store

    async def _found(self) -> str:
        """Where it lies, as the engine knows it, which was told when it was started there."""
        described = await self._asked(self._handle.describe())
        place = await described.memo_value(STORE, default=None, type_hint=str)
        if place is None:
            raise CampaignError(f"{self.id} is no campaign; say store=, if it is one")
        self._is_ours = True
        return place
