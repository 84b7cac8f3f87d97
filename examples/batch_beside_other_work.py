"""A batch inside an app that has other things to do, through the one client they share.

`max_in_flight` of the client is what the account allows; the batch takes three quarters of it, so
a person who asks for a single video does not wait until the batch is through.

PIKA_API_KEY=… python examples/batch_beside_other_work.py prompts.txt "the urgent one"
"""

import argparse
import asyncio
from pathlib import Path

import anyio

from pika_async import Batch, ConfigurationError, PikaClient, PikaError


async def show_progress(batch: Batch) -> None:
    while True:
        print(f"{batch.stats.running} running, {batch.stats.finished} finished")
        await anyio.sleep(5)


async def work_through(batch: Batch) -> None:
    async for result in batch:
        # One item's failure is its own: the loop goes on.
        print(f"{result.prompt}: {result.state.video.url if result.state else result.error}")


async def answer_a_person(client: PikaClient, prompt: str) -> None:
    try:
        print(f"urgent: {(await client.generate(prompt)).video.url}")
    except PikaError as error:
        print(f"urgent: {error}")


async def main(path: str, urgent: str) -> None:
    lines = (await anyio.Path(path).read_text(encoding="utf-8")).splitlines()
    prompts = [line for line in lines if line.strip()]
    async with (
        PikaClient(max_in_flight=16) as client,
        Batch(client, prompts, max_in_flight=12, journal=f"{path}.journal") as batch,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(show_progress, batch)
        async with anyio.create_task_group() as work:
            work.start_soon(work_through, batch)
            work.start_soon(answer_a_person, client, urgent)
        tasks.cancel_scope.cancel()
    print(f"{batch.stats.succeeded} of {batch.stats.taken} in the batch succeeded")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("urgent")
    given = parser.parse_args()
    if not Path(given.path).is_file():
        parser.error(f"there is no file {given.path}")
    try:
        asyncio.run(main(**vars(given)))
    except ConfigurationError as error:  # no key, say; nothing was sent
        parser.exit(2, f"{error}\n")
