"""From a prompt to a file: the whole of it.

PIKA_API_KEY=… python examples/quickstart.py "a red panda surfing" panda.mp4
"""

import asyncio
import sys

from pika_async import PikaClient


async def main(prompt: str, path: str) -> None:
    async with PikaClient() as client:
        result = await client.generate(prompt)
        saved = await client.download(result.video, path)
    print(f"saved {saved}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
