"""Processes of their own: for what is measured, so that its time and memory are nobody else's,
and for the service that it asks.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import os
import resource
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def alone(function: Callable[..., Any], *arguments: Any, **environment: str) -> Any:
    """What ``function`` of a benchmark returns, awaited if need be; all of it fit for JSON."""
    done = subprocess.run(
        calling(function, *arguments),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | environment,
    )
    return json.loads(done.stdout.splitlines()[-1])


def calling(function: Callable[..., Any], *arguments: Any) -> list[str]:
    """The command that calls ``function``, and prints what it returns."""
    called = [_module(function), function.__name__, json.dumps(arguments)]
    return [sys.executable, "-m", __name__, *called]


def _module(function: Callable[..., Any]) -> str:
    """Its name for others: a benchmark that runs by itself is ``__main__`` to itself."""
    module = sys.modules[function.__module__]
    return module.__spec__.name if module.__spec__ else function.__module__


def tell(result: Any) -> None:
    """Hand ``result`` to the process that waits for it."""
    print(json.dumps(result), flush=True)


@contextmanager
def service(module: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """``python -m benchmarks.MODULE WORDS``, until it is not needed any more."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{module}", *words], stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def cpu_seconds() -> float:
    """User and system time of this process so far, all its threads together."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def connections_possible(wanted: int) -> int:
    """``wanted``, or as many as the limit of open files allows once it is raised."""
    besides = 100
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted + besides:
        soft = wanted + besides if hard == resource.RLIM_INFINITY else hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        possible = min(wanted, soft - besides)
        if possible < wanted:
            print(f"the limit of open files allows only {possible} connections, not {wanted}")
        return possible
    return wanted


def main() -> None:
    module, name, arguments = sys.argv[1:]
    result = getattr(importlib.import_module(module), name)(*json.loads(arguments))
    tell(asyncio.run(result) if inspect.iscoroutine(result) else result)


if __name__ == "__main__":
    main()
