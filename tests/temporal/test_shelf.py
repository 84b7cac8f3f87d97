"""What a worker keeps of its campaigns in memory, and which folders it takes for the right ones."""

from __future__ import annotations

import gc
import shutil
import tracemalloc

import anyio
import pytest
from support.bucket import bucket

from pika_async import ConfigurationError, GenerationRequest
from pika_async.temporal import StoreError
from pika_async.temporal._contents import shelf as shelves
from pika_async.temporal._contents.files import read_manifest, write_pages
from pika_async.temporal._contents.shelf import Shelf
from pika_async.temporal._records import Line
from pika_async.temporal._store.store import open_store

CAMPAIGN = "summer"


async def prepared(folder, lines, *, page_size=500, name=CAMPAIGN):
    """A campaign there that was started under a name; returns what its workers are told."""
    store = open_store(folder)
    manifest = await write_pages(store, lines, page_size=page_size)
    await store.create("started.txt", name.encode())
    return manifest.proof(name)


def lines(count, about="a red panda", length=0):
    return [GenerationRequest(f"{about} {number}" + "x" * length) for number in range(count)]


async def test_pages_are_kept_up_to_so_many_bytes(tmp_path, monkeypatch):
    """A page may have 64 MB, so a number of pages bounds nothing."""
    monkeypatch.setattr(shelves, "MOST_BYTES", 4_000_000)
    proof = await prepared(tmp_path, lines(40, length=500_000), page_size=2)
    shelf = Shelf()
    tracemalloc.start()
    try:
        for page in range(20):
            await shelf.page(str(tmp_path), proof, page)
            assert shelf.size <= 4_000_000
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 5_000_000


async def test_many_small_pages_are_kept(tmp_path):
    """A worker works on many at once, and reads each of them once."""
    proof = await prepared(tmp_path, lines(200), page_size=1)
    shelf = Shelf()
    first = [await shelf.page(str(tmp_path), proof, page) for page in range(200)]
    shutil.rmtree(tmp_path)
    assert [await shelf.page(str(tmp_path), proof, page) for page in range(200)] == first


async def test_a_page_that_is_larger_than_the_bound_is_read_once_while_it_is_worked_on(
    tmp_path, monkeypatch
):
    """Each of its lines asks for it."""
    monkeypatch.setattr(shelves, "MOST_BYTES", 10)
    proof = await prepared(tmp_path, lines(3))
    shelf = Shelf()
    first = await shelf.page(str(tmp_path), proof, 0)
    shutil.rmtree(tmp_path)
    assert await shelf.page(str(tmp_path), proof, 0) is first


@pytest.mark.parametrize("text", ["x" * 100_000, "красная панда" * 5_000, "🦊" + "x" * 50_000])
async def test_the_size_of_a_page_is_what_it_takes_in_memory(tmp_path, text):
    """One letter beyond the common ones makes a text four times as large."""
    requests = [GenerationRequest(f"{number}{text}", extra={"a": [text]}) for number in range(5)]
    proof = await prepared(tmp_path, requests)
    shelf = Shelf()
    tracemalloc.start()
    try:
        await shelf.page(str(tmp_path), proof, 0)
        size = shelf.size
        gc.collect()
        with_it, _ = tracemalloc.get_traced_memory()
        del shelf
        gc.collect()
        without_it, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.8 < size / (with_it - without_it) < 1.2


async def test_a_page_that_many_ask_for_is_read_once(tmp_path, monkeypatch):
    """Sixteen submits of one page begin at the same moment."""
    proof = await prepared(tmp_path, lines(3))
    shelf, reads = Shelf(), []
    read_page = shelves.read_placed_page

    async def counted(*args):
        reads.append(args)
        return await read_page(*args)

    monkeypatch.setattr(shelves, "read_placed_page", counted)
    async with anyio.create_task_group() as group:
        for _ in range(16):
            group.start_soon(shelf.page, str(tmp_path), proof, 0)
    assert len(reads) == 1


@pytest.mark.parametrize("place", ["folder", "memory"])
async def test_of_pages_that_were_put_away_lines_are_read_one_by_one(tmp_path, monkeypatch, place):
    """Forty pages of 64 MB are worked on at once: each of their lines would read one of them."""
    where = str(tmp_path) if place == "folder" else f"memory://{tmp_path.name}"
    monkeypatch.setattr(shelves, "MOST_BYTES", 10)
    requests = [*lines(4, "красная"), *lines(3, length=10_000), GenerationRequest("a\nb 🦊")]
    proof = await prepared(where, requests, page_size=4)
    shelf, reads = Shelf(), []
    for page in (0, 1):
        await shelf.page(where, proof, page)
    monkeypatch.setattr(shelves, "read_placed_page", reads.append)
    for index, request in enumerate(requests):
        page, at = divmod(index, 4)
        line = Line(store=where, digest=proof, page=page, place=at, index=index)
        assert await shelf.request(line) == request
    assert reads == []


@pytest.mark.parametrize("knows_ranges", [True, False])
async def test_in_a_bucket_a_line_is_read_alone_where_the_service_can_do_that(
    monkeypatch, knows_ranges
):
    """Else its page is read: a line must not be stuck."""
    monkeypatch.setattr(shelves, "MOST_BYTES", 10)
    async with bucket() as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        made.knows_ranges = knows_ranges
        where = "s3://bucket/summer"
        proof = await prepared(where, lines(8, length=1_000), page_size=4)
        shelf = Shelf()
        for page in (0, 1):
            await shelf.page(where, proof, page)
        line = Line(store=where, digest=proof, page=0, place=2, index=2)
        assert await shelf.request(line) == lines(8, length=1_000)[2]


