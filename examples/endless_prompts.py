"""Prompts that never end: each line that comes through a pipe is a job, and a link comes back.

The batch takes a line only when there is room for it, so whoever writes faster than videos are
made is simply not read. End of input ends the batch when its last job is done; Ctrl-C leaves at
once, sends nothing more, and names the jobs that run on. With a journal such a source may be
replayed from its beginning: lines that are done are not paid for again.

tail -f prompts.txt | PIKA_API_KEY=… python examples/endless_prompts.py journal.sqlite
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator

from pika_async import Batch, ConfigurationError, PikaClient


async def lines_of_input() -> AsyncIterator[str]:
    # A pipe that the event loop reads itself: a thread that waits for a line cannot be interrupted.
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    async for line in reader:
        if prompt := line.decode().strip():
            yield prompt


async def main(journal: str) -> None:
    async with (
        PikaClient() as client,
        Batch(client, lines_of_input(), max_in_flight=8, journal=journal) as batch,
    ):
        async for result in batch:
            answer = result.state.video.url if result.state else result.error
            print(f"{result.prompt}\t{answer}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("journal")
    given = parser.parse_args()
    try:
        asyncio.run(main(given.journal))
    except ConfigurationError as error:  # no key, say; nothing was sent
        parser.exit(2, f"{error}\n")
    except KeyboardInterrupt:
        sys.exit(130)
