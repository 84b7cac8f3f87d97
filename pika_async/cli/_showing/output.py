"""Lines on stdout and stderr."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import typer

from pika_async.cli._showing.words import printable

if TYPE_CHECKING:
    from pathlib import Path


def event(name: str, **fields: object) -> None:
    """A JSON object on stdout."""
    # ASCII: a path that is no valid text must not break the line.
    write(json.dumps({"event": name, **fields}))


def write_path(path: Path) -> None:
    """A file's name on stdout, byte for byte."""
    try:
        write(str(path), exact=True)
    except UnicodeEncodeError:
        write(os.fsencode(path), exact=True)


def write(text: str | bytes, *, err: bool = False, exact: bool = False) -> None:
    """A line on stdout or stderr; whether anyone reads it makes no difference."""
    if isinstance(text, str) and not exact:
        text = printable(text)
    try:
        typer.echo(text, err=err)
    except OSError:
        # Nobody reads any more (`… | head -1`). A paid job is still waited for and saved; what is
        # left in the buffer must not raise again when Python flushes it at the end.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), (sys.stderr if err else sys.stdout).fileno())
