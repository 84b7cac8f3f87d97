"""A store holds contents by name, each written once, whole or not at all."""

from __future__ import annotations

import asyncio
import errno
import os
import pickle
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bucket import SECRET
from support.tables import every_row

from pika_async import ConfigurationError, PikaError
from pika_async.temporal._store import folder, objects
from pika_async.temporal._store.errors import StoreError
from pika_async.temporal._store.store import open_store

_numbers = count()
LINKS_MISSING = ["EPERM", "EACCES", "ENOSYS", "EOPNOTSUPP", "EINVAL", "EXDEV", "EMLINK"]


def failing(name):
    number = getattr(errno, name)

    def call(*_, **__):
        raise OSError(number, os.strerror(number))

    return call


def place_of(kind, tmp_path):
    match kind:
        case "folder":
            return tmp_path / "store"
        case "file":
            return (tmp_path / "a store").as_uri()
        case _:
            return f"memory://test-{next(_numbers)}/campaign"


@pytest.fixture(params=["folder", "file", "memory"])
def store(request, tmp_path):
    return open_store(place_of(request.param, tmp_path))


async def listed(store, prefix=""):
    return [name async for name in store.names(prefix)]


def rest_of(path):
    """Every file below a folder."""
    return sorted(one.relative_to(path).as_posix() for one in path.rglob("*") if one.is_file())


class TestEveryStore:
    @pytest.mark.parametrize(("start", "length"), [(0, 3), (4, 5), (9, 1), (0, 10)])
    async def test_a_part_is_read_alone(self, store, start, length):
        """A page may have 64 MB, and a line of it a few words."""
        await store.create("pages/1", b"0123456789")
        part = await store.read_part("pages/1", start, length)
        assert part == b"0123456789"[start : start + length]

    async def test_of_what_is_not_there_there_is_no_part(self, store):
        assert await store.read_part("pages/1", 0, 3) is None

    async def test_what_is_created_is_read(self, store):
        """A content comes back byte for byte."""
        assert await store.create("pages/000000.jsonl", b"\0one\xff\n") is True
        assert await store.read("pages/000000.jsonl") == b"\0one\xff\n"
        assert await store.size("pages/000000.jsonl") == 6

    @pytest.mark.parametrize("second", [b"one", b"two", b""])
    async def test_what_is_there_stays(self, second, store):
        """A second create says so and changes nothing, of whatever content it is."""
        await store.create("a", b"one")
        assert await store.create("a", second) is False
        assert await store.read("a") == b"one"

    async def test_what_is_not_there_is_none(self, store):
        """A name without a content reads as None, also below a name that has one."""
        await store.create("a/b", b"1")
        for name in ("c", "a/c", "a/b/c", "d/e/f"):
            assert (await store.read(name), await store.size(name)) == (None, None)

    async def test_an_empty_content_is_a_content(self, store):
        """Empty is another thing than not there."""
        await store.create("a", b"")
        assert (await store.read("a"), await store.size("a")) == (b"", 0)

    async def test_nothing_is_listed_where_nothing_was_written(self, store):
        """A store that nobody wrote to is empty, and not an error."""
        assert await listed(store) == await listed(store, "results/") == []

    async def test_names_are_sorted_and_of_one_folder(self, store):
        """A prefix is a folder: what only begins the same is not in it."""
        names = [
            "results/2",
            "results-old/1",
            "results/10",
            "results/a/1",
            "results.x",
            "results/a-",
        ]
        for name in names:
            await store.create(name, b"1")
        assert await listed(store) == sorted(names)
        assert await listed(store, "results/") == [
            "results/10",
            "results/2",
            "results/a-",
            "results/a/1",
        ]
        assert await listed(store, "resul/") == []

    async def test_it_is_opened_again_by_its_place(self, store):
        """The place is text that leads another process to the same contents."""
        await store.create("a", b"one")
        again = open_store(store.place)
        assert again.place == store.place
        assert await again.read("a") == b"one"

    async def test_of_many_writers_one_succeeds(self, store):
        """Of twenty at once exactly one is told that it wrote, and its content is what is read."""
        contents = [str(number).encode() for number in range(20)]
        won = await asyncio.gather(*(store.create("a/b", content) for content in contents))
        assert won.count(True) == 1
        assert await store.read("a/b") == contents[won.index(True)]

    async def test_a_file_is_copied(self, store, tmp_path):
        """A local file is copied, and stays."""
        source = tmp_path / "v.mp4"
        source.write_bytes(b"film" * 1_000_000)
        assert await store.create_from("videos/1.mp4", source) is True
        assert await store.read("videos/1.mp4") == source.read_bytes()

    async def test_a_file_of_the_same_length_is_there_already(self, store, tmp_path):
        """The same length under the same name is success, and what is there stays."""
        source = tmp_path / "v.mp4"
        source.write_bytes(b"other")
        await store.create("v", b"whole")
        assert await store.create_from("v", source) is False
        assert await store.read("v") == b"whole"

    @pytest.mark.parametrize("length", [0, 4, 6])
    async def test_a_file_of_another_length_is_an_error(self, length, store, tmp_path):
        """Another length under the same name names both, and changes nothing."""
        source = tmp_path / "v.mp4"
        source.write_bytes(b"x" * length)
        await store.create("v", b"whole")
        with pytest.raises(StoreError, match=f"has 5 bytes, and {length} were to be written"):
            await store.create_from("v", source)
        assert await store.read("v") == b"whole"

    async def test_a_file_that_is_not_there_leaves_nothing(self, store, tmp_path):
        """Where there is nothing to copy, that is a StoreError, and nothing is there."""
        with pytest.raises(StoreError, match="No such file"):
            await store.create_from("v", tmp_path / "gone.mp4")
        assert await store.size("v") is None

    @pytest.mark.parametrize(
        "name", ["", "/a", "a/", "a//b", "../a", "a/../b", ".", "a\0", "a.part"]
    )
    async def test_what_is_no_name_is_refused(self, name, store):
        """A name cannot lead out of the store, nor be taken for an unfinished file."""
        with pytest.raises(ValueError, match="no name in a store"):
            await store.create(name, b"1")
        with pytest.raises(ValueError, match="no name in a store"):
            await store.read(name)

    async def test_a_prefix_is_a_folder(self, store):
        """A prefix without its slash is a mistake of ours, and found out."""
        with pytest.raises(ValueError, match="no folder in a store"):
            await listed(store, "results")