async def test_the_same_prompts_prepared_on_another_machine_are_another_place(tmp_path):
    """Its videos would be saved where nobody looks for them."""
    proof = await prepared(tmp_path / "one", lines(3))
    other = await prepared(tmp_path / "two", lines(3))
    assert proof != other
    with pytest.raises(StoreError, match="prepared a second time, or a copy"):
        await Shelf().page(str(tmp_path / "two"), proof, 0)
    assert len(await Shelf().page(str(tmp_path / "one"), proof, 0)) == 3


async def test_a_copy_of_what_was_prepared_is_another_place(tmp_path):
    """As in an image of a machine that was made before the start."""
    await write_pages(open_store(tmp_path / "one"), lines(3))
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    proof = await prepared(tmp_path / "one", lines(3))
    with pytest.raises(StoreError, match="Every worker must see the same folder"):
        await Shelf().page(str(tmp_path / "two"), proof, 0)


async def test_an_empty_folder_is_told_as_another_place(tmp_path):
    """Nobody is told to prepare the campaign there."""
    proof = await prepared(tmp_path / "one", lines(3))
    with pytest.raises(StoreError, match="Every worker must see the same folder"):
        await Shelf().page(str(tmp_path / "two"), proof, 0)


async def test_a_folder_that_is_seen_late_is_worked_on_when_it_is_seen(tmp_path):
    """A network drive shows a file that was just written only after a while."""
    manifest = await write_pages(open_store(tmp_path), lines(3))
    shelf, proof = Shelf(), manifest.proof(CAMPAIGN)
    with pytest.raises(StoreError):
        await shelf.page(str(tmp_path), proof, 0)
    await open_store(tmp_path).create("started.txt", CAMPAIGN.encode())
    assert len(await shelf.page(str(tmp_path), proof, 0)) == 3


async def test_a_campaign_that_carries_on_knows_its_place_and_so_does_the_one_before(tmp_path):
    """Pages of the one before may still wait for what is paid for."""
    first = await prepared(tmp_path, lines(3))
    await open_store(tmp_path).create("started-2.txt", b"autumn")
    second = (await read_manifest(open_store(tmp_path))).proof("autumn")
    for proof in (first, second):
        assert len(await Shelf().page(str(tmp_path), proof, 0)) == 3


async def test_what_an_earlier_version_has_started_is_worked_on(tmp_path):
    """It told its workers the digest of the pages alone."""
    manifest = await write_pages(open_store(tmp_path), lines(3))
    assert len(await Shelf().page(str(tmp_path), manifest.digest, 0)) == 3


async def test_the_same_prompts_prepared_again_in_the_same_place_stay_the_same_place(tmp_path):
    """A second command changes nothing."""
    proof = await prepared(tmp_path, lines(3))
    assert await prepared(tmp_path, lines(3)) == proof


async def test_a_worker_of_another_service_reads_no_page_of_it(tmp_path):
    """It would be paid for at a service for which nobody has prepared it."""
    store = open_store(tmp_path)
    manifest = await write_pages(store, lines(2), service="pika")
    await store.create("started.txt", CAMPAIGN.encode())
    proof = manifest.proof(CAMPAIGN)
    line = Line(store=str(tmp_path), digest=proof, page=0, place=1, index=1)
    other = Shelf("gateway")
    for reading in (other.page(str(tmp_path), proof, 0), other.request(line)):
        with pytest.raises(ConfigurationError) as caught:
            await reading
        told = str(caught.value)
        assert "for the service pika, and this worker works for gateway" in told
        assert "nothing was submitted" in told
    assert len(await Shelf("pika").page(str(tmp_path), proof, 0)) == 2


async def test_the_name_of_a_service_is_the_same_in_large_letters(tmp_path):
    """The command line takes it so, and no worker submitted any of the prompts."""
    manifest = await write_pages(open_store(tmp_path), lines(2), service="PIKA")
    assert await write_pages(open_store(tmp_path), lines(2), service="pika") == manifest
    await open_store(tmp_path).create("started.txt", CAMPAIGN.encode())
    proof = manifest.proof(CAMPAIGN)
    assert len(await Shelf("pika").page(str(tmp_path), proof, 0)) == 2


async def test_what_was_prepared_for_no_service_every_worker_reads(tmp_path):
    """As of an earlier version, whose manifests know no service."""
    proof = await prepared(tmp_path, lines(2))
    assert len(await Shelf("fal").page(str(tmp_path), proof, 0)) == 2


async def test_a_store_stays_with_the_service_that_it_was_prepared_for(tmp_path):
    """Also where the same is prepared again without one; with another one it is refused."""
    store = open_store(tmp_path)
    first = await write_pages(store, lines(2), service="pika")
    assert (await write_pages(store, lines(2))) == first
    assert (await write_pages(store, lines(2), service="pika")).service == "pika"
    with pytest.raises(ConfigurationError, match="for the service pika, and not for fal"):
        await write_pages(store, lines(2), service="fal")


@pytest.mark.parametrize("found", [b'"service":"",', b""])
async def test_a_manifest_that_knows_no_service_is_read(tmp_path, found):
    """Of an earlier version."""
    store = open_store(tmp_path)
    await write_pages(store, lines(2))
    there = (tmp_path / "manifest.json").read_bytes()
    assert b'"service":"",' in there
    (tmp_path / "manifest.json").write_bytes(there.replace(b'"service":"",', found))
    assert (await read_manifest(store)).service == ""
