"""Links to media go out byte for byte: some signatures cover their very spelling."""

from __future__ import annotations

from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st
from support.tables import every_row
from yarl import URL

from pika_async import TransportError
from pika_async._wire.links import as_it_came, redirected
from pika_async._wire.transport import Transport

ASCII = "".join(chr(code) for code in range(0x21, 0x7F))
PATHS = st.text(ASCII.replace("#", ""), max_size=40).map(lambda text: f"/{text}")


def raw(link: URL) -> str:
    return link.raw_path_qs


@given(PATHS)
def test_every_ascii_byte_of_a_link_goes_out_as_it_came(path):
    # An empty query is the one thing that the library below drops.
    assert raw(as_it_came(f"https://h.example{path}")) == path.removesuffix("?")


@given(PATHS)
def test_every_ascii_byte_of_a_redirect_goes_out_as_it_came(path):
    there = redirected(URL("https://h.example/a/b?c"), f"https://other.example{path}")
    assert raw(there) == path.removesuffix("?")


@every_row(
    ("link", "sent"),
    [
        ("https://h/é.mp4?sig=a%2Fb%7Ec%3D", "/%C3%A9.mp4?sig=a%2Fb%7Ec%3D"),
        ("https://h/v.mp4?name=猫&sig=%2F%7e", "/v.mp4?name=%E7%8C%AB&sig=%2F%7e"),
        ("https://h/a b.mp4?x=1 2", "/a%20b.mp4?x=1%202"),
        ("https://h/a%20b+c.mp4", "/a%20b+c.mp4"),
        ("https://h/a\tb\n.mp4", "/a%09b%0A.mp4"),
        ("  https://h/v.mp4\n", "/v.mp4"),
        ("https://h/v.mp4#t=10", "/v.mp4"),
        ("https://h/%zz%.mp4?100%", "/%zz%.mp4?100%"),
        ('https://h/"<>[]{}|^`\\.mp4', '/"<>[]{}|^`\\.mp4'),
        ("https://h//a//../b.mp4", "//a//../b.mp4"),
        ("https://h?sig=1", "/?sig=1"),
        ("https://h", "/"),
    ],
)
def test_only_what_cannot_be_sent_is_encoded(link, sent):
    assert raw(as_it_came(link)) == sent


def test_a_host_with_letters_of_its_own_has_the_name_that_servers_know():
    link = as_it_came("https://bücher.example:8443/%7E.mp4")
    assert (link.host, link.port, link.raw_path) == ("bücher.example", 8443, "/%7E.mp4")
    assert link.raw_host == "xn--bcher-kva.example"


@every_row(
    ("location", "leads_to"),
    [
        ("/real/a%2Fb%27%7E.mp4?sig=x%3Ay%40z", "https://h.example:1/real/a%2Fb%27%7E.mp4?sig=x%3Ay%40z"),
        ("https://o.example/%27%7E?s=%3A", "https://o.example/%27%7E?s=%3A"),
        ("HTTPS://o.example/%27", "https://o.example/%27"),
        ("//o.example/%27%2F", "https://o.example/%27%2F"),
        ("c%2Fd.mp4?sig=%40", "https://h.example:1/a/c%2Fd.mp4?sig=%40"),
        ("../c%27.mp4?sig=%3A", "https://h.example:1/c%27.mp4?sig=%3A"),
        ("?sig=%3A", "https://h.example:1/a/b?sig=%3A"),
        ("", "https://h.example:1/a/b?x=%7E"),
        ("/caf\udce9.mp4", "https://h.example:1/caf%E9.mp4"),
        ("/caf\xe9.mp4", "https://h.example:1/caf%C3%A9.mp4"),
    ],
)  # fmt: skip
def test_a_location_is_read_from_where_it_was_met(location, leads_to):
    assert str(redirected(URL("https://h.example:1/a/b?x=%7E", encoded=True), location)) == leads_to


@every_row(
    "location",
    ["ftp://h/x", "file:///etc/passwd", "javascript:x", "data:video/mp4,x", "https:///x"],
)
def test_a_redirect_to_no_http_link_is_not_followed(location):
    with pytest.raises(ValueError, match="no http"):
        redirected(URL("https://h.example/a"), location)


