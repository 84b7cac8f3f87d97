"""A page is known as one that was made of a journal, and is as it was made."""

from __future__ import annotations

import pytest
from support.journals import add, html_of

from pika_async._gallery import is_page_of


@pytest.fixture
def journal(tmp_path):
    path = tmp_path / "shots--1.txt.journal"
    add(path, "a red panda --> <!-- ")
    return path


@pytest.fixture
def page(tmp_path, journal):
    path = tmp_path / "page.html"
    path.write_text(html_of(journal), "utf-8")
    return path


def test_a_page_is_known_as_one_of_its_journal(page, journal):
    assert is_page_of(page, journal)


def test_one_that_was_printed_with_a_line_end_is_known_too(page, journal):
    page.write_bytes(page.read_bytes() + b"\n")
    assert is_page_of(page, journal)


def test_one_of_another_journal_is_not(page, journal):
    assert not is_page_of(page, journal.with_name("other.journal"))


@pytest.mark.parametrize(
    "change",
    [
        lambda html: html.replace(b"a red panda", b"a red PANDA", 1),
        lambda html: html + b"<p>a note</p>",
        lambda html: b"" + html[1:],
        lambda html: html[:-40],
        lambda html: html.replace(b"sha256:", b"sha256:0", 1),
        lambda _: b"",
        lambda _: b"<!doctype html><p>mine</p>",
    ],
    ids=["changed", "added to", "cut in front", "cut", "another digest", "empty", "mine"],
)
def test_one_that_somebody_has_changed_is_not(page, journal, change):
    page.write_bytes(change(page.read_bytes()))
    assert not is_page_of(page, journal)


def test_what_is_not_there_or_no_file_is_not(tmp_path, journal):
    assert not is_page_of(tmp_path / "nowhere.html", journal)
    assert not is_page_of(tmp_path, journal)


def test_a_name_that_is_no_text_can_be_marked(tmp_path):
    journal = tmp_path / "caf\udce9.journal"
    add(journal)
    page = tmp_path / "page.html"
    page.write_bytes(html_of(journal).encode())
    assert is_page_of(page, journal)
