"""``pika-async settle``: what a person decides about submits whose end nobody knows."""

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from attrs import asdict

from pika_async import FieldError, JournalEntry
from pika_async._figures import counted
from pika_async.cli import _options
from pika_async.cli._nearby import check_journal
from pika_async.cli._running.clients import has_key
from pika_async.cli._running.exits import UsageError
from pika_async.cli._running.lines import batch_line, settle_words
from pika_async.cli._running.run import reported, run
from pika_async.cli._running.services import dialect_of
from pika_async.cli._running.trail import Trail
from pika_async.cli._settling.lost import found_jobs
from pika_async.cli._settling.named import Named, check
from pika_async.cli._settling.words import label, prompt, settled
from pika_async.cli._showing.output import event, write
from pika_async.cli._showing.shown import Note
from pika_async.cli._showing.stage import Stage, stage_for
from pika_async.cli._showing.words import short
from pika_async.dialects import Finds

EXAMPLES: Final = """\
Examples:

```
pika-async settle shots.csv.journal
pika-async settle shots.csv.journal --job 00013=3f2a9c1e-7b40-4d0e-9d3c-0a1b2c3d4e5f
pika-async settle shots.csv.journal --resubmit 00014 --drop 00015
pika-async settle shots.csv.journal --resubmit all
```
"""
_ALL: Final = "all"
_NAMED: Final = 20
# The ways that cost nothing come first.
_WAYS: Final = {
    ("--job", "N=JOB_ID"): "it has this job: the next run waits for it, which costs nothing",
    ("--drop", "N"): "give it up, which costs nothing",
    ("--resubmit", "N"): "nothing was started: the next run submits it, as a new paid job",
}


def settle(
    context: typer.Context,
    journal: Annotated[Path, typer.Argument(metavar="JOURNAL", help="The journal of a batch.")],
    *,
    job: Annotated[
        list[str] | None,
        typer.Option(
            "--job",
            metavar="N=JOB_ID",
            show_default=False,
            help="This is the job of N: it is looked up once, and the next run waits for it. "
            "Repeatable.",
        ),
    ] = None,
    no_check: Annotated[
        bool,
        typer.Option(
            "--no-check",
            help="Believe --job without asking the service, for when it cannot be reached.",
        ),
    ] = False,
    resubmit: Annotated[
        list[str] | None,
        typer.Option(
            "--resubmit",
            metavar="N",
            show_default=False,
            help="Submit N again in the next run, as a new paid job; or all. Repeatable.",
        ),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(
            "--drop",
            metavar="N",
            show_default=False,
            help="Give N up: only --retry-failed submits it again; or all. Repeatable.",
        ),
    ] = None,
    as_json: _options.AsJSON = False,
    service: _options.Service = _options.GATEWAY,
    base_url: _options.BaseURL = None,
    allow_insecure: _options.AllowInsecure = False,
    debug: _options.Debug = False,
) -> None:
    """List the submits of a batch that are uncertain, and decide about them.

    Each may have started a job, and may be billed: look at the account's usage. N is the number in
    front of each line; the names of its videos begin with it, and 00000 is the first prompt. What a
    submit was taken to cost stays counted as spent, whatever is decided. Where there is a key, a
    job that is named is looked up once, and an id that the service does not know changes nothing;
    where the service has a history, jobs are looked for in it. This command submits nothing.
    """
    way = _options.connection(context, service, base_url, allow_insecure=allow_insecure)
    trail = Trail(**way)
    show = stage_for(trail, as_json=as_json)
    with reported(show, trail, debug=debug):
        from pika_async import uncertain_in  # noqa: PLC0415 - it loads sqlite

        check_journal(journal, "settle")
        dialect = dialect_of(trail.service)
        still = uncertain_in(journal)
        decided: dict[int, str] = {}
        if job or resubmit or drop:
            numbers = [entry.number for entry in still]
            named = Named(_jobs(job or []))
            again = _numbers("--resubmit", resubmit or [], numbers)
            given_up = _numbers("--drop", drop or [], numbers)
            if named.jobs and not no_check:
                run(partial(check, named, _entries(journal, named.jobs), show, trail), trail)
            still = _written(journal, named.jobs, again, given_up)
            for decision, those in (("job", named.jobs), ("resubmit", again), ("drop", given_up)):
                decided |= dict.fromkeys(those, decision)
            _tell_decided(journal, decided, named, show, as_json=as_json)
        looked: dict[int, str] = {}
        if still and isinstance(dialect, Finds) and has_key(trail.service):
            run(partial(found_jobs, journal, still, looked, show, trail), trail)
        for entry in still:
            _tell(entry, looked.get(entry.number), as_json=as_json)
        _advise(journal, still, looked, show, trail.again)
        if decided and not still:
            show(Note("to go on with the batch, with its other options as they were:"))
            show(Note(f"  {_batch_line(journal)}"))


