"""Names of files: readable, sorted, unique to the job, and safe on every file system."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pika_async._download.names import plain, short, video_name

UUID = "66e0818e-ee81-4a25-9a0c-0123456789ab"
RESERVED = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{name}{n}" for name in ("com", "lpt") for n in range(10)),
}

numbers = st.integers(0, 99_999)
# Half surrogate pairs too: JSON can spell them.
texts = st.text(st.characters(exclude_categories=()))
places = st.integers(0, 99)

NAMES = [
    ((7, "A red panda, surfing!", UUID), f"00007-a-red-panda-surfing-{UUID}.mp4"),
    ((7, "A red panda", UUID, 1), f"00007-a-red-panda-{UUID}-2.mp4"),
    ((0, "x", "a"), "00000-x-a.mp4"),
    ((123456, "x", "a"), "123456-x-a.mp4"),
    ((0, "Crème brûlée à la Straße", "a"), "00000-creme-brulee-a-la-strae-a.mp4"),
    ((0, "ﬁve ½ ①", "a"), "00000-five-12-1-a.mp4"),
    ((0, "小熊猫", "a"), "00000-a.mp4"),
    ((0, "../../etc/passwd", "a"), "00000-etc-passwd-a.mp4"),
    ((0, "CON", "a"), "00000-con-a.mp4"),
    ((0, "x", ""), "00000-x.mp4"),
    ((0, "x", "Job_1"), "00000-x-job-1-b304b311.mp4"),
    ((0, "x", "../.."), "00000-x-0cfd1c96.mp4"),
    ((0, "x", "a" * 36), f"00000-x-{'a' * 36}.mp4"),
]


@pytest.mark.parametrize(("given", "name"), NAMES, ids=[name for _, name in NAMES])
def test_a_name_shows_number_prompt_and_job(given, name):
    assert video_name(*given) == name


@given(st.integers(0, 10**9), texts, texts, places)
def test_a_name_is_safe_on_every_file_system(number, prompt, job_id, place):
    name = video_name(number, prompt, job_id, place)
    assert re.fullmatch(r"[0-9]{5,}(-[a-z0-9]+)*\.mp4", name)
    assert len(name) <= 120
    assert name.partition(".")[0] not in RESERVED


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_no_prompt_and_no_job_make_a_name_that_windows_reserves(word):
    for name in (video_name(0, word, "a"), video_name(0, "a", word), video_name(0, word, word)):
        assert name.partition(".")[0] not in RESERVED


def test_a_name_has_room_for_the_suffix_of_a_part_however_long_all_is():
    assert len(video_name(99_999, "panda " * 1000, "Job " * 1000, 99)) <= 120
    assert len(video_name(99_999, "p" * 1000, "j" * 1000, 99)) <= 120


@given(st.lists(st.tuples(numbers, texts, texts, places), max_size=6))
def test_names_sort_as_their_numbers_do(rows):
    names = sorted((video_name(*row), row[0]) for row in rows)
    assert [number for _, number in names] == sorted(number for number, *_ in rows)


@given(numbers, texts, texts, texts, places)
def test_different_jobs_have_different_names(number, prompt, one, other, place):
    assume(one != other)
    assert video_name(number, prompt, one, place) != video_name(number, prompt, other, place)


# What a careless way to make a name plain would take for the same.
ALIKE = [
    ("abc", "ABC"),
    ("abc", "aBc"),
    ("a-b", "a_b"),
    ("a-b", "a--b"),
    ("a-b", "a b"),
    ("a-b", "-a-b"),
    ("a-b", "a-b "),
    ("a/b", "a\\b"),
    ("é", "e"),
    ("é", "e\u0301"),
    ("小", "熊"),
    ("小", ""),
    ("\ud800", "\ud801"),
    ("a" * 36 + "b", "a" * 36 + "c"),
    ("a" * 36, "a" * 37),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_jobs_whose_ids_look_alike_have_different_names(one, other):
    names = {video_name(0, "x", one), video_name(0, "x", other)}
    assert len({name.casefold() for name in names}) == 2


@given(numbers, texts, texts, st.lists(places, unique=True))
def test_the_videos_of_one_job_have_different_names(number, prompt, job_id, several):
    assert len({video_name(number, prompt, job_id, place) for place in several}) == len(several)


CUT = [
    ("a red panda", 11, "a-red-panda"),
    ("a red panda", 10, "a-red"),
    ("a red panda", 5, "a-red"),
    ("a red panda", 6, "a-red"),
    ("redpanda", 3, "red"),
    ("  A  red?! ", 60, "a-red"),
    ("", 60, ""),
    ("?!", 60, ""),
]


@pytest.mark.parametrize(("text", "length", "expected"), CUT)
def test_text_is_cut_between_words(text, length, expected):
    assert short(text, length) == expected


@given(texts, st.integers(1, 80))
def test_text_that_is_cut_is_the_beginning_of_the_whole(text, length):
    cut = short(text, length)
    assert len(cut) <= length
    assert plain(text).startswith(cut)
    assert not cut.endswith("-")


@given(texts)
def test_plain_text_is_plain_already(text):
    assert plain(plain(text)) == plain(text)
    assert re.fullmatch(r"([a-z0-9]+(-[a-z0-9]+)*)?", plain(text))