_NAMES = st.lists(
    st.text("ab-.0é /", min_size=1, max_size=3).filter(lambda part: part.strip(" ./") == part),
    min_size=1,
    max_size=3,
).map("/".join)


@pytest.mark.parametrize("kind", ["folder", "memory"])
@settings(deadline=None, max_examples=40)
@given(
    written=st.lists(st.tuples(_NAMES, st.binary(max_size=5)), max_size=8),
    asked=_NAMES,
)
def test_it_behaves_as_a_dictionary_whose_first_entry_stays(kind, written, asked, tmp_path_factory):
    """Whatever is written in whatever order: the first content of a name is what is found."""
    known: dict[str, bytes] = {}

    def fits(name):
        # A folder cannot be a file, too.
        return (
            not any(one.startswith(f"{name}/") or name.startswith(f"{one}/") for one in known)
            and "//" not in name
        )

    async def run():
        store = open_store(place_of(kind, tmp_path_factory.mktemp("model")))
        for name, content in written:
            if fits(name):
                assert await store.create(name, content) is (name not in known)
                known.setdefault(name, content)
        assert await listed(store) == sorted(known)
        for name, content in known.items():
            assert await store.read(name) == content
        if fits(asked):
            assert await store.read(asked) == known.get(asked)

    anyio.run(run)


