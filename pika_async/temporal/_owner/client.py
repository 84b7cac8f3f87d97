"""A campaign as its owner sees it: prepared and started, and then watched, steered, settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from pika_async.temporal._campaign import search
from pika_async.temporal._campaign.campaign import CampaignRun
from pika_async.temporal._contents import files
from pika_async.temporal._contents.allowances import Allowed, allow
from pika_async.temporal._contents.claims import claim
from pika_async.temporal._contents.formats import PAGE_SIZE
from pika_async.temporal._engine import (
    CampaignError,
    NoAnswerError,
    is_known,
    limit_submits,
    said,
)
from pika_async.temporal._messages.campaigns import CampaignOrder
from pika_async.temporal._names import DEFAULT_ACCOUNT, PROOF, QUEUE, STORE, queue_of_submits
from pika_async.temporal._owner.arguments import check_currency, check_start, checked_amount
from pika_async.temporal._owner.settling import Settling
from pika_async.temporal._owner.steering import Steering
from pika_async.temporal._owner.watching import Watching
from pika_async.temporal._store.store import open_store

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterable, Iterable
    from decimal import Decimal

    from temporalio.client import Client

    from pika_async import GenerationRequest, Money
    from pika_async.temporal._contents.formats import Manifest


class Campaign(Watching, Settling, Steering):
    """Thousands to millions of prompts, over any number of machines.

    Its prompts, results and videos lie in a folder or an object store that every worker sees; the
    engine keeps numbers alone. A prompt is submitted at most once, whatever is lost; see
    :func:`pika_async.temporal.generate`.

    ``Campaign(engine, "summer")`` is one that was started before, from anywhere.

    Where the server knows the search attributes ``PikaCampaign`` (Keyword), ``PikaUncertain`` and
    ``PikaFailed`` (Int) when a campaign starts, a query such as ``PikaUncertain > 0`` finds those
    that need a look. They count prompts as their pages end, and follow, within some ten seconds,
    what is decided about them while the campaign goes on. Of one that has ended they stay as they
    are: an engine changes nothing of what has ended. :meth:`progress` tells what was decided since,
    also then. The server of
    ``pika-async campaign server`` knows them; to another one they are added once, by ``temporal
    operator search-attribute create``. A campaign runs without them, too.
    """

    @staticmethod
    async def prepare(
        requests: Iterable[GenerationRequest | str] | AsyncIterable[GenerationRequest | str],
        store: str | os.PathLike[str],
        *,
        page_size: int = PAGE_SIZE,
        service: str = "",
    ) -> Manifest:
        """Write the pages of a campaign to its store. Nothing is submitted.

        The same prompts may be prepared again. Media are paths that every worker sees, or URLs.
        What a file holds is noted: a worker that finds something else there does not send it.

        Args:
            requests: What to make, in order. At most one page is held in memory.
            store: A folder, or the URL of an object store, such as ``s3://bucket/summer``.
            page_size: Prompts of a page, up to 500. A page is one workflow.
            service: The name of the dialect that they are for, such as ``"pika"``. A worker of
                another service submits none of them, and says so; empty: any worker does.

        Raises:
            FieldError: A request is not allowed, holds bytes, or names a file that cannot be read
                or is no image or video.
            ConfigurationError: Another campaign lies there, or the same with other files, or the
                store cannot be opened.
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
        account: str = DEFAULT_ACCOUNT,
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
            budget: The most that it may spend, with what is submitted again (``resolve``). When it
                is used up, the campaign is paused.
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
            NoAnswerError: The engine did not answer when it was to begin, so it may have begun.
            CampaignError: It has been started already, or no page is left to carry on, or the
                engine cannot be reached. Nothing was started now.
            StoreError: The store cannot be used. Nothing was started.
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
        # All that can go wrong goes wrong before it begins.
        await allow(opened, Allowed(campaign=campaign_id, budget=money, price=each))
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
                    memo={STORE: opened.place, PROOF: order.digest},
                    search_attributes=search.begun(campaign_id) if order.searchable else None,
                )
            )
        except WorkflowAlreadyStartedError as error:
            raise CampaignError(_STARTED.format(campaign=campaign_id)) from error
        except NoAnswerError as error:
            raise NoAnswerError(_PERHAPS.format(campaign=campaign_id, problem=error)) from error
        # Whatever lies at that place later on.
        campaign._is_ours = True
        return campaign


_STARTED: Final = (
    "the campaign {campaign} has been started already; nothing was started now. Ask for its "
    "progress, or start other prompts under another name"
)
_PERHAPS: Final = (
    "it is not known whether the campaign {campaign} was started: {problem}. Ask for its progress, "
    "or start it again under the same name: it is never started twice"
)
