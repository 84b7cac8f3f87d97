"""``pika-async batch``: from a file of prompts to a folder of videos."""

import math
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from pika_async.cli import _options
from pika_async.cli._prompts.fields import COLUMNS, FIELDS
from pika_async.cli._prompts.file import Format, opened
from pika_async.cli._prompts.options import defaults
from pika_async.cli._running.asking import check_budget, check_unpriced, confirm, told
from pika_async.cli._running.batch import BatchRun
from pika_async.cli._running.bounds import bounds_of, with_remembered
from pika_async.cli._running.clients import check_way
from pika_async.cli._running.exits import FAILED
from pika_async.cli._running.journals import begin_simulated_anew, check_kind
from pika_async.cli._running.places import (
    check_one,
    check_places,
    default_journal,
    default_output_dir,
    results_file,
)
from pika_async.cli._running.plan import Choices, planned
from pika_async.cli._running.run import reported, run
from pika_async.cli._running.services import check_of
from pika_async.cli._running.table import ResultsTable
from pika_async.cli._running.trail import STDIN, BatchTrail
from pika_async.cli._showing.shown import Ended, Note
from pika_async.cli._showing.stage import stage_for
from pika_async.cli._showing.words import counted

EXAMPLES: Final = f"""\
A file is one of:

- **.txt**: one prompt a line; empty lines and lines that begin with # are skipped.
- **.csv**, **.tsv**: the first line names the columns: {", ".join(COLUMNS)} (JSON),
  in capitals or not. Only prompt must be there; an empty cell leaves the choice to the default.
  Cells are separated by commas, semicolons or tabs, as in the first line. Columns with other names
  are your own: they are not sent, and come back with the results.
- **.jsonl**: one JSON object a line with these names (camera is an object), or a prompt as a JSON
  string.

Paths in it are relative to its folder. All of it is checked before anything is sent.

With --json each object says in event what it is: plan, result, error, summary. A result has row
(the number that the names of its videos begin with, 00007 as 7; the first is 0), line (of FILE; the
first is 1), prompt, metadata, job_id, status (succeeded, failed, uncertain, running, waiting), ok,
files, videos (id, url, seed, ...), charged (what the service says that the job cost: currency, and
micros, which are millionths of it), error (kind, message, money: not_sent, not_charged,
may_be_charged, stays_paid or service_decides, and advice: what to do next, in a word), resumed, and
index (its place in this run; the first is 0). The last object is the summary. NAME.results.csv and
`pika-async report` have the same names.

Examples:

```
pika-async batch prompts.txt
pika-async batch shots.csv --dry-run --price 0.45
pika-async batch shots.csv --budget 20 --limit 50 --aspect-ratio 16:9
pika-async batch shots.csv -d videos -j shots.journal -n 32
pika-async batch prompts.txt --simulate
grep panda prompts.txt | pika-async batch - --json
pika-async batch shots.csv --json | jq 'select(.event == "result" and .error.money == "stays_paid")'
```
"""
_MONEY: Final = "Money"
# The options that the line which resumes repeats. --retry-failed and --resubmit-uncertain are not
# among them: what they are for has been submitted by then.
_AGAIN: Final = (
    *("output_dir", "no_download", "journal", "max_in_flight", "timeout", "chosen"),
    *("budget", "price", "limit", "ask_above", "yes", "quiet", *FIELDS),
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
            "default FILE.journal; with --simulate none. Simulated and paid jobs have one each.",
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
        typer.Option(
            "--retry-failed",
            help="Submit again, and pay again for, what failed in earlier runs. What the service "
            "refused without a charge, for lack of money or by a rate limit, is submitted again "
            "without this option.",
        ),
    ] = False,
    resubmit_uncertain: Annotated[
        bool,
        typer.Option(
            "--resubmit-uncertain",
            help="Submit again what earlier runs left uncertain, and jobs that the service does "
            "not know (for this key, at this address), although they may be paid for already.",
        ),
    ] = False,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget",
            metavar="AMOUNT",
            show_default=False,
            help="Spend at most this much, such as 20, over all runs with this journal. The "
            "journal remembers it; inf: no budget any more.",
            rich_help_panel=_MONEY,
        ),
    ] = None,
    price: Annotated[
        str | None,
        typer.Option(
            "--price",
            metavar="AMOUNT",
            show_default=False,
            help="What a video is taken to cost where the service does not say, such as 0.45.",
            rich_help_panel=_MONEY,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            min=0,
            show_default=False,
            help="Submit N at most in this run; the rest stays for a later one.",
            rich_help_panel=_MONEY,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Check everything, say what is known and what would be bought, and submit "
            "nothing.",
            rich_help_panel=_MONEY,
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask.", rich_help_panel=_MONEY)
    ] = False,
    ask_above: Annotated[
        str,
        typer.Option(
            "--ask-above",
            metavar="AMOUNT",
            help="On a terminal, ask before more than this is spent; where no price is known, "
            "before more than 100 jobs are submitted.",
            rich_help_panel=_MONEY,
        ),
    ] = "20",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what went wrong.")] = False,
    as_json: _options.AsJSON = False,
    service: _options.Service = _options.GATEWAY,
    base_url: _options.BaseURL = None,
    allow_insecure: _options.AllowInsecure = False,
    simulate: _options.Simulate = False,
    debug: _options.Debug = False,
    **fields: Any,
) -> None:
    """Make a video of each prompt in a file, many at once.

    Says what is known and what will be bought, then how it goes: done, running, queued, failed, the
    pace and the time left. Where that is not a terminal, each result is a line on stdout, and all
    else goes to stderr. NAME.results.csv among the videos has a row for each prompt. Ctrl-C submits
    nothing more and gives the line that resumes.

    The options of a video hold for all lines of the file that do not say otherwise.
    """
    saved_in = None if no_download else output_dir or default_output_dir(file, simulate=simulate)
    kept_in = None if no_journal else journal or default_journal(file, simulate=simulate)
    trail = BatchTrail(
        **_options.connection(
            context, service, base_url, allow_insecure=allow_insecure, again=_AGAIN
        ),
        file=file,
        journal=None if kept_in is None else str(kept_in),
        saved_in=None if saved_in is None else str(saved_in),
        simulated=simulate,
        limit=limit,
        left_out=tuple(
            option
            for option, was_given in (
                ("--retry-failed", retry_failed),
                ("--resubmit-uncertain", resubmit_uncertain),
            )
            if was_given
        ),
    )
    show = stage_for(trail, as_json=as_json, quiet=quiet)
    with reported(show, trail, debug=debug):
        check_one(no_download and output_dir, "--no-download", "--output-dir")
        check_one(no_journal and journal, "--no-journal", "--journal")
        check_kind(kept_in, simulate=simulate)
        if simulate and not dry_run and (anew := begin_simulated_anew(kept_in)):
            jobs = counted(anew, "simulated job")
            show(Note(f"{jobs} ended with the run before, and will be simulated anew"))
        given = bounds_of(budget, price, None if yes or simulate else ask_above)
        bounds = with_remembered(given, kept_in)
        trail.budget, trail.price = bounds.budget, bounds.price
        choices = Choices(
            journal=kept_in,
            retry_failed=retry_failed,
            resubmit_uncertain=resubmit_uncertain,
            limit=limit,
            price=bounds.price,
        )
        check_budget(bounds, trail.service)
        if not dry_run and (file == STDIN or Path(file).exists()):
            # A file that is not there is the first thing to mend, and is said below.
            check_way(trail)
        if file == STDIN and sys.stdin is not None and sys.stdin.isatty():
            show(Note("prompts are read from the terminal, one a line; Ctrl-D ends them"))
        settings = {
            "journal": kept_in,
            "output_dir": saved_in,
            "max_in_flight": max_in_flight,
            "timeout": timeout,
            "resubmit_uncertain": resubmit_uncertain,
            "retry_failed": retry_failed,
            "budget": math.inf if bounds.lifted else bounds.budget,
            "price": bounds.price,
        }
        with opened(file, chosen, check_of(trail.service), defaults(fields)) as prompts:
            prompts.checked()
            table = ResultsTable(
                path=results_file(file, saved_in),
                columns=prompts.own_columns,
                show=show,
            )
            plan = planned(prompts, choices, show, trail, table.expect)
            check_unpriced(plan, bounds)
            show(told(plan, bounds, prompts, is_all=dry_run))
            if dry_run:
                # The plan is known without a key; whether it could be done is not.
                check_way(trail)
                check_places(saved_in, kept_in)
                raise typer.Exit(0)
            confirm(plan, bounds)
            begin = BatchRun(
                prompts=prompts,
                plan=plan,
                table=table,
                settings=settings,
                show=show,
                trail=trail,
            )
            run(begin, trail)
        code = 0 if trail.progress is None or trail.progress.all_done else FAILED
        show(Ended(code))
        raise typer.Exit(code)