class TestPlaces:
    @pytest.mark.parametrize("text", ["pages", "./pages", "a/../pages"])
    def test_a_folder_is_absolute_and_need_not_be_there(self, text, tmp_path, monkeypatch):
        """A place means the same in every process, and opening makes nothing."""
        monkeypatch.chdir(tmp_path)
        store = open_store(text)
        assert store.place == str(tmp_path / "pages")
        assert store.local("a/b") == tmp_path / "pages/a/b"
        assert store.shown("a/b") == str(tmp_path / "pages/a/b")
        assert list(tmp_path.iterdir()) == []

    def test_a_url_of_files_is_a_folder(self, tmp_path):
        """Spaces and other letters may be escaped."""
        folder_ = tmp_path / "a störe"
        assert open_store(folder_.as_uri()).place == str(folder_)
        assert open_store(f"file://localhost{tmp_path}").place == str(tmp_path)

    @pytest.mark.parametrize("url", ["s3://bucket/a/b", "gs://bucket/a/b", "s3://bucket/a/b/"])
    def test_a_bucket_is_its_url(self, url, monkeypatch):
        """A bucket has no local paths; its URL is its place."""
        for name, value in {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}.items():
            monkeypatch.setenv(name, value)
        store = open_store(url)
        assert store.place == url.rstrip("/")
        assert store.shown("c") == f"{url.rstrip('/')}/c"
        assert store.local("c") is None

    @every_row(
        ("place", "says"),
        [
            ("", "allowed is a folder"),
            ("  ", "allowed is a folder"),
            (b"/tmp", "allowed is a folder"),
            ("a\0b", "allowed is a folder"),
            ("ftp://host/a", "kind ftp:// is not known; allowed is a folder, file"),
            ("https://bucket.example/a", "kind https:// is not known"),
            ("s3:///a", "s3:// lacks the name of a bucket"),
            ("memory://", "memory:// lacks the name"),
            ("file://elsewhere/a", "a folder of this machine"),
            ("s3://[/a", "no URL"),
        ],
    )
    def test_what_is_no_place_is_refused(self, place, says):
        """The error names what is allowed."""
        with pytest.raises(ConfigurationError, match=says):
            open_store(place)

    @every_row(
        "url",
        [
            "s3://key:hunter2@bucket/a",
            "az://container/a?sig=hunter2",
            "gs://bucket/a#hunter2",
            "s3://hunter2@bucket",
            "s3://bucket:hunter2/a",
        ],
    )
    def test_secrets_in_a_place_are_refused_and_not_shown(self, url):
        """A place is written down in the engine: credentials come from the environment."""
        with pytest.raises(ConfigurationError) as caught:
            open_store(url)
        assert "hunter2" not in str(caught.value)
        assert caught.value.setting == "store"

    def test_a_file_is_no_folder(self, tmp_path):
        """A file in its place is found before anything is written."""
        (tmp_path / "a").write_bytes(b"")
        with pytest.raises(ConfigurationError, match=r"a' is a file, and a store is a folder"):
            open_store(tmp_path / "a")

    @pytest.mark.parametrize("url", ["s3://bucket/a", "memory://x"])
    def test_without_the_extra_a_sentence_says_what_to_install(self, url, monkeypatch):
        """A folder does without it; a bucket says what is missing."""
        monkeypatch.delitem(sys.modules, "pika_async.temporal._store.objects")
        monkeypatch.setitem(sys.modules, "obstore", None)
        with pytest.raises(ConfigurationError, match=r"pip install '/path/to/clone\[store\]'"):
            open_store(url)

    def test_what_obstore_refuses_is_a_sentence(self, monkeypatch):
        """Azure needs the name of an account from the environment."""
        for name in list(os.environ):
            if name.startswith("AZURE_"):
                monkeypatch.delenv(name)
        with pytest.raises(ConfigurationError, match="Account must be specified") as caught:
            open_store("az://container/a")
        assert "Debug" not in str(caught.value)


def test_an_error_travels_between_processes():
    """It keeps where and what it is about."""
    error = StoreError("no", place="/a", name="b")
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (str(back), back.place, back.name) == ("no", "/a", "b")
    assert isinstance(back, PikaError)


