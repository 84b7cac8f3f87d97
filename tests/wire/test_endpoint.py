"""Where the service is and with which key."""

from __future__ import annotations

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables import every_row

from pika_async import ConfigurationError
from pika_async._wire.endpoint import endpoint, is_loopback, origin
from pika_async.dialects import Gateway

KEY = "sk-0123456789abcdef"


class Elsewhere(Gateway):
    """The gateway at another default."""

    @property
    def hosts(self):
        return {"api": "https://default.example"}


SERVICE = Elsewhere()


def made(**changes):
    given_values = {
        "api_key": KEY,
        "base_url": None,
        "environment": {},
        "dialect": SERVICE,
        "allow_insecure": False,
    }
    return endpoint(**{**given_values, **changes})


@every_row(
    ("argument", "variable", "expected"),
    [
        ("https://argument.example", "https://variable.example", "https://argument.example"),
        (None, "https://variable.example", "https://variable.example"),
        ("", "https://variable.example", "https://variable.example"),
        (None, "", "https://default.example"),
        (None, None, "https://default.example"),
    ],
    ids=["argument", "variable", "empty argument", "empty variable", "default"],
)
def test_the_base_url_is_the_argument_else_the_variable_else_the_default(
    argument, variable, expected
):
    environment = {} if variable is None else {"PIKA_BASE_URL": variable}
    assert made(base_url=argument, environment=environment).base_url == expected


@every_row(
    ("argument", "variable", "expected"),
    [("sk-argument", "sk-variable", "sk-argument"), (None, "sk-variable", "sk-variable")],
    ids=["argument", "variable"],
)
def test_the_key_is_the_argument_else_the_variable(argument, variable, expected):
    assert made(api_key=argument, environment={"PIKA_API_KEY": variable}).api_key == expected


@every_row("key", [None, "", "  ", "\n"], ids=repr)
def test_no_key_is_an_error_that_names_argument_and_variable(key):
    with pytest.raises(ConfigurationError, match=r"pass api_key=… or set PIKA_API_KEY"):
        made(api_key=key)


def test_an_empty_argument_is_no_key_though_the_environment_has_one():
    """A program whose own variable is not set would otherwise pay from another account."""
    with pytest.raises(ConfigurationError, match="no API key"):
        made(api_key="", environment={"PIKA_API_KEY": KEY})


def test_no_key_names_the_service_and_its_address():
    """Whoever has a key of another service must not send it here."""
    with pytest.raises(ConfigurationError) as caught:
        made(api_key=None, base_url="https://gateway.example/pika")
    assert str(caught.value) == (
        "no API key for the service 'gateway' at https://gateway.example/pika: pass api_key=… or "
        "set PIKA_API_KEY in the environment. Nothing was sent."
    )


@every_row(
    "key",
    [f"{KEY}\n", f"  {KEY}", f"{KEY}\r\n", f"{KEY} ", f"\t{KEY}", f"\ufeff{KEY}", f"{KEY}\u00a0"],
    ids=repr,
)
@every_row("place", ["argument", "variable"])
def test_a_key_with_blanks_around_it_is_refused_with_that_reason(key, place):
    given = {"api_key": key} if place == "argument" else {"environment": {"PIKA_API_KEY": key}}
    with pytest.raises(ConfigurationError, match="has (blanks|characters)") as caught:
        made(**({"api_key": None} | given))
    assert KEY not in str(caught.value)


@every_row(
    "key",
    [f'"{KEY}"', f"'{KEY}'", f'"{KEY}', f"{KEY}'", f"`{KEY}`", f"\u201c{KEY}\u201d"],
    ids=repr,
)
def test_a_key_in_quotes_is_refused_with_that_reason(key):
    with pytest.raises(ConfigurationError, match="has quotes around it") as caught:
        made(environment={"PIKA_API_KEY": key}, api_key=None)
    assert KEY not in str(caught.value)


@every_row(
    "key",
    [f"{KEY} {KEY}", f"{KEY}\r\nX-Other: 1", f"{KEY}\x00", f"{KEY}é", f"{KEY}\x7f"],
    ids=ascii,
)
def test_a_key_that_cannot_be_a_header_is_refused_without_being_shown(key):
    with pytest.raises(ConfigurationError, match="holds characters that no key has") as caught:
        made(api_key=key)
    assert KEY not in "".join(traceback.format_exception_only(caught.value))


