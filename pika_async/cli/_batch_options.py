"""Options of ``pika-async batch`` alone."""

from pathlib import Path
from typing import Annotated, Final

import typer

from pika_async.cli._prompts.file import Format

_MONEY: Final = "Money"

File = Annotated[
    str, typer.Argument(metavar="FILE", help="The prompts: txt, csv or jsonl; -: from stdin.")
]
OutputFolder = Annotated[
    Path | None,
    typer.Option(
        "--output-dir",
        "-d",
        metavar="FOLDER",
        show_default=False,
        help="Save the videos here; by default in NAME-videos beside NAME.txt, with --simulate "
        "in NAME-simulated.",
    ),
]
NoDownload = Annotated[
    bool, typer.Option("--no-download", help="Save nothing: give the links, which expire.")
]
JournalFile = Annotated[
    Path | None,
    typer.Option(
        "--journal",
        "-j",
        metavar="JOURNAL",
        show_default=False,
        help="Remembers what is paid for: the same line again pays for nothing twice. By "
        "default FILE.journal; with --simulate none. Simulated and paid jobs have one each.",
    ),
]
NoJournal = Annotated[
    bool, typer.Option("--no-journal", help="Remember nothing: a second run pays again.")
]
MaxInFlight = Annotated[
    int,
    typer.Option("--max-in-flight", "-n", metavar="N", min=1, help="How many jobs at once."),
]
ChosenFormat = Annotated[
    Format | None,
    typer.Option(
        "--format",
        show_default=False,
        help="How FILE is written; by default its suffix tells, and stdin is txt.",
    ),
]
RetryFailed = Annotated[
    bool,
    typer.Option(
        "--retry-failed",
        help="Submit again, and pay again for, what failed in earlier runs. What the service "
        "refused without a charge, for lack of money or by a rate limit, is submitted again "
        "without this option.",
    ),
]
ResubmitUncertain = Annotated[
    bool,
    typer.Option(
        "--resubmit-uncertain",
        help="Submit again what earlier runs left uncertain, and jobs that the service does "
        "not know (for this key, at this address), although they may be paid for already.",
    ),
]
Budget = Annotated[
    str | None,
    typer.Option(
        "--budget",
        metavar="AMOUNT",
        show_default=False,
        help="Spend at most this much, such as 20, over all runs with this journal. The "
        "journal remembers it; inf: no budget any more.",
        rich_help_panel=_MONEY,
    ),
]
Price = Annotated[
    str | None,
    typer.Option(
        "--price",
        metavar="AMOUNT",
        show_default=False,
        help="What a video is taken to cost where the service does not say, such as 0.45.",
        rich_help_panel=_MONEY,
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        metavar="N",
        min=0,
        show_default=False,
        help="Submit N at most in this run; the rest stays for a later one.",
        rich_help_panel=_MONEY,
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Check everything, say what is known and what would be bought, and submit nothing.",
        rich_help_panel=_MONEY,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.", rich_help_panel=_MONEY)]
AskAbove = Annotated[
    str,
    typer.Option(
        "--ask-above",
        metavar="AMOUNT",
        help="On a terminal, ask before more than this is spent; where no price is known, "
        "before more than 100 jobs are submitted.",
        rich_help_panel=_MONEY,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say only what went wrong.")]
