"""Write what running workflows have been through, so that a later version can be held against it.

    PYTHONPATH=tests python -m support.histories

Only where a workflow has a new kind of step: what is there stays, and the new one gets a new name.
Workflows that began with the old steps still run somewhere.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

import anyio
from support.engine import development_server
from support.killed import be_quick
from support.ledger import pandas
from support.scene import Scene, reset
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from pika_async import Money
from pika_async.simulator import Fault, Simulator
from pika_async.temporal import Campaign, CampaignError, GenerateVideo, PikaPlugin, Uncertain
from pika_async.temporal._campaign.search import ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

HISTORIES = Path(__file__).parent.parent / "temporal" / "histories"

# Its name is in the histories.
_FOLDER = Path(tempfile.gettempdir(), "pika-histories")


@asynccontextmanager
async def _scene(address: str, *faults: Fault, **settings: Any) -> AsyncIterator[Scene]:
    client = await Client.connect(address, plugins=[PikaPlugin()], identity="somebody")
    async with Simulator(now=time, faults=faults, duration=0.3, **settings) as sim:
        yield Scene(client, sim)


async def _keep(at: Scene, workflow_id: str, name: str) -> None:
    history = await at.client.get_workflow_handle(workflow_id).fetch_history()
    kept = {"id": workflow_id, "history": _without_traces(history.to_json_dict())}
    text = json.dumps(kept, separators=(",", ":"))
    (HISTORIES / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


def _without_traces(value: Any) -> Any:
    """They are long, name files of one machine, and decide nothing."""
    match value:
        case dict():
            return {k: _without_traces(v) for k, v in value.items() if k != "stackTrace"}
        case list():
            return [_without_traces(each) for each in value]
        case _:
            return value


async def _until(campaign: Campaign, holds: Any) -> None:
    while not holds(await campaign.progress()):  # noqa: ASYNC110 - is asked
        await anyio.sleep(0.05)


async def _started(
    at: Scene, folder: Path, prompts: int, *, page_size: int = 500, **options: Any
) -> Campaign:
    """A campaign of the folder's name, in an account of that name, too."""
    await Campaign.prepare(pandas(prompts), folder, page_size=page_size)
    options = {"queue": at.queue, "account": folder.name} | options
    return await Campaign.start(at.client, folder.name, folder, **options)


async def _settled(address: str, folder: Path) -> None:
    """A campaign without a pause: a page on which everything happens, a repair, an account."""
    faults = [
        Fault("429-openai", retry_after=1),
        Fault("400-invalid-request"),
        Fault("reset-after", started=True),
    ]
    async with _scene(address, *faults) as at, at.worker():
        campaign = await _started(at, folder, 6, max_in_flight=2)
        await campaign.result()
        unsure = [r.index async for r in campaign.results() if isinstance(r.outcome, Uncertain)]
        await campaign.resolve(unsure[0], resubmit=True, queue=at.queue)
        await _keep(at, f"{campaign.id}/page/000000", "page")
        await _keep(at, f"{campaign.id}/repair/{unsure[0]}-1", "repair")
        await anyio.sleep(1)
        await _keep(at, "pika-account-settled", "account")


async def _halted(address: str, folder: Path) -> None:
    """One that is held by the key, paused, resumed with more to spend, and stopped."""
    async with _scene(address) as at, at.worker():
        money = {"budget": Money(300_000), "price": Money(100_000)}
        campaign = await _started(at, folder, 9, page_size=3, max_in_flight=30, **money)
        await _until(campaign, lambda progress: progress.paused and not progress.in_flight)
        at.sim.faults.append(Fault("401-new-api-error"))
        await campaign.resume(budget=Money(700_000))
        await _until(campaign, lambda progress: progress.paused and not progress.in_flight)
        await campaign.pause("lunch")
        await campaign.set_max_in_flight(2)
        await campaign.resume()
        await _until(campaign, lambda progress: progress.paused and not progress.in_flight)
        await campaign.stop()
        await campaign.result()
        await _keep(at, campaign.id, "campaign")
        await _keep(at, f"{campaign.id}/page/000001", "page-held")


