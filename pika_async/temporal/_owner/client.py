"""A campaign as its owner sees it: prepared, started, watched, settled."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from attrs import evolve
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowQueryFailedError,
)
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from pika_async import ConfigurationError
from pika_async.temporal._campaign import search
from pika_async.temporal._campaign.campaign import CampaignRun
from pika_async.temporal._campaign.page import Page
from pika_async.temporal._contents import files
from pika_async.temporal._contents.allowances import Allowed, allow
from pika_async.temporal._contents.claims import PROOF, claim, is_of
from pika_async.temporal._converter import knows_our_values
from pika_async.temporal._engine import (
    PATIENCE,
    CampaignError,
    ForgottenError,
    is_known,
    is_running,
    limit_submits,
    said,
    status_of,
)
from pika_async.temporal._messages.campaigns import CampaignOrder
from pika_async.temporal._messages.pages import Standing, Tally
from pika_async.temporal._names import QUEUE, queue_of_submits
from pika_async.temporal._owner.arguments import check_currency, check_start, checked_amount
from pika_async.temporal._owner.carrying import check_left
from pika_async.temporal._owner.decided import Decided
from pika_async.temporal._owner.progress import CampaignProgress, lost, progress_of, with_repairs
from pika_async.temporal._owner.remembered import remembered
from pika_async.temporal._owner.settling import Settling
from pika_async.temporal._polled import check_polled
from pika_async.temporal._repairs.bulk import price_of
from pika_async.temporal._repairs.stranded import outcomes_of_stranded
from pika_async.temporal._store.errors import StoreError
from pika_async.temporal._store.store import Store, open_store

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterable, AsyncIterator, Iterable
    from decimal import Decimal

    from pika_async import GenerationRequest, Money
    from pika_async.temporal._contents.files import CampaignResult, Manifest
    from pika_async.temporal._messages.campaigns import CampaignState
    from pika_async.temporal._outcomes import Outcome


class Campaign(Settling):
    """Thousands to millions of prompts, over any number of machines.

    Its prompts, results and videos lie in a folder or an object store that every worker sees; the
    engine keeps numbers alone. A prompt is submitted at most once, whatever is lost; see
    :func:`pika_async.temporal.generate`.

    ``Campaign(engine, "summer")`` is one that was started before, from anywhere.

    Where the server knows the search attributes ``PikaCampaign`` (Keyword), ``PikaUncertain`` and
    ``PikaFailed`` (Int) when a campaign starts, a query such as ``PikaUncertain > 0`` finds those
    that need a look. They count prompts as their pages have ended, and stay so: an engine changes
    nothing of what has ended. :meth:`progress` tells what was decided since. The server of
    ``pika-async campaign server`` knows them; to another one they are added once, by ``temporal
    operator search-attribute create``. A campaign runs without them, too.
    """

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
        if not knows_our_values(engine.data_converter):
            raise ConfigurationError(
                "this Temporal client cannot carry requests and outcomes; connect it with "
                "Client.connect(…, plugins=[PikaPlugin()])"
            )
        super().__init__(engine, campaign_id)
        self._place = store
        self._store: Store | None = None
        self._decided: Decided | None = None
        self._is_ours = False

    @staticmethod
    async def prepare(
        requests: Iterable[GenerationRequest | str] | AsyncIterable[GenerationRequest | str],
        store: str | os.PathLike[str],
        *,
        page_size: int = files.PAGE_SIZE,
        service: str = "",
    ) -> Manifest:
        """Write the pages of a campaign to its store. Nothing is submitted.

        The same prompts may be prepared again. Media are paths that every worker sees, or URLs.

        Args:
            requests: What to make, in order. At most one page is held in memory.
            store: A folder, or the URL of an object store, such as ``s3://bucket/summer``.
            page_size: Prompts of a page, up to 500. A page is one workflow.
            service: The name of the dialect that they are for, such as ``"pika"``. A worker of
                another service submits none of them, and says so; empty: any worker does.

        Raises:
            FieldError: A request is not allowed, or holds bytes.
            ConfigurationError: Another campaign lies there, or the store cannot be opened.
            ValueError: There are no requests.
        """
        return await files.write_pages(
            open_store(store), requests, page_size=page_size, service=service.strip()
        )

    @classmethod
    async def start(
        cls,
        engine: Client,
        campaign_id: str,
        store: str | os.PathLike[str],
        *,
        max_in_flight: int | None = None,
        submits_per_second: float | None = None,
        budget: Money | Decimal | float | None = None,
        price: Money | Decimal | float | None = None,
        timeout: float | None = None,
        account: str = "default",
        queue: str = QUEUE,
        carry_on: bool = False,
    ) -> Campaign:
        """Start a prepared campaign. Workers submit from now on.

        Args:
            engine: A client of Temporal, connected with ``plugins=[PikaPlugin()]``.
            campaign_id: A name for it, which no other campaign has had.
            store: Where it was prepared.
            max_in_flight: How many jobs the account has in flight at most, up to 10,000. All
                campaigns of an account share them evenly; the number that is said last holds.
                None leaves it as it is; it is 100 where no other campaign of the account runs, also
                where an earlier one had set another. It holds at every instant, whoever is
                terminated. A job whose submit is uncertain may run, and counts for 15 minutes; so
                does one that is waited for no longer, from then on.
            submits_per_second: How many submits leave a second, on average, over all campaigns on
                the queue; the engine keeps to it, and lets the submits of two seconds leave at
                once at first. None leaves it as it is: no limit at first. The server shares it out
                over the partitions of the queue: with more than one (four by default, one with
                ``pika-async campaign server``) it is reached only while some thirty prompts wait.
            budget: The most that it may spend. When it is used up, the campaign is paused.
            price: What a job costs where the service does not say; needed for a budget there.
            timeout: Seconds to wait for a job from its submit on. Then its prompt counts as failed,
                with the code ``"timeout"``; None: for ever.
            account: Campaigns that share an account's limit name the same one.
            queue: The task queue of the workers.
            carry_on: Start the pages that an earlier campaign, which has ended, has left here. What
                it has begun and not written down is uncertain then, and not submitted. What it has
                never sent of pages that had begun is for :meth:`resolve_all`.

        Raises:
            FieldError: An argument is not allowed.
            ConfigurationError: Nothing was prepared there, or the client has not the plugin.
            CampaignError: It has been started already, or no page is left to carry on, or the
                engine cannot be reached.
        """
        campaign = cls(engine, campaign_id, store=store)
        opened = open_store(store)
        money, each = checked_amount("budget", budget), checked_amount("price", price)
        check_start(campaign_id, max_in_flight, submits_per_second, timeout)
        check_currency(money, None, each)
        manifest = await files.read_manifest(opened)
        if await is_known(engine, campaign_id):
            # Before anything is noted down here, and before the queue of the other one is touched.
            raise CampaignError(_STARTED.format(campaign=campaign_id))
        if carry_on:
            await check_left(opened, manifest, campaign_id)
        await claim(engine, opened, campaign_id, manifest.pages, carry_on=carry_on)
        order = CampaignOrder(
            store=opened.place,
            digest=manifest.proof(campaign_id),
            prompts=manifest.prompts,
            pages=manifest.pages,
            page_size=manifest.page_size,
            account=account,
            max_in_flight=max_in_flight,
            budget=money,
            price=each,
            timeout=timeout,
            searchable=await search.is_searchable(engine),
        )
        if submits_per_second is not None:
            await said(limit_submits(engine, queue_of_submits(queue), submits_per_second))
        try:
            await said(
                engine.start_workflow(
                    CampaignRun.run,
                    order,
                    id=campaign_id,
                    task_queue=queue,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    memo={"store": opened.place, PROOF: order.digest},
                    search_attributes=search.begun(campaign_id) if order.searchable else None,
                )
            )
        except WorkflowAlreadyStartedError as error:
            raise CampaignError(_STARTED.format(campaign=campaign_id)) from error
        await allow(opened, Allowed(campaign=campaign_id, budget=money, price=each))
        # Whatever lies at that place later on.
        campaign._is_ours = True
        return campaign

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
            described = await said(self._handle.describe(), campaign=self.id)
        except ForgottenError:
            return await self._remembered()
        ended = described.status is not WorkflowExecutionStatus.RUNNING
        if described.status is WorkflowExecutionStatus.COMPLETED:
            state = await said(self._handle.result(), campaign=self.id)
        else:
            await check_polled(self._engine, described.task_queue)
            state = await self._asked(self._handle.query(CampaignRun.state, rpc_timeout=PATIENCE))
        standings, troubles = [], []
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
            self._decided = self._decided or Decided(store)
            seen = await self._decided.look(price_of(state), told.stranded)
            manifest = await files.read_manifest(store)
            open_ = {page: await self._stranded(store, manifest, page) for page in seen.left}
        except (ConfigurationError, StoreError):
            if self._place is not None:
                raise
            return told
        return with_repairs(told, seen, {page: one for page, one in open_.items() if one})

    async def _remembered(self) -> CampaignProgress:
        """What its store says. Called while the engine's word is handled, which is raised again."""
        state = None
        if self._place is not None:
            state = await remembered(await self._opened(), self.id)
        if state is None:
            raise  # noqa: PLE0704 - see above
        told = progress_of(state, [], ended=True, troubles=[], now=_now())
        return await self._repaired(evolve(told, forgotten=True), state)

    async def _is_lost(self, page: str) -> bool:
        """Whether an open page of a campaign that has ended was begun, and nobody works on it."""
        status = await status_of(self._engine, page)
        # What nobody knows was never begun.
        if status in (None, WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.COMPLETED):
            return False
        return not await is_running(self._engine, f"{page}/again")

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
        pending = described.raw_description.pending_activities
        troubles = {each.last_failure.message for each in pending if each.HasField("last_failure")}
        return standing, sorted(troubles)

    async def result(self) -> CampaignProgress:
        """Wait until it has ended; returns where it stands then.

        Raises:
            CampaignError: There is no such campaign, or it was terminated.
            StoreError: The engine has forgotten it, and the store cannot be read.
        """
        try:
            state = await said(self._handle.result(), campaign=self.id)
        except ForgottenError:
            return await self._remembered()
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

    async def _opened(self, *, to_decide: bool = False) -> Store:
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
        described = await said(self._handle.describe(), campaign=self.id)
        place = await described.memo_value("store", default=None, type_hint=str)
        if place is None:
            raise CampaignError(f"{self.id} is no campaign; say store=, if it is one")
        self._is_ours = True
        return place


def _now() -> datetime:
    return datetime.now(UTC)


_STARTED: Final = (
    "the campaign {campaign} has been started already; nothing was started now. Ask for its "
    "progress, or start other prompts under another name"
)
