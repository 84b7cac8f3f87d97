"""Without the extra, a sentence says what to install; the package itself does without it."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("missing", ["temporalio", "temporalio.plugin", "temporalio.worker"])
def test_without_the_extra_the_import_says_what_to_install(missing):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; sys.modules[{missing!r}] = None; import pika_async.temporal",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: pika_async.temporal needs temporalio, which is not installed: "
        "pip install '/path/to/clone[temporal]'"
    )


def test_the_package_itself_does_not_import_it():
    program = (
        "import sys, pika_async; pika_async.PikaClient; "
        "sys.exit(any(name.startswith('temporalio') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_what_decides_is_known_without_the_engine():
    # In a workflow nothing may look around; the table least of all.
    program = (
        "import sys; sys.modules['pika_async.temporal'] = type(sys)('pika_async.temporal'); "
        "sys.modules['pika_async.temporal'].__path__ = [sys.argv[1]]; "
        "import pika_async.temporal._verdict; "
        "sys.exit(any(name.startswith(('temporalio', 'aiohttp')) for name in sys.modules))"
    )
    import pika_async.temporal  # noqa: PLC0415 - only its place is needed

    (place,) = pika_async.temporal.__path__
    assert subprocess.run([sys.executable, "-c", program, place], check=False).returncode == 0
