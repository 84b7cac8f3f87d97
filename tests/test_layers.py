"""Imports go down only, and what the wire is called is known in one place."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import pika_async

ROOT = Path(pika_async.__file__).parent

# From the ground up; within a layer from left to right. A module may import what stands before
# it and nothing else. A folder's name stands for its package where that is one thing to others.
LAYERS = {
    "vocabulary": """_version _media_types _http _models _request _errors _fingerprint _results
                     _names""",
    "pure": """_polling _hazard _forecast _learnt _adaptive _retry _endpoint _json _records
               dialects._answers dialects._dialect dialects._gateway_errors dialects._gateway_wire
               dialects._gateway_states dialects.gateway dialects""",
    "effects": "_settled _transport _api _journal_file _group_commit _journal",
    "workflows": """_tracking _job _brake _slots _submit _part _download _client
                    _batch_source _batch_record _batch_item _batch""",
    "facade": "__init__",
    "shells": "simulator pytest_plugin _report cli",
}
# The facade is names and nothing else, imported lazily: shells are its users, not its parts.
ORDER = [name for names in LAYERS.values() for name in names.split()]
LAYER_OF = {name: layer for layer, names in LAYERS.items() for name in names.split()}
PACKAGES_OF_THEIR_OWN = ("simulator", "_report", "cli")

# What a layer may import from elsewhere at run time, beside the standard library.
ALLOWED_LIBRARIES = {
    "vocabulary": {"attrs"},
    "pure": {"attrs", "cattrs"},
    "effects": {"attrs", "anyio", "aiohttp", "yarl"},
    "workflows": {"attrs", "anyio"},
    "facade": set(),
}
THE_AIOHTTP_MODULE = "_transport"

# Clocks, chance, tasks and sockets, none of which belong into arithmetic.
IMPURE = {"asyncio", "anyio", "time", "random", "os", "socket", "secrets", "threading", "uuid"}
# Files are looked into when a request is built, and nowhere else below the effects.
DISK = {"pathlib", "shutil", "tempfile", "io"}
DISK_READERS = {"_request", "_fingerprint"}
# These know what a path is, and never look where it leads.
PATH_KEEPERS = {"_results", "_records"}

WIRE_SPELLINGS = (
    "promptText",
    "aspectRatio",
    "frameRate",
    "guidanceScale",
    "negativePrompt",
    "resultUrl",
    "sharingUrl",
    "videoPoster",
    "imageThumb",
    "task_id",
    "task_not_exist",
    "fail_to_fetch_task",
    "/pika/",
    "/feed",
    "Bearer",
    "X-Oneapi",
    "X-API-KEY",
    "Idempotency-Key",
)


class Import(NamedTuple):
    """One import, as it stands in a module."""

    target: str
    line: int
    at_run_time: bool


def sources() -> dict[str, Path]:
    """Every module of the package by its name without ``pika_async.`` in front."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        found[name] = path
    return found


SOURCES = sources()


def row(name: str) -> str:
    """The name by which the table knows a module."""
    top = name.partition(".")[0]
    return top if top in PACKAGES_OF_THEIR_OWN else name


def imports(path: Path) -> list[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    types_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for statement in node.body
        for inner in ast.walk(statement)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} is a relative import"
            targets = [_target(node.module or "", alias.name) for alias in node.names]
        else:
            continue
        found += [Import(target, node.lineno, id(node) not in types_only) for target in targets]
    return found


def _target(module: str, name: str) -> str:
    inside = f"{module}.{name}".removeprefix("pika_async.")
    return f"pika_async.{inside}" if inside in SOURCES else module


def ours(item: Import) -> str | None:
    """The module of this package that is imported, or None."""
    if item.target == "pika_async":
        return "__init__"
    return (
        item.target.removeprefix("pika_async.") if item.target.startswith("pika_async.") else None
    )


def library(item: Import) -> str:
    return item.target.partition(".")[0]


