"""What a journal holds, read beside the batch that writes it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import Any


def journal_rows(journal: Path) -> dict[str, dict[str, Any]]:
    """The items of a journal by prompt, read from a copy: to read a journal is to touch it."""
    if not journal.exists():
        return {}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "journal"
        for ending in ("", "-wal"):
            source = journal.with_name(journal.name + ending)
            if source.exists():
                shutil.copy(source, copy.with_name(copy.name + ending))
        connection = sqlite3.connect(copy)
        try:
            connection.row_factory = sqlite3.Row
            tables = connection.execute("SELECT name FROM sqlite_schema").fetchall()
            if not any(row["name"] == "items" for row in tables):
                return {}
            rows = [dict(row) for row in connection.execute("SELECT * FROM items")]
        finally:
            connection.close()
    return {json.loads(row["request"])["prompt"]: row for row in rows}
