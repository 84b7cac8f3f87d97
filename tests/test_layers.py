"""The house: wings with doors. Imports go down only, and into a wing only through its doors.

Each rule is a function from a tree of modules to what breaks it. It is held against the package,
and against a made-up tree that breaks it, since a rule that finds nothing anywhere keeps nothing.
"""

from __future__ import annotations

import ast
import functools
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from support.tables import every_row

import pika_async

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(pika_async.__file__).parent

# From the ground up. A module may import what stands in a row below its own, and what stands
# before it in its own row. A folder is one wing; a file of the root is a wing of its own.
HOUSE = {
    "ground": """_version _quick _as_it_came _memory _figures _http _checks _meaning _money _states
                 _json _timing _settled _bound _request _pickles _pika_error _errors _api_errors
                 _events _json_events _backoff _log""",
    "pure": "_polling dialects",
    "effects": "_download _journal _wire",
    "workflows": "_jobs _opening _assembly _client _batch",
    "facade": "__init__",
    "shells": "simulator pytest_plugin _sheet _gallery otel temporal cli __main__",
}
ORDER = [wing for row in HOUSE.values() for wing in row.split()]
ROW_OF = {wing: row for row, wings in HOUSE.items() for wing in wings.split()}

# The rooms of a wing that others may enter; "" is the wing's own name. Of wings that are not
# named here every room is a door.
DOORS = {
    "_journal": {"journal", "history", "reader", "records", "settle"},
    "_polling": {"policies", "adaptive"},
    "_jobs": {
        *("again", "jobs", "job", "slots", "recorder", "reconcile", "cost", "verdicts"),
        "videos",
    },
    "_batch": {"batch", "budget", "results", "run", "source"},
    "_download": {"disk", "downloader", "names", "targets"},
    "dialects": {""},
    "simulator": {""},
    "_gallery": {""},
    "cli": {""},
    "otel": {""},
    "temporal": {"", "_contents.formats"},
}

# Wings within a wing, from the ground up, and the rooms of them that the rest of it may enter.
INNER_DOORS = {
    "temporal._store": {"store", "errors"},
    "temporal._limits": {"brake", "places", "purse", "room", "shares", "unseen"},
    "temporal._messages": {"accounts", "campaigns", "pages", "repairs"},
    "temporal._contents": {
        *("allowances", "claims", "damage", "discreet", "files", "formats", "media", "repairs"),
        *("shelf", "videos"),
    },
    "temporal._account": {"account", "beginning", "place", "serving"},
    "temporal._campaign": {"activities", "campaign", "page", "search"},
    "temporal._repairs": {
        *("activities", "bulk", "decisions", "owners", "repair", "resolving", "spending"),
        *("accounts", "changes", "stranded"),
    },
    "temporal._owner": {"accounts", "client", "progress", "reading"},
}
INNER_ORDER = list(INNER_DOORS)

# Of these the docstring is a map: it names each room, and says what it is for.
MAPPED = ["temporal._contents", "temporal._repairs"]

# What is tested without an engine does without one.
WITHOUT_ENGINE = [
    *("temporal._store", "temporal._limits", "temporal._messages"),
    *("temporal._contents.formats", "temporal._contents.files", "temporal._contents.videos"),
    *("temporal._campaign.grants", "temporal._campaign.silence", "temporal._owner.progress"),
]

# What is arithmetic on values: no clock, no chance, no task, no socket.
PURE = [
    *(
        wing
        for wing in HOUSE["ground"].split()
        if wing not in ("_memory", "_settled", "_bound", "_log")
    ),
    *("_polling", "dialects"),
    *("_jobs.verdicts", "_jobs.patience"),
    *("temporal._verdict", "temporal._records", "temporal._outcomes", "temporal._names"),
    *("temporal._store.naming", "temporal._store.errors", "temporal._limits", "temporal._messages"),
    *("temporal._contents.formats", "temporal._contents.discreet", "temporal._contents.spellings"),
    "temporal._contents.digests",
    *("temporal._campaign.grants", "temporal._campaign.silence"),
    *("temporal._repairs.decisions", "temporal._owner.progress"),
]
IMPURE = {"asyncio", "anyio", "time", "random", "os", "socket", "secrets", "threading", "uuid"}
# Files are looked into when a request is built, and paths are kept; nothing else is done with them.
DISK = {"pathlib", "shutil", "tempfile", "io"}
KNOW_PATHS = {"_request", "_errors", "_events", "_json_events"}

