"""The command line: ``pika-async``. Needs the extra ``cli``."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; without its extra, say in one sentence how to get it."""
    try:
        from pika_async.cli._app import app  # noqa: PLC0415 - what it imports may be missing
        from pika_async.cli._showing.output import (  # noqa: PLC0415 - as above
            keep_standard_streams,
        )

        keep_standard_streams()
        app()
    except KeyboardInterrupt:
        # While modules are loaded: from there on each verb hears of it, and says more. What sends
        # is loaded last.
        sent = "aiohttp" in sys.modules
        sys.stderr.write("interrupted\n" if sent else "interrupted; nothing was sent\n")
        sys.exit(130)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("jinja2", "markupsafe", "rich", "typer"):
            raise
        sys.stderr.write(
            f"error: the command line needs {missing}, which is not installed: "
            "pip install '/path/to/clone[cli]'\n"
        )
        sys.exit(2)
