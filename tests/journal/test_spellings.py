"""Journals in which an older version wrote down texts as they were spelled.

That version told line ends and byte-order marks apart, and took the fingerprint of the text as it
came. Its rows are made here by taking today's back to that spelling.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.batches import client_for

from pika_async import GenerationRequest, SubmissionUncertainError, read_journal, run_batch
from pika_async._request.fingerprint import fingerprint
from pika_async.simulator import Fault, Polls, Simulator

FORMAT_1 = Path(__file__).parent / "format1"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)
PROMPT = "a red panda\nin the rain"
LOST = Fault("reset-after", on="submit", times=1)
ASKED = GenerationRequest(PROMPT)
SPELLINGS = {
    "CRLF": PROMPT.replace("\n", "\r\n"),
    "CR": PROMPT.replace("\n", "\r"),
    "a mark": f"\ufeff{PROMPT}",
    "a line end behind it": f"{PROMPT}\n",
}
every_spelling = pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)


def written_by_an_older_version(path, spelled, *, asked=ASKED, occurrence=1):
    """The row of a request, with these texts in it as that version kept them."""
    with closing(sqlite3.connect(path)) as connection, connection:
        (number, record) = connection.execute(
            "SELECT id, request FROM requests WHERE fingerprint = ? AND occurrence = ?",
            (fingerprint(asked), occurrence),
        ).fetchone()
        connection.execute(
            "UPDATE requests SET fingerprint = ?, occurrence = 1, request = ? WHERE id = ?",
            (
                fingerprint(asked, spelled=spelled),
                json.dumps(json.loads(record) | spelled, separators=(",", ":")),
                number,
            ),
        )


async def ran(sim, path, requests, **options):
    async with client_for(sim) as client:
        return await run_batch(client, requests, journal=path, **options)


@every_spelling
async def test_a_prompt_is_not_bought_again_for_another_spelling_in_an_old_journal(
    tmp_path, spelling
):
    path = tmp_path / "journal"
    async with Simulator(duration=Polls(1)) as sim:
        (bought,) = await ran(sim, path, [PROMPT])
        written_by_an_older_version(path, {"prompt": spelling})
        for again in (PROMPT, spelling):
            (result,) = await ran(sim, path, [again])
            assert result.job_id == bought.job_id
            assert result.resumed
        assert len(sim.submissions) == 1
    assert len(list(read_journal(path))) == 1


async def test_two_spellings_that_were_bought_apart_answer_for_two_equal_prompts(tmp_path):
    path = tmp_path / "journal"
    async with Simulator(duration=Polls(1)) as sim:
        bought = await ran(sim, path, [PROMPT] * 3)
        written_by_an_older_version(path, {"prompt": SPELLINGS["CRLF"]}, occurrence=2)
        written_by_an_older_version(path, {"prompt": SPELLINGS["CR"]}, occurrence=3)
        results = await ran(sim, path, [SPELLINGS["CRLF"], PROMPT, "another", PROMPT, PROMPT])
        assert {result.job_id for result in bought} < {result.job_id for result in results}
        assert [result.resumed for result in results] == [True, True, False, True, False]
        assert len(sim.submissions) == 5


@pytest.mark.parametrize(
    ("fields", "spelled"),
    [
        ({"negative_prompt": "rain\nsnow"}, {"negative_prompt": "rain\r\nsnow"}),
        ({"extra": {"style": "a\nb", "n": 2.0}}, {"extra": {"style": "\ufeffa\r\nb", "n": 2.0}}),
        ({"seed": 7, "guidance_scale": 12.0}, {"prompt": SPELLINGS["CRLF"]}),
    ],
)
async def test_the_other_fields_count_as_they_are_spelled_or_given(tmp_path, fields, spelled):
    path = tmp_path / "journal"
    asked = GenerationRequest(PROMPT, **fields)
    async with Simulator(duration=Polls(1)) as sim:
        await ran(sim, path, [asked])
        written_by_an_older_version(path, spelled, asked=asked)
        await ran(sim, path, [asked])
        assert len(sim.submissions) == 1


async def test_media_count_by_their_content_in_an_old_journal_too(tmp_path):
    path, image = tmp_path / "journal", tmp_path / "cake.png"
    image.write_bytes(PNG)
    asked = GenerationRequest(PROMPT, image=image)
    async with Simulator(duration=Polls(1)) as sim:
        await ran(sim, path, [asked])
        content = GenerationRequest(PROMPT, image=PNG)
        written_by_an_older_version(path, {"prompt": SPELLINGS["CRLF"]}, asked=content)
        await ran(sim, path, [asked])
        assert len(sim.submissions) == 1
        image.write_bytes(PNG + b"\0")
        await ran(sim, path, [asked])
        assert len(sim.submissions) == 2


async def test_a_request_with_another_seed_is_another_one_in_an_old_journal_too(tmp_path):
    path = tmp_path / "journal"
    async with Simulator(duration=Polls(1)) as sim:
        await ran(sim, path, [PROMPT])
        written_by_an_older_version(path, {"prompt": SPELLINGS["CRLF"]})
        (result,) = await ran(sim, path, [GenerationRequest(PROMPT, seed=7)])
        assert not result.resumed


async def test_what_was_uncertain_in_another_spelling_is_uncertain_still(tmp_path):
    path = tmp_path / "journal"
    async with Simulator(duration=Polls(1), faults=[LOST]) as sim:
        await ran(sim, path, [PROMPT])
        written_by_an_older_version(path, {"prompt": SPELLINGS["CRLF"]})
        (result,) = await ran(sim, path, [PROMPT])
        assert isinstance(result.error, SubmissionUncertainError)
        assert len(sim.submissions) == 1


async def test_a_journal_of_format_1_with_another_spelling_is_matched(tmp_path):
    path = tmp_path / "finished.journal"
    shutil.copy(FORMAT_1 / path.name, path)
    spelled = {"prompt": "\ufeffequal\r\n"}
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE items SET fingerprint = ?, request = ? WHERE fingerprint = ?",
            (
                fingerprint(GenerationRequest("equal"), spelled=spelled),
                json.dumps(spelled, separators=(",", ":")),
                fingerprint(GenerationRequest("equal")),
            ),
        )
        assert connection.total_changes == 2
    async with Simulator(duration=Polls(1)) as sim:
        results = await ran(sim, path, ["equal", GenerationRequest("finished 0", seed=7), "equal"])
        assert all(result.resumed for result in results)
        assert len({result.job_id for result in results}) == 3
        assert not sim.submissions
