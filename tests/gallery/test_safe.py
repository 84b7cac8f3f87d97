"""What others wrote, before it goes into the page."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.tables import every_row

from pika_async._gallery.safe import visible, web_link


@every_row(
    "url",
    [
        "https://media.test/a.mp4",
        "http://127.0.0.1:8700/v1/a.mp4?token=a%20b&x=1#t=2",
        "HTTPS://media.test/a.mp4",
        "https://[::1]:8700/a.mp4",
    ],
)
def test_links_of_the_web_stay_as_they_are(url):
    assert web_link(url) == url


@every_row(
    "url",
    [
        None,
        "",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "ftp://media.test/a.mp4",
        "//media.test/a.mp4",
        "/etc/passwd",
        "\x00https://media.test/a.mp4",
        "https://",
        "https:///a.mp4",
        "http://[half/a.mp4",
    ],
)
def test_all_other_links_are_none(url):
    assert web_link(url) is None


def test_what_could_end_an_attribute_is_escaped_in_links():
    link = web_link("https://media.test/a.mp4\"'><script>\n\u202e\ud800é")
    assert link == "https://media.test/a.mp4%22%27%3E%3Cscript%3E%0A%E2%80%AE?%C3%A9"


@every_row(
    ("text", "shown"),
    [
        ("plain, é, 熊猫, 🐼", "plain, é, 熊猫, 🐼"),
        ("שלום", "שלום"),
        ("lines\nand\ttabs", "lines\nand\ttabs"),
        ("dos\r\nmac\r", "dos\nmac\n"),
        ("👩\u200d💻", "👩\u200d💻"),
        ("\u202egnp.exe", "⟨U+202E⟩gnp.exe"),
        ("\u2066x\u2069", "⟨U+2066⟩x⟨U+2069⟩"),
        ("\x00\x07\x1b[31m\x7f\x85", "⟨U+0000⟩⟨U+0007⟩⟨U+001B⟩[31m⟨U+007F⟩⟨U+0085⟩"),
        ("\ud83d", "⟨U+D83D⟩"),
    ],
)
def test_what_has_an_effect_and_no_shape_is_shown(text, shown):
    assert visible(text) == shown


@given(st.text(st.characters(codec=None)))
def test_whatever_is_shown_can_be_written_as_utf_8(text):
    visible(text).encode()