# A library, and the only place that may import it at run time.
ONE_PLACE = {
    "aiohttp": "_wire.transport",
    "sqlite3": "_journal",
    "logging": "_log",
    "typer": "cli",
    "rich": "cli",
    "jinja2": "_gallery",
    "markupsafe": "_gallery",
    "opentelemetry": "otel",
    "temporalio": "temporal",
    "obstore": "temporal._store.objects",
}
OWN_LIBRARIES = {
    "ground": {"attrs", "cattrs", "anyio"},
    "pure": {"attrs", "cattrs"},
    "effects": {"attrs", "anyio", "aiohttp", "yarl"},
    "workflows": {"attrs", "anyio"},
    "facade": set(),
}

# How services spell things. Each stands in the folders of its service and nowhere else.
WORDS = {
    "gateway": (
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
    ),
    "pika": ("X-API-Key", "Idempotency-Key", "micro_usd", "/v1/media"),
    "fal": ("IN_QUEUE", "request_id/", "fal-ai/", "queue.fal.run", "X-Fal-", "by-endpoint"),
}
HOMES_OF_SERVICES = ("dialects", "simulator._services")

Tree: TypeAlias = "Mapping[str, str]"


class Import(NamedTuple):
    """One import, as it stands in a module."""

    by: str
    target: str
    line: int
    at_run_time: bool

    def __str__(self) -> str:
        return f"{self.by}:{self.line} imports {self.target}"