async def _found(address: str, folder: Path) -> None:
    """One that tells by its search attributes that a line is uncertain."""
    async with _scene(address, Fault("reset-after", started=True)) as at, at.worker():
        campaign = await _started(at, folder, 6, page_size=3, max_in_flight=2)
        await campaign.result()
        await _keep(at, campaign.id, "campaign-found")


async def _named(address: str, folder: Path) -> None:
    """A repair of a line whose job was named wrongly, and one that is adopted."""
    async with _scene(address, Fault("reset-after", started=True)) as at, at.worker():
        campaign = await _started(at, folder, 1, max_in_flight=1)
        await campaign.result()
        with suppress(CampaignError):
            await campaign.resolve(0, adopt="a-slip", queue=at.queue)
        await campaign.resolve(0, adopt=next(iter(at.sim.jobs)), queue=at.queue)
        await _keep(at, f"{campaign.id}/repair/0-1", "repair-named-wrongly")
        await _keep(at, f"{campaign.id}/repair/0-1/again-2", "repair-adopted")


async def _reset(address: str, folder: Path) -> None:
    """A campaign that was reset while its pages were open; a repair that asked for its place."""
    async with _scene(address, Fault("reset-after", started=True)) as at, at.worker():
        campaign = await _started(at, folder, 9, page_size=3, max_in_flight=2)
        await _until(campaign, lambda progress: progress.succeeded >= 2)
        handle = at.client.get_workflow_handle(campaign.id)
        kind = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
        history = await handle.fetch_history()
        moments = [event.event_id for event in history.events if event.event_type == kind]
        await reset(at.client, handle, moments[1])
        await campaign.result()
        unsure = [r.index async for r in campaign.results() if isinstance(r.outcome, Uncertain)]
        await campaign.resolve(unsure[0], resubmit=True, queue=at.queue)
        await _keep(at, campaign.id, "campaign-reset")
        await _keep(at, f"{campaign.id}/repair/{unsure[0]}-1", "repair-placed")
        await anyio.sleep(1)
        await _keep(at, "pika-account-reset", "account-with-repairs")


async def _page(
    address: str,
    folder: Path,
    *faults: Fault,
    kept: str,
    prompts: int = 3,
    meanwhile: Callable[[Campaign], Awaitable[None]] | None = None,
    **options: Any,
) -> None:
    """A campaign of one page, which is kept."""
    async with _scene(address, *faults) as at, at.worker():
        campaign = await _started(at, folder, prompts, **options)
        if meanwhile is not None:
            await meanwhile(campaign)
        await campaign.result()
        await _keep(at, f"{campaign.id}/page/000000", kept)


async def _goes_on(campaign: Campaign) -> None:
    """Its owner, while its service takes nothing."""
    await _until(campaign, lambda told: told.waiting and told.waiting.tries == 4)
    await campaign.pause()
    await anyio.sleep(1)
    await campaign.resume()


async def _pages(address: str) -> None:
    """Pages by what has happened to their lines."""
    await _page(address, _FOLDER / "given-up", kept="page-given-up", prompts=1, timeout=0.1)
    # The service took nothing for a moment.
    fault = Fault("503-no-channel", times=2)
    await _page(address, _FOLDER / "put-off", fault, kept="page-put-off", max_in_flight=1)
    # Its owner went on with it meanwhile.
    fault = Fault("503-no-channel", times=4)
    await _page(
        address,
        _FOLDER / "woken",
        fault,
        kept="page-woken",
        max_in_flight=1,
        meanwhile=_goes_on,
    )
    # The service knew nothing of its lines until somebody had mended the address.
    fault = Fault("404-wrong-path", times=3)
    await _page(
        address, _FOLDER / "unknown", fault, kept="page-unknown", prompts=4, max_in_flight=1
    )
    # The first line was not taken for so long that others were tried beside it.
    fault = Fault("503-no-channel", times=None, prompt="a red panda 00000")
    await _page(address, _FOLDER / "aside", fault, kept="page-stepped-aside", max_in_flight=1)