class TestFolder:
    @pytest.fixture
    def place(self, tmp_path):
        return tmp_path / "store"

    @pytest.fixture
    def store(self, place):
        return open_store(place)

    @pytest.mark.parametrize("name", ["ENOSPC", "EDQUOT", "EIO"])
    @pytest.mark.parametrize("call", ["fsync", "open", "fdopen", "link"])
    async def test_a_full_disk_leaves_nothing(self, call, name, place, store, monkeypatch):
        """The error says what the system said, and where; another create succeeds later."""
        with monkeypatch.context() as full:
            full.setattr(os, call, failing(name))
            with pytest.raises(StoreError) as caught:
                await store.create("pages/0", b"one")
        assert os.strerror(getattr(errno, name)) in str(caught.value)
        assert str(place / "pages/0") in str(caught.value)
        assert caught.value.name == "pages/0"
        assert rest_of(place) == []
        assert await store.create("pages/0", b"one") is True

    async def test_new_folders_are_made_durable_too(self, place, store, monkeypatch):
        """A file that is on the disk is lost all the same where its folder is not."""
        synced = []
        monkeypatch.setattr(folder, "sync_folder", synced.append)
        await store.create("a/b/c", b"one")
        assert synced == [place.parent, place, place / "a", place / "a/b"]
        await store.create("a/b/d", b"one")
        assert synced[4:] == [place / "a/b"]

    async def test_a_content_in_the_place_of_a_folder_is_an_error(self, store):
        """It is said, and the content stays."""
        await store.create("a", b"one")
        with pytest.raises(StoreError, match="could not be written: Not a directory"):
            await store.create("a/b", b"two")
        assert await store.read("a") == b"one"

    async def test_where_nothing_is_synced_it_is_written_all_the_same(
        self, place, store, monkeypatch
    ):
        """Some shared folders have no fsync."""
        monkeypatch.setattr(os, "fsync", failing("EINVAL"))
        assert await store.create("a", b"one") is True
        assert rest_of(place) == ["a"]

    @pytest.mark.parametrize("name", LINKS_MISSING)
    async def test_where_there_are_no_links_one_writer_succeeds_too(
        self, name, place, store, monkeypatch, tmp_path
    ):
        """The name is then taken by the call that makes it, and stays what it was."""
        monkeypatch.setattr(os, "link", failing(name))
        won = await asyncio.gather(*(store.create("a", str(n).encode()) for n in range(10)))
        assert won.count(True) == 1
        assert await store.read("a") == str(won.index(True)).encode()
        (tmp_path / "v").write_bytes(b"film")
        assert await store.create_from("v", tmp_path / "v") is True
        assert rest_of(place) == ["a", "v"]

    async def test_where_there_are_no_links_a_full_disk_leaves_nothing(
        self, place, store, monkeypatch
    ):
        """A name that was taken in vain is given back."""
        monkeypatch.setattr(os, "link", failing("EPERM"))
        monkeypatch.setattr(os, "replace", failing("ENOSPC"))
        with pytest.raises(StoreError, match="No space left"):
            await store.create("a", b"one")
        assert rest_of(place) == []

    async def test_a_link_whose_answer_was_lost_is_ours(self, store, monkeypatch):
        """A network drive repeats the call, and says that the name is taken: by ourselves."""
        link = os.link

        def linked(*names):
            link(*names)
            link(*names)

        monkeypatch.setattr(os, "link", linked)
        assert await store.create("a", b"one") is True
        assert await store.create("a", b"one") is False

    async def test_somebody_who_was_faster_is_no_error(self, place, store, monkeypatch):
        """A name that is taken between the look and the link is another's."""
        link = os.link

        def linked(part, target):
            Path(target).write_bytes(b"theirs")
            link(part, target)

        monkeypatch.setattr(os, "link", linked)
        assert await store.create("a", b"ours") is False
        assert await store.read("a") == b"theirs"
        assert rest_of(place) == ["a"]

    async def test_what_is_unfinished_is_not_listed(self, place, store):
        """Neither what a writer left, nor a video that is being filled."""
        await store.create("videos/1.mp4", b"1")
        for name in ("2.mp4.part", "3.mp4.0a1b2c3d.part", "0a1b2c3d.part"):
            (place / "videos" / name).write_bytes(b"half")
        assert await listed(store) == ["videos/1.mp4"]

    async def test_a_folder_in_the_place_of_a_content_is_an_error(self, place, store):
        """It is no content, and not the same as none."""
        (place / "a").mkdir(parents=True)
        with pytest.raises(StoreError, match="could not be read: Is a directory"):
            await store.read("a")

    async def test_who_is_cancelled_leaves_it_whole_or_not_at_all(self, place, store, monkeypatch):
        """A write that is under way comes to its end."""
        begun = anyio.Event()
        loop = asyncio.get_running_loop()
        fsync = os.fsync

        def slow(handle):
            loop.call_soon_threadsafe(begun.set)
            fsync(handle)

        monkeypatch.setattr(os, "fsync", slow)
        task = asyncio.create_task(store.create("a", b"one"))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert rest_of(place) == ["a"]
        assert await store.read("a") == b"one"

    async def test_a_large_file_is_not_held_in_memory(self, store, tmp_path):
        """A file is copied piece by piece."""
        import tracemalloc  # noqa: PLC0415 - slows what it watches

        source = tmp_path / "v"
        source.write_bytes(bytes(20_000_000))
        tracemalloc.start()
        try:
            await store.create_from("v", source)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert most < 4_000_000