def sources() -> dict[str, str]:
    """Every module of the package by its name without ``pika_async.`` in front."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        found[name] = path.read_text(encoding="utf-8")
    return found


SOURCES = sources()


def wing(name: str) -> str:
    return name.partition(".")[0]


def imports(name: str, tree: Tree) -> list[Import]:
    """Of one module; what is ours without ``pika_async.`` in front, the facade as ``__init__``."""
    return [
        Import(name, f"pika_async.{one}" if one in tree else module, line, at_run_time)
        for one, module, line, at_run_time in written(name, tree[name])
    ]


@functools.cache  # Nearly every rule asks for all of them.
def written(name: str, source: str) -> list[tuple[str, str, int, bool]]:
    """The imports of a module.

    Each: what it may be without ``pika_async.`` in front, the module that it is from, its line,
    and whether it is there at run time.
    """
    parsed = ast.parse(source)
    types_only = {
        id(inner)
        for node in ast.walk(parsed)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for statement in node.body
        for inner in ast.walk(statement)
    }
    found = []
    for node in ast.walk(parsed):
        if isinstance(node, ast.Import):
            # Names a module, however it is spelt.
            pairs = [("", alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}:{node.lineno} is a relative import"
            module = node.module or ""
            pairs = [
                (f"{module}.{alias.name}".removeprefix("pika_async."), module)
                for alias in node.names
            ]
        else:
            continue
        found += [(*pair, node.lineno, id(node) not in types_only) for pair in pairs]
    return found


def ours(item: Import) -> str | None:
    """The module of this package that is imported, or None."""
    if item.target == "pika_async":
        return "__init__"
    inside = item.target.removeprefix("pika_async.")
    return None if inside == item.target else inside


def between_wings(tree: Tree) -> Iterator[tuple[Import, str]]:
    for name in tree:
        for item in imports(name, tree):
            target = ours(item)
            if target is not None and wing(target) != wing(name):
                yield item, target


def height(name: str) -> int:
    """Where a wing stands; what has no place yet stands above all."""
    return ORDER.index(wing(name)) if wing(name) in ORDER else len(ORDER)


def without_a_place(tree: Tree) -> list[str]:
    return [name for name in tree if wing(name) not in ORDER]


def upward(tree: Tree) -> list[str]:
    # Also those for types alone: what is above is not to be known below.
    return [str(item) for item, target in between_wings(tree) if height(target) >= height(item.by)]


def beside_doors(tree: Tree) -> list[str]:
    return [
        str(item)
        for item, target in between_wings(tree)
        if wing(target) in DOORS and target.partition(".")[2] not in DOORS[wing(target)]
    ]


def inner_wing(name: str) -> str | None:
    """The wing within a wing in which a module stands."""
    return next((inner for inner in INNER_DOORS if is_in(name, [inner])), None)


def beside_inner_doors(tree: Tree) -> list[str]:
    return [
        str(item)
        for name in tree
        for item in imports(name, tree)
        if (target := ours(item)) is not None
        and (inner := inner_wing(target)) not in (None, inner_wing(name))
        and target.removeprefix(f"{inner}.") not in INNER_DOORS[inner]
    ]


def upward_within(tree: Tree) -> list[str]:
    return [
        str(item)
        for name in tree
        if (inner := inner_wing(name)) is not None
        for item in imports(name, tree)
        if (target := ours(item)) is not None
        and (other := inner_wing(target)) not in (None, inner)
        and INNER_ORDER.index(other) > INNER_ORDER.index(inner)
    ]


def engine_where_none_is_needed(tree: Tree) -> list[str]:
    return [
        str(item)
        for name in tree
        if is_in(name, WITHOUT_ENGINE)
        for item in imports(name, tree)
        if wing(item.target) == "temporalio"
    ]


def in_circles(tree: Tree) -> list[str]:
    """Modules of one wing that need each other to be imported."""
    needs = {
        name: {
            target
            for item in imports(name, tree)
            if item.at_run_time
            and (target := ours(item)) is not None
            and wing(target) == wing(name)
            and target != name
        }
        for name in tree
    }
    while leaves := [name for name, needed in needs.items() if not needed & needs.keys()]:
        for name in leaves:
            del needs[name]
    return sorted(needs)


def entrances_with_furniture(tree: Tree) -> list[str]:
    """Private wings whose ``__init__`` is more than a docstring, though rooms are their doors."""
    return [
        name
        for name, source in tree.items()
        if "" not in DOORS.get(name, {""})
        or name in INNER_DOORS
        or (name in ("_wire", "_request") and "." not in name)
        if any(not isinstance(node, ast.Expr) for node in ast.parse(source).body)
        and any(other.startswith(f"{name}.") for other in tree)
    ]


def rooms_without_a_place_on_the_map(tree: Tree) -> list[str]:
    return [
        name
        for name in tree
        for mapped in MAPPED
        if name.startswith(f"{mapped}.")
        if not re.search(rf"^    {name.removeprefix(f'{mapped}.')} ", tree[mapped], re.MULTILINE)
    ]


def is_in(name: str, places: object) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)  # type: ignore[attr-defined]


def impure(tree: Tree) -> list[str]:
    found = []
    for name in tree:
        if not is_in(name, PURE):
            continue
        forbidden = IMPURE | (set() if is_in(name, KNOW_PATHS) else DISK)
        found += [
            str(item) for item in imports(name, tree) if item.target.split(".")[0] in forbidden
        ]
        waiting = ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith
        found += [
            f"{name}:{node.lineno} waits"
            for node in ast.walk(ast.parse(tree[name]))
            if isinstance(node, waiting)
        ]
    return found


def libraries_elsewhere(tree: Tree) -> list[str]:
    return [
        str(item)
        for name in tree
        if wing(name) != "simulator"
        for item in imports(name, tree)
        if item.at_run_time
        and (place := ONE_PLACE.get(item.target.partition(".")[0])) is not None
        and not is_in(name, [place])
    ]


def foreign_libraries(tree: Tree) -> list[str]:
    return [
        str(item)
        for name in tree
        if ROW_OF.get(wing(name), "shells") != "shells"
        for item in imports(name, tree)
        if item.at_run_time
        and ours(item) is None
        and item.target.partition(".")[0]
        not in {*sys.stdlib_module_names, *OWN_LIBRARIES[ROW_OF[wing(name)]]}
    ]


def selects_elsewhere(tree: Tree) -> list[str]:
    return [
        name
        for name, source in tree.items()
        if wing(name) != "_journal" and re.search(r"\bSELECT\b", source)
    ]


def service_of(name: str) -> str | None:
    """The service in whose folder a module stands."""
    for home in HOMES_OF_SERVICES:
        if name.startswith(f"{home}."):
            first = name.removeprefix(f"{home}.").partition(".")[0]
            return first if first in WORDS else None
    return None


def words_elsewhere(tree: Tree) -> list[str]:
    return [
        f"{name} says {word}"
        for name, source in tree.items()
        for service, words in WORDS.items()
        if service_of(name) != service
        for word in words
        if word in source
    ]


def services_that_name_another(tree: Tree) -> list[str]:
    return [
        str(item)
        for name in tree
        if (service := service_of(name)) is not None
        for item in imports(name, tree)
        if (target := ours(item)) is not None and service_of(target) not in (None, service)
    ]


def simulator_that_knows_the_client(tree: Tree) -> list[str]:
    # Shared code would share its mistakes: both sides would be wrong and agree.
    # Which dialect speaks to it, it is asked for; its own work needs none.
    allowed = {("simulator._server", "dialects")}
    return [
        str(item)
        for item, other in between_wings(tree)
        if wing(item.by) == "simulator" and (item.by, other) not in allowed
    ]


# Each rule, and a tree that breaks it.
RULES = {
    without_a_place: {"_new": ""},
    upward: {"_states": "from pika_async._errors import PikaError", "_errors": ""},
    beside_doors: {"_client": "import pika_async._jobs.brake", "_jobs.brake": ""},
    beside_inner_doors: {
        "temporal._worker": "import pika_async.temporal._store.folder",
        "temporal._store.folder": "",
    },
    upward_within: {
        "temporal._store.store": "from pika_async.temporal._contents import files",
        "temporal._contents.files": "",
    },
    engine_where_none_is_needed: {"temporal._store.store": "import temporalio"},
    in_circles: {
        "_jobs.job": "import pika_async._jobs.slots",
        "_jobs.slots": "from pika_async._jobs import job",
    },
    entrances_with_furniture: {"_jobs": "from pika_async._jobs import job", "_jobs.job": ""},
    rooms_without_a_place_on_the_map: {
        "temporal._repairs": '"""Repairs, such as those of new ones."""',
        "temporal._repairs.new": "",
    },
    impure: {"_polling.policies": "import time"},
    libraries_elsewhere: {"_jobs.job": "import logging"},
    foreign_libraries: {"_wire.api": "import httpx"},
    selects_elsewhere: {"_gallery.page": "'SELECT 1'"},
    words_elsewhere: {"_jobs.job": "'promptText'"},
    services_that_name_another: {
        "dialects.fal.states": "from pika_async.dialects.gateway import states",
        "dialects.gateway.states": "",
    },
    simulator_that_knows_the_client: {"simulator._jobs": "import pika_async._states"},
}


@every_row("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_the_rule(rule):
    assert rule(SOURCES) == []


@every_row("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_tree_that_breaks_the_rule_is_found_out(rule):
    assert rule(RULES[rule]) != []


@every_row(
    "tree",
    [
        {"_polling.policies": "async def delay(): ..."},
        {"dialects._seam": "import asyncio"},
        {"_jobs.patience": "from random import random"},
        {"_backoff": "from pathlib import Path"},
        {"temporal._contents.formats": "import os"},
    ],
)
def test_what_is_pure_waits_for_nothing_and_reads_nothing(tree):
    assert impure(tree) != []


@every_row(("name", "library"), [(f"_client{i}", library) for i, library in enumerate(ONE_PLACE)])
def test_each_library_with_one_place_is_kept_to_it(name, library):
    assert libraries_elsewhere({name: f"import {library}"}) != []


def test_types_are_no_way_around_a_wall():
    hidden = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pika_async._client"
    assert upward({"_states": hidden, "_client": ""}) != []


@every_row(
    ("service", "some"),
    [
        ("gateway", {"promptText", "resultUrl", "Bearer"}),
        ("fal", {"IN_QUEUE", "fal-ai/", "queue.fal.run"}),
    ],
)
def test_the_words_of_a_service_are_spelt_in_its_folders(service, some):
    # Or else the rule would pass for want of anything to find.
    text = "".join(source for name, source in SOURCES.items() if service_of(name) == service)
    assert some <= {word for word in WORDS[service] if word in text}


def test_no_module_of_the_package_is_longer_than_400_lines():
    assert [name for name, source in SOURCES.items() if source.count("\n") > 400] == []
