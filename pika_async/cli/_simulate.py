"""``pika-async simulate``: the service, on this machine and for nothing."""

import errno
import secrets
import shlex
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

import anyio
import typer

from pika_async.cli import _options
from pika_async.cli._running.exits import InterruptedRunError, UsageError
from pika_async.cli._running.run import reported, run
from pika_async.cli._running.trail import Trail
from pika_async.cli._showing.plain import Plain
from pika_async.cli._showing.shown import Note, Show

if TYPE_CHECKING:
    from pika_async.simulator import Fault, Simulator

EXAMPLES: Final = """\
Examples:

```
pika-async simulate
pika-async simulate --fault 502-html@poll:0.3 --variant progress-missing
pika-async simulate --list
```
"""


def simulate(
    *,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Listen on this.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="The port; 0: any that is free.")
    ] = 8700,
    duration: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long each job takes.")
    ] = 6.0,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N", show_default=False, help="Equal seeds draw equal ids, variants and faults."
        ),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            show_default=False,
            help="What goes wrong, always or with a probability: NAME, NAME:0.2, NAME@poll, "
            "NAME@download:0.2. Repeatable.",
        ),
    ] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            show_default=False,
            help="How answers differ: NAME, or NAME:0.2 for a fifth of the jobs. Repeatable.",
        ),
    ] = None,
    failure: Annotated[
        str | None,
        typer.Option(metavar="REASON", show_default=False, help="Every job fails with this."),
    ] = None,
    submits_per_second: Annotated[
        float | None,
        typer.Option(metavar="N", show_default=False, help="Answer what is beyond with 429."),
    ] = None,
    show_list: Annotated[
        bool, typer.Option("--list", help="List the names of faults and variants.")
    ] = False,
    debug: _options.Debug = False,
) -> None:
    """Run a simulated service until Ctrl-C: try things out, nothing is paid."""
    if show_list:
        _print_names()
        return
    trail = Trail(simulated=True)
    show = Plain(trail)
    with reported(show, trail, debug=debug):
        simulator = _simulator(
            fault or (),
            variant or (),
            host=host,
            port=port,
            duration=duration,
            seed=secrets.randbits(32) if seed is None else seed,
            failure=failure,
            submits_per_second=submits_per_second,
        )
        try:
            run(partial(_simulate, simulator, show), trail)
        except InterruptedRunError:
            show(Note(f"ended; {len(simulator.jobs)} jobs were simulated"))


def _simulator(faults: Iterable[str], variants: Iterable[str], **settings: Any) -> "Simulator":
    from pika_async.simulator import Simulator  # noqa: PLC0415 - see clients

    try:
        return Simulator(
            faults=map(_fault, faults),
            variants=dict(map(_with_probability, variants)),
            # It may run for days.
            record=False,
            **settings,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error


async def _simulate(simulator: "Simulator", show: Show, scope: anyio.CancelScope) -> None:
    try:
        await simulator.__aenter__()
    except OSError as error:
        raise UsageError(_no_port(simulator, error)) from error
    try:
        typer.echo(_line_to_use(simulator))
        show(Note(f"simulated service at {simulator.url}; nothing is paid; Ctrl-C ends it"))
        with scope:
            await anyio.sleep_forever()
    finally:
        await simulator.__aexit__(None, None, None)


def _no_port(simulator: "Simulator", error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {simulator.port} is in use; choose another with --port (0: any that is free)."
    return f"cannot listen on {simulator.host}, port {simulator.port}: {error.strerror or error}."


def _line_to_use(simulator: "Simulator") -> str:
    # Every address at once is no address to connect to.
    url = simulator.url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
    return f'PIKA_API_KEY=any PIKA_BASE_URL={shlex.quote(url)} pika-async generate "a red panda"'


def _fault(text: str) -> "Fault":
    from pika_async.simulator import Fault  # noqa: PLC0415 - see clients

    name, probability = _with_probability(text)
    name, _, place = name.partition("@")
    options: dict[str, Any] = {"on": place} if place else {}
    return Fault(name, times=None, probability=probability, **options)


def _with_probability(text: str) -> tuple[str, float]:
    """``NAME`` or ``NAME:0.2``."""
    name, separator, number = text.partition(":")
    try:
        return name, float(number) if separator else 1.0
    except ValueError:
        raise ValueError(
            f"{text!r}: {number!r} is no probability from 0 to 1, as in {name}:0.2."
        ) from None


def _print_names() -> None:
    from pika_async.simulator import FAULTS, VARIANTS  # noqa: PLC0415 - see clients

    typer.echo("Faults, with where they can strike (the first is where NAME alone does):")
    for name, row in FAULTS.items():
        if name != "custom":
            typer.echo(f"  {name:34} {', '.join(row.places):23} {row.says}")
    typer.echo("\nVariants:")
    for name, says in VARIANTS.items():
        typer.echo(f"  {name:34} {says}")