KILLED = """
import os, signal, sys
import anyio
from pika_async.temporal._store import folder
from pika_async.temporal._store.store import open_store

def die(*_, **__):
    # New folders are synced before anything has its name.
    if sys.argv[2] != "sync_folder" or os.path.exists(os.path.join(sys.argv[1], "a/b")):
        os.kill(os.getpid(), signal.SIGKILL)

setattr(folder if hasattr(folder, sys.argv[2]) else os, sys.argv[2], die)
if sys.argv[3] == "without links":
    def link(*_):
        raise OSError(1, "Operation not permitted")
    os.link = link
anyio.run(open_store(sys.argv[1]).create, "a/b", b"whole")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "links", "left"),
    [
        ("synced", "links", None),
        ("check_size", "links", None),
        ("link", "links", None),
        ("sync_folder", "links", b"whole"),
        ("replace", "without links", b""),
    ],
)
async def test_a_writer_that_is_killed_leaves_nothing_that_reads_as_whole(
    moment, links, left, tmp_path
):
    """It is whole, or not there; or, where there are no links, empty, which is damaged."""
    place = tmp_path / "store"
    program = [sys.executable, "-c", KILLED, place, moment, links]
    done = subprocess.run(program, check=False)  # noqa: ASYNC221 - nothing else is going on
    assert done.returncode == -signal.SIGKILL
    store = open_store(place)
    assert await store.read("a/b") == left
    assert await listed(store) == ([] if left is None else ["a/b"])
    assert await store.create("a/b", b"other") is (left is None)


RACER = """
import sys
import anyio
from pika_async.temporal._store.store import open_store

