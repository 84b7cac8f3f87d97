"""What a campaign writes is written once, read whole, and never taken for nothing."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import tempfile
import tracemalloc
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.media import finished
from support.prompts import can_be_seen
from support.tables import every_row

from pika_async import (
    ConfigurationError,
    DownloadError,
    FieldError,
    GenerationRequest,
    Money,
    Video,
)
from pika_async.temporal._contents import formats
from pika_async.temporal._contents.files import (
    begin,
    read_manifest,
    read_page,
    read_sealed,
    results,
    seal,
    write_pages,
)
from pika_async.temporal._contents.formats import PAGE_SIZE, CampaignResult, Manifest, video_name
from pika_async.temporal._contents.repairs import add_repair, repairs, repairs_of
from pika_async.temporal._contents.videos import save_video
from pika_async.temporal._outcomes import (
    Declined,
    Dropped,
    Finished,
    Refused,
    Uncertain,
    Why,
)
from pika_async.temporal._store.errors import StoreError
from pika_async.temporal._store.store import open_store

_numbers = count()
PNG = b"\x89PNG\r\n\x1a\n"
VIDEO = Video(id="v", job_id="d06e", url="https://x/y.mp4", duration=5.0)
OUTCOMES = (
    Finished(job_id="d06e", videos=(VIDEO,), files=("a.mp4",), charge=Money(450_000, "EUR")),
    Declined(job_id="d06f", reason="no", code="moderation"),
    Refused(error="QuotaExceededError", meaning="Top up."),
    Uncertain(
        fingerprint="f0", sent_at=datetime(2026, 11, 28, 12, tzinfo=UTC), why=Why.WORKER_LOST
    ),
)
REFUSED = OUTCOMES[2]


@pytest.fixture
def folder(tmp_path):
    return open_store(tmp_path / "campaign")


def prompts(number):
    return [f"prompt {index}" for index in range(number)]


async def names_in(store):
    return [name async for name in store.names("")]


async def all_results(store):
    return [result async for result in results(store)]


def spoil(store, name, change):
    """Change a file of a folder as a careless hand does."""
    path = store.local(name)
    path.write_bytes(change(path.read_bytes()))


class TestPages:
    async def test_a_page_is_one_request_a_line(self, store):
        """The file is what anybody's JSON reads; the manifest says how much there is."""
        manifest = await write_pages(store, ["a red panda", GenerationRequest("b", seed=7)])
        content = await store.read("pages/000000.jsonl")
        assert [json.loads(line) for line in content.splitlines()] == [
            {"prompt": "a red panda"},
            {"prompt": "b", "seed": 7},
        ]
        digest = hashlib.sha256(content).hexdigest()
        assert len(manifest.id) == 16
        assert manifest == Manifest(
            prompts=2, pages=1, page_size=PAGE_SIZE, digest=digest, id=manifest.id, format=1
        )
        assert await read_manifest(store) == manifest
        assert await names_in(store) == ["manifest.json", "pages/000000.jsonl"]

    async def test_1201_prompts_are_three_pages(self, store):
        """Every page but the last is full, and all prompts are there in their order."""
        manifest = await write_pages(store, prompts(1201))
        assert (manifest.prompts, manifest.pages) == (1201, 3)
        pages = [await read_page(store, page) for page in range(3)]
        assert list(map(len, pages)) == [500, 500, 201]
        assert [request.prompt for page in pages for request in page] == prompts(1201)

    @pytest.mark.parametrize("number", [1, 499, 500, 501, 1000])
    async def test_no_page_is_empty(self, number, store):
        """Where the prompts end with a page, no other is begun."""
        manifest = await write_pages(store, prompts(number))
        assert manifest.pages == len(await names_in(store)) - 1 == -(-number // 500)

    async def test_begun_again_with_the_same_nothing_changes(self, store):
        """The same prompts make the same manifest, however they come."""
        first = await write_pages(store, prompts(1201))
        before = {name: await store.read(name) for name in await names_in(store)}

        async def slowly():
            for prompt in prompts(1201):
                yield GenerationRequest(prompt)

        assert await write_pages(store, slowly()) == first
        assert {name: await store.read(name) for name in await names_in(store)} == before

    @pytest.mark.parametrize(
        "others",
        [
            prompts(1200),
            prompts(1202),
            prompts(2000),
            prompts(500),
            [*prompts(1200), "another"],
            ["another", *prompts(1201)[1:]],
        ],
        ids=lambda others: f"{len(others)}-{others[0]}-{others[-1]}",
    )
    async def test_with_other_prompts_there_is_another_campaign(self, others, store):
        """It is refused, and nothing is added to what is there."""
        await write_pages(store, prompts(1201))
        before = await names_in(store)
        with pytest.raises(ConfigurationError, match="there is another campaign in"):
            await write_pages(store, others)
        assert await names_in(store) == before

    async def test_more_prompts_than_whole_pages_are_another_campaign(self, store):
        """Where the old one ends with a page, the new one goes on, and is refused all the same."""
        await write_pages(store, prompts(1000))
        before = await names_in(store)
        with pytest.raises(ConfigurationError, match="has 1000 requests, and here are more"):
            await write_pages(store, prompts(1001))
        assert await names_in(store) == before

    async def test_with_another_page_size_there_is_another_campaign(self, store):
        """The pages would not be the same."""
        await write_pages(store, prompts(3), page_size=2)
        with pytest.raises(ConfigurationError, match="its pages have 2 requests, and not 3"):
            await write_pages(store, prompts(3), page_size=3)

    async def test_a_source_that_breaks_off_makes_no_campaign(self, store):
        """Its error comes through; whole pages stay, and the next time it goes on."""

        def broken():
            yield from prompts(700)
            raise OSError("the spreadsheet is gone")

        with pytest.raises(OSError, match="the spreadsheet is gone"):
            await write_pages(store, broken())
        assert await names_in(store) == ["pages/000000.jsonl"]
        with pytest.raises(ConfigurationError, match="no campaign is prepared"):
            await read_manifest(store)
        assert (await write_pages(store, prompts(700))).pages == 2

    async def test_what_broke_off_is_not_mixed_with_another(self, store):
        """Pages of an unfinished preparation are not taken for those of other prompts."""

        def broken():
            yield from prompts(500)
            raise OSError("the spreadsheet is gone")

        with pytest.raises(OSError, match="the spreadsheet is gone"):
            await write_pages(store, broken())
        with pytest.raises(ConfigurationError, match="its page 0 has other requests"):
            await write_pages(store, ["another"])
        assert await names_in(store) == ["pages/000000.jsonl"]

    async def test_two_that_prepare_the_same_at_once_agree(self, store):
        """Two machines may run the same preparation."""
        one, two = await asyncio.gather(*(write_pages(store, prompts(1201)) for _ in range(2)))
        assert one == two == await read_manifest(store)

    async def test_two_that_prepare_different_ones_do_not_mix(self, store):
        """One of them is told."""
        both = [prompts(3), [*prompts(3), "more"]]
        done = await asyncio.gather(
            *(write_pages(store, some) for some in both), return_exceptions=True
        )
        assert sorted(type(one).__name__ for one in done) == ["ConfigurationError", "Manifest"]
        (made,) = (one for one in done if isinstance(one, Manifest))
        assert len(await read_page(store, 0)) == made.prompts

    async def test_none_at_all_is_refused(self, store):
        """A campaign of nothing is a mistake."""
        with pytest.raises(ValueError, match="there are none"):
            await write_pages(store, [])
        assert await names_in(store) == []

    @pytest.mark.parametrize("requests", ["a red panda", b"a", {"a": 1}, GenerationRequest("a"), 3])
    async def test_a_single_one_is_refused(self, requests, store):
        """A text is an iterable of its letters, each of which would be paid for."""
        with pytest.raises(ValueError, match="allowed is an iterable"):
            await write_pages(store, requests)

    @pytest.mark.parametrize("size", [0, -1, 1.5, True, 501])
    async def test_a_page_size_is_a_whole_number_from_1_to_500(self, size, store):
        """A larger page would not fit into a history, which the engine ends when it is full."""
        with pytest.raises(FieldError, match="page_size"):
            await write_pages(store, ["a"], page_size=size)

    @pytest.mark.parametrize(
        ("given_", "field"),
        [
            ("", "requests[2].prompt"),
            ("   ", "requests[2].prompt"),
            (3, "requests[2]"),
            (None, "requests[2]"),
            (GenerationRequest("a", image=PNG), "requests[2].image"),
            (GenerationRequest("a", keyframes=[PNG, "https://x/y"]), "requests[2].keyframes"),
        ],
    )
    async def test_what_is_not_allowed_is_named_with_its_place(self, given_, field, store):
        """Of ten million, the one that is wrong is found; no campaign is made."""
        with pytest.raises(FieldError) as caught:
            await write_pages(store, ["a", "b", given_])
        assert caught.value.field == field
        assert await names_in(store) == []

    @pytest.mark.parametrize("medium", ["image", "prompt"])
    async def test_a_request_of_more_than_1_mb_is_refused(self, medium, store):
        """The largest field is named, with what to give instead."""
        large = "data:image/png;base64," + "A" * 1_100_000
        fields = {"prompt": "a", medium: large}
        with pytest.raises(FieldError) as caught:
            await write_pages(store, ["b", GenerationRequest(**fields)])
        assert caught.value.field == f"requests[1].{medium}"
        assert "1000 KB" in str(caught.value)
        assert ("the path of a file" in str(caught.value)) is (medium == "image")
        assert len(str(caught.value)) < 400

    async def test_a_page_of_more_than_64_mb_is_refused(self, store, monkeypatch):
        """A page is never built that no worker could hold."""
        monkeypatch.setattr(formats, "PAGE_BYTES", 2_000_000)
        some = ["a" * 900_000] * 3
        with pytest.raises(FieldError, match="page 0 would take more than the 2 MB"):
            await write_pages(store, some)
        assert (await write_pages(store, some, page_size=2)).pages == 2

    async def test_paths_become_absolute(self, store, tmp_path, monkeypatch):
        """A worker runs in another folder; URLs stay what they are."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "a.png").write_bytes(PNG)
        given_ = GenerationRequest(
            "a", image=Path("a.png"), keyframes=["https://x/1.png", Path("a.png")]
        )
        await write_pages(store, [given_])
        (read,) = await read_page(store, 0)
        assert read.image == tmp_path / "a.png"
        assert read.keyframes == ("https://x/1.png", tmp_path / "a.png")
        assert given_.image == Path("a.png")

    async def test_requests_are_read_where_their_files_are_not(self, store, tmp_path):
        """Who reads a page may be a machine without the media."""
        path = tmp_path / "a.png"
        path.write_bytes(PNG)
        await write_pages(store, [GenerationRequest("a", image=path)])
        path.unlink()
        assert (await read_page(store, 0))[0].image == path

    async def test_one_page_is_in_memory_at_a_time(self, folder):
        """Twenty pages take hardly more than two."""

        async def most_of(pages):
            place = open_store(f"{folder.place}-{pages}")
            source = (f"{index} {'x' * 4000}" for index in range(pages * 100))
            tracemalloc.start()
            try:
                await write_pages(place, source, page_size=100)
                _, written = tracemalloc.get_traced_memory()
                tracemalloc.reset_peak()
                async for _ in results(place):
                    pass
                _, read = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            return written, read

        few, many = await most_of(2), await most_of(20)
        page = 100 * 4000
        assert all(more - less < page for more, less in zip(many, few, strict=True))
        assert all(most < 8 * page for most in many)


_LETTERS = st.characters(exclude_categories=["Cs"])
_TEXTS = st.text(_LETTERS, min_size=1, max_size=20).filter(can_be_seen)
_REQUESTS = st.builds(
    GenerationRequest,
    _TEXTS,
    negative_prompt=st.text(_LETTERS, max_size=5),
    seed=st.none() | st.integers(0, 2**60),
    metadata=st.dictionaries(_TEXTS, _TEXTS, max_size=2),
    extra=st.dictionaries(_TEXTS, st.none() | st.lists(st.integers()) | _TEXTS, max_size=2),
)


@settings(deadline=None, max_examples=50)
@given(requests=st.lists(_REQUESTS, min_size=1, max_size=7), size=st.integers(1, 4))
def test_whatever_is_written_is_read_in_its_order(requests, size):
    """Every letter of every language, line breaks among them, and every field."""

    async def run():
        store = open_store(f"memory://files-{next(_numbers)}")
        manifest = await write_pages(store, requests, page_size=size)
        found = [await read_page(store, page) for page in range(manifest.pages)]
        assert [request for page in found for request in page] == requests
        assert [result.request for result in await all_results(store)] == requests

    anyio.run(run)


class TestDamage:
    @pytest.fixture
    async def written(self, folder):
        await write_pages(folder, prompts(7), page_size=4)
        await seal(folder, 0, OUTCOMES)
        return folder

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            (lambda _: b"", "it is empty"),
            (lambda content: content[:-5], "its end is missing"),
            (lambda content: content.split(b"\n", 1)[1], "it has 3 lines, and 4 belong into it"),
            (lambda content: content + content, "it has 8 lines, and 4 belong into it"),
            (lambda content: content.replace(b"{", b"[", 1), "line 1 is no JSON"),
            (lambda content: b"3\n" + content.split(b"\n", 1)[1], "line 1 is no JSON object"),
            (lambda content: b"\xff\n" + content.split(b"\n", 1)[1], "line 1 is no JSON"),
        ],
    )
    @pytest.mark.parametrize("name", ["pages/000000.jsonl", "results/000000.jsonl"])
    async def test_a_damaged_file_is_an_error(self, name, change, says, written):
        """It is never the same as none: a page without a seal would be paid for again."""
        spoil(written, name, change)
        read = read_page if name.startswith("pages") else read_sealed
        with pytest.raises(StoreError, match=says) as caught:
            await read(written, 0)
        assert str(written.local(name)) in str(caught.value)
        assert caught.value.name == name
        with pytest.raises(StoreError, match=says):
            await all_results(written)
        if read is read_sealed:
            with pytest.raises(StoreError, match=says):
                await seal(written, 0, OUTCOMES)

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            (lambda line: {**line, "format": 2}, "'format' is unknown or missing.*newer version"),
            (lambda line: {"index": line["index"]}, "'outcome' is unknown or missing"),
            (lambda line: {**line, "index": 3}, "request 3 stands where request 0 belongs"),
            (lambda line: {**line, "outcome": {"kind": "later"}}, "'later' is not the kind of it"),
            (lambda line: {**line, "outcome": {"kind": "dropped"}}, "'dropped' is not the kind"),
            (lambda line: {**line, "outcome": {"kind": "refused"}}, "no JSON of a Refused"),
            (lambda line: {**line, "outcome": 3}, "is not the kind of it"),
        ],
    )
    async def test_a_sealed_line_that_is_not_understood_is_an_error(self, change, says, written):
        """What a newer version has sealed is sealed."""

        def changed(content):
            first, rest = content.split(b"\n", 1)
            return json.dumps(change(json.loads(first))).encode() + b"\n" + rest

        spoil(written, "results/000000.jsonl", changed)
        with pytest.raises(StoreError, match=says):
            await read_sealed(written, 0)

    @pytest.mark.parametrize("field", [b'{"sed":7}', b'{"prompt":"a","sed":7}', b'{"prompt":3}'])
    async def test_a_request_that_is_not_understood_is_an_error(self, field, written):
        """A field of a newer version would change the video: it is not left out."""
        spoil(
            written, "pages/000001.jsonl", lambda content: field + content[content.index(b"\n") :]
        )
        with pytest.raises(StoreError, match="cannot be used"):
            await read_page(written, 1)

    async def test_a_page_that_is_gone_is_an_error(self, written):
        """The manifest says that it was there."""
        written.local("pages/000001.jsonl").unlink()
        with pytest.raises(StoreError, match="is gone, though it was there"):
            await read_page(written, 1)
        with pytest.raises(StoreError, match="is gone"):
            await write_pages(written, prompts(7), page_size=4)

    @pytest.mark.parametrize("page", [-1, 2, 1000])
    async def test_a_page_that_never_was_is_an_error(self, page, written):
        with pytest.raises(StoreError, match=f"no page {page}: the campaign has 2, from 0"):
            await read_page(written, page)

    @pytest.mark.parametrize(
        "change",
        [
            {"prompts": 0},
            {"prompts": "7"},
            {"pages": 3},
            {"page_size": True},
            {"digest": None},
            {"format": None},
            {"format": 0},
        ],
        ids=str,
    )
    async def test_a_damaged_manifest_is_an_error(self, change, written):
        """It is never taken for none: another campaign would be written over this one."""
        spoil(
            written,
            "manifest.json",
            lambda content: json.dumps(json.loads(content) | change).encode() + b"\n",
        )
        for asked in (read_manifest(written), write_pages(written, ["another"])):
            with pytest.raises(StoreError, match=r"manifest.json cannot be used"):
                await asked

    async def test_one_of_an_earlier_version_is_read(self, written):
        """It had no id."""
        spoil(written, "manifest.json", lambda content: re.sub(rb'"id":"\w+",', b"", content))
        assert (await read_manifest(written)).id == ""
        assert len(await read_page(written, 0)) > 0

    async def test_a_newer_format_is_refused(self, written):
        """Whoever has an older version is told so."""
        spoil(written, "manifest.json", lambda _: b'{"format":2,"new":"all else"}\n')
        for asked in (read_manifest(written), read_page(written, 0), write_pages(written, ["a"])):
            with pytest.raises(ConfigurationError, match="has the format 2, and this version"):
                await asked


class TestBegun:
    async def test_a_page_belongs_to_the_run_that_begins_it(self, store):
        """The same run is told so each time, another never."""
        assert await begin(store, 3, "run-1") is True
        assert await begin(store, 3, "run-1") is True
        assert await begin(store, 3, "run-2") is False
        assert await begin(store, 4, "run-2") is True
        assert await store.read("begun/000003") == b"run-1"

    async def test_of_many_runs_one_begins_it(self, store):
        """Of twenty at once one may submit."""
        begun = await asyncio.gather(*(begin(store, 0, f"run-{n}") for n in range(20)))
        assert begun.count(True) == 1

    async def test_a_note_that_is_empty_is_an_error(self, folder):
        """Nobody can tell whose it is: neither may submit."""
        path = folder.local("begun/000000")
        path.parent.mkdir(parents=True)
        path.write_bytes(b"")
        with pytest.raises(StoreError, match="names no run"):
            await begin(folder, 0, "run-1")

    async def test_a_run_has_an_id(self, store):
        with pytest.raises(ValueError, match="run_id"):
            await begin(store, 0, "")


class TestSeals:
    async def test_outcomes_come_back_equal(self, store):
        """Each kind, with what it says of money."""
        await write_pages(store, prompts(7), page_size=4)
        assert await read_sealed(store, 0) is None
        assert await seal(store, 0, list(OUTCOMES)) == OUTCOMES
        assert await read_sealed(store, 0) == OUTCOMES
        lines = (await store.read("results/000000.jsonl")).splitlines()
        assert [json.loads(line)["index"] for line in lines] == [0, 1, 2, 3]

    async def test_a_seal_stays(self, store):
        """A second run is told what the first has sealed."""
        await write_pages(store, prompts(4))
        await seal(store, 0, OUTCOMES)
        assert await seal(store, 0, OUTCOMES[::-1]) == OUTCOMES

    @pytest.mark.parametrize("number", [0, 3, 5])
    async def test_a_seal_is_of_the_whole_page(self, number, store):
        """A seal that lacks one would lose it."""
        await write_pages(store, prompts(4))
        with pytest.raises(ValueError, match=f"there are {number} outcomes of 4 requests"):
            await seal(store, 0, (OUTCOMES * 2)[:number])
        assert await read_sealed(store, 0) is None

    async def test_without_a_campaign_nothing_is_sealed(self, store):
        for asked in (seal(store, 0, OUTCOMES), read_sealed(store, 0), all_results(store)):
            with pytest.raises(ConfigurationError, match="no campaign is prepared.*prepare it"):
                await asked


class Counting:
    """A store that counts what is asked of it."""

    def __init__(self, store):
        self.store, self.asked = store, []

    async def read(self, name):
        self.asked.append(name)
        return await self.store.read(name)

    def names(self, prefix):
        self.asked.append(prefix)
        return self.store.names(prefix)

    def __getattr__(self, name):
        return getattr(self.store, name)


class TestRepairs:
    async def test_the_last_repair_holds(self, store):
        """By number, however they were written."""
        await write_pages(store, prompts(4))
        await seal(store, 0, OUTCOMES)
        for number in (2, 1):
            assert await add_repair(store, 3, number, OUTCOMES[number]) is True
        assert await add_repair(store, 1, 1, Dropped()) is True
        assert await repairs(store) == {1: [Dropped()], 3: [OUTCOMES[1], OUTCOMES[2]]}
        found = [result.outcome for result in await all_results(store)]
        assert found == [OUTCOMES[0], Dropped(), OUTCOMES[2], OUTCOMES[2]]
        assert await read_sealed(store, 0) == OUTCOMES

    async def test_whoever_asks_for_one_request_reads_its_repairs_alone(self, store):
        """Else each of three hundred decisions would read all the others."""
        for index in range(30):
            assert await add_repair(store, index, 1, Dropped()) is True
        assert await add_repair(store, 7, 2, REFUSED) is True
        counting = Counting(store)
        assert await repairs_of(counting, 7) == [Dropped(), REFUSED]
        assert counting.asked == [f"repairs/000000007-00{number}.json" for number in (1, 2, 3)]

    async def test_a_repair_is_written_once(self, store):
        """The same is told that it is there, another that the number is taken."""
        assert await add_repair(store, 3, 1, Dropped()) is True
        assert await add_repair(store, 3, 1, Dropped()) is True
        assert await add_repair(store, 3, 1, REFUSED) is False
        assert await repairs(store) == {3: [Dropped()]}

    @pytest.mark.parametrize(("index", "number"), [(-1, 1), (10**9, 1), (0, 0), (0, 1000)])
    async def test_there_are_bounds(self, index, number, store):
        """Beyond them the names would not sort."""
        with pytest.raises(ValueError, match="there can be no repair"):
            await add_repair(store, index, number, Dropped())

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("000000003-001.json", b""),
            ("000000003-001.json", b'{"index":4,"number":1,"outcome":{"kind":"dropped"}}\n'),
            ("000000003-001.json", b'{"index":3,"number":1,"outcome":{"kind":"later"}}\n'),
            ("3.json", b'{"index":3,"number":1,"outcome":{"kind":"dropped"}}\n'),
        ],
    )
    async def test_a_damaged_repair_is_an_error(self, name, content, store):
        """It is not left out: what it replaces is known to be wrong."""
        await store.create(f"repairs/{name}", content)
        with pytest.raises(StoreError, match=f"{name} cannot be used"):
            await repairs(store)


class TestResults:
    async def test_every_request_comes_in_order_with_what_became_of_it(self, store):
        """Those of pages that are not sealed yet have None."""
        requests = [GenerationRequest(str(n), metadata={"sku": str(n)}) for n in range(9)]
        await write_pages(store, requests, page_size=4)
        await seal(store, 1, OUTCOMES)
        found = await all_results(store)
        outcomes = [*[None] * 4, *OUTCOMES, None]
        assert found == [
            CampaignResult(index=index, request=request, outcome=outcome)
            for index, (request, outcome) in enumerate(zip(requests, outcomes, strict=True))
        ]
        assert found[7].metadata == {"sku": "7"}


class TestVideos:
    @every_row(
        ("asked", "name"),
        [
            (
                (123, 61_500, "A red panda, surfing", "66e0818e", 0),
                "videos/000123/61501-a-red-panda-surfing-66e0818e.mp4",
            ),
            ((0, 0, "熊", "66e0818e", 1), "videos/000000/00001-66e0818e-2.mp4"),
        ],
    )
    def test_a_name_is_the_job_s_alone(self, asked, name):
        """The page, the number from 1, the first words, the job."""
        assert video_name(*asked) == name

    async def test_a_video_is_saved_in_a_folder(self, folder):
        """Whole, under its name; the second time nothing is asked for."""
        async with finished(size=100_000) as (_sim, client, video):
            await save_video(client, video, folder, "videos/000000/a.mp4")
            body = await folder.read("videos/000000/a.mp4")
            await save_video(client, video, folder, "videos/000000/a.mp4")
        assert len(body) == 100_000
        assert await names_in(folder) == ["videos/000000/a.mp4"]

    @pytest.fixture
    def temporary(self, tmp_path, monkeypatch):
        """Where a video is kept on its way."""
        path = tmp_path / "temporary"
        path.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(path))
        return path

    async def test_a_video_is_saved_in_a_bucket(self, s3, temporary):
        """It goes by a local file, of which nothing is left; the second time nothing moves."""
        store = open_store("s3://bucket/camp")
        async with finished(size=100_000) as (_, client, video):
            await save_video(client, video, store, "videos/a.mp4")
            s3.asked.clear()
            client._videos.downloader.download = None
            await save_video(client, video, store, "videos/a.mp4")
        assert len(s3.objects["camp/videos/a.mp4"]) == 100_000
        assert s3.asked == ["HEAD camp/videos/a.mp4"]
        assert list(temporary.iterdir()) == []

    async def test_a_bucket_that_refuses_leaves_nothing_behind(self, s3, temporary):
        """The video stays paid for, and the error says so, of which job."""
        s3.faults = ["denied"]
        async with finished(size=100_000) as (_, client, video):
            with pytest.raises(DownloadError, match="AccessDenied") as caught:
                await save_video(client, video, open_store("s3://bucket/camp"), "a.mp4")
        assert caught.value.job_id == video.job_id
        assert "finished and paid for" in str(caught.value)
        assert list(temporary.iterdir()) == []

    async def test_a_download_that_fails_leaves_nothing_behind(self, temporary):
        """Nor is anything in the store."""
        store = open_store(f"memory://files-{next(_numbers)}")
        async with finished(size=100_000) as (_, client, video):
            broken = Video(id="v", job_id=video.job_id, url="http://127.0.0.1:9/v.mp4")
            with pytest.raises(DownloadError, match="could not be"):
                await save_video(client, broken, store, "a.mp4")
        assert list(temporary.iterdir()) == []
        assert await names_in(store) == []

    async def test_a_temporary_folder_that_cannot_be_made_is_an_error(self, temporary):
        store = open_store(f"memory://files-{next(_numbers)}")
        temporary.rmdir()
        async with finished(size=100_000) as (_, client, video):
            with pytest.raises(DownloadError, match="could not be made: No such file"):
                await save_video(client, video, store, "a.mp4")

    @pytest.mark.parametrize("kind", ["folder", "memory"])
    async def test_who_is_cancelled_leaves_nothing_behind(self, kind, temporary, folder):
        """Neither a temporary folder nor half a video."""
        store = folder if kind == "folder" else open_store(f"memory://files-{next(_numbers)}")
        begun = asyncio.Event()
        async with finished(size=3_000_000) as (_, client, video):
            download = client._videos.downloader.download

            async def told(*args, **options):
                def on_progress(*_):
                    begun.set()

                return await download(*args, **(options | {"on_progress": on_progress}))

            client._videos.downloader.download = told
            task = asyncio.create_task(save_video(client, video, store, "videos/a.mp4"))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert list(temporary.iterdir()) == []
        assert await names_in(store) == []
        if kind == "folder":
            assert not any(files for _, _, files in os.walk(folder.place))
