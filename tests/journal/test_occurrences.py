"""Equal requests of several runs: which of them one is, and that none is two."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.batches import client_for

from pika_async import GenerationRequest, read_journal, run_batch
from pika_async._journal.journal import Journal
from pika_async._request.record import request_record
from pika_async.simulator import Polls, Simulator


def refuse(error):
    raise AssertionError(error)


@asynccontextmanager
async def opened(path):
    journal = await Journal.open(
        path, iter(range(10**9)).__next__, refuse, service="gateway", base_url="https://x.example"
    )
    try:
        yield journal
    finally:
        await journal.close()


def row(name, **more):
    """A request of the row `name` of a database; all rows ask for the same."""
    metadata = {} if name is None else {"row": name, **more}
    return GenerationRequest("a red panda", metadata=metadata)


async def run(path, *requests):
    """One run that meets these requests: the row of the journal that each is."""
    async with opened(path) as journal:
        met = [journal.claim("f", n, request_record(one)) for n, one in enumerate(requests)]
        return [(await one).request for one in met]


async def test_who_leaves_out_what_is_done_has_the_rest_and_nothing_of_the_others(tmp_path):
    path = tmp_path / "run.journal"
    first, second, third = await run(path, row("1"), row("2"), row("3"))
    assert await run(path, row("2"), row("3")) == [second, third]
    assert await run(path, row("3"), row("1")) == [third, first]


async def test_another_order_changes_no_row(tmp_path):
    path = tmp_path / "run.journal"
    first, second, third = await run(path, row("1"), row("2"), row("3"))
    assert await run(path, row("3"), row("1"), row("2")) == [third, first, second]


async def test_metadata_that_no_row_has_buy_nothing_again(tmp_path):
    """A date in them, say: the first request that this run has not met is that one."""
    path = tmp_path / "run.journal"
    before = await run(path, row("1", on="Monday"), row("2", on="Monday"))
    assert await run(path, row("1", on="Tuesday"), row("2", on="Tuesday")) == before


async def test_a_new_one_stands_for_an_equal_one_that_is_left_out(tmp_path):
    """Nobody can tell it from the same row with new metadata, and that must not be paid again."""
    path = tmp_path / "run.journal"
    first, second = await run(path, row("1"), row("2"))
    assert await run(path, row("3"), row("2")) == [first, second]


async def test_without_metadata_the_order_decides(tmp_path):
    path = tmp_path / "run.journal"
    before = await run(path, row(None), row(None), row("3"))
    assert await run(path, row(None), row(None)) == before[:2]


@pytest.mark.parametrize(
    "name", ['a "quoted" one', "back\\slash", "é", "\N{FLAMINGO}", "\n", "%_*"]
)
async def test_any_text_is_found_again(tmp_path, name):
    path = tmp_path / "run.journal"
    before = await run(path, row("1"), row("2"), row(name))
    assert await run(path, row(name)) == before[2:]


async def test_a_name_in_the_extra_is_no_metadata(tmp_path):
    path = tmp_path / "run.journal"

    def asked(name):
        extra = {"metadata": {"row": "2"}}
        return GenerationRequest("a red panda", extra=extra, metadata={"row": name})

    first, second = await run(path, asked("1"), asked("2"))
    assert await run(path, asked("2"), asked("1")) == [second, first]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.sampled_from(["1", "2", "3", None]), max_size=6), max_size=4))
def test_however_runs_differ_no_two_requests_of_a_run_are_one(runs):
    async def check(path):
        for names in runs:
            found = await run(path, *map(row, names))
            assert len(set(found)) == len(found)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(Path(folder) / "run.journal"))


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 12).flatmap(
        lambda many: st.tuples(
            st.just(many), st.lists(st.integers(0, many - 1), unique=True, max_size=many)
        )
    )
)
def test_any_part_of_the_rows_in_any_order_is_those_rows(many_and_part):
    many, part = many_and_part

    async def check(path):
        before = await run(path, *(row(str(n)) for n in range(many)))
        assert await run(path, *(row(str(n)) for n in part)) == [before[n] for n in part]

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(Path(folder) / "run.journal"))


@pytest.mark.parametrize("left_out", [0, 1, 2])
async def test_each_row_of_a_database_has_the_video_that_was_made_for_it(tmp_path, left_out):
    """Through a batch: run again without one row, the others have their own jobs."""
    journal = tmp_path / "run.journal"
    asked = [row(name) for name in "123"]
    async with Simulator(duration=Polls(1)) as sim, client_for(sim) as client:
        first = await run_batch(client, asked, journal=journal)
        jobs = {one.metadata["row"]: one.job_id for one in first}
        del asked[left_out]
        again = await run_batch(client, asked, journal=journal)
    assert {one.metadata["row"]: one.job_id for one in again}.items() <= jobs.items()
    assert len(again) == 2
    assert len(sim.submissions) == 3
    assert sorted(entry.metadata["row"] for entry in read_journal(journal)) == ["1", "2", "3"]
