"""Options that several verbs share, and what typer knows of them."""

import math
import os
from collections.abc import Container
from pathlib import Path
from typing import Annotated, Any, Final

import typer

_SERVICE: Final = ("service", "base_url", "allow_insecure")
OF_A_JOB: Final = ("timeout", "as_json", *_SERVICE)
"""What the line that waits for a job again says once more."""


def _no_nan(seconds: float) -> float:
    # NaN compares false with everything, so the option's own minimum lets it through.
    if math.isnan(seconds):
        raise typer.BadParameter("nan is not a number of seconds.")
    return seconds


def file_name(given: str) -> Path:
    """The name of a file to write.

    Raises:
        BadParameter: It ends in a slash, which a ``Path`` does not keep: what was to be saved in a
            new folder would be a file of its name.
    """
    if given.endswith((os.sep, os.altsep or os.sep)):
        raise typer.BadParameter(f"{given!r} is a folder; -o takes the name of a file.")
    return Path(given)


def output_option(help_text: str) -> Any:
    """``-o FILE``, where the file is a video."""
    return typer.Option(
        "--output", "-o", metavar="FILE", show_default=False, parser=file_name, help=help_text
    )


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
Service = Annotated[
    str,
    typer.Option(
        "--service",
        metavar="NAME",
        envvar="PIKA_SERVICE",
        help="Who makes the video: gateway, pika or fal.",
    ),
]
GATEWAY: Final = "gateway"
BaseURL = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        metavar="URL",
        show_default=False,
        help="Where the service is; by default what the environment says, else its own address.",
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
OutputFile = Annotated[Path | None, output_option("Save the video here.")]


def _source(context: typer.Context, name: str) -> str:
    source = context.get_parameter_source(name)
    return "" if source is None else source.name


def was_said(context: typer.Context, name: str) -> bool:
    """Whether an option was given, on the command line or in the environment."""
    return _source(context, name) in ("COMMANDLINE", "ENVIRONMENT")


def given(context: typer.Context, only: Container[str]) -> list[str]:
    """Those of these options that were given on the command line, as words of a command.

    What came from the environment is still there next time.
    """
    words: list[str] = []
    for parameter in context.command.params:
        name = parameter.name or ""
        if name not in only or _source(context, name) != "COMMANDLINE":
            continue
        value = context.params[name]
        option = min(parameter.opts, key=len)
        for one in value if isinstance(value, list | tuple) else [value]:
            words.append(option)
            if one is not True:
                words.append(f"{one:g}" if isinstance(one, float) else str(one))
    return words


def connection(
    context: typer.Context,
    service: str,
    base_url: str | None,
    *,
    allow_insecure: bool,
    again: Container[str] = _SERVICE,
) -> dict[str, Any]:
    """What a trail is to know of the way to the service, and of the options to give ``again``."""
    return {
        "service": service.strip().lower() or GATEWAY,
        "base_url": base_url,
        "allow_insecure": allow_insecure,
        "again": given(context, again),
    }
