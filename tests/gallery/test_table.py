"""A journal as the rows of a spreadsheet."""

from __future__ import annotations

import csv
import json
from io import StringIO

import pytest
from support.journals import NOW, START, add, succeeded, video

from pika_async import Failed, InvalidRequestError
from pika_async._gallery import opened, table

HEADER = ["row", "status", "job_id", "file", "seed", "charged", "estimated", "earlier", "error"]


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "j.journal"


def text(journal):
    with opened(journal, now=NOW) as gallery:
        return "".join(table(gallery))


def rows(journal):
    return list(csv.reader(StringIO(text(journal).removeprefix("\ufeff"), newline="")))


def test_there_is_a_header_and_a_row_for_each_request(journal):
    files = json.dumps([{"name": "a.mp4", "size": 1, "place": 0}])
    add(
        journal,
        status="succeeded",
        state=succeeded(video(seed=7)),
        job_id="job-1",
        files=files,
        charged=450_000,
        charged_currency="USD",
    )
    add(journal, status="failed", state=Failed(reason="it\nfell"), job_id="job-2")
    add(journal)
    assert rows(journal) == [
        HEADER,
        ["0", "succeeded", "job-1", "a.mp4", "7", "0.45", "", "", ""],
        ["1", "failed", "job-2", "", "", "", "", "", "it fell"],
        ["2", "waiting", "", "", "", "", "", "", ""],
    ]


def test_metadata_are_columns_in_the_order_in_which_they_are_met(journal):
    add(journal, options={"metadata": {"sku": "A-1"}})
    add(journal, options={"metadata": {"owner": 'J\u00fcrgen, "x"', "sku": "A-2"}})
    header, *others = rows(journal)
    assert header == ["row", "sku", "owner", *HEADER[1:]]
    assert [row[1:3] for row in others] == [["A-1", ""], ["A-2", 'J\u00fcrgen, "x"']]


def test_metadata_that_are_called_like_a_column_stand_beside_it(journal):
    add(journal, options={"metadata": {"status": "urgent"}})
    header, row = rows(journal)
    assert header == ["row", "metadata.status", *HEADER[1:]]
    assert row[1:3] == ["urgent", "waiting"]


def test_what_a_job_was_taken_to_cost_stands_until_the_service_says_what_it_did(journal):
    add(journal, status="submitted", job_id="j", quoted=450_000, quoted_currency="USD")
    assert rows(journal)[1][5:8] == ["", "0.45", ""]


def test_what_it_did_cost_takes_the_place_of_what_it_was_taken_to_cost(journal):
    fields = {"quoted": 450_000, "quoted_currency": "USD"}
    fields |= {"charged": 400_000, "charged_currency": "USD"}
    add(journal, status="succeeded", state=succeeded(), job_id="j", **fields)
    assert rows(journal)[1][5:8] == ["0.4", "", ""]


def test_another_currency_is_named(journal):
    fields = {"charged": 12_000_000, "charged_currency": "SEK"}
    add(journal, status="succeeded", state=succeeded(), **fields)
    assert rows(journal)[1][5] == "12 SEK"


def test_a_seed_that_was_asked_for_is_told_where_the_service_does_not(journal):
    add(journal, options={"seed": 7})
    assert rows(journal)[1][4] == "7"


def test_every_file_of_a_job_is_named(journal):
    files = json.dumps([{"name": f"{n}.mp4", "size": 1, "place": n} for n in (0, 1)])
    add(journal, status="succeeded", state=succeeded(video(), video()), files=files)
    assert rows(journal)[1][3] == "0.mp4|1.mp4"


def test_why_a_request_was_refused_is_told(journal):
    problem = InvalidRequestError("no such model", status=422)
    add(journal, status="failed", problem=problem, ended_at=START)
    assert rows(journal)[1][8].endswith("no such model.")


@pytest.mark.parametrize("reason", ["=1+1", "@x", '=HYPERLINK("http://x")'])
def test_what_a_service_says_is_no_formula_of_a_spreadsheet(journal, reason):
    metadata = {reason: reason}
    options = {"metadata": metadata}
    state = Failed(reason=reason)
    add(journal, status="failed", state=state, job_id=reason, options=options)
    header, row = rows(journal)
    assert (header[1], row[1], row[3], row[9]) == (f"'{reason}",) * 4


@pytest.mark.parametrize("where", ["name", "value", "reason"])
def test_letters_of_all_scripts_have_a_mark_for_spreadsheets_and_plain_text_has_none(
    journal, where
):
    text_in = {where: "J\u00fcrgen"}
    metadata = {text_in.get("name", "sku"): text_in.get("value", "A")}
    state = Failed(reason=text_in.get("reason", "it fell"))
    add(journal, options={"metadata": {"sku": "A"}})
    assert text(journal).startswith("row,")
    add(journal, status="failed", state=state, job_id="j", options={"metadata": metadata})
    assert text(journal).startswith("\ufeffrow,")


def test_a_row_is_named_by_the_number_that_its_files_have(journal):
    add(journal, "first", number=5, position=0)
    assert rows(journal)[1][0] == "5"
