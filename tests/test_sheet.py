"""The table of results: its columns, its words, and what a spreadsheet makes of its cells."""

from __future__ import annotations

import csv
from io import StringIO

from hypothesis import given
from hypothesis import strategies as st
from support.tables import every_row

from pika_async import Failed, Money, Succeeded, Video
from pika_async._sheet import Row, Sheet, Standing, seeds_of


def read(text):
    return next(csv.reader(StringIO(text, newline="")))


def cells(own=(), *, has_lines=True, **fields):
    row = Row(**{"number": 3, "standing": Standing.WAITING} | fields)
    return read(Sheet(own, has_lines=has_lines).row(row))


def test_a_table_of_a_file_has_its_lines_and_one_of_a_journal_has_none():
    named = ["sku", "status", "job_id", "file", "seed", "charged", "error"]
    assert read(Sheet(["sku"], has_lines=True).header()) == ["row", "line", *named]
    assert read(Sheet(["sku"], has_lines=False).header()) == ["row", *named]
    assert cells(["sku"], line=5, metadata={"sku": "A"})[:4] == ["3", "5", "A", "waiting"]
    assert cells(["sku"], has_lines=False, line=5)[:3] == ["3", "", "waiting"]


def test_only_a_journal_knows_what_was_estimated_and_what_other_submits_have_cost():
    """So a word has one meaning in every table, and no column is there that stays empty."""
    sheet = Sheet([], has_lines=False, of_journal=True)
    assert read(sheet.header())[-5:] == ["seed", "charged", "estimated", "earlier", "error"]
    row = Row(
        number=0,
        standing=Standing.RUNNING,
        charged=Money(450_000),
        estimated=Money(500_000),
        earlier=[Money(250_000), Money(3_000_000, "EUR")],
    )
    assert read(sheet.row(row))[-4:-1] == ["0.45", "0.5", "0.25|3 EUR"]
    assert read(Sheet([], has_lines=False).row(row))[-2:] == ["0.45", ""]


@every_row(
    ("own", "named"),
    [
        (["estimated"], ["metadata.estimated"]),
        (["status"], ["metadata.status"]),
        # Also in a table without lines: a column has one name in every table.
        (["line"], ["metadata.line"]),
        (["Status", "metadata.sku"], ["metadata.Status", "metadata.sku"]),
        (["STATUS", "Metadata.Status"], ["metadata.metadata.STATUS", "Metadata.Status"]),
        (["status", "metadata.status"], ["metadata.metadata.status", "metadata.status"]),
    ],
)
def test_a_column_of_the_callers_own_is_never_called_like_another(own, named):
    assert read(Sheet(own, has_lines=False).header())[1:-6] == named


FORMULAS = [
    "=1+1",
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1)",
    '=HYPERLINK("http://x")',
    "\t=1",
    "\r=1",
    "\n=1",
    " =1+1",
    "\u00a0=1",
    "\uff1d1+1",
    "\uff0b1+x",
    "\uff0d1+x",
    "\uff20x",
    "=",
    "-",
    "-a",
    "-1+1",
    "-1;=2",
    "=cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A1",
    "-- comment",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "-\u0661",
]


@every_row("text", FORMULAS)
def test_what_somebody_wrote_is_no_formula(text):
    row = cells(["own"], metadata={"own": text}, job_id=text, files=[text], error=text)
    assert row[2] == row[4] == row[5] == f"'{text}"
    assert row[8].startswith("'")
    assert read(Sheet([text], has_lines=True).header())[2] == f"'{text}"


@every_row(
    "text",
    [
        "-5",
        "+3.5",
        "-1,000.00",
        "-5 %",
        "-2e-3",
        "+49 30 123456",
        "a=b",
        "'=1",
        "",
        "7",
        "-0.02",
        "-1250.5",
        "-1e-7",
        "-1,234.56",
        "-1.0",
        "-5.00",
    ],
)
def test_a_number_stays_one_that_can_be_calculated_with(text):
    assert cells(["own"], metadata={"own": text})[2] == text


anything = st.text(st.characters(exclude_categories=["Cs"]))
beginnings = st.sampled_from([*"=+-@", " =", "\t-", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
amounts = st.text(st.sampled_from("0123456789 .,eE+-%"), max_size=6)


numbers = st.integers(max_value=-1).map(str) | st.floats(-1e6, -1).map("{:,.2f}".format)


@given(numbers | anything | st.builds("{}{}".format, beginnings, amounts | anything))
def test_no_cell_begins_like_a_formula_unless_it_is_a_number(text):
    own, job, error = (
        cells(["own"], metadata={"own": text}, job_id=text, error=text)[place]
        for place in (2, 4, 8)
    )
    for cell in (own, job, error):
        if cell.strip()[:1] in {*"=+-@", "\uff1d", "\uff0b", "\uff0d", "\uff20"}:
            # Nothing is left that could be run.
            assert set(cell.strip()[1:]) <= set("0123456789 .,eE+-%")
            assert cell[1:2].isdigit()
    # Nothing else becomes of it.
    assert own.removeprefix("'") == text.removeprefix("'")


def test_several_files_and_seeds_stand_in_one_cell():
    row = cells(files=["a.mp4", "a-2.mp4"], seeds=[7, 8])
    assert (row[4], row[5]) == ("a.mp4|a-2.mp4", "7|8")


def test_a_cost_is_a_number_in_dollars_or_names_its_currency():
    assert cells(charged=Money(450_000))[6] == "0.45"
    assert cells(charged=Money(12_000_000, "SEK"))[6] == "12 SEK"
    assert cells(charged=Money(-450_000))[6] == "-0.45"


def test_an_error_is_one_line():
    assert cells(error="it\nfell \r\n down")[7] == "it fell down"


VIDEO = Video(id="v", job_id="j", url=None)
SEEDED = Video(id="v", job_id="j", url=None, seed=8)


@every_row(
    ("end", "asked_for", "seeds"),
    [
        (None, None, []),
        (None, 7, [7]),
        (Succeeded(videos=(VIDEO,)), 7, [7]),
        (Succeeded(videos=(SEEDED, SEEDED)), 7, [8]),
        (Failed(reason="x", videos=(SEEDED,)), None, [8]),
    ],
)
def test_the_seed_of_a_video_is_told_and_else_the_one_that_was_asked_for(end, asked_for, seeds):
    assert seeds_of(end, asked_for) == seeds
