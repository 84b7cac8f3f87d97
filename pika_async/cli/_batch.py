"""``pika-async batch``: from a file of prompts to a folder of videos."""

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import typer
from attrs import frozen

from pika_async._figures import counted
from pika_async.cli import _batch_options as options
from pika_async.cli import _options
from pika_async.cli._prompts.fields import COLUMNS, FIELDS
from pika_async.cli._prompts.file import Format, opened
from pika_async.cli._prompts.options import defaults
from pika_async.cli._running.asking import check_budget, check_unpriced, confirm, told
from pika_async.cli._running.batch import BatchRun
from pika_async.cli._running.bounds import Bounds, bounds_of, with_remembered
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
from pika_async.cli._showing.shown import Ended, Note, Show
from pika_async.cli._showing.stage import Stage, stage_for

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
# The options that the line which resumes repeats. --retry-failed and --resubmit-uncertain are not
# among them: what they are for has been submitted by then.
_AGAIN: Final = (
    *("output_dir", "no_download", "journal", "max_in_flight", "timeout", "chosen"),
    *("budget", "price", "limit", "ask_above", "yes", "quiet", *FIELDS),
    *("service", "base_url", "allow_insecure", "as_json"),
)


@frozen(kw_only=True)
class _Wanted:
    """What is to be done, as the options say it."""

    file: str
    chosen: Format | None
    fields: Mapping[str, Any]
    saved_in: Path | None
    choices: Choices
    bounds: Bounds
    max_in_flight: int
    timeout: float
    dry_run: bool

    @property
    def settings(self) -> dict[str, Any]:
        """What the batch is given as it is, by the names of its arguments."""
        bounds = self.bounds
        return {
            "journal": self.choices.journal,
            "output_dir": self.saved_in,
            "max_in_flight": self.max_in_flight,
            "timeout": self.timeout,
            "resubmit_uncertain": self.choices.resubmit_uncertain,
            "retry_failed": self.choices.retry_failed,
            "budget": math.inf if bounds.lifted else bounds.budget,
            "price": bounds.price,
        }


def batch(
    context: typer.Context,
    file: options.File,
    *,
    output_dir: options.OutputFolder = None,
    no_download: options.NoDownload = False,
    journal: options.JournalFile = None,
    no_journal: options.NoJournal = False,
    max_in_flight: options.MaxInFlight = 16,
    timeout: _options.Timeout = 1200.0,
    chosen: options.ChosenFormat = None,
    retry_failed: options.RetryFailed = False,
    resubmit_uncertain: options.ResubmitUncertain = False,
    budget: options.Budget = None,
    price: options.Price = None,
    limit: options.Limit = None,
    dry_run: options.DryRun = False,
    yes: options.Yes = False,
    ask_above: options.AskAbove = "20",
    quiet: options.Quiet = False,
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
        left_out=(
            *(("--retry-failed",) if retry_failed else ()),
            *(("--resubmit-uncertain",) if resubmit_uncertain else ()),
        ),
    )
    show = stage_for(trail, as_json=as_json, quiet=quiet)
    with reported(show, trail, debug=debug):
        check_one(no_download and output_dir, "--no-download", "--output-dir")
        check_one(no_journal and journal, "--no-journal", "--journal")
        check_kind(kept_in, simulate=simulate)
        if simulate and not dry_run:
            _begin_anew(kept_in, show)
        given = bounds_of(budget, price, None if yes or simulate else ask_above)
        bounds = with_remembered(given, kept_in)
        trail.budget, trail.price = bounds.budget, bounds.price
        check_budget(bounds, trail.service)
        wanted = _Wanted(
            file=file,
            chosen=chosen,
            fields=fields,
            saved_in=saved_in,
            choices=Choices(
                journal=kept_in,
                retry_failed=retry_failed,
                resubmit_uncertain=resubmit_uncertain,
                limit=limit,
                price=bounds.price,
            ),
            bounds=bounds,
            max_in_flight=max_in_flight,
            timeout=timeout,
            dry_run=dry_run,
        )
        _check_source(wanted, show, trail)
        _carry_out(wanted, show, trail)
        code = 0 if trail.progress is None or trail.progress.all_done else FAILED
        show(Ended(code))
        raise typer.Exit(code)


def _begin_anew(kept_in: Path | None, show: Show) -> None:
    if anew := begin_simulated_anew(kept_in):
        jobs = counted(anew, "simulated job")
        show(Note(f"{jobs} ended with the run before, and will be simulated anew"))


def _check_source(wanted: _Wanted, show: Show, trail: BatchTrail) -> None:
    if not wanted.dry_run and (wanted.file == STDIN or Path(wanted.file).exists()):
        # A file that is not there is the first thing to mend, and is said when it is opened.
        check_way(trail)
    if wanted.file == STDIN and sys.stdin is not None and sys.stdin.isatty():
        show(Note("prompts are read from the terminal, one a line; Ctrl-D ends them"))


def _carry_out(wanted: _Wanted, show: Stage, trail: BatchTrail) -> None:
    """Plan it, ask whether that is meant, and do it.

    Raises:
        Exit: Nothing more was wanted than the plan.
    """
    service_check, own = check_of(trail.service), defaults(wanted.fields)
    with opened(wanted.file, wanted.chosen, service_check, own) as prompts:
        prompts.checked()
        table = ResultsTable(
            path=results_file(wanted.file, wanted.saved_in),
            columns=prompts.own_columns,
            show=show,
        )
        plan = planned(prompts, wanted.choices, show, trail, table.expect)
        check_unpriced(plan, wanted.bounds)
        show(told(plan, wanted.bounds, prompts, is_all=wanted.dry_run))
        if wanted.dry_run:
            # The plan is known without a key; whether it could be done is not.
            check_way(trail)
            check_places(wanted.saved_in, wanted.choices.journal)
            raise typer.Exit(0)
        confirm(plan, wanted.bounds)
        begin = BatchRun(
            prompts=prompts,
            plan=plan,
            table=table,
            settings=wanted.settings,
            show=show,
            trail=trail,
        )
        run(begin, trail)
