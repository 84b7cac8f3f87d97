"""Beyond one process: jobs that outlive machines, on Temporal. Needs the extra ``temporal``.

In a worker:    async with connected("localhost:7233") as engine: await run_worker(engine)
In a workflow:  outcome = await generate("a red panda surfing")
In a web server: await client.start_workflow(GenerateVideo.run, request, id=…, task_queue="pika")

A submit is sent at most once, whatever is lost at whatever moment; see :func:`generate`.

The engine's disk is a part of that promise: with SQLite it needs ``synchronous=full``, as the
server of ``pika-async campaign server`` has it. A server that was restored from a backup, or failed
over to a copy that lags behind, has forgotten what left since, and would have it sent again. Before
a worker runs there, terminate the campaigns and their pages, and start what they have left with
``carry_on=True``: what they had begun is uncertain then, and ``Campaign.resolve`` settles it.
"""

from __future__ import annotations

# How it is built, from the ground up:
#
#     _store     contents by name, written once, in a folder or a bucket
#     _limits    arithmetic: what may be in flight, and what may be spent
#     _messages  what workflows and workers tell each other
#     _contents  the files of a campaign
#     _account   the workflow that shares a limit among campaigns
#     _campaign  the workflows of a campaign and of its pages; the words of all this stand there
#     _repairs   lines that their owner settles afterwards
#     _owner     Campaign
#
# One request needs none of these rooms: _workflows and _steps ask for its submit and its videos,
# _submitting and _finishing do that on a worker, and _verdict decides what a failure leads to.

try:
    from pika_async.temporal._connecting import connected
    from pika_async.temporal._contents.formats import CampaignResult, Manifest
    from pika_async.temporal._converter import PikaPayloadConverter
    from pika_async.temporal._engine import CampaignError, NoAnswerError
    from pika_async.temporal._messages.pages import Waiting
    from pika_async.temporal._outcomes import (
        Declined,
        Dropped,
        Finished,
        Outcome,
        Refused,
        Uncertain,
        Why,
    )
    from pika_async.temporal._owner.accounts import AccountLimit, RepairsWaiting
    from pika_async.temporal._owner.client import Campaign
    from pika_async.temporal._owner.progress import CampaignProgress
    from pika_async.temporal._owner.reading import read_manifest, read_results
    from pika_async.temporal._plugin import PikaPlugin
    from pika_async.temporal._repairs.bulk import RepairPlan, Resolved
    from pika_async.temporal._repairs.decisions import Decision
    from pika_async.temporal._store.errors import StoreError
    from pika_async.temporal._under_way import PromptUnderWay, prompt_under_way
    from pika_async.temporal._worker import run_worker
    from pika_async.temporal._workflows import GenerateVideo, generate
except ImportError as _error:
    if (_error.name or "").partition(".")[0] != "temporalio":
        raise
    raise ModuleNotFoundError(
        "pika_async.temporal needs temporalio, which is not installed: "
        "pip install '/path/to/clone[temporal]'",
        name=_error.name,
        path=_error.path,
    ) from _error

__all__ = [
    "AccountLimit",
    "Campaign",
    "CampaignError",
    "CampaignProgress",
    "CampaignResult",
    "Decision",
    "Declined",
    "Dropped",
    "Finished",
    "GenerateVideo",
    "Manifest",
    "NoAnswerError",
    "Outcome",
    "PikaPayloadConverter",
    "PikaPlugin",
    "PromptUnderWay",
    "Refused",
    "RepairPlan",
    "RepairsWaiting",
    "Resolved",
    "StoreError",
    "Uncertain",
    "Waiting",
    "Why",
    "connected",
    "generate",
    "prompt_under_way",
    "read_manifest",
    "read_results",
    "run_worker",
]