def _entries(journal: Path, numbers: Collection[int]) -> dict[int, JournalEntry]:
    from pika_async import read_journal  # noqa: PLC0415 - it loads sqlite

    return {entry.number: entry for entry in read_journal(journal) if entry.number in numbers}


def _written(
    journal: Path, jobs: Mapping[int, str], resubmit: list[int], drop: list[int]
) -> list[JournalEntry]:
    """Write the decisions down; returns what is still uncertain."""
    from pika_async import settle_journal  # noqa: PLC0415 - it loads sqlite

    try:
        return settle_journal(journal, jobs=jobs, resubmit=resubmit, drop=drop)
    except FieldError as error:
        option = "" if error.field == "number" else f"--{error.field.removesuffix('s')}: "
        raise UsageError(f"{option}{error.complaint}.") from error


def _tell_decided(
    journal: Path, decided: Mapping[int, str], named: Named, show: Stage, *, as_json: bool
) -> None:
    show(Note(f"{len(decided)} settled"))
    entries = _entries(journal, decided)
    for place, (number, entry) in enumerate(sorted(entries.items())):
        state = named.states.get(number)
        if as_json:
            charge = getattr(state, "charge", None)
            event(
                "settled",
                row=number,
                prompt=entry.prompt,
                decision=decided[number],
                job_id=named.jobs.get(number),
                state=None if state is None else type(state).__name__.lower(),
                charged=None if charge is None else asdict(charge),
            )
        elif place < _NAMED:
            for line in settled(entry, decided[number], state, named.not_checked):
                show(Note(line))
    if len(entries) > _NAMED:
        show(Note(f"  … and {len(entries) - _NAMED} more"))


def _batch_line(journal: Path) -> str:
    """The command that goes on with the batch."""
    from pika_async import read_journal  # noqa: PLC0415 - it loads sqlite

    places: set[tuple[str, str | None]] = set()
    last = None
    for entry in read_journal(journal):
        places |= {(attempt.service, attempt.base_url) for attempt in entry.attempts}
        if last is None or entry.run.number > last.number:
            last = entry.run
    saved_in = None if last is None or last.output_dir is None else Path(last.output_dir)
    return batch_line(journal, places, saved_in)


def _tell(entry: JournalEntry, found: str | None, *, as_json: bool) -> None:
    attempt = entry.attempt
    sent_at = None if attempt is None else attempt.sent_at
    service = "" if attempt is None else attempt.service
    perhaps = found or (None if attempt is None else attempt.job_id)
    if as_json:
        event(
            "uncertain",
            row=entry.number,
            prompt=entry.prompt,
            metadata=entry.request.get("metadata", {}),
            service=service,
            sent_at=sent_at,
            job_id=perhaps,
        )
        return
    when = "" if sent_at is None else f"{_local(sent_at)}  "
    job = f"  perhaps job {short(perhaps)}" if perhaps else ""
    write(f"{label(entry.number)}  {when}{service}  {prompt(entry)}{job}")


def _local(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC).astimezone():%Y-%m-%d %H:%M:%S %Z}"


def _advise(
    journal: Path,
    still: list[JournalEntry],
    looked: Mapping[int, str],
    show: Stage,
    again: Sequence[str],
) -> None:
    if not still:
        show(Note(f"nothing in {journal} is uncertain"))
        return
    show(
        Note(
            f"{counted(len(still), 'submit')} may have started a job, and may be billed. Look at "
            "the account's usage, then say what each is, by the number in front, with which the "
            "names of its videos begin (00000 is the first prompt, whatever its line in the file):"
        )
    )
    attempts = [entry.attempt for entry in still if entry.attempt is not None]
    places = {(attempt.service, attempt.base_url) for attempt in attempts}
    # Jobs are looked up where they were submitted, also where no option says where that is.
    line = [*settle_words(journal, () if again else places), *again]
    for option, meaning in _WAYS.items():
        show(Note(f"  {shlex.join([*line, *option])}"))
        show(Note(f"      {meaning}"))
    if looked:
        options = " ".join(f"--job {label(number)}={job_id}" for number, job_id in looked.items())
        show(Note(f"found in the history of the service: {options}"))


def _jobs(given: list[str]) -> dict[int, str]:
    jobs: dict[int, str] = {}
    for one in given:
        number, sign, job_id = one.partition("=")
        if not sign or not job_id.strip():
            raise UsageError(f"--job: {one!r} is not allowed; allowed is N=JOB_ID.")
        key = _number("--job", number)
        if key in jobs:
            raise UsageError(f"--job: {key} is named twice.")
        jobs[key] = job_id.strip()
    return jobs


def _numbers(option: str, given: list[str], everything: list[int]) -> list[int]:
    if _ALL in given:
        return everything
    return [_number(option, one) for one in given]


def _number(option: str, given: str) -> int:
    if not re.fullmatch(r"\d{1,18}", given.strip(), re.ASCII):
        raise UsageError(f"{option}: {given!r} is not allowed; allowed is the number of a request.")
    return int(given)
