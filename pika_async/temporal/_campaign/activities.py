"""What workers do for campaigns: open a page, and seal it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import anyio
from temporalio import activity
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from pika_async import FieldError, InvalidRequestError, Money, PikaClient, PikaError
from pika_async._request.parts import has_files
from pika_async.temporal._beating import beating
from pika_async.temporal._contents.discreet import spelled_out, without_prompt
from pika_async.temporal._contents.files import begin, read_sealed, seal
from pika_async.temporal._messages.pages import Opened, PageOrder, Sealing, Tally, tally_of
from pika_async.temporal._names import OPEN_PAGE, PAGE, PAGE_RESULT, SEAL_PAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pika_async import GenerationRequest
    from pika_async.temporal._contents.shelf import Shelf

_QUOTES_AT_ONCE: Final = 8


class CampaignActivities:
    """The activities of one worker that campaigns need."""

    def __init__(self, client: PikaClient, shelf: Shelf) -> None:
        self._client = client
        self._shelf = shelf

    @property
    def all(self) -> tuple[Callable[..., Any], ...]:
        """What a worker registers."""
        return (self.open_page, self.seal_page, self.page_result)

    @activity.defn(name=OPEN_PAGE)
    @beating()
    async def open_page(self, order: PageOrder) -> Opened:
        """Read a page, and note down that this run is the one that submits it."""
        store = self._shelf.store(order.store)
        requests = await self._shelf.page(order.store, order.digest, order.page)
        sealed = await read_sealed(store, order.page)
        if sealed is not None:
            tally = tally_of(sealed, order.price)
            return Opened(prompts=len(requests), ours=False, sealed=tally)
        # Asked before it is noted down, so that a page that cannot be quoted may still be begun.
        quotes = await self._quotes(requests, order.price) if order.budgeted else ()
        currency = next((quote.currency for quote in quotes if quote), order.currency)
        ours = await begin(store, order.page, activity.info().workflow_run_id or "")
        return Opened(
            prompts=len(requests),
            ours=ours,
            with_files=any(map(has_files, requests)),
            quotes=tuple(
                -1 if quote is None or quote.currency != currency else quote.micros
                for quote in quotes
            ),
            currency=currency,
        )

    async def _quotes(
        self, requests: Sequence[GenerationRequest], price: Money | None
    ) -> list[Money | None]:
        """What each costs; None where the service does not say.

        Raises:
            ApplicationError: The service could not be asked.
        """
        quotes: list[Money | None] = [None] * len(requests)
        limit = anyio.CapacityLimiter(_QUOTES_AT_ONCE)
        wrong: list[int] = []
        failed: list[ApplicationError] = []

        async def quote(place: int, request: GenerationRequest) -> None:
            async with limit:
                try:
                    quotes[place] = await self._client.quote(request)
                except (FieldError, InvalidRequestError):
                    wrong.append(place)
                except PikaError as error:
                    said = without_prompt(str(error), request)
                    failed.append(ApplicationError(said, type=type(error).__name__))
                    asking.cancel_scope.cancel()

        async with anyio.create_task_group() as asking:
            for place, request in enumerate(requests):
                asking.start_soon(quote, place, request)
        if failed:
            raise failed[0]
        if price is None:
            # The submit will be refused, too, and cost nothing. Should it be taken all the same, as
            # where a file was missing here, as much is reserved as for the dearest other line.
            dearest = max(filter(None, quotes), key=lambda quote: quote.micros, default=Money(0))
            for place in wrong:
                quotes[place] = dearest
        return quotes

    @activity.defn(name=SEAL_PAGE)
    @beating()
    async def seal_page(self, sealing: Sealing) -> Tally:
        """Write the outcomes of a page down for good."""
        order = sealing.order
        requests = await self._shelf.page(order.store, order.digest, order.page)
        outcomes = [
            spelled_out(outcome, order.page, order.first + place, request.prompt)
            for place, (request, outcome) in enumerate(zip(requests, sealing.outcomes, strict=True))
        ]
        sealed = await seal(self._shelf.store(order.store), order.page, outcomes)
        return tally_of(sealed, order.price)

    @activity.defn(name=PAGE_RESULT)
    async def page_result(self, page_id: str) -> Tally | None:
        """The end of the last run of a page; None where it has not ended by itself."""
        handle = activity.client().get_workflow_handle(page_id, result_type=Tally)
        async with beating():
            try:
                # Whatever else runs under that name is no page.
                if (await handle.describe()).workflow_type != PAGE:
                    return None
                tally: Tally = await handle.result()
            except WorkflowFailureError:
                return None
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    return None
                raise
        return tally
