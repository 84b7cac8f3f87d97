"""Names of files: readable, sorted, unique to the job, and safe on every file system."""

from __future__ import annotations

import unicodedata

from hypothesis import assume, given
from hypothesis import strategies as st
from support.tables import every_row

from pika_async._download.names import (
    LONGEST_NAME,
    ascii_plain,
    ascii_short,
    name_in_folder,
    plain,
    short,
    spellings,
    video_name,
)

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
texts = st.text(st.characters(exclude_categories=())) | st.text(
    st.characters(categories=["Lo", "Ll", "Lu", "Mn", "Mc", "Cf", "Nd", "Pd"])
)
places = st.integers(0, 99)

NAMES = [
    ((7, "A red panda, surfing!", UUID), f"00007-a-red-panda-surfing-{UUID}.mp4"),
    ((7, "A red panda", UUID, 1), f"00007-a-red-panda-{UUID}-2.mp4"),
    ((0, "x", "a"), "00000-x-a.mp4"),
    ((123456, "x", "a"), "123456-x-a.mp4"),
    ((0, "Crème brûlée à la Straße", "a"), "00000-crème-brûlée-à-la-straße-a.mp4"),
    ((0, "一只红熊猫在冲浪", "a"), "00000-一只红熊猫在冲浪-a.mp4"),
    ((0, "红熊猫\uff0c在冲浪。", "a"), "00000-红熊猫-在冲浪-a.mp4"),
    ((0, "Красная Панда", "a"), "00000-красная-панда-a.mp4"),
    ((0, "ΟΔΟΣ", "a"), "00000-οδος-a.mp4"),
    ((0, "हिन्दी में", "a"), "00000-हिन्दी-में-a.mp4"),
    ((0, "แพนด้าแดงเล่นน้ำ", "a"), "00000-แพนด้าแดงเล่นน้ำ-a.mp4"),
    ((0, "می\u200cروم", "a"), "00000-میروم-a.mp4"),
    ((0, "פנדה אדומה", "a"), "00000-פנדה-אדומה-a.mp4"),
    ((0, "레서판다", "a"), "00000-레서판다-a.mp4"),
    ((0, "レッサーパンダ", "a"), "00000-レッサーパンダ-a.mp4"),
    ((0, "٣ pandas ३", "a"), "00000-٣-pandas-३-a.mp4"),
    ((0, "\U00020bb7野家", "a"), "00000-\U00020bb7野家-a.mp4"),
    ((0, "\u0130stanbul \u0131\u015f\u0131k", "a"), "00000-istanbul-\u0131\u015f\u0131k-a.mp4"),
    (
        (0, "2-01 Medley_ 前程锦绣 _ 喜气洋洋 (Live)", "a"),
        "00000-2-01-medley-前程锦绣-喜气洋洋-live-a.mp4",
    ),
    ((0, "中" * 80, "a"), f"00000-{'中' * 20}-a.mp4"),
    (
        (0, "Übung: Werbung für Hochschulgruppen", "a"),
        "00000-übung-werbung-für-hochschulgruppen-a.mp4",
    ),
    # Decomposed letters are composed, as most file systems have them.
    ((0, "e\u0301te\u0301", "a"), "00000-été-a.mp4"),
    # ASCII in another dress.
    ((0, "\ufb01ve \u00bd \u2460 \u00b2 \u2167", "a"), "00000-five-1-2-viii-a.mp4"),
    ((0, "\uff21\uff22 \U0001d4ec\U0001d4ea\U0001d4fd", "a"), "00000-ab-cat-a.mp4"),
    ((0, "\uff23\uff2f\uff2e", "a"), "00000-con-a.mp4"),
    # Emoji, with all that they are made of.
    ((0, "🦊 fox 👩‍👩‍👧 ❤️ 1️⃣ 🇩🇪 👍🏽", "a"), "00000-fox-1-a.mp4"),
    ((0, "🦊", "a"), "00000-a.mp4"),
    # What is not seen, or turns the direction of what follows.
    ((0, "gpj.\u202eexe", "a"), "00000-gpj-exe-a.mp4"),
    ((0, "a\u200bb\u2066c\ufeffd\u00ade", "a"), "00000-abcde-a.mp4"),
    ((0, "\u3164\u115f\u1160\uffa0", "a"), "00000-a.mp4"),
    ((0, "x\ufe0f\U000e0101\u034fy", "a"), "00000-xy-a.mp4"),
    ((0, "a\x00b\x1b[2J\x7f\x85c", "a"), "00000-a-b-2j-c-a.mp4"),
    ((0, "a\ud83db \ue000 \uffff", "a"), "00000-a-b-a.mp4"),
    # A mark without a letter.
    ((0, "\u0301 a -\u0301- b", "a"), "00000-a-b-a.mp4"),
    ((0, 'a<b>c:d"e/f\\g|h?i*j', "a"), "00000-a-b-c-d-e-f-g-h-i-j-a.mp4"),
    ((0, "\uff0f\uff3c\uff1a\uff0a\uff1f\uff02\uff1c\uff1e\uff5c", "a"), "00000-a.mp4"),
    ((0, " . a . ", "a"), "00000-a-a.mp4"),
    ((0, "../../etc/passwd", "a"), "00000-etc-passwd-a.mp4"),
    ((0, "CON", "a"), "00000-con-a.mp4"),
    ((0, "x", ""), "00000-x.mp4"),
    ((0, "x", "Job_1"), "00000-x-job-1-b304b311.mp4"),
    ((0, "x", "../.."), "00000-x-0cfd1c96.mp4"),
    ((0, "x", "a" * 36), f"00000-x-{'a' * 36}.mp4"),
]


