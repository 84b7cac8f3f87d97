"""``pika-async batch``: from a file of prompts to a folder of videos."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from pika_async.cli import _options
from pika_async.cli._prompts.fields import COLUMNS
from pika_async.cli._prompts.file import Format, opened
from pika_async.cli._running.batch import BatchRun
from pika_async.cli._running.clients import check_key
from pika_async.cli._running.exits import FAILED, UsageError
from pika_async.cli._running.run import reported, run
from pika_async.cli._running.services import check_of
from pika_async.cli._running.trail import STDIN, BatchTrail
from pika_async.cli._showing.shown import Ended, Note
from pika_async.cli._showing.stage import stage_for

EXAMPLES: Final = f"""\
A file is one of:

- **.txt**: one prompt a line; empty lines and lines that begin with # are skipped.
- **.csv**: the first line names the columns: {", ".join(COLUMNS)} (JSON), in
  capitals or not. Only prompt must be there; an empty cell leaves the choice to the default. Cells
  are separated by commas, semicolons or tabs, as in the first line.
- **.jsonl**: one JSON object a line with these names (camera is an object), or a prompt as a JSON
  string.

Paths in it are relative to its folder. All of it is checked before anything is sent.

Examples:

```
pika-async batch prompts.txt
pika-async batch shots.csv -d videos -j shots.journal -n 32
pika-async batch prompts.txt --simulate
grep panda prompts.txt | pika-async batch - --json
```
"""
_SIMULATED: Final = ".simulated"
# What the line that resumes says again; what was to be submitted again has been by then.
_AGAIN: Final = (
    *("output_dir", "no_download", "journal", "max_in_flight", "timeout", "chosen"),
    *("service", "base_url", "allow_insecure", "as_json"),
)


def batch(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="The prompts: txt, csv or jsonl; -: from stdin.")
    ],
    *,
    output_dir: Annotated[
        Path | None,
        typer.Option(
            "--output-dir",
            "-d",
            metavar="FOLDER",
            show_default=False,
            help="Save the videos here; by default in NAME-videos beside NAME.txt, with --simulate "
            "in NAME-simulated.",
        ),
    ] = None,
    no_download: Annotated[
        bool, typer.Option("--no-download", help="Save nothing: give the links, which expire.")
    ] = False,
    journal: Annotated[
        Path | None,
        typer.Option(
            "--journal",
            "-j",
            metavar="JOURNAL",
            show_default=False,
            help="Remembers what is paid for: the same line again pays for nothing twice. By "
            "default FILE.journal; with --simulate none, or a name that ends in .simulated.",
        ),
    ] = None,
    no_journal: Annotated[
        bool, typer.Option("--no-journal", help="Remember nothing: a second run pays again.")
    ] = False,
    max_in_flight: Annotated[
        int,
        typer.Option("--max-in-flight", "-n", metavar="N", min=1, help="How many jobs at once."),
    ] = 16,
    timeout: _options.Timeout = 1200.0,
    chosen: Annotated[
        Format | None,
        typer.Option(
            "--format",
            show_default=False,
            help="How FILE is written; by default its suffix tells, and stdin is txt.",
        ),
    ] = None,
    retry_failed: Annotated[
        bool,
        typer.Option("--retry-failed", help="Submit, and pay, again what failed in earlier runs."),
    ] = False,
    resubmit_uncertain: Annotated[
        bool,
        typer.Option(
            "--resubmit-uncertain",
            help="Submit again what earlier runs broke off in the middle of, and jobs that the "
            "service does not know (under this key and address), though they may be paid for.",
        ),
    ] = False,
    as_json: _options.AsJSON = False,
    service: _options.Service = _options.GATEWAY,
    base_url: _options.BaseURL = None,
    allow_insecure: _options.AllowInsecure = False,
    simulate: _options.Simulate = False,
    debug: _options.Debug = False,
) -> None:
    """Make a video of each prompt in a file, many at once.

    Shows how it goes: done, running, queued, failed, the pace and the time left. Where that is not
    a terminal, each result is a line on stdout, and all else goes to stderr. Ctrl-C submits nothing
    more, names the jobs that run on, and gives the line that resumes.
    """
    saved_in = None if no_download else output_dir or _default_output_dir(file, simulate=simulate)
    kept_in = None if no_journal else journal or _default_journal(file, simulate=simulate)
    trail = BatchTrail(
        **_options.connection(
            context, service, base_url, allow_insecure=allow_insecure, again=_AGAIN
        ),
        file=file,
        journal=kept_in is not None,
        saved_in=None if saved_in is None else str(saved_in),
        simulated=simulate,
    )
    show = stage_for(trail, as_json=as_json)
    with reported(show, trail, debug=debug):
        _check_one(no_download and output_dir, "--no-download", "--output-dir")
        _check_one(no_journal and journal, "--no-journal", "--journal")
        _check_kind(kept_in, simulate=simulate)
        if not simulate:
            check_key(trail.service, instead=", or add --simulate to try it without paying")
        if file == STDIN and sys.stdin is not None and sys.stdin.isatty():
            show(Note("prompts are read from the terminal, one a line; Ctrl-D ends them"))
        settings = {
            "journal": kept_in,
            "output_dir": saved_in,
            "max_in_flight": max_in_flight,
            "timeout": timeout,
            "resubmit_uncertain": resubmit_uncertain,
            "retry_failed": retry_failed,
        }
        with opened(file, chosen, check_of(trail.service)) as prompts:
            total = prompts.checked()
            begin = BatchRun(
                prompts=prompts, total=total, settings=settings, show=show, trail=trail
            )
            run(begin, trail)
        code = 0 if trail.progress is None or trail.progress.all_done else FAILED
        show(Ended(code))
        raise typer.Exit(code)


def _named(file: str) -> Path:
    """What the default names are made of; a pipe has no name that lasts."""
    return Path(file if file != STDIN and Path(file).is_file() else "batch")


def _default_output_dir(file: str, *, simulate: bool) -> Path:
    path = _named(file)
    return path.with_name(f"{path.stem}-{'simulated' if simulate else 'videos'}")


def _default_journal(file: str, *, simulate: bool) -> Path | None:
    # Simulated jobs end with the command, so there is nothing to come back to.
    path = _named(file)
    return None if simulate else path.with_name(f"{path.name}.journal")


def _check_one(both: object, one: str, other: str) -> None:
    if both:
        raise UsageError(f"{one} and {other} contradict each other: give one of them.")


def _check_kind(journal: Path | None, *, simulate: bool) -> None:
    """Keep simulated jobs out of the journals of paid ones, whose prompts they would answer for."""
    if journal is None or (journal.suffix == _SIMULATED) is simulate:
        return
    if simulate:
        raise UsageError(
            f"--journal {str(journal)!r} could be one of paid jobs, and simulated ones would pass "
            f"for them; with --simulate its name must end in {_SIMULATED}, such as "
            f"{journal.name + _SIMULATED!r}."
        )
    raise UsageError(
        f"--journal {str(journal)!r} is one of simulated jobs, which would pass for paid ones; "
        "give another, or add --simulate."
    )
