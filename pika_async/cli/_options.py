"""Options that several verbs share."""

import math
from pathlib import Path
from typing import Annotated

import typer


def _no_nan(seconds: float) -> float:
    # NaN compares false with everything, so the option's own minimum lets it through.
    if math.isnan(seconds):
        raise typer.BadParameter("nan is no number of seconds.")
    return seconds


Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace FILE if it exists.")]
Timeout = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        min=0,
        callback=_no_nan,
        help="How long to wait for the video; 0: one look; inf: for ever. The job runs on.",
    ),
]
BaseURL = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        metavar="URL",
        show_default=False,
        help="Where the service is; by default PIKA_BASE_URL, else https://api.yescale.io.",
    ),
]
AllowInsecure = Annotated[
    bool,
    typer.Option("--allow-insecure", help="Let the key travel over plain http to another machine."),
]
Simulate = Annotated[
    bool,
    typer.Option("--simulate", help="Try it without a key: nothing is sent, nothing is paid."),
]
AsJSON = Annotated[
    bool, typer.Option("--json", help="For machines: one JSON object per line on stdout.")
]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show the library's log and the tracebacks of errors.")
]
OutputFile = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", show_default=False, help="Save the video here."),
]