async def _decided(address: str, folder: Path) -> None:
    """A campaign that goes on while one of its lines is decided about, and counts it away."""
    async with _scene(address, Fault("reset-after", started=True)) as at, at.worker():
        money = {"budget": Money(300_000), "price": Money(100_000)}
        campaign = await _started(at, folder, 6, page_size=3, **money)
        await _until(campaign, lambda told: told.paused and told.uncertain and not told.in_flight)
        unsure = [r.index async for r in campaign.results() if isinstance(r.outcome, Uncertain)]
        await campaign.resolve(unsure[0], resubmit=True, budget=1, queue=at.queue)
        await campaign.resume(budget=1)
        await campaign.result()
        await _keep(at, campaign.id, "campaign-decided")
        await _keep(at, f"{campaign.id}/repair/{unsure[0]}-1", "repair-told")


async def _rested(address: str, folder: Path) -> None:
    """A repair whose service did not take it for so long that others could have its place."""
    async with _scene(address, Fault("reset-after", started=True)) as at, at.worker():
        campaign = await _started(at, folder, 1, max_in_flight=1)
        await campaign.result()
        at.sim.faults.append(Fault("503-no-channel", times=4))
        await campaign.resolve(0, resubmit=True, queue=at.queue)
        await _keep(at, f"{campaign.id}/repair/0-1", "repair-rested")


async def _refusing(address: str, folder: Path) -> None:
    """One whose owner has had refused what its service did not know, when it was paused for it."""
    async with _scene(address, Fault("404-wrong-path", times=None)) as at, at.worker():
        campaign = await _started(at, folder, 9, max_in_flight=2)
        await _until(campaign, lambda told: told.paused and not told.in_flight)
        await campaign.resume(refuse_unknown=True)
        await campaign.result()
        await _keep(at, campaign.id, "campaign-refusing")
        await _keep(at, f"{campaign.id}/page/000000", "page-refusing")


async def _one_budget(address: str, folder: Path) -> None:
    """A campaign that reads what a repair has spent of its budget before it grants some of it."""
    async with _scene(address, Fault("reset-after", started=True)) as at, at.worker():
        money = {"budget": Money(200_000), "price": Money(100_000)}
        campaign = await _started(at, folder, 6, page_size=2, max_in_flight=2, **money)
        await _until(campaign, lambda told: told.paused and told.uncertain and not told.in_flight)
        unsure = [r.index async for r in campaign.results() if isinstance(r.outcome, Uncertain)]
        await campaign.resolve(unsure[0], resubmit=True, budget=1, queue=at.queue)
        await campaign.resume(budget=Money(400_000))
        await _until(campaign, lambda told: told.paused and not told.in_flight)
        await campaign.resume(budget=1)
        await campaign.result()
        await _keep(at, campaign.id, "campaign-one-budget")


async def _alone(address: str) -> None:
    async with _scene(address, Fault("429-openai", retry_after=1)) as at, at.worker():
        await at.client.execute_workflow(
            GenerateVideo.run, "a red panda", id="alone", task_queue=at.queue
        )
        await _keep(at, "alone", "generate-video")


async def _down(address: str) -> None:
    """One request, whose service took nothing for a moment."""
    async with _scene(address, Fault("503-no-channel", times=2)) as at, at.worker():
        await at.client.execute_workflow(
            GenerateVideo.run, "a red panda", id="down", task_queue=at.queue
        )
        await _keep(at, "down", "generate-video-down")


async def write() -> None:
    """Write them all."""
    be_quick()
    shutil.rmtree(_FOLDER, ignore_errors=True)
    (_FOLDER / "engine").mkdir(parents=True)
    HISTORIES.mkdir(exist_ok=True)
    try:
        with development_server(_FOLDER / "engine", ATTRIBUTES) as address:
            await _settled(address, _FOLDER / "settled")
            await _halted(address, _FOLDER / "halted")
            await _found(address, _FOLDER / "found")
            await _named(address, _FOLDER / "named")
            await _alone(address)
            await _down(address)
            await _reset(address, _FOLDER / "reset")
            await _decided(address, _FOLDER / "decided")
            await _pages(address)
            await _rested(address, _FOLDER / "rested")
            await _refusing(address, _FOLDER / "refusing")
            await _one_budget(address, _FOLDER / "one-budget")
    finally:
        shutil.rmtree(_FOLDER)


if __name__ == "__main__":
    asyncio.run(write())
    sys.exit(0)
