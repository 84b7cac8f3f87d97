"""``python -m pika_async.cli``."""

from pika_async.cli import main

if __name__ == "__main__":
    main()
