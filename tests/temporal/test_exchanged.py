"""A file that was exchanged after the preparation of its campaign is not sent for the other one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from pika_async import ConfigurationError, FieldError, GenerationRequest
from pika_async.temporal._contents import media
from pika_async.temporal._contents.digests import note, noted_in, without
from pika_async.temporal._contents.files import read_manifest, read_page, write_pages
from pika_async.temporal._contents.formats import page_name, request_line
from pika_async.temporal._contents.media import ExchangedError, check_same
from pika_async.temporal._contents.shelf import Shelf
from pika_async.temporal._records import Line

PNG, OTHER = b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\nanother"
URL = "https://x/1.png"


def digest(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def path(tmp_path):
    found = tmp_path / "a.png"
    found.write_bytes(PNG)
    return found


def pictured(path):
    """A file, links, and a field with several."""
    return GenerationRequest("a", image=path, keyframes=[URL, path])


class TestPrepared:
    async def test_what_each_file_holds_is_noted_with_its_path(self, store, path):
        await write_pages(store, [pictured(path)])
        line = await store.read(page_name(0))
        assert noted_in(line) == (digest(PNG), None, digest(PNG))
        assert json.loads(line)["image"] == {"path": str(path), "sha256": digest(PNG)}
        assert await read_page(store, 0) == (pictured(path),)

    async def test_a_file_is_read_once_however_many_prompts_name_it(self, store, path, monkeypatch):
        """A campaign of ten thousand prompts may be about one image."""
        reads, digests_of = [], media._digest_of

        def counted(path):
            reads.append(path)
            return digests_of(path)

        monkeypatch.setattr(media, "_digest_of", counted)
        await write_pages(store, [pictured(path)] * 700)
        assert reads == [path]

    async def test_of_many_files_some_are_remembered(self, tmp_path, monkeypatch):
        """Each of millions of prompts may have its own."""
        monkeypatch.setattr(media, "MOST_KNOWN", 2)
        files = media.Files()
        for number in range(5):
            path = tmp_path / f"{number}.png"
            path.write_bytes(PNG + bytes([number]))
            held = digest(PNG + bytes([number]))
            assert await files.digests(GenerationRequest("a", image=path)) == (held,)
            assert len(files._digests) <= 2

    async def test_one_that_has_gone_is_named_with_its_prompt(self, store, path):
        requests = [GenerationRequest("a"), pictured(path)]
        path.unlink()
        with pytest.raises(FieldError, match="the file cannot be read") as caught:
            await write_pages(store, requests)
        assert caught.value.field == "requests[1].image"

    @pytest.mark.parametrize("field", ["image", "video"])
    async def test_a_file_that_is_no_such_medium_is_named_with_its_prompt(
        self, store, tmp_path, path, field
    ):
        """No worker could send it. Also where the same file is an image of another prompt."""
        path.write_bytes(PNG if field == "video" else b"no picture")
        requests = [GenerationRequest("a", **{field: path})]
        if field == "video":
            requests.insert(0, GenerationRequest("a", image=path))
        with pytest.raises(FieldError, match="does not begin like an? " + field) as caught:
            await write_pages(store, requests)
        assert caught.value.field == f"requests[{len(requests) - 1}].{field}"

    async def test_a_path_that_no_file_can_have_is_named_with_its_prompt(self, store):
        with pytest.raises(FieldError, match="no file can have this path") as caught:
            await write_pages(store, [GenerationRequest("a", image=Path("a\0b.png"))])
        assert caught.value.field == "requests[0].image"

    async def test_again_with_the_same_files_nothing_changes(self, store, path):
        first = await write_pages(store, [pictured(path)])
        assert await write_pages(store, [pictured(path)]) == first

    async def test_again_with_another_file_it_is_another_campaign_and_the_file_is_named(
        self, store, path
    ):
        """A worker would not send it either."""
        await write_pages(store, [pictured(path)])
        path.write_bytes(OTHER)
        with pytest.raises(ConfigurationError, match="holds something else than when") as caught:
            await write_pages(store, [pictured(path)])
        assert str(path) in str(caught.value)

    async def test_what_an_earlier_version_has_prepared_stays_as_it_is(self, store, path):
        """It noted down no digests, and the proof of a campaign is that of its pages."""
        pages = request_line(pictured(path), 0)
        await store.create(page_name(0), pages)
        manifest = await write_pages(store, [pictured(path)])
        assert manifest.digest == digest(pages)
        assert await write_pages(store, [pictured(path)]) == await read_manifest(store)
        assert await store.read(page_name(0)) == pages


class TestDigests:
    def test_without_them_a_page_is_as_an_earlier_version_wrote_it(self, path):
        """Also where a prompt, or what is extra, is called so."""
        requests = [
            pictured(path),
            GenerationRequest(',"sha256":"é"', extra={"path": "x", "sha256": digest(PNG)}),
        ]
        known = [(digest(PNG), None, digest(PNG)), ()]
        lines = [
            request_line(one, 0, digests) for one, digests in zip(requests, known, strict=True)
        ]
        assert without(b"".join(lines)) == b"".join(request_line(one, 0) for one in requests)

    def test_a_link_has_none(self):
        plain = {"image": {"url": URL}}
        note(plain, [None])
        assert plain == {"image": {"url": URL}}

    def test_what_is_not_understood_is_none(self):
        """A newer version may write something else there."""
        line = b'{"prompt":"a","image":{"path":"/a","sha256":7},"keyframes":["x"]}'
        assert noted_in(line) == (None, None)


class TestCompared:
    @pytest.mark.parametrize("digests", [(), (None, None, None), (digest(PNG), None, digest(PNG))])
    def test_the_same_passes_and_so_does_what_nobody_has_noted(self, path, digests):
        content = GenerationRequest("a", image=PNG, keyframes=[URL, PNG])
        check_same(pictured(path), content, digests)

    @pytest.mark.parametrize("place", [0, 2])
    def test_another_one_is_named(self, path, place):
        held = [PNG, None, PNG]
        held[place] = OTHER
        content = GenerationRequest("a", image=held[0], keyframes=[URL, held[2]])
        with pytest.raises(ExchangedError) as caught:
            check_same(pictured(path), content, (digest(PNG), None, digest(PNG)))
        assert str(path) in caught.value.headline
        assert caught.value.setting == ("image", "", "keyframes")[place]


class TestShelf:
    async def line(self, store, place):
        manifest = await read_manifest(store)
        return Line(store=store.place, digest=manifest.digest, page=0, place=place, index=place)

    @pytest.mark.parametrize("is_known", [True, False])
    async def test_a_worker_finds_what_was_noted(self, store, path, is_known):
        """Also where it does not know any more where the line lies in its page."""
        requests = [GenerationRequest("é"), pictured(path), GenerationRequest("b")]
        await write_pages(store, requests)
        shelf, line = Shelf(), await self.line(store, 1)
        if is_known:
            await shelf.request(line)
        assert await shelf.digests(line, requests[1]) == (digest(PNG), None, digest(PNG))

    async def test_a_request_without_files_costs_no_reading(self, tmp_path):
        """Nothing lies there."""
        line = Line(store=str(tmp_path / "no"), digest="", page=0, place=0, index=0)
        assert await Shelf().digests(line, GenerationRequest("a", image=URL)) == ()
