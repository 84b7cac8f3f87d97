"""``pika-async report``: from a journal to a page that a person can look through."""

import json
import time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from pika_async.cli import _options
from pika_async.cli._running.exits import UsageError
from pika_async.cli._running.files import check_page, print_page, save_page
from pika_async.cli._running.run import reported
from pika_async.cli._running.trail import Trail
from pika_async.cli._showing.output import event, write, write_path
from pika_async.cli._showing.sentences import meaning
from pika_async.cli._showing.shown import Note
from pika_async.cli._showing.stage import stage_for

if TYPE_CHECKING:
    from pika_async._gallery import Totals
    from pika_async.cli._showing.shown import Show

EXAMPLES: Final = """\
Examples:

```
pika-async report prompts.txt.journal
pika-async report shots.journal -d videos -o shots.html --overwrite
pika-async report shots.journal --price 0.20
pika-async report shots.journal --json | jq 'select(.event == "totals")'
```
"""
_STDOUT: Final = Path("-")
_HIGHEST_PRICE: Final = 1_000_000


def report(
    journal: Annotated[Path, typer.Argument(metavar="JOURNAL", help="The journal of a batch.")],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            show_default=False,
            help="Write the page here; -: to stdout. By default JOURNAL with the suffix .html.",
        ),
    ] = None,
    output_dir: Annotated[
        Path | None,
        typer.Option(
            "--output-dir",
            "-d",
            metavar="FOLDER",
            show_default=False,
            help="Where the batch saved the videos, for playing those; by default where "
            "`pika-async batch` saves them. Others are played from the service.",
        ),
    ] = None,
    price: Annotated[
        str | None,
        typer.Option(
            metavar="AMOUNT",
            show_default=False,
            help="What one job costs, such as 0.20: shows an estimate of the whole.",
        ),
    ] = None,
    overwrite: _options.Overwrite = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="The same for machines: one JSON object per line on stdout, and a page only "
            "with -o.",
        ),
    ] = False,
    debug: _options.Debug = False,
) -> None:
    """Make a page of a journal: videos, states, times, failures with their reasons, totals.

    One HTML file that any browser shows, without the service's scripts or anyone else's; the
    videos stay where they are. The journal is only read, also while a batch goes on with it.
    """
    # Before errors are put into sentences: what these import may be missing.
    from pika_async import _gallery as pages  # noqa: PLC0415

    trail = Trail()
    show = stage_for(trail, as_json=as_json)
    with reported(show, trail, debug=debug):
        if as_json and output == _STDOUT:
            raise UsageError("--json and -o - would both write to stdout: give one of them.")
        if output_dir is not None and not output_dir.is_dir():
            raise UsageError(f"--output-dir {str(output_dir)!r} is no folder.")
        each = None if price is None else _price(price)
        target = output or (None if as_json else _beside(journal))
        saved = None if target == _STDOUT else target
        if saved is not None:
            check_page(saved, journal, overwrite=overwrite)
        videos = output_dir or _usual_folder(journal)
        page_folder = Path() if saved is None else saved.parent
        folder = None if videos is None else pages.Folder(path=videos, page_folder=page_folder)
        with pages.opened(journal, now=time.time(), folder=folder, words=meaning) as gallery:
            totals = pages.totals_of(gallery.entries(), gallery.runs, each)
            if as_json:
                for line in pages.lines(gallery, totals):
                    # Exactly: JSON has escaped what is not ASCII, and a journal may be long.
                    write(json.dumps(line), exact=True)
            if saved is not None:
                save_page(pages.page(gallery, totals), saved)
            elif target is not None:
                print_page(pages.page(gallery, totals))
        _tell_of_videos(totals, videos, show)
        if saved is not None:
            if as_json:
                event("saved", path=str(saved))
            else:
                write_path(saved)


def _beside(journal: Path) -> Path:
    try:
        return journal.with_suffix(".html")
    except ValueError as error:
        raise UsageError(f"JOURNAL {str(journal)!r} is no name of a file.") from error


def _usual_folder(journal: Path) -> Path | None:
    """Where ``pika-async batch`` saves the videos of a journal that has the default name."""
    stem = Path(journal.stem).stem
    candidates = (journal.parent / f"{stem}-{kind}" for kind in ("videos", "simulated"))
    return next((folder for folder in candidates if folder.is_dir()), None)


def _price(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 <= amount <= _HIGHEST_PRICE:
        raise UsageError(f"--price {text!r} is no amount of money, such as 0.20.")
    return amount


def _tell_of_videos(totals: "Totals", folder: Path | None, show: "Show") -> None:
    missing = totals.videos_saved - totals.videos_found
    if not missing:
        return
    where = "whose folder is not known" if folder is None else f"not whole in {str(folder)!r}"
    show(
        Note(
            f"{missing} of {totals.videos_saved} saved videos, {where}, are played from the "
            "service, whose links may expire; --output-dir tells where they were saved"
        )
    )
