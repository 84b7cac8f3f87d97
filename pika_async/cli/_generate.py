"""``pika-async generate``: from a prompt to a file."""

from functools import partial
from pathlib import Path
from typing import Annotated, Final

import anyio
import typer

from pika_async import GenerationRequest
from pika_async.cli import _options
from pika_async.cli._asked import requested
from pika_async.cli._clients import client_for
from pika_async.cli._following import check_key, follow
from pika_async.cli._report import Report
from pika_async.cli._running import reported, run
from pika_async.cli._status import report_for
from pika_async.cli._targets import check_target, default_target, free_name
from pika_async.cli._trail import JobTrail

EXAMPLES: Final = """\
Examples:

```
pika-async generate "a red panda surfing" -o panda.mp4
pika-async generate "it melts" --image cake.jpg --pikaffect Melt --seed 7
pika-async generate "a red panda surfing" --simulate
```
"""
_video_option: Final = partial(typer.Option, show_default=False, rich_help_panel="The video")
_LEARNING: Final = (
    "interrupted while submitting: waiting for the answer, which tells whether there is a paid job "
    "(Ctrl-C again leaves at once)"
)


def generate(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What to show.")],
    *,
    image: Annotated[
        str | None,
        _video_option(metavar="FILE_OR_URL", help="Start from this image."),
    ] = None,
    video: Annotated[
        str | None,
        _video_option(metavar="FILE_OR_URL", help="Start from this video."),
    ] = None,
    pikaffect: Annotated[
        str | None,
        _video_option(metavar="EFFECT", help="An effect: Melt, Squish, Explode, …"),
    ] = None,
    model: Annotated[
        str, _video_option(show_default=True, metavar="VERSION", help="Model version.")
    ] = "1.5",
    aspect_ratio: Annotated[
        str | None,
        _video_option(metavar="W:H", help="16:9, 1:1, … or a number from 0.4 to 2.5."),
    ] = None,
    frame_rate: Annotated[
        int, _video_option(show_default=True, metavar="N", help="Frames per second, 1 to 24.")
    ] = 24,
    camera: Annotated[
        list[str] | None,
        _video_option(
            metavar="MOVE=WHERE",
            help="zoom=in|out, pan=left|right, tilt=up|down, rotate=cw|ccw. Repeatable.",
        ),
    ] = None,
    guidance_scale: Annotated[
        float | None,
        _video_option(metavar="N", help="How closely to follow the prompt, 5 to 25."),
    ] = None,
    motion: Annotated[
        int | None,
        _video_option(metavar="N", help="How much moves, 0 to 4."),
    ] = None,
    negative_prompt: Annotated[str, _video_option(metavar="TEXT", help="What to avoid.")] = "",
    seed: Annotated[
        int | None,
        _video_option(metavar="N", help="For repeating a video."),
    ] = None,
    extend: Annotated[
        bool, _video_option("--extend", help="Make --video longer instead of starting anew.")
    ] = False,
    extra: Annotated[
        str | None,
        _video_option(
            metavar="JSON",
            help="An object merged into the request: for what is newer than this version.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            show_default=False,
            help="Save the video here; by default under a name made of the prompt and the job.",
        ),
    ] = None,
    overwrite: _options.Overwrite = False,
    timeout: _options.Timeout = 1200.0,
    base_url: _options.BaseURL = None,
    allow_insecure: _options.AllowInsecure = False,
    simulate: _options.Simulate = False,
    as_json: _options.AsJSON = False,
    debug: _options.Debug = False,
) -> None:
    """Make a video: submit the job, show how it goes, save the file.

    Everything is checked before anything is sent. The path of the video goes to stdout, all else
    to stderr. Ctrl-C leaves the job running and says how to come back to it.
    """
    report = report_for(as_json=as_json)
    trail = JobTrail(
        base_url=base_url,
        allow_insecure=allow_insecure,
        overwrite=overwrite,
        simulated=simulate,
        submits=True,
        target=output,
    )
    with reported(report, trail, debug=debug):
        request = requested(
            prompt,
            image=image,
            video=video,
            camera=camera or (),
            extra=extra,
            pikaffect=pikaffect,
            model=model,
            aspect_ratio=aspect_ratio,
            frame_rate=frame_rate,
            guidance_scale=guidance_scale,
            motion=motion,
            negative_prompt=negative_prompt,
            seed=seed,
            extend=extend,
        )
        check_target(output or default_target(prompt, "00000000"), overwrite=overwrite)
        if not simulate:
            check_key(instead=", or add --simulate to try it without paying")
        run(partial(_generate, request, timeout, report, trail), trail)


async def _generate(
    request: GenerationRequest,
    wait: float,
    report: Report,
    trail: JobTrail,
    scope: anyio.CancelScope,
) -> None:
    if trail.simulated:
        report.note("simulated: nothing is sent to the service, nothing is paid")
    async with client_for(trail) as client:
        with scope, report.live():
            job = await client.submit(request)
            trail.job_id = job.id
            trail.target = trail.target or free_name(default_target(request.prompt, job.id))
            report.started(job.id)
            await follow(client, job, report, trail, wait)
        if scope.cancelled_caught and trail.job_id is None and not trail.simulated:
            report.note(_LEARNING)
