"""A whole batch as one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pika_async._batch.batch import Batch

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from decimal import Decimal

    from pika_async._batch.results import BatchResult
    from pika_async._batch.source import Requests
    from pika_async._client import PikaClient
    from pika_async._money import Money
    from pika_async._states import Transition


async def run_batch(
    client: PikaClient,
    requests: Requests,
    *,
    max_in_flight: int = 16,
    journal: str | os.PathLike[str] | None = None,
    output_dir: str | os.PathLike[str] | None = None,
    timeout: float | None = 1200,
    resubmit_uncertain: bool = False,
    retry_failed: bool = False,
    budget: Money | Decimal | float | None = None,
    price: Money | Decimal | float | None = None,
    on_transition: Callable[[Transition], None] | None = None,
) -> list[BatchResult]:
    """Send many requests through ``client``, and wait for all.

    The arguments are those of :class:`Batch`. Without ``output_dir`` no video is saved.

    Returns:
        One result a request, in the order of the requests.

    Raises:
        ValueError: An argument is not allowed; nothing was sent.
        JournalError: The journal cannot be used; nothing was sent.
        ConfigurationError: The ``output_dir`` cannot be written to; nothing was sent.
    """
    batch = Batch(
        client,
        requests,
        max_in_flight=max_in_flight,
        journal=journal,
        output_dir=output_dir,
        timeout=timeout,
        resubmit_uncertain=resubmit_uncertain,
        retry_failed=retry_failed,
        budget=budget,
        price=price,
        on_transition=on_transition,
    )
    results: list[BatchResult] = []
    try:
        async with batch:
            try:
                async for result in batch:
                    results.append(result)  # noqa: PERF401 - what was taken before it fails counts
            except BaseException:
                # Before the batch is left, which names them.
                batch._give_back(results)
                raise
    except BaseException:
        # Or while it was being left.
        batch._give_back(results)
        batch._board.tell_left()
        raise
    return sorted(results, key=lambda result: result.index)
