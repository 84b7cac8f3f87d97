"""A file of decisions: a table or JSON lines with ``row``, ``decision`` and ``job_id``."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from pika_async import FieldError
from pika_async.cli._campaign.engine import temporal
from pika_async.cli._running.exits import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pika_async.temporal import Decision

_WORDS: Final = ("adopt", "resubmit", "drop")
_JSON: Final = (".jsonl", ".ndjson", ".json")
_SEPARATORS: Final = ",;\t"
_SHOWN: Final = 20
_LARGEST: Final = 64_000_000


@frozen
class _Row:
    number: int
    given: dict[str, Any]


def decisions_of(path: Path) -> list[Decision]:
    """The decisions in a file. Rows without one are left out, so that a report may be filled in.

    Raises:
        UsageError: It cannot be read, or something in it is no decision; with all its lines.
    """
    decisions: list[Decision] = []
    problems: list[str] = []
    seen: dict[int, int] = {}
    for row in _rows(path):
        try:
            decision = _decision(row.given)
        except ValueError as error:
            problems.append(f"{path}:{row.number}: {error}")
            continue
        if decision is None:
            continue
        if (first := seen.setdefault(decision.index, row.number)) != row.number:
            problems.append(
                f"{path}:{row.number}: prompt {decision.index + 1} was decided in line {first}"
            )
        decisions.append(decision)
    if problems:
        more = len(problems) - _SHOWN
        told = problems[:_SHOWN] + ([f"… and {more} more"] if more > 0 else [])
        raise UsageError("\n".join(told))
    if not decisions:
        raise UsageError(f"{path} holds no decision: in a column decision stand {_ALLOWED}.")
    return decisions


def _decision(given: dict[str, Any]) -> Decision | None:
    word = str(given.get("decision") or "").strip().lower()
    if not word:
        return None
    if word not in _WORDS:
        raise ValueError(f"decision: {word!r} is not allowed; allowed are {_ALLOWED}")
    row = str(given.get("row", "")).strip()
    if not (row.isascii() and row.isdigit() and int(row) > 0):
        raise ValueError(f"row: {row!r} is not allowed; allowed is the number of a prompt, from 1")
    job_id = str(given.get("job_id") or "").strip()
    if word == "adopt" and not job_id:
        raise ValueError("job_id: it is empty, and the job that is to be adopted stands there")
    try:
        found: Decision = temporal().Decision(
            index=int(row) - 1,
            adopt=job_id if word == "adopt" else None,
            resubmit=word == "resubmit",
            drop=word == "drop",
        )
    except FieldError as error:
        raise ValueError(f"{error.field}: {error.complaint}") from error
    return found


def _rows(path: Path) -> Iterator[_Row]:
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError(f"{path} has more than {_LARGEST // 1_000_000} MB.")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8; save it as UTF-8.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.") from error
    lines = text.splitlines()
    return _from_json(path, lines) if path.suffix.lower() in _JSON else _from_table(path, lines)


def _from_json(path: Path, lines: list[str]) -> Iterator[_Row]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            given = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{path}:{number}: this is no JSON.") from error
        if not isinstance(given, dict):
            raise UsageError(f"{path}:{number}: this is no JSON object.")
        yield _Row(number, given)


def _from_table(path: Path, lines: list[str]) -> Iterator[_Row]:
    header = next((line for line in lines if line.strip()), "")
    separator = max(_SEPARATORS, key=header.count)
    # Cells may hold line ends, so the number is that of the last line of a row.
    reader = csv.reader((f"{line}\n" for line in lines), strict=True, delimiter=separator)
    names: list[str] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not names:
                names = [cell.strip().lower() for cell in cells]
                if missing := {"row", "decision"} - set(names):
                    raise UsageError(
                        f"{path}: its first line names the columns row, decision and job_id; there "
                        f"is no column {min(missing)}."
                    )
                continue
            yield _Row(reader.line_num, dict(zip(names, cells, strict=False)))
    except csv.Error as error:
        raise UsageError(
            f"{path}:{reader.line_num}: this is no row of a table: {error}."
        ) from error


_ALLOWED: Final = "adopt, resubmit and drop"
