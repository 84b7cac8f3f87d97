"""``pika-async watch``: back to a job that is paid for."""

from functools import partial
from typing import Annotated, Final

import anyio
import typer

from pika_async.cli import _options
from pika_async.cli._clients import client_for
from pika_async.cli._exits import UsageError
from pika_async.cli._following import check_key, follow
from pika_async.cli._report import Report
from pika_async.cli._running import reported, run
from pika_async.cli._status import report_for
from pika_async.cli._targets import check_target
from pika_async.cli._trail import JobTrail

EXAMPLES: Final = """\
Examples:

```
pika-async watch 3f2a9c1e-7b40-4d0e-9d3c-0a1b2c3d4e5f -o panda.mp4
pika-async watch 3f2a9c1e-7b40-4d0e-9d3c-0a1b2c3d4e5f --timeout 0
```
"""


def watch(
    job_id: Annotated[str, typer.Argument(metavar="JOB_ID", help="The service's id of the job.")],
    *,
    output: _options.OutputFile = None,
    overwrite: _options.Overwrite = False,
    timeout: _options.Timeout = 1200.0,
    base_url: _options.BaseURL = None,
    allow_insecure: _options.AllowInsecure = False,
    as_json: _options.AsJSON = False,
    debug: _options.Debug = False,
) -> None:
    """Come back to a job that was submitted before; nothing is paid again.

    Shows how it goes. With -o the video is saved and its path goes to stdout; without, the link of
    the video does.
    """
    report = report_for(as_json=as_json)
    trail = JobTrail(
        base_url=base_url, allow_insecure=allow_insecure, overwrite=overwrite, target=output
    )
    with reported(report, trail, debug=debug):
        if not job_id.strip():
            raise UsageError("JOB_ID is empty.")
        if output is not None:
            check_target(output, overwrite=overwrite)
        check_key()
        trail.job_id = job_id
        run(partial(_watch, job_id, timeout, report, trail), trail)


async def _watch(
    job_id: str, wait: float, report: Report, trail: JobTrail, scope: anyio.CancelScope
) -> None:
    async with client_for(trail) as client:
        with scope, report.live():
            report.started(job_id)
            await follow(client, client.job(job_id), report, trail, wait)
