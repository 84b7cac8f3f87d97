"""What a journal holds, read beside the batch that writes it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from pika_async import JournalEntry, JournalError, read_journal


def journal_entries(journal: Path) -> list[JournalEntry]:
    """Its requests; from a copy, since to read a journal is to touch it."""
    if not journal.exists():
        return []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "journal"
        for ending in ("", "-wal"):
            source = journal.with_name(journal.name + ending)
            if source.exists():
                shutil.copy(source, copy.with_name(copy.name + ending))
        try:
            return list(read_journal(copy))
        except JournalError:
            # Killed before there was anything in it.
            return []


def journal_rows(journal: Path) -> dict[str, dict[str, Any]]:
    """How each request stands, by prompt."""
    rows = {}
    for entry in journal_entries(journal):
        last = entry.attempts[-1] if entry.attempts else None
        rows[entry.request["prompt"]] = {
            "status": str(entry.status),
            "job_id": None if last is None else last.job_id,
            "sent_at": None if last is None else last.sent_at,
            "files": set() if last is None else {file.name for file in last.files},
        }
    return rows
