"""``pika-async watch``: back to a job that is paid for."""

from functools import partial
from typing import Annotated, Final

import anyio
import typer

from pika_async.cli import _options
from pika_async.cli._running.clients import check_key, client_for
from pika_async.cli._running.exits import UsageError
from pika_async.cli._running.files import check_target
from pika_async.cli._running.following import follow
from pika_async.cli._running.run import reported, run
from pika_async.cli._running.trail import JobTrail
from pika_async.cli._showing.stage import Stage, stage_for

EXAMPLES: Final = """\
Examples:

```
pika-async watch 3f2a9c1e-7b40-4d0e-9d3c-0a1b2c3d4e5f -o panda.mp4
pika-async watch 3f2a9c1e-7b40-4d0e-9d3c-0a1b2c3d4e5f --timeout 0
```
"""


def watch(
    context: typer.Context,
    job_id: Annotated[str, typer.Argument(metavar="JOB_ID", help="The service's id of the job.")],
    *,
    output: _options.OutputFile = None,
    overwrite: _options.Overwrite = False,
    timeout: _options.Timeout = 1200.0,
    service: _options.Service = _options.GATEWAY,
    base_url: _options.BaseURL = None,
    allow_insecure: _options.AllowInsecure = False,
    as_json: _options.AsJSON = False,
    debug: _options.Debug = False,
) -> None:
    """Come back to a job that was submitted before; nothing is paid again.

    Shows how it goes. With -o the video is saved and its path goes to stdout; without, the link of
    the video does.
    """
    trail = JobTrail(
        **_options.connection(
            context, service, base_url, allow_insecure=allow_insecure, again=_options.OF_A_JOB
        ),
        overwrite=overwrite,
        target=output,
    )
    show = stage_for(trail, as_json=as_json)
    with reported(show, trail, debug=debug):
        if not job_id.strip():
            raise UsageError("JOB_ID is empty.")
        if output is not None:
            check_target(output, overwrite=overwrite)
        check_key(trail.service)
        trail.job_id = job_id
        run(partial(_watch, job_id, timeout, show, trail), trail)


async def _watch(
    job_id: str, wait: float, show: Stage, trail: JobTrail, scope: anyio.CancelScope
) -> None:
    async with client_for(trail, show) as client:
        with scope, show.live():
            await follow(client, client.job(job_id), show, trail, wait)
