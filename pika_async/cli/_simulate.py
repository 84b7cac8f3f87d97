"""``pika-async simulate``: the service, on this machine and for nothing."""

import errno
import secrets
import shlex
import socket
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

import anyio
import typer

from pika_async.cli import _options
from pika_async.cli._running.exits import InterruptedRunError, UsageError
from pika_async.cli._running.run import reported, run
from pika_async.cli._running.services import dialect_of
from pika_async.cli._running.trail import Trail
from pika_async.cli._showing.plain import Plain
from pika_async.cli._showing.shown import Note, Show
from pika_async.dialects import SERVICES, url_variable

if TYPE_CHECKING:
    from pika_async.simulator import Fault, Simulator

EXAMPLES: Final = """\
Examples:

```
pika-async simulate
pika-async simulate --fault 502-html@poll:0.3 --variant progress-missing
pika-async simulate --list --service pika
```
"""
_HERE: Final = "127.0.0.1"
_LAST_PORT: Final = 65_535


def simulate(
    context: typer.Context,
    *,
    service: _options.Service = _options.GATEWAY,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Listen on this.")] = _HERE,
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="The port; 0: any that is free.")
    ] = 8700,
    media_port: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            max=65535,
            show_default=False,
            help="The port of the videos, which are another origin; by default any that is free, "
            "and with --host the one after --port.",
        ),
    ] = None,
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
        typer.Option(
            metavar="REASON", show_default=False, help="Every job fails, for this reason."
        ),
    ] = None,
    submits_per_second: Annotated[
        float | None,
        typer.Option(
            metavar="N", show_default=False, help="Answer submits beyond this rate with 429."
        ),
    ] = None,
    show_list: Annotated[
        bool,
        typer.Option(
            "--list",
            help="List the names of faults and variants, of all services or of that of --service.",
        ),
    ] = False,
    debug: _options.Debug = False,
) -> None:
    """Run a simulated service until Ctrl-C: try things out, nothing is paid."""
    trail = Trail(simulated=True)
    show = Plain(trail)
    with reported(show, trail, debug=debug):
        name = dialect_of(service.strip().lower()).name
    if show_list:
        named = _options.was_said(context, "service")
        _print_names([name] if named else list(SERVICES))
        return
    with reported(show, trail, debug=debug):
        simulator = _simulator(
            fault or (),
            variant or (),
            service=name,
            host=host,
            port=port,
            media_port=_media_port(host, port) if media_port is None else media_port,
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
            # It may run for days, and records would fill the memory.
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
        url, media_url = _reachable(simulator.url), _reachable(simulator.media_url)
        typer.echo(_line_to_use(url, simulator.service, simulator.host))
        show(Note(f"simulated service at {url}; nothing is paid; Ctrl-C ends it"))
        if simulator.host != _HERE:
            show(Note(f"its videos are at {media_url}, under the name by which it was asked"))
        with scope:
            await anyio.sleep_forever()
    finally:
        await simulator.__aexit__(None, None, None)


def _media_port(host: str, port: int) -> int:
    # Ports that other machines use are opened by number, in a firewall say.
    return port + 1 if host != _HERE and 0 < port < _LAST_PORT else 0


def _no_port(simulator: "Simulator", error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        if simulator.media_port:
            return (
                f"port {simulator.port} or {simulator.media_port} is in use; choose others with "
                "--port and --media-port (0: any that is free)."
            )
        return f"port {simulator.port} is in use; choose another with --port (0: any that is free)."
    return f"cannot listen on {simulator.host}, port {simulator.port}: {error.strerror or error}."


def _reachable(url: str) -> str:
    """``url`` with an address to connect to, which every address at once is not."""
    return url.replace("//0.0.0.0:", f"//{_own_address(socket.AF_INET, '127.0.0.1')}:").replace(
        "//[::]:", f"//[{_own_address(socket.AF_INET6, '::1')}]:"
    )


def _own_address(family: socket.AddressFamily, otherwise: str) -> str:
    """The address by which other machines reach this one, as far as it knows itself."""
    # No packet is sent: the system only says from which address it would go. These two addresses
    # are reserved for documentation.
    nobody = "192.0.2.1" if family == socket.AF_INET else "2001:db8::1"
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((nobody, 9))
        return str(probe.getsockname()[0])
    return otherwise


def _line_to_use(url: str, service: str, host: str) -> str:
    dialect = dialect_of(service)
    # "any" is not a secret, so it may travel over plain http.
    insecure = "" if host in (_HERE, "::1", "localhost") else " --allow-insecure"
    named = "" if service == _options.GATEWAY else f"PIKA_SERVICE={service} "
    place = f"{dialect.key_variables[0][0]}=any {url_variable(dialect)}={shlex.quote(url)}"
    return f'{named}{place} pika-async generate "a red panda"{insecure}'


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
            f"{text!r}: {number!r} is not a probability from 0 to 1, as in {name}:0.2."
        ) from None


def _print_names(services: Sequence[str]) -> None:
    """What can be named at these services; of several, each line tells at which."""
    from pika_async import simulator  # noqa: PLC0415 - see clients

    kinds = simulator.SERVICES.items()
    faults = _by_service(
        simulator.FAULTS, {name: {row.name for row in kind.faults} for name, kind in kinds}
    )
    variants = _by_service(simulator.VARIANTS, {name: kind.variants for name, kind in kinds})
    of = f"of {services[0]}" if len(services) == 1 else "and the service that has each"
    typer.echo(f"Faults {of}, with where they can strike (the first is where NAME alone does).")
    typer.echo("Where a line says unknown, the answer does not tell whether a job was started:")
    for name, having in faults.items():
        row = simulator.FAULTS[name]
        if name != "custom" and set(services) & set(having):
            column = _column(having, services)
            typer.echo(f"  {name:34} {column}{', '.join(row.places):30} {row.says}")
    typer.echo(f"\nVariants {of}:")
    for name, having in variants.items():
        if set(services) & set(having):
            column = _column(having, services)
            typer.echo(f"  {name:34} {column}{simulator.VARIANTS[name]}")


def _by_service(
    catalogue: Iterable[str], own: Mapping[str, Collection[str]]
) -> dict[str, list[str]]:
    """For each name the services that have it; what none has for itself, all have."""
    return {
        name: [service for service, names in own.items() if name in names] or list(own)
        for name in catalogue
    }


def _column(having: Collection[str], services: Collection[str]) -> str:
    """Which of several services have it."""
    if len(services) == 1:
        return ""
    words = "all" if len(having) == len(services) else ", ".join(having)
    return f"{words:8} "
