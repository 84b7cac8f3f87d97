"""What lies in the store of a campaign, as names and as bytes. Pure.

    manifest.json                   what was prepared; written last
    pages/000123.jsonl              the requests, 500 in a page, one a line
    started.txt, started-2.txt …    the campaigns that work on it, one after the other
    begun/000123                    the run that submits the page
    results/000123.jsonl            the outcomes of the page, one a line; its seal
    repairs/000061500-001.json      what takes the place of an outcome afterwards
    jobs/a948904f2f0f479b-001       the line that a job of a repair belongs to; the last holds
    allowed/, spending/             what may be spent, and is about to be: see ``allowances``
    videos/000123/61501-….mp4       the videos

Nothing in it is ever changed. What is damaged, or of a newer version, is a ValueError, and never
the same as what is not there: that would be paid for again.
"""

from __future__ import annotations

import hashlib
import json
import re
from array import array
from typing import TYPE_CHECKING, Any, Final

import attrs
from attrs import frozen

from pika_async._checks import FieldError
from pika_async._download import names
from pika_async._json import compact
from pika_async._request.parts import MEDIA_FIELDS
from pika_async._request.request import GenerationRequest
from pika_async.temporal._codec import from_plain, to_plain
from pika_async.temporal._contents.digests import note
from pika_async.temporal._outcomes import Dropped, Outcome, RepairOutcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORMAT: Final = 1
PAGE_SIZE: Final = 500
"""Requests in a page: a workflow of so many stays well within what the engine can remember."""
LINE_BYTES: Final = 1_000_000
"""The most that one request may take in a page."""
PAGE_BYTES: Final = 64_000_000
"""The most that one page may take."""

MANIFEST: Final = "manifest.json"
REPAIRS: Final = "repairs/"
BEGUN: Final = "begun/"
SEALED: Final = "results/"

MOST_REPAIRS: Final = 999
_MOST_PROMPTS: Final = 10**9
_REPAIR: Final = re.compile(r"repairs/(\d{9})-(\d{3})\.json")


@frozen(kw_only=True)
class Manifest:
    """What was prepared.

    Attributes:
        prompts: How many requests there are.
        pages: In how many pages they lie.
        page_size: How many lie in each page but the last.
        digest: SHA-256 over the content of the page files in their order, hexadecimal.
        id: Drawn when it was prepared: the same prompts, prepared elsewhere, have another one.
            Empty where an earlier version prepared it.
        service: The dialect that its prompts were prepared for, such as ``"pika"``: workers of
            another one submit none of them. Empty where none was said.
        format: The version of all this; 1.
    """

    prompts: int
    pages: int
    page_size: int
    digest: str
    id: str = ""
    service: str = ""
    format: int = FORMAT

    def indexes(self, page: int) -> range:
        """The places of a page's requests in the campaign, from 0.

        Raises:
            ValueError: There is no such page.
        """
        if not 0 <= page < self.pages:
            raise ValueError(f"there is no page {page}: the campaign has {self.pages}, from 0")
        first = page * self.page_size
        return range(first, min(first + self.page_size, self.prompts))

    def proof(self, campaign_id: str) -> str:
        """What a worker must find in its store to know that it is the one where this was started.

        It is not there in a folder where the same prompts were prepared anew, nor in a copy of the
        folder that was made before the start.
        """
        told = f"{self.digest}\0{self.id}\0{campaign_id}"
        return hashlib.sha256(told.encode()).hexdigest()


@frozen(kw_only=True)
class CampaignResult:
    """One request of a campaign, and what became of it.

    Attributes:
        index: Its place in the campaign, from 0.
        request: What was asked for.
        outcome: What became of it; ``Dropped`` where it was uncertain and its owner gave it up;
            None where its page is not sealed yet.
    """

    index: int
    request: GenerationRequest
    outcome: Outcome | Dropped | None

    @property
    def metadata(self) -> Mapping[str, str]:
        """The request's."""
        return self.request.metadata


def page_name(page: int) -> str:
    """Where a page lies."""
    return f"pages/{page:06}.jsonl"


