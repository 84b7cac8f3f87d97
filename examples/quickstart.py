"""From a prompt to a file: the whole of it. Run it again, and it finds what is paid for.

PIKA_API_KEY=… python examples/quickstart.py "a red panda surfing" videos
"""

import argparse
import asyncio

from pika_async import ConfigurationError, PikaClient, run_batch


async def main(prompt: str, folder: str) -> None:
    journal = f"{folder}.journal"  # the job is written down here before it is waited for
    async with PikaClient() as client:
        (result,) = await run_batch(client, [prompt], journal=journal, output_dir=folder)
    result.unwrap()  # raises what went wrong
    print(f"saved {result.files[0]}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("prompt")
    parser.add_argument("folder")
    try:
        asyncio.run(main(**vars(parser.parse_args())))
    except ConfigurationError as error:  # no key, say; nothing was sent
        parser.exit(2, f"{error}\n")