@every_row(
    ("url", "expected"),
    [
        ("https://host.example/", "https://host.example"),
        ("https://host.example//", "https://host.example"),
        ("https://host.example/prefix", "https://host.example/prefix"),
        ("https://host.example/prefix/", "https://host.example/prefix"),
        ("https://host.example:8443/a/b/", "https://host.example:8443/a/b"),
        (" https://host.example\n", "https://host.example"),
        ("HTTPS://Host.Example:443/", "https://host.example"),
    ],
)
def test_a_base_url_may_carry_a_path_and_loses_its_last_slash(url, expected):
    assert made(base_url=url).base_url == expected


@every_row(
    ("url", "problem"),
    [
        ("api.yescale.io", "does not begin with https://"),
        ("ftp://host.example", "does not begin with https://"),
        ("   ", "does not begin with https://"),
        ("https://", "names no host"),
        ("https:///path", "names no host"),
        ("https://:443", "names no host"),
        ("https://host.example:0", "port 0"),
        ("https://host.example:99999", "cannot be read"),
        ("https://host.example:http", "cannot be read"),
        ("https://[::1", "cannot be read"),
        ("https://host.example/a b", "spaces"),
        ("https://host .example", "spaces"),
        ("https://host\t.example", "spaces or line breaks"),
        ("https://host.example/a\nb", "spaces or line breaks"),
        ("https://host.example?x=1", "query"),
        ("https://host.example/#top", "fragment"),
        ("https://user@host.example", "user name or password"),
        ("https://user:pass@host.example", "user name or password"),
    ],
)
def test_what_is_no_base_url_is_refused_with_what_is_allowed(url, problem):
    with pytest.raises(ConfigurationError) as caught:
        made(base_url=url)
    assert problem in str(caught.value)
    assert "http(s)://host[:port][/path]" in str(caught.value)


@every_row(
    "url",
    [
        f"https://user:{KEY}@host.example",
        f"https://{KEY}@host.example",
        f"https://user:{KEY}/x@host.example",
        f"https://host.example/?key={KEY}",
        f"https://host.example/#{KEY}",
    ],
)
def test_a_key_within_a_base_url_is_not_shown_when_the_url_is_refused(url):
    with pytest.raises(ConfigurationError) as caught:
        made(base_url=url)
    assert KEY not in str(caught.value)


@every_row(
    "url", ["http://host.example", "http://10.0.0.5:8000", "http://0.0.0.0", "http://[2001:db8::1]"]
)
def test_plain_http_to_another_machine_is_refused_unless_allowed(url):
    with pytest.raises(ConfigurationError, match=r"plain http to another machine.*allow_insecure"):
        made(base_url=url)
    assert made(base_url=url, allow_insecure=True).base_url == url


def test_plain_http_from_the_environment_is_refused_too():
    with pytest.raises(ConfigurationError, match="plain http"):
        made(environment={"PIKA_BASE_URL": "http://host.example"})


@every_row(
    "url",
    [
        "http://localhost:8700",
        "http://LOCALHOST",
        "http://gateway.localhost",
        "http://127.0.0.1:8700",
        "http://127.8.9.10",
        "http://[::1]:8700",
    ],
)
def test_plain_http_to_this_machine_is_allowed(url):
    assert made(base_url=url).base_url == url.lower()


@every_row(
    ("host", "expected"),
    [
        ("localhost", True),
        ("a.localhost", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("0.0.0.0", False),  # noqa: S104 - a host to judge, not to bind
        ("::", False),
        ("", False),
    ],
)
def test_loopback_is_told_from_what_only_looks_like_it(host, expected):
    assert is_loopback(host) is expected


@every_row(
    ("url", "expected"),
    [
        ("https://host.example/a", ("https", "host.example", 443)),
        ("https://HOST.example:443", ("https", "host.example", 443)),
        ("http://host.example", ("http", "host.example", 80)),
        ("https://host.example:8443/", ("https", "host.example", 8443)),
        ("https://host.example:0/", ("https", "host.example", 0)),
        ("https://gateway.example@evil.example/", ("https", "evil.example", 443)),
        ("/relative", ("", "", None)),
        ("https://host.example:x/", ("", "", None)),
        ("https://[::1", ("", "", None)),
    ],
)
def test_an_origin_is_scheme_host_and_port(url, expected):
    assert origin(url) == expected


@given(st.text())
def test_asking_for_the_origin_of_anything_raises_nothing(text):
    assert len(origin(text)) == 3
    assert len(origin(f"https://{text}")) == 3


@given(st.text())
def test_any_text_is_a_base_url_or_a_configuration_error(text):
    try:
        url = made(base_url=f"https://{text}").base_url
    except ConfigurationError:
        return
    assert url.startswith("https://")
    assert not url.endswith("/")
    assert not any(character.isspace() for character in url)


def test_the_key_is_not_in_the_repr_of_the_endpoint():
    assert KEY not in repr(made())