def begun_name(page: int) -> str:
    """Where the run that submits a page is named."""
    return f"{BEGUN}{page:06}"


def sealed_name(page: int) -> str:
    """Where the outcomes of a page lie."""
    return f"{SEALED}{page:06}.jsonl"


def repair_name(index: int, number: int) -> str:
    """Where a repair lies.

    Raises:
        ValueError: There can be no such repair.
    """
    if not (0 <= index < _MOST_PROMPTS and 1 <= number <= MOST_REPAIRS):
        raise ValueError(f"there can be no repair {number} of request {index}")
    return f"{REPAIRS}{index:09}-{number:03}.json"


def repaired(name: str) -> tuple[int, int]:
    """The line, and the number of its repair, that a name tells.

    Raises:
        ValueError: It is not the name of a repair.
    """
    found = _REPAIR.fullmatch(name)
    if found is None:
        raise ValueError("this is not the name of a repair")
    return int(found[1]), int(found[2])


def job_name(job_id: str, number: int) -> str:
    """Where the line is named that a job of a repair belongs to; ids may hold anything."""
    return f"jobs/{hashlib.sha256(job_id.encode()).hexdigest()[:32]}-{number:03}"


def video_name(page: int, index: int, prompt: str, job_id: str, place: int) -> str:
    """Where a video lies: ``videos/000123/61501-a-red-panda-66e0818e.mp4``.

    Args:
        page: The page of its line.
        index: The line, from 0 over the whole campaign; names count from 1.
        prompt: Its first words are shown.
        job_id: The job, to which the name belongs alone.
        place: The video among those of one job, from 0.
    """
    # In ASCII: every worker must call it the same, also one whose disk takes no other letters.
    name = names.video_name(index + 1, prompt, job_id, place, ascii_only=True)
    return f"videos/{page:06}/{name}"


def located(error: FieldError, index: int) -> FieldError:
    """The same error, whose ``field`` says which request it is: ``requests[17].prompt``."""
    inside = "" if error.field == "request" else f".{error.field}"
    error.field = f"requests[{index}]{inside}"
    return error


def request_line(
    request: GenerationRequest, index: int, digests: Sequence[str | None] = ()
) -> bytes:
    """A request as a line of its page, with the digests of its media, if they are known.

    Raises:
        FieldError: It holds bytes, or takes more than 1 MB.
    """
    try:
        plain = to_plain(request)
    except FieldError as error:
        raise located(error, index) from None
    if digests:
        note(plain, digests)
    line = _line(plain)
    if len(line) > LINE_BYTES:
        sizes = {name: len(_line(value)) for name, value in plain.items()}
        largest = max(sizes, key=lambda name: sizes[name])
        medium = largest in MEDIA_FIELDS
        instead = (
            "the path of a file that all workers see, or an http(s) URL"
            if medium
            else f"what takes less than {LINE_BYTES // 1000} KB"
        )
        raise FieldError(
            f"requests[{index}].{largest}",
            f"{sizes[largest]} bytes",
            instead,
            problem=f"a request may take {LINE_BYTES // 1000} KB of a page; give {instead}",
        )
    return line


def check_page(total: int, page: int, size: int) -> None:
    """Refuse a page of more than 64 MB.

    Raises:
        FieldError: It has ``total`` bytes, which is more.
    """
    if total > PAGE_BYTES:
        most = PAGE_BYTES // 1_000_000
        raise FieldError(
            "page_size",
            size,
            "fewer requests in a page",
            problem=f"page {page} would take more than the {most} MB that a page may take; give "
            "fewer requests in a page, or media as paths or URLs",
        )


def read_requests(content: bytes, count: int) -> tuple[GenerationRequest, ...]:
    """The requests of a page that has so many.

    Raises:
        ValueError: It is damaged, or of a newer version.
    """
    values = _lines(content, count)
    return tuple(from_plain(value, GenerationRequest) for value in values)


