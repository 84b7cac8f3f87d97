"""``pika-async generate``: from a prompt to a file."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import anyio
import typer

from pika_async import GenerationRequest
from pika_async.cli import _options
from pika_async.cli._prompts.options import requested
from pika_async.cli._running.clients import check_way, client_for
from pika_async.cli._running.files import check_target, default_target, free_name
from pika_async.cli._running.following import follow
from pika_async.cli._running.run import reported, run
from pika_async.cli._running.services import check_of
from pika_async.cli._running.trail import JobTrail
from pika_async.cli._showing.shown import Note
from pika_async.cli._showing.stage import Stage, stage_for

EXAMPLES: Final = """\
With --json each object says in event what it is: started (job_id), transition (state, and what it
has: position, progress, videos), saved (path, bytes), error (type, message, job_id, resume: the
line that the message calls the line below, exit_code, money: not_sent, not_charged,
may_be_charged, stays_paid or service_decides, advice: what to do next, in a word).

Examples:

```
pika-async generate "a red panda surfing" -o panda.mp4
pika-async generate "it melts" --image cake.jpg --pikaffect Melt --seed 7
pika-async generate "a red panda surfing" --simulate
```
"""
_LEARNING: Final = (
    "interrupted while submitting: waiting for the answer, which tells whether there is a paid job "
    "(Ctrl-C again leaves at once)"
)


def generate(
    context: typer.Context,
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What to show.")],
    *,
    output: Annotated[
        Path | None,
        _options.output_option(
            "Save the video here; by default under a name made of the prompt and the job."
        ),
    ] = None,
    overwrite: _options.Overwrite = False,
    timeout: _options.Timeout = 1200.0,
    service: _options.Service = _options.GATEWAY,
    base_url: _options.BaseURL = None,
    allow_insecure: _options.AllowInsecure = False,
    simulate: _options.Simulate = False,
    as_json: _options.AsJSON = False,
    debug: _options.Debug = False,
    **fields: Any,
) -> None:
    """Make a video: submit the job, show how it goes, save the file.

    Everything is checked before anything is sent. The path of the video goes to stdout, all else
    to stderr. Ctrl-C leaves the job running and says how to come back to it.
    """
    trail = JobTrail(
        **_options.connection(
            context, service, base_url, allow_insecure=allow_insecure, again=_options.OF_A_JOB
        ),
        overwrite=overwrite,
        simulated=simulate,
        submits=True,
        target=output,
    )
    show = stage_for(trail, as_json=as_json)
    with reported(show, trail, debug=debug):
        request = requested(prompt, fields, check_of(trail.service))
        check_target(output or default_target(prompt, "00000000"), overwrite=overwrite)
        check_way(trail)
        run(partial(_generate, request, timeout, show, trail), trail)


async def _generate(
    request: GenerationRequest, wait: float, show: Stage, trail: JobTrail, scope: anyio.CancelScope
) -> None:
    if trail.simulated:
        show(Note("simulated: nothing is sent to the service, nothing is paid"))
    async with client_for(trail, show) as client:
        with scope, show.live():
            job = await client.submit(request)
            trail.job_id = job.id
            trail.target = trail.target or free_name(default_target(request.prompt, job.id))
            await follow(client, job, show, trail, wait)
        if scope.cancelled_caught and trail.job_id is None and not trail.simulated:
            show(Note(_LEARNING))
