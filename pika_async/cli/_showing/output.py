"""Lines on stdout and stderr."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

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
    """A line on stdout or stderr; whether anyone reads it makes no difference.

    What the stream has no letters for is shown escaped, or raises UnicodeEncodeError where the text
    is to be ``exact``.
    """
    if isinstance(text, str) and not exact:
        text = printable(text)
    stream = sys.stderr if err else sys.stdout
    try:
        try:
            typer.echo(text, err=err)
        except UnicodeEncodeError:
            if exact or isinstance(text, bytes):
                raise
            typer.echo(_with_its_letters(text, stream), err=err)
    except UnicodeEncodeError:
        raise
    except (OSError, ValueError):
        # Nobody reads any more (`… | head -1`), or it was closed. A paid job is still waited for
        # and saved.
        _let_go(stream)


class Screen:
    """A stream for lines that move. Whatever becomes of it, writing to it raises nothing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, if it can be."""
        try:
            try:
                self._stream.write(text)
            except UnicodeEncodeError:
                self._stream.write(_with_its_letters(text, self._stream))
        except (OSError, ValueError):
            _let_go(self._stream)
        return len(text)

    def flush(self) -> None:
        """Flush, if it can be."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            _let_go(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def has_letters(text: str, stream: TextIO) -> bool:
    """Whether the stream can show ``text`` as it is."""
    return _with_its_letters(text, stream) == text


def _with_its_letters(text: str, stream: TextIO) -> str:
    encoding = getattr(stream, "encoding", None) or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _let_go(stream: TextIO) -> None:
    """Let what is left in the buffer not raise again, also when Python flushes it at the end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)


def keep_standard_streams() -> None:
    """Put something in the place of standard streams that were closed (``>&-``).

    The next file that is opened would take such a number, and what is written to stderr would go
    into the journal.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free is taken.
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - until the end
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - until the end
