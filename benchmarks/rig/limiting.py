"""The service of ``benchmarks.rate_limited``, in a process of its own.

``python -m benchmarks.rig.limiting PER_SECOND RETRY_AFTER`` prints its URL, runs until standard
input is closed, then tells what arrived.
"""

from __future__ import annotations

import asyncio
import json
import sys

from pika_async.simulator import Simulator


async def serve(per_second: float, *, retry_after: bool) -> None:
    simulator = Simulator(
        submits_per_second=per_second, limit_retry_after=retry_after, duration=0.0
    )
    async with simulator:
        print(simulator.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)
        refused = sum(submission.status == 429 for submission in simulator.submissions)
        print(json.dumps({"jobs": len(simulator.jobs), "refused": refused}))


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]), retry_after=sys.argv[2] == "1"))
