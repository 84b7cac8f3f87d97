"""Base URLs that lead to one place are spelled alike: what went to a service is known there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pika_async._http import one_spelling
from pika_async._wire.endpoint import origin


@pytest.mark.parametrize(
    ("url", "spelled"),
    [
        ("https://host.example", "https://host.example"),
        ("https://host.example/", "https://host.example"),
        ("https://host.example:443", "https://host.example"),
        ("https://host.example:/", "https://host.example"),
        ("HTTPS://HOST.Example//", "https://host.example"),
        ("http://host.example:80/a", "http://host.example/a"),
        ("http://host.example:443", "http://host.example:443"),
        ("https://host.example:0443/", "https://host.example"),
        ("https://host.example:8443/Pre/Fix/", "https://host.example:8443/Pre/Fix"),
        ("http://[::1]:80", "http://[::1]"),
        ("http://[2001:DB8::1]:8700/", "http://[2001:db8::1]:8700"),
        ("https://bücher.example/", "https://xn--bcher-kva.example"),
        ("https://BÜCHER.example", "https://xn--bcher-kva.example"),
    ],
)
def test_what_leads_to_one_place_is_spelled_alike(url, spelled):
    """By https://www.rfc-editor.org/rfc/rfc3986#section-6.2: case, default port, and the end."""
    assert one_spelling(url) == spelled


@pytest.mark.parametrize("url", ["", "nothing", "https://", "https://[::1", "https://host:http"])
def test_what_is_no_url_stays(url):
    """Somebody wrote it into a journal by hand; it is the place of nothing else."""
    assert one_spelling(url) == url


@pytest.mark.parametrize(
    "other",
    [
        *("http://host.example/a", "https://host.example/A", "https://host.example"),
        *("https://host.example:8443/a", "https://host.example./a", "https://other.example/a"),
    ],
)
def test_what_leads_elsewhere_is_spelled_otherwise(other):
    assert one_spelling(other) != one_spelling("https://host.example/a")


@given(st.text(), st.text())
def test_a_spelling_stays_and_leads_where_it_led(host, path):
    for url in (host, f"https://{host}", f"http://h.example:80{path}", f"https://{host}/{path}"):
        spelled = one_spelling(url)
        assert one_spelling(spelled) == spelled
        assert origin(spelled)[0] == origin(url)[0]
        if spelled.isascii():
            assert origin(spelled) == origin(url) or not url.isascii()