def test_a_link_over_tls_is_not_led_away_from_tls():
    with pytest.raises(ValueError, match="leads from TLS to 'http://o.example'"):
        redirected(URL("https://h.example/a"), "http://o.example/a")
    assert redirected(URL("http://h.example/a"), "http://o.example/a").host == "o.example"


@asynccontextmanager
async def media_host(handler):
    app = web.Application()
    app.router.add_get("/{tail:.*}", handler)
    async with TestServer(app) as server:
        yield server


@asynccontextmanager
async def opened(session=None):
    transport = Transport(session=session, request_timeout=30.0)
    await transport.open()
    try:
        yield transport
    finally:
        await transport.close()


@pytest.mark.parametrize("absolute", [False, True])
async def test_a_signed_redirect_arrives_as_it_was_signed(absolute):
    signed = "/real/a%2Fb%27%7E.mp4?sig=x%3Ay%40z"
    seen = []

    async def handler(request):
        seen.append(request.raw_path)
        if request.raw_path != signed:
            where = f"http://{request.host}{signed}" if absolute else signed
            return web.Response(status=302, headers={"Location": where})
        return web.Response(body=b"video")

    async with media_host(handler) as server, opened() as transport:
        link = f"http://127.0.0.1:{server.port}/é.mp4?sig=%7Ea%2Fb%27%3D"
        async with transport.stream(link, {"Range": "bytes=1-"}, silence=30.0) as answer:
            assert answer.status == 200
    assert seen == ["/%C3%A9.mp4?sig=%7Ea%2Fb%27%3D", signed]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_every_kind_of_redirect_carries_the_range_along(status):
    asked = []

    async def handler(request):
        asked.append((request.path, request.headers.get("Range")))
        if request.path == "/a":
            return web.Response(status=status, headers={"Location": "/b"})
        return web.Response(body=b"video")

    async with media_host(handler) as server, opened() as transport:
        link = str(server.make_url("/a"))
        async with transport.stream(link, {"Range": "bytes=1-"}, silence=30.0) as answer:
            assert answer.status == 200
    assert asked == [("/a", "bytes=1-"), ("/b", "bytes=1-")]


@pytest.mark.parametrize("redirects", [5, 6])
async def test_five_redirects_are_followed_and_no_more(redirects):
    async def handler(request):
        number = int(request.path[1:])
        if number == redirects:
            return web.Response(body=b"video")
        return web.Response(status=302, headers={"Location": f"/{number + 1}"})

    async with media_host(handler) as server, opened() as transport:
        stream = transport.stream(str(server.make_url("/0")), {}, silence=30.0)
        if redirects == 5:
            async with stream as answer:
                assert answer.status == 200
        else:
            with pytest.raises(TransportError, match="more than 5 redirects"):
                async with stream:
                    pass


async def test_passwords_of_the_netrc_file_reach_no_media_host(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("default login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    sent = []

    async def handler(request):
        sent.append(dict(request.headers))
        if request.path == "/a":
            return web.Response(status=302, headers={"Location": "/b"})
        return web.Response(body=b"video")

    async with (
        media_host(handler) as server,
        aiohttp.ClientSession(trust_env=True) as lent,
        opened(lent) as transport,
    ):
        async with transport.stream(str(server.make_url("/a")), {}, silence=30.0) as answer:
            assert answer.status == 200
    assert len(sent) == 2
    assert not any("Authorization" in headers for headers in sent)


async def test_a_session_that_trusts_the_environment_fetches_media_through_its_proxy(monkeypatch):
    seen = []

    async def proxy(request):
        seen.append(request.raw_path)
        return web.Response(body=b"video")

    async with (
        media_host(proxy) as server,
        aiohttp.ClientSession(trust_env=True) as lent,
        opened(lent) as transport,
    ):
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.port}")
        async with transport.stream("http://media.example/%7E", {}, silence=30.0) as answer:
            assert answer.status == 200
    assert seen == ["http://media.example/%7E"]


@pytest.mark.parametrize("lent", [False, True])
async def test_a_header_of_nine_thousand_bytes_is_read(lent):
    async def handler(_):
        return web.Response(body=b"video", headers={"Policy": "x" * 9000})

    async with media_host(handler) as server, aiohttp.ClientSession() as session:
        async with opened(session if lent else None) as transport:
            link = str(server.make_url("/a"))
            async with transport.stream(link, {}, silence=30.0) as answer:
                assert answer.headers["Policy"] == "x" * 9000
