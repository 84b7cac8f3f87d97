"""``pika-async campaign report``: what became of each prompt, as a page or a table."""

import os
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import anyio
import typer
from attrs import frozen

from pika_async._sheet import MARK, Sheet
from pika_async.cli import _options
from pika_async.cli._campaign import options
from pika_async.cli._campaign.engine import CampaignTrail, campaign_of, refusals, temporal
from pika_async.cli._running.exits import UsageError
from pika_async.cli._running.files import check_target, save_page
from pika_async.cli._running.run import reported, run
from pika_async.cli._showing.output import event, write, write_path
from pika_async.cli._showing.shown import Note
from pika_async.cli._showing.stage import Stage, stage_for

if TYPE_CHECKING:
    from pika_async._gallery import Entry

EXAMPLES: Final = """\
The numbers are those of the prompts, from 1, as in the names of the videos and for `resolve`.

Examples:

```
pika-async campaign report summer
pika-async campaign report --store s3://bucket/summer --csv summer.results.csv
pika-async campaign report summer --csv - | head
pika-async campaign report summer --json | jq 'select(.event == "result" and (.ok | not))'
```
"""
_STDOUT: Final = Path("-")
MOST_ON_A_PAGE: Final = 2_000
"""Prompts; a browser gets slow with more cards."""
_PIECE: Final = 500


@frozen(kw_only=True)
class Wanted:
    """What is to be made."""

    page: Path | None
    table: Path | None
    overwrite: bool
    as_json: bool


def report(
    campaign: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]",
            show_default=False,
            help="The name that the campaign was started with; not needed with --store.",
        ),
    ] = None,
    *,
    store: options.KnownStore = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            show_default=False,
            parser=_options.file_name,
            help="Write the page here; by default NAME.html. A page of this campaign is replaced. "
            f"Of more than {MOST_ON_A_PAGE:,} prompts a table is made instead.",
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            metavar="FILE",
            show_default=False,
            help="For spreadsheets, a row a prompt (row, metadata, status, job_id, file, seed, "
            "charged, error), here; -: to stdout. `charged` is what the service says that the job "
            "cost.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace FILE if it exists.")
    ] = False,
    server: options.Server = None,
    namespace: options.Namespace = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="For machines: one JSON object a prompt on stdout, and a page only with -o.",
        ),
    ] = False,
    debug: _options.Debug = False,
) -> None:
    """Make a page or a table of a campaign: each prompt with its video, or why there is none.

    Only its store is read, also while it goes on: prompts of pages that have not ended are told as
    running. With ID alone the server is asked where the store is.
    """
    trail = CampaignTrail(campaign=campaign or "", server=server, namespace=namespace)
    show = stage_for(trail, as_json=as_json)
    with reported(show, trail, debug=debug):
        if campaign is None and store is None:
            raise UsageError("give the ID of a campaign, or --store PLACE.")
        if as_json and table == _STDOUT:
            raise UsageError("--json and --csv - would both write to stdout: give one of them.")
        if output == _STDOUT:
            raise UsageError("-o takes the name of a file; the page is not for stdout.")
        wanted = Wanted(page=output, table=table, overwrite=overwrite, as_json=as_json)
        run(partial(_report, store, wanted, show, trail), trail)


async def _report(
    store: str | None, wanted: Wanted, show: Stage, trail: CampaignTrail, scope: anyio.CancelScope
) -> None:
    with scope, refusals():
        place = store
        if place is None:
            async with campaign_of(trail) as campaign:
                place = await campaign.place()
        manifest = await temporal().read_manifest(place, campaign_id=trail.campaign or None)
        place = _whole(place)
        page, table = _targets(wanted, place, manifest.prompts, show, trail)
        if wanted.as_json:
            await _tell(place)
        if page is not None:
            await _make_page(place, page, trail)
            _tell_of(page, as_json=wanted.as_json)
        if table == _STDOUT:
            async for rows in _rows(place):
                write(rows.encode("utf-8", "backslashreplace").removesuffix(b"\n"), exact=True)
        elif table is not None:
            await anyio.to_thread.run_sync(save_page, _from_loop(_rows(place)), table)
            _tell_of(table, as_json=wanted.as_json)


