"""A program that polls every 0.2 s: ``python impatient.py FILE …`` or ``impatient.py -m MODULE …``.

The default policy knows that real jobs take a minute, and looks as seldom. POLL_EVERY in the
environment is another interval, in seconds.
"""

from __future__ import annotations

import os
import runpy
import sys
from functools import partialmethod

from pika_async import AdaptivePolling

IMPATIENT = __file__

if __name__ == "__main__":
    every = float(os.environ.get("POLL_EVERY", "0.2"))
    # Also that of a program which holds a policy of its own.
    AdaptivePolling.__init__ = partialmethod(
        AdaptivePolling.__init__, expected=5, min_interval=every, max_interval=every
    )
    del sys.argv[0]
    if sys.argv[0] == "-m":
        del sys.argv[0]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")
