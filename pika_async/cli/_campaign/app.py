"""The verbs of a campaign, put together."""

from typing import Final

import typer

from pika_async.cli._campaign import (
    prepare,
    report,
    resolve,
    server,
    start,
    status,
    steering,
    worker,
)
from pika_async.cli._prompts.options import with_options
from pika_async.cli._verbs import Verb, VerbGroup

EPILOG: Final = """\
In four terminals, and without paying:

```
pika-async campaign server
pika-async campaign worker --simulate
pika-async campaign prepare prompts.txt --store summer
pika-async campaign start summer --store summer --wait
```
"""
app = typer.Typer(cls=VerbGroup, rich_markup_mode="markdown", no_args_is_help=True, epilog=EPILOG)
app.command("server", cls=Verb, epilog=server.EXAMPLES)(server.server)
app.command("prepare", cls=Verb, epilog=prepare.EXAMPLES)(with_options(prepare.prepare))
app.command("worker", cls=Verb, epilog=worker.EXAMPLES)(worker.worker)
app.command("start", cls=Verb, epilog=start.EXAMPLES)(start.start)
app.command("status", cls=Verb, epilog=status.EXAMPLES)(status.status)
app.command("pause", cls=Verb, epilog=steering.PAUSE_EXAMPLES)(steering.pause)
app.command("resume", cls=Verb, epilog=steering.RESUME_EXAMPLES)(steering.resume)
app.command("stop", cls=Verb, epilog=steering.STOP_EXAMPLES)(steering.stop)
app.command("resolve", cls=Verb, epilog=resolve.EXAMPLES)(resolve.resolve)
app.command("report", cls=Verb, epilog=report.EXAMPLES)(report.report)


@app.callback()
def root() -> None:
    """Thousands to millions of prompts, over any number of machines, on Temporal.

    A server remembers, workers submit, wait and save. Any of them may be killed at any time:
    nothing is paid twice, and nothing is lost. Prompts, results and videos lie in a folder or an
    object store that all workers see.
    """
