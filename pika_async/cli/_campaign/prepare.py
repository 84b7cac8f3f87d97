"""``pika-async campaign prepare``: from a file of prompts to the pages of a campaign."""

import shlex
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

import anyio
import typer

from pika_async import FieldError, GenerationRequest
from pika_async._figures import counted
from pika_async.cli import _options
from pika_async.cli._campaign import options
from pika_async.cli._campaign.engine import temporal
from pika_async.cli._prompts.file import Format, PromptFile, opened
from pika_async.cli._prompts.options import defaults
from pika_async.cli._running.exits import UsageError
from pika_async.cli._running.run import reported, run
from pika_async.cli._running.services import check_of
from pika_async.cli._running.trail import STDIN, BatchTrail
from pika_async.cli._showing.output import event, write
from pika_async.cli._showing.shown import Note
from pika_async.cli._showing.stage import Stage, stage_for

if TYPE_CHECKING:
    from pika_async.cli._prompts.requests import Check

EXAMPLES: Final = """\
FILE is one of prompts, as for `pika-async batch`. Images and videos in it are paths that every
worker sees, or links. What each file holds is noted: a worker does not send one that was exchanged.

Examples:

```
pika-async campaign prepare prompts.txt --store summer
pika-async campaign prepare shots.csv --store s3://bucket/summer --service fal --resolution 720p
```
"""
_PAGE_SIZE: Final = 500
_START: Final = ("pika-async", "campaign", "start", "NAME", "--store")
_NOT_BOUND: Final = (
    "it was prepared before, without --service, and stays so: workers of any service submit it"
)


def prepare(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="The prompts: txt, csv or jsonl; -: from stdin.")
    ],
    *,
    store: options.Store,
    chosen: Annotated[
        Format | None,
        typer.Option(
            "--format",
            show_default=False,
            help="How FILE is written; by default its suffix tells, and stdin is txt.",
        ),
    ] = None,
    page_size: Annotated[
        int,
        typer.Option(
            "--page-size",
            metavar="N",
            min=1,
            max=2000,
            help="Prompts in a page: the unit in which a campaign is shared out.",
        ),
    ] = _PAGE_SIZE,
    service: _options.Service = _options.GATEWAY,
    as_json: _options.AsJSON = False,
    debug: _options.Debug = False,
    **fields: Any,
) -> None:
    """Write the prompts of a file into a store, in pages. Nothing is submitted.

    All of FILE is checked first, by what --service takes. Where that is said, workers of another
    service submit none of it. The same may be prepared again: that
    changes nothing. The options of a video hold for all lines that do not say otherwise.
    """
    trail = BatchTrail(file=file, service=service.strip().lower() or _options.GATEWAY)
    show = stage_for(trail, as_json=as_json)
    with reported(show, trail, debug=debug):
        check = _that_fits(check_of(trail.service))
        if "\0" in store or not store.strip():
            raise UsageError("--store is empty; name a folder.")
        with opened(file, chosen, check, defaults(fields)) as prompts:
            prompts.checked()
            bound = trail.service if _options.was_said(context, "service") else ""
            run(partial(_prepare, prompts, store, page_size, bound, show, as_json), trail)


def _that_fits(check: "Check") -> "Check":
    """Beside what the service takes: what there is room for in a page."""
    temporal()
    # Loading it loads the engine's library, without which help is shown.
    from pika_async.temporal._contents.formats import request_line  # noqa: PLC0415

    def checked(request: GenerationRequest) -> None:
        check(request)
        try:
            request_line(request, 0)
        except FieldError as error:
            error.field = error.field.rpartition(".")[2]
            raise

    return checked


async def _prepare(  # noqa: PLR0917 - given by partial
    prompts: PromptFile,
    store: str,
    page_size: int,
    service: str,
    show: Stage,
    as_json: bool,
    scope: anyio.CancelScope,
) -> None:
    with scope:
        try:
            manifest = await temporal().Campaign.prepare(
                _requests(prompts), store, page_size=page_size, service=service
            )
        except FieldError as error:
            raise UsageError(f"{prompts.name}: {error}.") from error
        if as_json:
            event(
                "prepared",
                prompts=manifest.prompts,
                pages=manifest.pages,
                store=store,
                digest=manifest.digest,
            )
        else:
            pages = counted(manifest.pages, "page")
            write(f"{counted(manifest.prompts, 'prompt')} in {pages}, in {store}")
        if service and not manifest.service:
            show(Note(_NOT_BOUND))
        show(Note(f"next: {shlex.join([*_START, store])}"))


def _requests(prompts: PromptFile) -> Iterator[GenerationRequest]:
    for line in prompts.lines():
        if line.request is None:
            # The file was changed since it was checked.
            place = "<stdin>" if prompts.name == STDIN else prompts.name
            raise UsageError(f"{place}:{line.number}: {line.problem}.")
        yield line.request
