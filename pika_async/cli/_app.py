"""The verbs, put together."""

from typing import Annotated

import typer

from pika_async._version import __version__
from pika_async.cli import _batch, _generate, _quote, _report, _settle, _simulate, _watch
from pika_async.cli._campaign import app as _campaign
from pika_async.cli._prompts.options import with_options
from pika_async.cli._verbs import Verb, Verbs

app = typer.Typer(
    name="pika-async",
    cls=Verbs,
    # Tracebacks that show locals would show the key.
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("generate", cls=Verb, epilog=_generate.EXAMPLES)(with_options(_generate.generate))
app.command("watch", cls=Verb, epilog=_watch.EXAMPLES)(_watch.watch)
app.command("batch", cls=Verb, epilog=_batch.EXAMPLES)(with_options(_batch.batch))
app.command("quote", cls=Verb, epilog=_quote.QUOTE_EXAMPLES)(with_options(_quote.quote))
app.command("balance", cls=Verb, epilog=_quote.BALANCE_EXAMPLES)(_quote.balance)
app.command("settle", cls=Verb, epilog=_settle.EXAMPLES)(_settle.settle)
app.command("report", cls=Verb, epilog=_report.EXAMPLES)(_report.report)
app.command("simulate", cls=Verb, epilog=_simulate.EXAMPLES)(_simulate.simulate)
app.add_typer(_campaign.app, name="campaign")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"pika-async {__version__}")
        raise typer.Exit


@app.callback()
def root(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Say the version."),
    ] = False,
) -> None:
    """Make videos with Pika: never pay twice, never lose what was paid for.

    The API key is read from PIKA_API_KEY, that of the service fal from FAL_KEY. --service or
    PIKA_SERVICE names the service; --base-url or PIKA_BASE_URL names another address of it. To try
    it without a key and without paying:

    ```
    pika-async generate "a red panda" --simulate
    ```

    Exit codes: 0 all done; 1 something failed; 2 wrong usage, nothing was sent; 130 interrupted,
    with the line that resumes.
    """
