"""Why a journal is not opened: what is wrong with it, and what to do."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from pika_async._errors import JournalError
from pika_async._journal.hold import lock_beside
from pika_async._journal.schema import SCHEMA_VERSION
from pika_async._version import __version__

if TYPE_CHECKING:
    from pathlib import Path

_UNTOUCHED: Final = "The file was left as it is and nothing was sent."


def missing(path: Path) -> JournalError:
    """There is nothing to read."""
    return JournalError(f"there is no journal {str(path)!r}, or nothing in it yet.")


def folder(path: Path) -> JournalError:
    """It is a folder."""
    return JournalError(
        f"the journal {str(path)!r} is a folder; give it the name of a file. Nothing was sent."
    )


def foreign(path: Path) -> JournalError:
    """It is another program's."""
    return JournalError(
        f"{str(path)!r} is a database of another program. {_UNTOUCHED} Give the journal "
        "another path."
    )


def twice_named(path: Path, names: int) -> JournalError:
    """It has several names."""
    # The logs and the lock lie beside the name that was given, and are not found under another:
    # https://www.sqlite.org/howtocorrupt.html#_multiple_links_to_the_same_file
    return JournalError(
        f"the file of the journal {str(path)!r} has {names} names (hard links). A batch that uses "
        "another of them would not be noticed here, nor what one wrote there before it was "
        f"killed. {_UNTOUCHED} Remove all names but the one that batches were run with; for a "
        "backup copy the file."
    )


def unusable(path: Path, error: Exception) -> JournalError:
    """It cannot be read."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return JournalError(
            f"{str(path)!r} is not a journal, nor any SQLite database. {_UNTOUCHED} Give the "
            "journal another path."
        )
    # SQLite quotes what is broken, and Python cannot always read it.
    if code == sqlite3.SQLITE_CORRUPT or isinstance(error, UnicodeDecodeError):
        return damaged(path, str(error))
    return JournalError(
        f"the journal {str(path)!r} cannot be opened: {error}. {_UNTOUCHED} Look at what is "
        "there, and at the permissions of it and its folder."
    )


def unwritable(path: Path, error: OSError | sqlite3.Error) -> JournalError:
    """It cannot be written."""
    return JournalError(
        f"the journal {str(path)!r} cannot be written: {error}. Nothing was sent. Look at the "
        "permissions of its folder and the space on its disk."
    )


def without_locks(path: Path, problem: OSError) -> JournalError:
    """No file can be locked there."""
    return JournalError(
        f"the file system of the journal {str(path)!r} cannot lock files ({problem.strerror}), so "
        "two batches on it would not notice each other, and could pay twice. Nothing was sent. Put "
        "the journal on a disk of this machine; the videos may stay where they are."
    )


def damaged(path: Path, finding: str) -> JournalError:
    """SQLite finds it broken."""
    return JournalError(
        f"the journal {str(path)!r} is damaged ({finding}). {_UNTOUCHED} It may name jobs that "
        "are paid for: keep it, restore a copy or try `sqlite3 FILE .recover`, and do not run the "
        "batch with a new journal before you know which prompts were submitted."
    )


def newer(path: Path, version: int) -> JournalError:
    """A newer version of this library wrote it."""
    return JournalError(
        f"the journal {str(path)!r} was written by a newer version of pika_async (format "
        f"{version}; this is {__version__}, which knows format {SCHEMA_VERSION}). "
        f"{_UNTOUCHED} Upgrade pika-async."
    )


def in_use(path: Path) -> JournalError:
    """Another batch has it."""
    return JournalError(
        f"the journal {str(path)!r} is in use by another batch, here or in another process. "
        "Two on one journal could pay twice, so nothing was sent: wait for the other to end, "
        "or give this one another journal."
    )


def without_log(path: Path, last_known: float) -> JournalError:
    """It is a copy of the main file alone; ``last_known``: when the last thing happened in it."""
    log, lost = f"{path}-wal", "UPDATE log SET complete = 1"
    return JournalError(
        f"the journal {str(path)!r} is not complete: its log {log!r} is missing. A file that is "
        "copied while a batch runs, or after one was killed, is an older journal without its "
        f"log. {_until(last_known)} A batch on it would buy again what was submitted since. "
        f"{_UNTOUCHED} Copy the log too, from beside the journal that this is a copy of; or copy "
        "the journal with `sqlite3 JOURNAL \"VACUUM INTO 'COPY'\"`. If the log is lost, ask the "
        "service which jobs were started since. Then, if you want to go on without the log: "
        f'`sqlite3 {path.name} "{lost}"`.'
    )


def of_two_moments(path: Path) -> JournalError:
    """The main file and the log do not belong together."""
    return JournalError(
        f"the journal {str(path)!r} and its log {f'{path}-wal'!r} do not belong together: "
        "they were copied at different moments, or one of them was put back without the other. "
        f"Together they tell of neither moment. {_UNTOUCHED} Put both back as they were at one "
        "moment. If the journal without this log is what you want, move the log away."
    )


def behind(path: Path, job_id: str) -> JournalError:
    """It does not know the job that was written down in it last."""
    return JournalError(
        f"the journal {str(path)!r} is older than the last batch that ran on it: job {job_id} is "
        "paid for, and the journal does not know it. So an older copy has taken its place. A "
        f"batch on it would buy again what it does not know. {_UNTOUCHED} Put the newer journal "
        "back, with its -wal if it has one. If it is lost, ask the service which jobs the older "
        f"one does not know; this one is client.job({job_id!r}). Then, if what it does not know "
        f"may be bought again, delete {str(lock_beside(path))!r}.",
        job_id=job_id,
    )


def _until(last_known: float) -> str:
    if not last_known:
        return "It knows of no submit at all."
    at = datetime.fromtimestamp(last_known, UTC)
    return f"It knows nothing that happened after {at:%Y-%m-%d %H:%M:%S} UTC."
