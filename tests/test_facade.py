"""The names a user sees, and what importing them costs."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.tables import every_row

import pika_async
import pika_async.dialects

if TYPE_CHECKING:
    from types import ModuleType

PACKAGE = Path(pika_async.__file__).parent

# Every public name of the contract; nothing may be missing from the facade.
CONTRACT = """
    GenerationRequest Pikaffect Camera
    JobState Queued Running Succeeded Failed Unknown Video Transition
    PikaClient Job Batch run_batch BatchResult BatchStats
    FixedPolling ExponentialPolling AdaptivePolling RetryPolicy PollPolicy Observation Dialect
    PikaError ConfigurationError TransportError TransportTimeoutError SubmissionUncertainError
    APIError AuthenticationError PermissionDeniedError QuotaExceededError InvalidRequestError
    NotFoundError RateLimitError ServerError DecodeError JobError JobFailedError ModerationError
    JobTimeoutError JournalError DownloadError __version__
"""

EXPENSIVE = ("aiohttp", "attrs", "attr", "anyio", "cattrs", "asyncio", "sqlite3", "typer", "rich")


def in_a_fresh_interpreter(code: str) -> list[str]:
    """What the code prints, as JSON, in an interpreter that has imported nothing yet."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    result: list[str] = json.loads(done.stdout)
    return result


def test_importing_the_package_imports_nothing_that_costs():
    imported = in_a_fresh_interpreter(
        "import sys\n"
        "before = set(sys.modules)\n"
        "import pika_async, json\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    assert [name for name in imported if name.partition(".")[0] in EXPENSIVE] == []
    assert [name for name in imported if name.startswith("pika_async")] == [
        "pika_async",
        "pika_async._version",
    ]


@pytest.mark.parametrize(
    ("name", "unneeded"),
    [
        ("PikaError", ["aiohttp", "attrs", "anyio", "cattrs"]),
        ("Queued", ["aiohttp", "anyio", "cattrs"]),
        ("GenerationRequest", ["aiohttp", "anyio", "cattrs"]),
        ("RetryPolicy", ["aiohttp", "anyio", "cattrs"]),
        ("ExponentialPolling", ["aiohttp", "anyio", "cattrs"]),
        ("Dialect", ["aiohttp", "anyio"]),
        ("PikaClient", ["pika_async.simulator", "pika_async.cli", "sqlite3", "typer", "rich"]),
    ],
)
def test_a_name_brings_only_what_it_needs(name, unneeded):
    imported = in_a_fresh_interpreter(
        f"import json, sys, pika_async\npika_async.{name}\nprint(json.dumps(list(sys.modules)))"
    )
    assert sorted(set(unneeded) & set(imported)) == []


def test_all_is_sorted_and_names_nothing_twice():
    assert pika_async.__all__ == sorted(set(pika_async.__all__))


@every_row("name", CONTRACT.split())
def test_every_name_of_the_contract_is_exported(name):
    assert name in pika_async.__all__
    assert getattr(pika_async, name) is not None


def test_a_star_import_gives_exactly_the_public_names():
    names = in_a_fresh_interpreter(
        "from pika_async import *\n"
        "names = [name for name in dir() if not name.startswith('__')]\n"
        "import json\n"
        "print(json.dumps(names))"
    )
    assert sorted(names) == [name for name in pika_async.__all__ if name != "__version__"]


def test_names_are_the_same_objects_each_time():
    assert pika_async.PikaError is pika_async.PikaError
    assert pika_async.Dialect is pika_async.dialects.Dialect


def test_dir_lists_the_public_names_before_they_are_used():
    names = in_a_fresh_interpreter("import json, pika_async\nprint(json.dumps(dir(pika_async)))")
    assert set(pika_async.__all__) <= set(names)
    assert set(pika_async.__all__) <= set(dir(pika_async))
    assert names == sorted(names)


@every_row("name", ["Simulator", "Gateway", "pika", "_errors_", "TransportTimeout"])
def test_a_name_that_is_not_public_is_an_attribute_error_that_names_it(name):
    with pytest.raises(AttributeError, match=f"module 'pika_async' has no attribute '{name}'"):
        getattr(pika_async, name)


def test_the_version_is_the_one_that_was_installed():
    assert pika_async.__version__ == metadata.version("pika-async")


def members(cls: type) -> list[tuple[str, object]]:
    """The public verbs and properties that a class itself defines."""
    return [
        (name, member)
        for name, member in vars(cls).items()
        if not name.startswith("_")
        and (inspect.isfunction(member) or isinstance(member, property | classmethod))
    ]


def public(module: ModuleType) -> list:
    return [
        pytest.param(getattr(module, name), id=f"{module.__name__}.{name}")
        for name in module.__all__
        if isinstance(getattr(module, name), type)
    ]


@every_row("cls", [*public(pika_async), *public(pika_async.dialects)])
def test_every_public_class_and_its_verbs_have_a_docstring(cls):
    # An inherited docstring says nothing of this class.
    assert vars(cls)["__doc__"]
    assert [name for name, member in members(cls) if not inspect.getdoc(member)] == []


@every_row("name", pika_async.__all__)
def test_every_public_name_can_be_asked_for_help(name):
    assert inspect.getdoc(getattr(pika_async, name))


def test_the_package_is_typed():
    assert (PACKAGE / "py.typed").exists()


# These say themselves, or by their class, that they take what others take.
TAKE_THE_SAME = {
    "run_batch": "Batch",
    "PikaClient.check": "PikaClient.submit",
    "PikaClient.quote": "PikaClient.submit",
    **{
        f"{policy}.{verb}": f"PollPolicy.{verb}"
        for policy in ("AdaptivePolling", "ExponentialPolling", "FixedPolling")
        for verb in ("delay", "finished")
    },
}


def explained() -> dict[str, tuple[str, list[str]]]:
    """Each public function, method and class of data: its words, and what it takes or holds."""
    found = {}
    for name in pika_async.__all__:
        thing = getattr(pika_async, name)
        if inspect.isfunction(thing):
            found[name] = (thing.__doc__, list(inspect.signature(thing).parameters))
        elif inspect.isclass(thing):
            fields = [field.name for field in getattr(thing, "__attrs_attrs__", ())]
            found[name] = (thing.__doc__, [one for one in fields if not one.startswith("_")])
            for verb, member in members(thing):
                function = getattr(member, "__func__", member)
                if inspect.isfunction(function):
                    taken = [*inspect.signature(function).parameters]
                    found[f"{name}.{verb}"] = (
                        function.__doc__ or "",
                        [one for one in taken if one not in ("self", "cls")],
                    )
    return found


def test_each_argument_and_each_attribute_is_explained():
    """Whoever reads `help()` needs no source: what is taken or held is named there."""
    every = explained()
    unexplained = [
        f"{name}: {one}"
        for name, (words, taken) in every.items()
        for one in taken
        for said in [f"{words} {every[TAKE_THE_SAME.get(name, name)][0]}"]
        if f"{one}:" not in said and f"``{one}``" not in said
    ]
    assert unexplained == []
