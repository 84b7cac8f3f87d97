"""Show what becomes of a job while it runs; every state is a type of its own.

PIKA_API_KEY=… python examples/watch_transitions.py "a red panda surfing"
"""

import argparse
import asyncio

from pika_async import (
    ConfigurationError,
    Failed,
    JobState,
    PikaClient,
    Queued,
    Running,
    Succeeded,
    Unknown,
)


def words(state: JobState) -> str:
    match state:
        case Queued(position=None):
            return "queued"
        case Queued(position=ahead):
            return f"queued behind {ahead}"
        case Running(progress=None):
            return "running"
        case Running(progress=percent):
            return f"running, {percent} %"
        case Succeeded(videos=videos):
            return f"succeeded: {', '.join(video.url for video in videos)}"
        case Failed(reason=reason):
            return f"failed: {reason}"
        case Unknown(status=status):
            return f"{status!r}, which is new to this version; still waiting"


async def main(prompt: str) -> None:
    async with PikaClient() as client:
        job = await client.submit(prompt)
        print(f"job {job.id}")
        async for transition in job.transitions(timeout=600):
            print(f"{transition.elapsed:6.1f} s  {words(transition.state)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("prompt")
    try:
        asyncio.run(main(**vars(parser.parse_args())))
    except ConfigurationError as error:  # no key, say; nothing was sent
        parser.exit(2, f"{error}\n")
