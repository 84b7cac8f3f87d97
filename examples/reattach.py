"""Survive a restart: the job id is all it takes to come back to a job that is paid for.

The first run submits and leaves at once; the second finds the id and fetches the video.

PIKA_API_KEY=… python examples/reattach.py "a red panda surfing" job-id.txt panda.mp4
"""

import argparse
import asyncio
import sys

import anyio

from pika_async import ConfigurationError, PikaClient


async def main(prompt: str, id_file: str, path: str) -> None:
    note = anyio.Path(id_file)
    async with PikaClient() as client:
        if not await note.exists():
            job = await client.submit(prompt)
            await note.write_text(f"{job.id}\n{prompt}", encoding="utf-8")
            print(f"submitted {job.id}; run this again to fetch the video")
            return
        job_id, _, noted = (await note.read_text(encoding="utf-8")).partition("\n")
        if noted != prompt:
            sys.exit(f"{id_file} has job {job_id} of another prompt, {noted!r}; name another file")
        job = client.job(job_id)
        result = await job.result()
        print(f"saved {await client.download(result.video, path)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("prompt")
    parser.add_argument("id_file")
    parser.add_argument("path")
    try:
        asyncio.run(main(**vars(parser.parse_args())))
    except ConfigurationError as error:  # no key, say; nothing was sent
        parser.exit(2, f"{error}\n")
