"""``pika-async report``: from a journal to a page that a person can look through."""

import json
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from pika_async.cli import _options
from pika_async.cli._nearby import check_journal, folders_of
from pika_async.cli._running.bounds import amount
from pika_async.cli._running.exits import UsageError
from pika_async.cli._running.files import check_page, print_page, save_page
from pika_async.cli._running.lines import batch_line, settle_words
from pika_async.cli._running.run import reported
from pika_async.cli._running.trail import Trail
from pika_async.cli._showing.output import event, write, write_path
from pika_async.cli._showing.sentences import meaning
from pika_async.cli._showing.shown import Note
from pika_async.cli._showing.stage import stage_for

if TYPE_CHECKING:
    from pika_async._gallery import Folder, Gallery, Totals
    from pika_async.cli._showing.shown import Show

EXAMPLES: Final = """\
Examples:

```
pika-async report prompts.txt.journal
pika-async report shots.journal -d videos -o shots.html --overwrite
pika-async report shots.journal --price 0.20
pika-async report shots.journal --csv > shots.results.csv
pika-async report shots.journal --json | jq 'select(.event == "totals")'
```
"""
_STDOUT: Final = Path("-")
# Of ten thousand prompts a page has 18 MB, and a browser shows it.
_MANY: Final = 20_000


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
            parser=_options.file_name,
            help="Write the page here; -: to stdout. By default JOURNAL with the suffix .html. A "
            "page that was made of this journal before is replaced.",
        ),
    ] = None,
    output_dir: Annotated[
        Path | None,
        typer.Option(
            "--output-dir",
            "-d",
            metavar="FOLDER",
            show_default=False,
            help="Where the saved videos are. By default they are looked for where the batch saved "
            "them, in the folder of JOURNAL, in the current one, and in the folders inside these "
            "two. Videos that are not found are played from the service.",
        ),
    ] = None,
    price: Annotated[
        str | None,
        typer.Option(
            metavar="AMOUNT",
            show_default=False,
            help="What one job is taken to cost where the service has not said, in US dollars, "
            "such as 0.20.",
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace FILE if it exists, even if it is not a page of this journal.",
        ),
    ] = False,
    as_csv: Annotated[
        bool,
        typer.Option(
            "--csv",
            help="For spreadsheets: a header and a row a request on stdout (row, which is the "
            "number that the names of its videos begin with; metadata, "
            "status, job_id, file, seed, charged, estimated, earlier, error), and a page only with "
            "-o. `charged` is what the service says that the job cost; `estimated` is what it was "
            "taken to cost where the service does not say; `earlier` is the sum of both for "
            "earlier submits of the request.",
        ),
    ] = False,
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
    """Make a page of a journal: videos, states, times, costs, failures with reasons, totals.

    One HTML file that any browser shows, without the service's scripts or anyone else's; the
    videos stay where they are. The journal is only read, also while a batch goes on with it.
    """
    # Outside of `reported`: jinja2 may be missing, and main() says how to get it.
    from pika_async import _gallery as pages  # noqa: PLC0415

    trail = Trail()
    show = stage_for(trail, as_json=as_json)
    with reported(show, trail, debug=debug):
        _check_one_on_stdout(as_json=as_json, as_csv=as_csv, page=output == _STDOUT)
        if output_dir is not None and not output_dir.is_dir():
            raise UsageError(f"--output-dir {str(output_dir)!r} is not a folder.")
        each = amount("--price", price)
        check_journal(journal, "report")
        target = output or (None if as_json or as_csv else _beside(journal))
        videos = folders_of(journal) if output_dir is None else [output_dir]
        saved = None if target == _STDOUT else target
        if saved is not None:
            made_before = pages.is_page_of(saved, journal)
            check_page(saved, journal, overwrite=overwrite or made_before)
        folder = _folder(videos, Path() if saved is None else saved.parent)
        with pages.opened(
            journal, now=time.time(), folder=folder, words=meaning, zone=None
        ) as gallery:
            totals = pages.totals_of(gallery.entries(), gallery.runs, each)
            if as_json:
                for line in pages.lines(gallery, totals):
                    # Exact is quicker, and JSON has escaped what is not ASCII.
                    write(json.dumps(line), exact=True)
            if as_csv:
                for row in pages.table(gallery):
                    # A prompt may hold half a surrogate pair, which UTF-8 cannot spell.
                    cells = row.removesuffix("\n").encode("utf-8", "backslashreplace")
                    write(cells, exact=True)
            if target is not None:
                saves_in = _saves_in(gallery, videos) if output_dir is None else output_dir
                places = {(place.service, place.base_url) for place in totals.places}
                html = pages.page(
                    gallery,
                    totals,
                    batch_line=batch_line(journal, places, saves_in),
                    settle_line=shlex.join(settle_words(journal, places)),
                )
                print_page(html) if saved is None else save_page(html, saved)
        _tell_of_videos(totals, videos, show)
        if saved is not None:
            if totals.requests > _MANY:
                show(_heavy(totals.requests, saved))
            _tell_of_page(saved, as_json=as_json, as_csv=as_csv)


def _saves_in(gallery: "Gallery", videos: list[Path]) -> Path | None:
    """Where the batch would find its videos and save more, as far as that is known."""
    used = gallery.runs[-1].output_dir if gallery.runs else None
    if used is None:
        return None
    there = [folder for folder in videos if folder.absolute() == Path(used)]
    return next(iter([*there, *videos]), Path(used))


def _folder(videos: list[Path], page_folder: Path) -> "Folder | None":
    from pika_async._gallery import Folder  # noqa: PLC0415 - see report

    if not videos:
        return None
    return Folder(path=videos[0], also=tuple(videos[1:]), page_folder=page_folder)


def _heavy(requests: int, page: Path) -> Note:
    megabytes = page.stat().st_size / 1e6
    return Note(
        f"{requests:,} prompts make a page of {megabytes:,.0f} MB, which browsers may not show; "
        "--csv makes a table of them"
    )


def _tell_of_page(page: Path, *, as_json: bool, as_csv: bool) -> None:
    if as_json:
        event("saved", path=str(page))
    elif not as_csv:
        write_path(page)


def _beside(journal: Path) -> Path:
    try:
        return journal.with_suffix(".html")
    except ValueError as error:
        raise UsageError(f"JOURNAL {str(journal)!r} is not the name of a file.") from error


def _check_one_on_stdout(*, as_json: bool, as_csv: bool, page: bool) -> None:
    given = [
        name
        for name, is_given in (("--json", as_json), ("--csv", as_csv), ("-o -", page))
        if is_given
    ]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} would both write to stdout: give one of them.")


def _tell_of_videos(totals: "Totals", folders: list[Path], show: "Show") -> None:
    missing = totals.videos_saved - totals.videos_found
    if not missing:
        return
    where = "whose folder is not known"
    if folders:
        where = f"not whole in {' or '.join(repr(str(folder)) for folder in folders)}"
    show(
        Note(
            f"{missing} of {totals.videos_saved} saved videos, {where}, are played from the "
            "service, whose links may expire; --output-dir tells where they were saved"
        )
    )