@every_row(("given", "name"), NAMES, ids=[name for _, name in NAMES])
def test_a_name_shows_number_prompt_and_job(given, name):
    assert video_name(*given) == name


# What names were like before journals of format 4. Those are looked for: they must not change.
FORMER = [
    ("A red panda, surfing!", "a-red-panda-surfing"),
    ("Crème brûlée à la Straße", "creme-brulee-a-la-strae"),
    ("ﬁve ½ ①", "five-12-1"),
    ("小熊猫", ""),
    ("красная panda", "panda"),
    ("word " * 30, "-".join(["word"] * 12)),
    ("x" * 100, "x" * 60),
    ("a\u200bb", "ab"),
]


@every_row(("prompt", "words"), FORMER)
def test_the_names_in_ascii_stay_as_they_were(prompt, words):
    middle = f"-{words}" if words else ""
    assert video_name(7, prompt, UUID, ascii_only=True) == f"00007{middle}-{UUID}.mp4"
    assert name_in_folder(prompt, UUID, ascii_only=True) == f"pika{middle}-{UUID}.mp4"


@given(st.text(st.characters(codec="ascii")), st.integers(0, 80))
def test_where_a_prompt_is_ascii_both_are_the_same(prompt, length):
    assert plain(prompt) == ascii_plain(prompt)
    assert short(prompt, length) == ascii_short(prompt, length)


@given(st.integers(0, 10**9), texts, texts, places, st.booleans())
def test_a_name_is_safe_on_every_file_system(number, prompt, job_id, place, ascii_only):
    name = video_name(number, prompt, job_id, place, ascii_only=ascii_only)
    digits, *words = name.removesuffix(".mp4").split("-")
    assert name.endswith(".mp4")
    assert digits.isascii()
    assert digits.isdigit()
    for word in words:
        # No blank, no control, no separator, nothing unseen, no mark of its own.
        assert {unicodedata.category(letter)[0] for letter in word} <= {"L", "N", "M"}
        assert unicodedata.category(word[0])[0] in "LN"
    assert len(name.encode()) <= LONGEST_NAME <= 143 - len(".part")
    assert name.isascii() or not ascii_only
    assert unicodedata.is_normalized("NFC", name)
    assert name.partition(".")[0] not in RESERVED


@given(texts)
def test_a_name_is_as_long_decomposed_as_file_systems_with_two_bytes_a_letter_allow(prompt):
    name = video_name(10**9, prompt, "x" * 36, 99)
    assert len(unicodedata.normalize("NFD", name).encode("utf-16-le")) // 2 <= 255


def test_a_name_is_found_in_the_spelling_that_a_file_system_keeps():
    composed, decomposed = "00000-é-a.mp4", "00000-e\u0301-a.mp4"
    assert spellings(composed) == (composed, decomposed)
    assert spellings(decomposed) == (decomposed, composed)
    assert spellings("00000-e-a.mp4") == ("00000-e-a.mp4",)


@every_row("word", sorted(RESERVED))
def test_no_prompt_and_no_job_make_a_name_that_windows_reserves(word):
    for name in (video_name(0, word, "a"), video_name(0, "a", word), video_name(0, word, word)):
        assert name.partition(".")[0] not in RESERVED


def test_a_name_has_room_for_the_suffix_of_a_part_however_long_all_is():
    for prompt in ("panda " * 1000, "p" * 1000, "熊" * 1000, "панда " * 1000, "e\u0301" * 1000):
        assert len(video_name(99_999, prompt, "Job " * 1000, 99).encode()) <= 120


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


@every_row(("one", "other"), ALIKE)
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
    # Bytes are counted, since file systems do so.
    ("красная панда", 25, "красная-панда"),
    ("красная панда", 24, "красная"),
    ("красная", 5, "кр"),
    ("一只红熊猫", 9, "一只红"),
    ("一只红熊猫", 8, "一只"),
    # Where there are no blanks between words, most of it would be lost with the last.
    ("hi 一只红熊猫", 9, "hi-一只"),
    ("一只红 熊猫", 11, "一只红"),
    # No letter without its marks, and no mark without its letter.
    ("कि", 5, ""),
    ("अकि", 8, "अ"),
    ("x" + "\u0316" * 40, 60, ""),
    ("\U00020bb7\U00020bb7", 7, "\U00020bb7"),
]


@every_row(("text", "length", "expected"), CUT)
def test_text_is_cut_between_words(text, length, expected):
    assert short(text, length) == expected


@given(texts, st.integers(1, 80))
def test_text_that_is_cut_is_the_beginning_of_the_whole(text, length):
    cut = short(text, length)
    assert len(cut.encode()) <= length
    assert plain(text).startswith(cut)
    assert not cut.endswith("-")
    rest = plain(text)[len(cut) :]
    assert not rest or unicodedata.category(rest[0])[0] != "M"


@given(texts)
def test_plain_text_is_plain_already(text):
    assert plain(plain(text)) == plain(text)
    assert not plain(text).startswith("-")
    assert not plain(text).endswith("-")
    assert "--" not in plain(text)