def line_places(content: bytes) -> Sequence[int]:
    """The byte where each line of a page begins, and where the last one ends."""
    places = array("q", [0])
    while (end := content.find(b"\n", places[-1])) >= 0:
        places.append(end + 1)
    return places


def outcome_lines(indexes: range, outcomes: Sequence[Outcome]) -> bytes:
    """The outcomes of a page, in the order of its requests.

    Raises:
        ValueError: They are not as many.
    """
    if len(outcomes) != len(indexes):
        raise ValueError(f"there are {len(outcomes)} outcomes of {len(indexes)} requests")
    return b"".join(
        _line({"index": index, "outcome": to_plain(outcome)})
        for index, outcome in zip(indexes, outcomes, strict=True)
    )


def read_outcomes(content: bytes, indexes: range) -> tuple[Outcome, ...]:
    """The outcomes of a page.

    Raises:
        ValueError: It is damaged, or of a newer version.
    """
    found = []
    for index, value in zip(indexes, _lines(content, len(indexes)), strict=True):
        _check_keys(value, {"index", "outcome"})
        if value["index"] != index:
            raise ValueError(f"request {value['index']!r} stands where request {index} belongs")
        found.append(from_plain(value["outcome"], Outcome))
    return tuple(found)


def repair_bytes(index: int, number: int, outcome: Outcome | Dropped) -> bytes:
    """A repair."""
    return _line({"index": index, "number": number, "outcome": to_plain(outcome)})


def read_repair(content: bytes, index: int, number: int) -> Outcome | Dropped:
    """What a repair says.

    Raises:
        ValueError: It is damaged, of a newer version, or another's.
    """
    (value,) = _lines(content, 1)
    _check_keys(value, {"index", "number", "outcome"})
    if (value["index"], value["number"]) != (index, number):
        raise ValueError("it is a repair of another request")
    outcome: Outcome | Dropped = from_plain(value["outcome"], RepairOutcome)
    return outcome


def manifest_bytes(manifest: Manifest) -> bytes:
    """The manifest."""
    return _line(attrs.asdict(manifest))


def read_manifest_bytes(content: bytes) -> Manifest:
    """The manifest, of which a newer one may hold more.

    Raises:
        ValueError: It is damaged. What is newer is not: its ``format`` says so.
    """
    (value,) = _lines(content, 1)
    given = {field.name: value.get(field.name) for field in attrs.fields(Manifest)}
    version = given["format"]
    if isinstance(version, int) and version > FORMAT:
        return Manifest(prompts=0, pages=0, page_size=1, digest="", format=version)
    numbers = [given[name] for name in ("prompts", "pages", "page_size")]
    if version != FORMAT or not all(type(one) is int and one > 0 for one in numbers):
        raise ValueError("it lacks a number")
    prompts, pages, size = numbers
    if pages != -(-prompts // size) or not isinstance(given["digest"], str):
        raise ValueError("its numbers do not fit together")
    for name in ("id", "service"):
        given[name] = given[name] or ""
        if not isinstance(given[name], str):
            raise ValueError(f"its {name} is no text")  # noqa: TRY004 - of a text
    return Manifest(**given)


def _line(value: Any) -> bytes:
    return compact(value).encode() + b"\n"


def _lines(content: bytes, count: int) -> list[Any]:
    if not content:
        raise ValueError("it is empty, as where a writer was cut off")
    if not content.endswith(b"\n"):
        raise ValueError("its end is missing")
    lines = content.split(b"\n")[:-1]
    if len(lines) != count:
        raise ValueError(f"it has {len(lines)} lines, and {count} belong into it")
    values = []
    for number, line in enumerate(lines, 1):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"line {number} is no JSON") from error
        if not isinstance(value, dict):
            raise ValueError(f"line {number} is no JSON object")  # noqa: TRY004 - of a text
        values.append(value)
    return values


def _check_keys(value: Mapping[str, Any], keys: set[str]) -> None:
    if unknown := value.keys() ^ keys:
        raise ValueError(
            f"{min(unknown)!r} is unknown or missing, as in what a newer version has written"
        )
