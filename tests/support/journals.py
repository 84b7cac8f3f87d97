"""Journals row by row, and pages as what a browser would make of them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from attrs import define, field

from pika_async import Failed, Succeeded, Video
from pika_async._gallery import opened, page, totals_of
from pika_async._journal.file import JournalFile
from pika_async._journal.records import problem_record
from pika_async._json import to_json

if TYPE_CHECKING:
    from pathlib import Path

    from pika_async import Money, PikaError

START = 1_700_000_000.0
"""When the first run of a made journal began."""
NOW = START + 86_400


def video(job_id: str = "job", **fields: Any) -> Video:
    given = {"url": f"https://media.test/{job_id}.mp4"} | fields
    return Video(id=f"{job_id}-video", job_id=job_id, **given)


def succeeded(*videos: Video) -> Succeeded:
    return Succeeded(videos=videos or (video(poster_url="https://media.test/poster.jpg"),))


def add(
    path: Path,
    prompt: str = "a red panda",
    status: str = "waiting",
    *,
    run: int = 1,
    started: float = START,
    state: Succeeded | Failed | None = None,
    problem: PikaError | dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
    past: list[dict[str, Any]] | None = None,
    **columns: Any,
) -> None:
    """Add a request to a journal, its attempts, and the runs up to ``run``, an hour apart.

    One that waits, or that was refused (failed without a ``state``), has no attempt but those of
    the ``past``.
    """
    create(path, runs=run, started=started)
    with closing(sqlite3.connect(path)) as connection, connection:
        (count,) = connection.execute("SELECT count(*) FROM requests").fetchone()
        row = {
            "fingerprint": f"{count:064x}",
            "occurrence": 1,
            "number": count,
            "position": count,
            "run": run,
            "request": json.dumps({"prompt": prompt, **(options or {})}),
        }
        row |= {name: columns.pop(name) for name in row.keys() & columns.keys()}
        never_sent = status == "waiting" or (status == "failed" and state is None)
        if never_sent:
            refused_at = columns.get("ended_at", started) if status == "failed" else None
            row |= {"refused_at": refused_at, "problem": _recorded(state, problem)["problem"]}
        request = _insert(connection, "requests", row)
        for attempt in past or ():
            known = dict(attempt)
            recorded = _recorded(known.pop("state", None), known.pop("problem", None))
            _insert_attempt(connection, request, known | recorded)
        if not never_sent:
            _insert_attempt(
                connection, request, {"status": status, **_recorded(state, problem), **columns}
            )


def _insert_attempt(connection: sqlite3.Connection, request: int, row: dict[str, Any]) -> None:
    sent = {"request": request, "service": "gateway", "base_url": "https://api.test"}
    _insert(connection, "attempts", sent | row)


def create(path: Path, runs: int = 1, started: float = START) -> None:
    """A journal without requests."""
    if not path.exists():
        JournalFile(path, started).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        (known,) = connection.execute("SELECT count(*) FROM runs").fetchone()
        for number in range(known, runs):
            _insert(connection, "runs", {"started_at": started + 3600 * number, "version": "1"})


def changed(journal: Path, assignments: str) -> None:
    """Make the attempts look as if something else had happened."""
    with closing(sqlite3.connect(journal)) as connection, connection:
        connection.execute(f"UPDATE attempts SET {assignments}")  # noqa: S608
    # Beside it stands which job was written down.
    journal.with_name(f"{journal.name}-lock").unlink()


def _recorded(
    state: Succeeded | Failed | None, problem: PikaError | dict[str, Any] | None
) -> dict[str, Any]:
    """A problem may be given as it was written by an older version."""
    if problem is not None:
        problem = json.dumps(problem) if isinstance(problem, dict) else problem_record(problem)
    return {"state": None if state is None else to_json(state), "problem": problem}


def _insert(connection: sqlite3.Connection, table: str, row: dict[str, Any]) -> int:
    names, places = ", ".join(row), ", ".join("?" * len(row))
    cursor = connection.execute(
        f"INSERT INTO {table} ({names}) VALUES ({places})",  # noqa: S608 - names of columns
        tuple(row.values()),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


@define
class Element:
    """An element of a page."""

    tag: str
    attributes: dict[str, str | None] = field(factory=dict)
    children: list[Element | str] = field(factory=list)

    def __getitem__(self, attribute: str) -> str:
        return self.attributes[attribute] or ""

    @property
    def text(self) -> str:
        return "".join(
            child if isinstance(child, str) else child.text for child in self.children
        ).strip()

    @property
    def classes(self) -> list[str]:
        return (self.attributes.get("class") or "").split()

    def every(self, tag: str, of_class: str | None = None) -> list[Element]:
        found: list[Element] = []
        for child in self.children:
            if isinstance(child, Element):
                if child.tag == tag and (of_class is None or of_class in child.classes):
                    found.append(child)
                found += child.every(tag, of_class)
        return found

    def one(self, tag: str, of_class: str | None = None) -> Element:
        (found,) = self.every(tag, of_class)
        return found

    def walk(self) -> list[Element]:
        inner = [child for child in self.children if isinstance(child, Element)]
        return [self, *(element for child in inner for element in child.walk())]


_VOID = {"meta", "input", "br", "img", "link"}


class _Tree(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("root")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"twice in <{tag}>: {names}"
        element = Element(tag, dict(attrs))
        self._open[-1].children.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)

    def close(self) -> None:
        super().close()
        assert self._open == [self.root], "an element is not closed"


def parsed(html: str) -> Element:
    tree = _Tree()
    tree.feed(html)
    tree.close()
    return tree.root


def html_of(
    path: Path,
    *,
    price: Money | None = None,
    batch_line: str | None = None,
    settle_line: str | None = None,
    **options: Any,
) -> str:
    with opened(path, **({"now": NOW} | options)) as gallery:
        totals = totals_of(gallery.entries(), gallery.runs, price)
        return "".join(page(gallery, totals, batch_line, settle_line))


def page_of(path: Path, **options: Any) -> Element:
    return parsed(html_of(path, **options))


def cards_of(path: Path, **options: Any) -> list[Element]:
    return page_of(path, **options).every("article", "card")
