"""Processes of their own: for what is measured, so that its time and memory are nobody else's,
and for the service that it asks.

Each of the two has a core of its own where the system can do that: a process that is moved to and
fro, or that shares the caches of a core with its own service, shows other figures each time.
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
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MEASURED: Final = 0
_SERVICE: Final = 1


def alone(function: Callable[..., Any], *arguments: Any, **environment: str) -> Any:
    """What ``function`` of a benchmark returns, awaited if need be; all of it fit for JSON."""
    command = calling(function, *arguments)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | environment
    ) as process:
        pin(process, _MEASURED)
        told, _ = process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return json.loads(told.splitlines()[-1])


def pin(process: subprocess.Popen[str], place: int) -> None:
    """Keep it on one core, the ``place``-th of those that there are; nothing where it is alone."""
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(process.pid, {cores[place]})


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
    pin(process, _SERVICE)
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
