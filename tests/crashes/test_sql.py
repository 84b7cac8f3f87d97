"""A journalled batch that is killed inside the statements of its journal: nothing is lost."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
import sys
from typing import TYPE_CHECKING

import attrs
import pytest
from crashes.books import Books
from crashes.scene import scene
from support.batches import client_for

from pika_async import Batch
from pika_async.simulator import Polls, Simulator

if TYPE_CHECKING:
    from pathlib import Path

posix = pytest.mark.skipif(sys.platform == "win32", reason="processes are killed as on POSIX")


@posix
@pytest.mark.slow
@pytest.mark.parametrize("files", [True, False])
async def test_killed_in_any_statement_of_the_journal_nothing_is_lost(files, tmp_path):
    """From the first statement of an empty file to the last of a finished batch."""
    async with scene(tmp_path, prompts=1) as (sim, batch):
        order = batch.books.order
        for statement in itertools.count(1):
            folder = tmp_path / str(statement)
            folder.mkdir()
            batch.books = Books(
                sim,
                attrs.evolve(
                    order,
                    journal=str(folder / "journal"),
                    output_dir=str(folder / "videos") if files else None,
                    name=f"panda {statement}",
                ),
            )
            life = await batch.nurse.live(attrs.evolve(batch.books.order, dies_at=statement))
            batch.books.close_life(life)
            await batch.end()
            if not life.killed:
                break
    assert statement > 15


def half_made(journal: Path) -> None:
    """What a kill leaves that comes while the first page is being written."""
    source = journal.with_name("source")
    connection = sqlite3.connect(source, isolation_level=None)
    # Pages go to the file before the end of the transaction, as in the midst of a commit.
    connection.execute("PRAGMA cache_size = 1")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE TABLE runs (id)")
    connection.executemany("INSERT INTO runs VALUES (?)", [("x" * 4000,)] * 50)
    for ending in ("", "-journal"):
        shutil.copy(f"{source}{ending}", f"{journal}{ending}")
    connection.close()


async def test_a_journal_that_was_being_made_is_made_anew(tmp_path):
    half_made(tmp_path / "journal")
    async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
        async with Batch(client, ["a red panda"], journal=tmp_path / "journal") as batch:
            results = [result async for result in batch]
    assert [result.ok for result in results] == [True]
