"""``python -m pika_async``: the command line."""

from __future__ import annotations

from pika_async.cli import main

if __name__ == "__main__":
    main()