async def main():
    store = open_store(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(200):
        if await store.create(f"a/{number}", sys.argv[2].encode()):
            print(number)

anyio.run(main)
"""


@pytest.mark.slow
async def test_of_two_processes_one_creates_each_name(tmp_path):
    """Two hundred names, two processes at once: each name is written once, by whom it says."""
    racers = [
        subprocess.Popen(  # noqa: ASYNC220 - nothing else is going on
            [sys.executable, "-c", RACER, tmp_path / "store", who],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for who in "xy"
    ]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("\n")
        racer.stdin.flush()
    won = {who: racer.communicate()[0].split() for who, racer in zip("xy", racers, strict=True)}
    assert sorted(won["x"] + won["y"], key=int) == [str(number) for number in range(200)]
    store = open_store(tmp_path / "store")
    for who, numbers in won.items():
        for number in numbers:
            assert await store.read(f"a/{number}") == who.encode()


class TestBucket:
    @pytest.fixture
    def store(self, s3):
        return open_store("s3://bucket/camp")

    async def test_names_lie_below_the_prefix(self, s3, store):
        """Two campaigns share a bucket."""
        for number in "132":
            assert await store.create(f"results/{number}", number.encode()) is True
        assert await store.create("results/1", b"3") is False
        assert s3.objects == {f"camp/results/{n}": n.encode() for n in "123"}
        assert await listed(store, "results/") == ["results/1", "results/2", "results/3"]
        assert await store.read("results/1") == b"1"
        assert await store.read("results/4") is None

    @pytest.mark.parametrize("keeps_marks", [True, False])
    @pytest.mark.parametrize(
        ("faults", "made"),
        [
            (["lost"], True),
            (["cut"], True),
            (["busy"], True),
            (["busy", "lost"], True),
            (["late"], False),
        ],
    )
    async def test_a_create_whose_answer_was_lost_is_known_as_ours(
        self, faults, made, keeps_marks, s3, store
    ):
        """It is sent again, and what it then meets is told from what another has written."""
        s3.faults, s3.keeps_marks = list(faults), keeps_marks
        assert await store.create("a", b"one") is made
        assert s3.objects["camp/a"] == (b"one" if made else b"of another")
        assert await store.create("a", b"two") is False

    async def test_an_equal_content_of_another_is_not_ours(self, s3, store):
        """Every call marks what it makes: equal contents are told apart."""
        await store.create("a", b"one")
        assert await store.create("a", b"one") is False

    async def test_a_refusal_is_a_sentence_without_secrets(self, s3, store):
        """The service's words are shown, and neither keys nor what belongs into a log."""
        s3.faults = ["denied"]
        with pytest.raises(StoreError, match="AccessDenied: Access Denied") as caught:
            await store.create("a", b"one")
        shown = f"{caught.value} {caught.value.__cause__!r}"
        assert "s3://bucket/camp/a could not be written" in shown
        for secret in (SECRET, "AKIAEXAMPLE", "Debug source", "<?xml"):
            assert secret not in shown

    async def test_a_bucket_that_is_not_there_is_not_an_empty_one(self, s3, store):
        """Nothing can be said of what is in it: that it were empty would be paid for."""
        s3.missing = True
        for asked in (store.read("a"), store.create("a", b"1"), listed(store, "results/")):
            with pytest.raises(StoreError, match="NoSuchBucket"):
                await asked

    async def test_what_may_not_be_read_is_not_taken_for_nothing(self, s3, store, tmp_path):
        """A refusal is another thing than none: none would be paid for."""
        await store.create("a", b"one")
        (tmp_path / "v").write_bytes(b"film")
        s3.forbidden = True
        for asked in (
            store.read("a"),
            store.size("a"),
            listed(store, "results/"),
            store.create("a", b"one"),
            store.create_from("a", tmp_path / "v"),
        ):
            with pytest.raises(StoreError, match=r"s3://bucket/camp/.* could not be"):
                await asked

    @pytest.mark.parametrize("length", [1, 5, 12_000_000])
    async def test_a_file_is_sent_whole(self, length, s3, store, tmp_path):
        """A small one in one request, a large one in parts; the second time nothing is sent."""
        source = tmp_path / "v"
        source.write_bytes(os.urandom(length))
        assert await store.create_from("v", source) is True
        assert s3.objects["camp/v"] == source.read_bytes()
        s3.asked.clear()
        assert await store.create_from("v", source) is False
        assert s3.asked == ["HEAD camp/v"]

    async def test_who_cannot_reach_it_is_told(self, s3, store, monkeypatch):
        """Where reading back fails too, the first failure is what is told."""

        async def refused(*_, **__):
            raise objects.BaseError("no route?sig=abc\n\nDebug source: abc")

        monkeypatch.setattr(objects.obstore, "put_async", refused)
        monkeypatch.setattr(objects.obstore, "head_async", refused)
        with pytest.raises(StoreError, match=r"could not be written: no route\.") as caught:
            await store.create("a", b"1")
        assert "abc" not in str(caught.value)


@every_row(
    ("said", "shown"),
    [
        ("no", "no"),
        (
            "GET https://u:pw@host/a?sig=s&x=1 failed\n\nDebug source:\nx",
            "GET https://host/a failed",
        ),
        (
            "403: <?xml?>\n<Error><Code>A</Code><Message>B</Message><K>AKIA</K></Error>",
            "403 (A: B)",
        ),
        ("x" * 400, "x" * 300 + "…"),
    ],
)
def test_what_a_service_says_is_shown_without_what_may_be_secret(said, shown):
    """Signatures stand behind a question mark, keys in the body of an error."""
    assert objects._reason(ValueError(said)) == shown


def test_a_folder_without_obstore_does_not_import_it():
    """Who has folders alone needs no extra."""
    program = (
        "import sys; sys.modules['obstore'] = None; "
        "from pika_async.temporal._store.store import open_store; open_store('a')"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_folder_is_the_one_that_is_killed():
    """Or else the moments above would be none."""
    assert all(hasattr(folder, name) for name in ("synced", "check_size", "sync_folder"))
