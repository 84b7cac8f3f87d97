"""A campaign as its owner watches it: where it stands, and what became of each prompt."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from attrs import evolve
from temporalio.client import (
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowQueryFailedError,
)
from temporalio.service import RPCError

from pika_async import ConfigurationError
from pika_async.temporal._campaign.page import Page
from pika_async.temporal._contents import files
from pika_async.temporal._engine import (
    PATIENCE,
    CampaignError,
    ForgottenError,
    is_running,
    status_of,
)
from pika_async.temporal._messages.pages import Standing, Tally
from pika_async.temporal._names import ids_of_page, page_number
from pika_async.temporal._owner.progress import CampaignProgress, lost, progress_of, with_repairs
from pika_async.temporal._owner.reaching import Reaching
from pika_async.temporal._owner.remembered import remembered
from pika_async.temporal._repairs.bulk import price_of
from pika_async.temporal._repairs.changes import Changes
from pika_async.temporal._repairs.stranded import outcomes_of_stranded
from pika_async.temporal._store.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from temporalio.client import WorkflowExecutionDescription

    from pika_async.temporal._contents.formats import CampaignResult, Manifest
    from pika_async.temporal._messages.campaigns import CampaignState
    from pika_async.temporal._outcomes import Outcome
    from pika_async.temporal._store.store import Store


class Watching(Reaching):
    """The part of a campaign that looks at it."""

    _changes: Changes | None = None

    async def progress(self) -> CampaignProgress:
        """Where it stands; where the engine has forgotten it, by its store, if that was said.

        What was decided about prompts since is read from its store. Where that is a folder which is
        not here, prompts count as their pages have ended: see ``CampaignProgress.repairs_known``.

        Raises:
            CampaignError: There is no such campaign, or no worker answers; or the store that was
                said is of another one.
            StoreError: The store that was said cannot be read.
        """
        if self._place is not None:
            await self._opened()
        try:
            described = await self._asked(self._handle.describe())
        except ForgottenError as error:
            return await self._remembered(error)
        ended = described.status is not WorkflowExecutionStatus.RUNNING
        state = await self._state_of(described)
        standings, troubles = [], _troubles_of(described)
        for page in state.open_pages:
            standing, trouble = await self._page(page)
            if ended and await self._is_lost(page):
                standing, state = lost(standing, state, page)
            standings.append(standing)
            troubles.extend(trouble)
        told = progress_of(state, standings, ended=ended, troubles=troubles, now=_now())
        return await self._repaired(told, state)

    async def _repaired(self, told: CampaignProgress, state: CampaignState) -> CampaignProgress:
        """The same with what was decided since, where its store is seen from here."""
        try:
            store = await self._opened(to_decide=self._place is not None)
            self._changes = self._changes or Changes(store)
            seen = await self._changes.seen(price_of(state), told.stranded)
            manifest = await files.read_manifest(store)
            open_ = {page: await self._stranded(store, manifest, page) for page in seen.left}
        except (ConfigurationError, StoreError):
            if self._place is not None:
                raise
            return told
        return with_repairs(told, seen, {page: one for page, one in open_.items() if one})

    async def _remembered(self, forgotten: ForgottenError) -> CampaignProgress:
        """What its store says; where nobody has said it, or it says nothing, the engine's word."""
        state = None
        if self._place is not None:
            state = await remembered(await self._opened(), self.id)
        if state is None:
            raise forgotten
        told = progress_of(state, [], ended=True, troubles=[], now=_now())
        return await self._repaired(evolve(told, forgotten=True), state)

    async def _is_lost(self, page: str) -> bool:
        """Whether an open page of a campaign that has ended was begun, and nobody works on it."""
        status = await status_of(self._engine, page)
        # What nobody knows was never begun.
        if status in (None, WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.COMPLETED):
            return False
        _, again = ids_of_page(self.id, page_number(page))
        return not await is_running(self._engine, again)

    async def _page(self, page: str) -> tuple[Standing, list[str]]:
        """Where an open page stands, and what its activities fail with, over and over."""
        handle = self._engine.get_workflow_handle_for(Page.run, page)
        try:
            described = await handle.describe()
            if described.status is WorkflowExecutionStatus.COMPLETED:
                return Standing(tally=await handle.result()), []
            standing = await handle.query(Page.standing, rpc_timeout=PATIENCE)
        except (RPCError, WorkflowFailureError, WorkflowQueryFailedError):
            # It has not begun yet, or has just ended otherwise.
            return Standing(tally=Tally()), []
        return standing, _troubles_of(described)

    async def result(self) -> CampaignProgress:
        """Wait until it has ended; returns where it stands then.

        Raises:
            CampaignError: There is no such campaign, or it was terminated.
            StoreError: The engine has forgotten it, and the store cannot be read.
        """
        try:
            state = await self._asked(self._handle.result())
        except ForgottenError as error:
            return await self._remembered(error)
        except WorkflowFailureError as error:
            raise CampaignError(
                f"the campaign {self.id} did not end by itself: {error.cause}. What has ended is "
                "in its store; what was in flight is written down there by its pages"
            ) from error
        told = progress_of(state, [], ended=True, troubles=[], now=_now())
        return await self._repaired(told, state)

    async def results(self) -> AsyncIterator[CampaignResult]:
        """What became of each prompt, in order; at most one page is held in memory.

        Needs the store and no worker. ``outcome`` is None where its page has not ended yet. Of a
        page that was ended by hand before its outcomes were written down, the engine tells which
        jobs have ended; the rest is uncertain.

        Raises:
            CampaignError: Nobody knows where it lies: say ``store=``; or that store is of another
                campaign.
            StoreError: The store cannot be read.
        """
        store = await self._opened()
        manifest = await files.read_manifest(store)
        stranded: tuple[int, tuple[Outcome, ...] | None] = (-1, None)
        async for result in files.results(store):
            page, place = divmod(result.index, manifest.page_size)
            if result.outcome is None and stranded[0] != page:
                stranded = (page, await self._stranded(store, manifest, page))
            if result.outcome is None and (outcomes := stranded[1]) is not None:
                yield evolve(result, outcome=outcomes[place])
            else:
                yield result

    async def _stranded(
        self, store: Store, manifest: Manifest, page: int
    ) -> tuple[Outcome, ...] | None:
        try:
            return await outcomes_of_stranded(self._engine, store, manifest, page)
        except CampaignError:
            # The store is read also where no engine can be asked.
            return None

    async def place(self) -> str:
        """Where it lies: an absolute folder, or the URL of an object store.

        Raises:
            CampaignError: There is no such campaign, or nobody knows: say ``store=``; or that
                store is of another campaign.
        """
        return (await self._opened()).place


def _now() -> datetime:
    return datetime.now(UTC)


def _troubles_of(described: WorkflowExecutionDescription) -> list[str]:
    """What the activities of a workflow fail with, over and over."""
    pending = described.raw_description.pending_activities
    return sorted({each.last_failure.message for each in pending if each.HasField("last_failure")})