def height(name: str) -> int:
    """Where a module stands; what has no place yet stands above all."""
    return ORDER.index(row(name)) if row(name) in ORDER else len(ORDER)


every_module = pytest.mark.parametrize("name", list(SOURCES))
below_the_shells = pytest.mark.parametrize(
    "name", [name for name in SOURCES if LAYER_OF.get(row(name), "shells") != "shells"]
)
in_vocabulary_or_pure = pytest.mark.parametrize(
    "name", [name for name in SOURCES if LAYER_OF.get(row(name)) in ("vocabulary", "pure")]
)


@every_module
def test_every_module_has_its_place_in_the_table(name):
    assert row(name) in ORDER, (
        f"pika_async/{name} is new: give it a place in LAYERS, above all that it imports, "
        "and say so in the design"
    )


@every_module
def test_imports_go_down_only(name):
    # Also those for types alone: what is above is not to be known below.
    upward = [
        f"{name}:{item.line} imports {target}"
        for item in imports(SOURCES[name])
        if (target := ours(item)) is not None
        and row(target) != row(name)
        and height(target) >= height(name)
    ]
    assert upward == []


@below_the_shells
def test_aiohttp_is_imported_in_one_place_at_run_time(name):
    found = [item.line for item in imports(SOURCES[name]) if library(item) == "aiohttp"]
    at_run_time = [
        item.line
        for item in imports(SOURCES[name])
        if library(item) == "aiohttp" and item.at_run_time
    ]
    assert bool(at_run_time) is (name == THE_AIOHTTP_MODULE)
    assert not found or LAYER_OF[row(name)] in ("effects", "workflows")


@below_the_shells
def test_a_layer_imports_only_the_libraries_it_is_made_of(name):
    foreign = {
        library(item) for item in imports(SOURCES[name]) if item.at_run_time and ours(item) is None
    } - set(sys.stdlib_module_names)
    assert foreign <= ALLOWED_LIBRARIES[LAYER_OF[row(name)]]


@in_vocabulary_or_pure
def test_what_is_pure_imports_no_clock_no_chance_no_task_no_socket(name):
    assert {library(item) for item in imports(SOURCES[name])} & IMPURE == set()


@in_vocabulary_or_pure
def test_only_requests_look_at_the_disk(name):
    found = {library(item) for item in imports(SOURCES[name])} & DISK
    assert not found or name in DISK_READERS | PATH_KEEPERS


@in_vocabulary_or_pure
def test_what_is_pure_waits_for_nothing(name):
    tree = ast.parse(SOURCES[name].read_text(encoding="utf-8"))
    waiting = ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, waiting)] == []


@pytest.mark.parametrize("name", [name for name in SOURCES if row(name) == "simulator"])
def test_the_simulator_knows_nothing_of_the_client(name):
    # Shared code would share its mistakes: both sides would be wrong and agree.
    foreign = [
        f"{name}:{item.line} imports {target}"
        for item in imports(SOURCES[name])
        if (target := ours(item)) is not None and row(target) != "simulator"
    ]
    assert foreign == []


@pytest.mark.parametrize(
    "name", [name for name in SOURCES if name.partition(".")[0] not in ("dialects", "simulator")]
)
def test_nothing_outside_the_dialects_knows_how_the_wire_is_spelt(name):
    text = SOURCES[name].read_text(encoding="utf-8")
    assert [word for word in WIRE_SPELLINGS if word in text] == []


def test_the_wire_is_spelt_in_the_dialects():
    # Or else the test above would pass for want of anything to find.
    text = "".join(path.read_text("utf-8") for name, path in SOURCES.items() if "gateway" in name)
    spelt = [word for word in WIRE_SPELLINGS if word in text]
    assert {"promptText", "resultUrl", "/pika/", "Bearer"} <= set(spelt)


def test_the_seam_itself_spells_nothing():
    text = SOURCES["dialects._dialect"].read_text(encoding="utf-8")
    assert not re.search("|".join(map(re.escape, WIRE_SPELLINGS)), text)