def _targets(
    wanted: Wanted, place: str, prompts: int, show: Stage, trail: CampaignTrail
) -> tuple[Path | None, Path | None]:
    """Where the page and the table go.

    Raises:
        UsageError: A file is in the way, or cannot be written.
    """
    from pika_async._gallery import is_page_of  # noqa: PLC0415 - what it imports may be missing

    page, table = wanted.page, wanted.table
    if page is None and table is None and not wanted.as_json:
        page = Path(f"{_name(trail.campaign or place)}.html")
    if page is not None and prompts > MOST_ON_A_PAGE:
        told = f"{prompts:,} prompts are too many for a page, which takes {MOST_ON_A_PAGE:,}"
        if table is None:
            table = page.with_suffix(".csv")
            told += f"; the table {table} is made instead"
        show(Note(told))
        page = None
    if page is not None:
        _check("-o", page, overwrite=wanted.overwrite or is_page_of(page, Path(place)))
    if table is not None and table != _STDOUT:
        _check("--csv", table, overwrite=wanted.overwrite)
    return page, table


def _check(option: str, target: Path, *, overwrite: bool) -> None:
    if os.path.lexists(target) and not target.is_dir() and not overwrite:
        raise UsageError(
            f"{str(target)!r} exists already. Add --overwrite to replace it, or give another name "
            f"with {option}."
        )
    check_target(target, overwrite=True)


def _whole(place: str) -> str:
    """A folder from the root on, as the library has it; a URL as it is."""
    return place if "://" in place else os.path.abspath(place)  # noqa: PTH100 - as there


def _name(text: str) -> str:
    """A name for a file in this folder."""
    last = text.rstrip("/").rpartition("/")[2]
    return last if last not in ("", ".", "..") else "campaign"


def _tell_of(path: Path, *, as_json: bool) -> None:
    if as_json:
        event("saved", path=str(path))
    else:
        write_path(path)


async def _entries(place: str, folder: Path) -> AsyncIterator["Entry"]:
    from pika_async.cli._campaign import entries  # noqa: PLC0415 - what it imports may be missing

    async for result in temporal().read_results(place):
        yield entries.entry(result, place, folder)


async def _tell(place: str) -> None:
    from pika_async.cli._campaign import entries  # noqa: PLC0415 - as above

    async for result in temporal().read_results(place):
        event("result", **entries.facts(result, entries.entry(result, place, Path())))


async def _make_page(place: str, target: Path, trail: CampaignTrail) -> None:
    from pika_async._gallery import Album, campaign_page  # noqa: PLC0415 - as above

    folder = Path(_whole(str(target))).parent
    album = Album(
        name=trail.campaign or _name(place),
        place=place,
        entries=[one async for one in _entries(place, folder)],
        made_at=time.time(),
    )
    name = trail.campaign or "ID"
    pieces = campaign_page(
        album,
        status_line=trail.line_of("status", name),
        resolve_line=trail.line_of("resolve", name),
    )
    await anyio.to_thread.run_sync(save_page, pieces, target)


async def _rows(place: str) -> AsyncIterator[str]:
    """The table, some hundred rows at a time."""
    from pika_async._gallery import row  # noqa: PLC0415 - as above

    names: dict[str, None] = {}
    is_ascii = True
    async for one in _entries(place, Path()):
        names.update(dict.fromkeys(one.metadata))
        alone = Sheet(tuple(one.metadata), has_lines=False)
        is_ascii = is_ascii and alone.row(row(one)).isascii()
    sheet = Sheet(tuple(names), has_lines=False)
    header = sheet.header()
    rows = [header if is_ascii and header.isascii() else MARK + header]
    async for one in _entries(place, Path()):
        rows.append(sheet.row(row(one)))
        if len(rows) >= _PIECE:
            yield "".join(rows)
            rows.clear()
    yield "".join(rows)


def _from_loop(pieces: AsyncIterator[str]) -> Iterator[str]:
    """What comes from the event loop, for a thread that it runs."""
    while True:
        try:
            yield anyio.from_thread.run(_next, pieces)
        except StopAsyncIteration:
            return


async def _next(pieces: AsyncIterator[str]) -> str:
    return await anext(pieces)
