"""Proxies of the environment, and a ``~/.netrc`` that must not get in between."""

from __future__ import annotations

import asyncio
import base64

import aiohttp
import pytest

from pika_async import ConfigurationError, MoneyMeaning, TransportError
from pika_async._http import HTTPRequest
from pika_async._meaning import Started
from pika_async._wire.departure import Departure
from pika_async._wire.proxies import Proxies, Proxy, has_netrc_entry
from pika_async._wire.transport import Transport

KEY = "sk-secret-0123456789"
PASSWORD = "p-w-of-the-proxy"  # noqa: S105 - of a proxy that is not there


@pytest.fixture(autouse=True)
def _no_proxies_but_those_of_the_test(monkeypatch, tmp_path):
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)


def looked_up(scheme="https", host="api.example", port=None, *, trust_env=True) -> Proxy | None:
    return Proxies(trust_env=trust_env).of(scheme, host, port)


class TestTheEnvironment:
    @pytest.mark.parametrize(
        ("value", "url", "host"),
        [
            ("http://proxy.example:3128", "http://proxy.example:3128", "proxy.example"),
            ("proxy.example:3128", "http://proxy.example:3128", "proxy.example"),
            (" http://proxy.example:3128\n", "http://proxy.example:3128", "proxy.example"),
            ("https://proxy.example", "https://proxy.example", "proxy.example"),
            ("http://[::1]:3128", "http://[::1]:3128", "::1"),
            (
                "http://me:a%40b@proxy.example:1/",
                "http://me:a%40b@proxy.example:1",
                "proxy.example",
            ),
        ],
    )
    @pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
    def test_it_names_a_proxy(self, monkeypatch, name, value, url, host):
        monkeypatch.setenv(name, value)
        proxy = looked_up()
        assert proxy is not None
        assert (proxy.url, proxy.host) == (url, host)

    def test_a_password_is_shown_nowhere(self, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:{PASSWORD}@proxy.example:1")
        assert PASSWORD not in repr(looked_up())

    def test_each_scheme_has_its_own(self, monkeypatch):
        monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:1")
        assert looked_up("https") is None
        assert looked_up("http") is not None

    @pytest.mark.parametrize(
        ("exceptions", "bypassed"),
        [("api.example", True), (".example", True), ("*", True), ("other.example", False)],
    )
    def test_no_proxy_names_exceptions(self, monkeypatch, exceptions, bypassed):
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:1")
        monkeypatch.setenv("NO_PROXY", exceptions)
        assert (looked_up() is None) is bypassed

    @pytest.mark.parametrize(
        ("exceptions", "host", "bypassed"),
        [
            ("10.0.0.0/8", "10.1.2.3", True),
            ("127.0.0.1, 10.1.0.0/16 ", "10.1.2.3", True),
            ("10.1.2.0/24", "10.1.3.3", False),
            ("10.1.2.3/8", "10.9.9.9", True),
            ("fd00::/8", "fd12::1", True),
            ("[fd12::1]", "fd12::1", True),
            ("fd00::/8", "10.1.2.3", False),
            ("0.0.0.0/0", "api.example", False),
            ("10.0.0.0/99,10.1.2.3", "10.1.2.3", True),
            ("10.0.0.0/99", "10.1.2.3", False),
            ("*.corp.example", "api.corp.example", True),
            ("*.corp.example", "API.corp.example", True),
            ("*.corp.example", "notcorp.example", False),
        ],
    )
    def test_no_proxy_names_networks_and_patterns(self, monkeypatch, exceptions, host, bypassed):
        """A gateway inside a company is reached without its proxy, as other programs reach it."""
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:1")
        monkeypatch.setenv("NO_PROXY", exceptions)
        assert (looked_up(host=host) is None) is bypassed

    @pytest.mark.parametrize(("port", "bypassed"), [(8443, True), (443, False), (None, False)])
    def test_an_exception_may_name_a_port(self, monkeypatch, port, bypassed):
        """An exception with a port is one for that port alone."""
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:1")
        monkeypatch.setenv("NO_PROXY", "api.example:8443")
        assert (looked_up(port=port) is None) is bypassed

    def test_one_may_be_for_all_schemes(self, monkeypatch):
        """ALL_PROXY is for each scheme that has none of its own."""
        monkeypatch.setenv("ALL_PROXY", "http://all.example:1")
        monkeypatch.setenv("HTTP_PROXY", "http://plain.example:1")
        found = looked_up("https"), looked_up("http")
        assert [proxy and proxy.host for proxy in found] == ["all.example", "plain.example"]
        monkeypatch.setenv("NO_PROXY", "api.example")
        assert looked_up("https") is None

    @pytest.mark.parametrize("value", ["socks5://127.0.0.1:1080", "socks5h://x:1", "", "all:1"])
    def test_one_for_all_that_cannot_be_used_is_none(self, monkeypatch, value):
        """Desktops set a SOCKS proxy for all programs; this one goes without, as aiohttp does."""
        monkeypatch.setenv("ALL_PROXY", value)
        assert looked_up() is None

    def test_without_trust_in_the_environment_there_is_none(self, monkeypatch):
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:1")
        assert looked_up(trust_env=False) is None

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            ("socks5://proxy.example:1", "of the kind 'socks5', which is not supported"),
            ("http://", "names no host"),
            ("http://a:b:c", "cannot be read as a URL"),
            ('"http://proxy.example:1"', "quotes around the address: leave them out"),
            ("'proxy.example:1'", "quotes around the address: leave them out"),
        ],
    )
    def test_one_that_cannot_be_used_is_refused_before_anything_is_sent(
        self, monkeypatch, value, reason
    ):
        """Whoever sets a proxy that cannot be used is told why, and nothing is sent."""
        monkeypatch.setenv("HTTPS_PROXY", value)
        with pytest.raises(ConfigurationError, match=f"HTTPS_PROXY.*{reason}") as caught:
            looked_up()
        assert caught.value.money is MoneyMeaning.NOT_SENT

    def test_a_key_that_may_go_in_the_clear_to_this_machine_goes_to_no_other(self, monkeypatch):
        monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:1")
        assert looked_up("http", "127.0.0.1") is None
        monkeypatch.setenv("HTTP_PROXY", "http://localhost:1")
        assert looked_up("http", "127.0.0.1") is not None


class FakeProxy:
    """A proxy on a real socket: answers what goes through it, and notes how it was asked."""

    def __init__(self, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") -> None:
        self.answer = answer
        self.heads: list[str] = []

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()

    async def _serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        writer.write(self.answer)
        await writer.drain()
        writer.close()


def get(url: str) -> HTTPRequest:
    return HTTPRequest(method="GET", url=url, headers={"Authorization": f"Bearer {KEY}"})


def post(url: str) -> HTTPRequest:
    headers = {"Authorization": f"Bearer {KEY}"}
    return HTTPRequest(method="POST", url=url, headers=headers, body=b"{}")


@pytest.fixture
async def transport():
    transport = Transport(session=None, request_timeout=30.0)
    await transport.open()
    yield transport
    await transport.close()


def shown(error: BaseException) -> str:
    """All that an error shows, and what lies behind it."""
    parts = []
    below: BaseException | None = error
    while below is not None:
        parts += [str(below), repr(below), repr(vars(below)) if hasattr(below, "__dict__") else ""]
        below = below.__cause__ or below.__context__
    return "".join(parts)


class TestThroughIt:
    async def test_requests_and_downloads_go_through_it(self, transport, monkeypatch):
        async with FakeProxy() as proxy:
            monkeypatch.setenv("HTTP_PROXY", f"http://me:{PASSWORD}@127.0.0.1:{proxy.port}")
            assert (await transport.send(get("http://api.example/x"))).body == b"{}"
            assert (await transport.post(post("http://api.example/y"), Departure())).status == 200
        assert [head.split()[:2] for head in proxy.heads] == [
            ["GET", "http://api.example/x"],
            ["POST", "http://api.example/y"],
        ]
        expected = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
        assert all(f"Proxy-Authorization: Basic {expected}" in head for head in proxy.heads)

    @pytest.mark.parametrize("named", ["{port}", "1"], ids=["this port", "another port"])
    async def test_an_exception_for_one_port_is_one_for_that_alone(
        self, transport, monkeypatch, named
    ):
        """Requests, submits and videos heed the port that an exception names."""
        # It stands for the service as well: whoever asks it itself names no whole address.
        async with FakeProxy() as service, FakeProxy() as proxy:
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv("NO_PROXY", f"127.0.0.1:{named.format(port=service.port)}")
            url = f"http://127.0.0.1:{service.port}/x"
            await transport.send(get(url))
            await transport.post(post(url), Departure())
            async with transport.stream(url, {}, silence=5.0):
                pass
        asked = (3, 0) if named != "1" else (0, 3)
        assert (len(service.heads), len(proxy.heads)) == asked

    async def test_one_that_wants_a_password_says_proxy_and_nothing_was_sent(
        self, transport, monkeypatch
    ):
        refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
        async with FakeProxy(refusal) as proxy:
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv("HTTPS_PROXY", f"http://me:{PASSWORD}@127.0.0.1:{proxy.port}")
            for url in ("http://api.example/y", "https://api.example/y"):
                with pytest.raises(TransportError, match="proxy") as caught:
                    await transport.post(post(url), Departure())
                assert caught.value.started is Started.NO
                assert "407" in str(caught.value)
                assert PASSWORD not in shown(caught.value)
                assert KEY not in shown(caught.value)

    async def test_one_that_is_not_there_says_proxy_and_nothing_was_sent(
        self, transport, monkeypatch
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:{PASSWORD}@127.0.0.1:1")
        with pytest.raises(TransportError, match="the proxy cannot be reached") as caught:
            await transport.post(post("https://api.example/y"), Departure())
        assert caught.value.started is Started.NO
        assert PASSWORD not in shown(caught.value)

    async def test_a_lent_session_is_led_through_it_too(self, monkeypatch):
        async with FakeProxy() as proxy, aiohttp.ClientSession() as session:
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
            transport = Transport(session=session, request_timeout=30.0)
            await transport.open()
            assert (await transport.send(get("http://api.example/x"))).status == 200


class TestNetrc:
    @pytest.fixture
    def _netrc(self, tmp_path):
        file = tmp_path / ".netrc"
        file.write_text("machine api.example login me password other-secret\n")
        file.chmod(0o600)

    @pytest.mark.usefixtures("_netrc")
    async def test_it_does_not_replace_the_key(self, transport, monkeypatch):
        async with FakeProxy() as proxy:
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
            await transport.send(get("http://api.example/x"))
        assert f"Authorization: Bearer {KEY}" in proxy.heads[0]

    @pytest.mark.usefixtures("_netrc")
    async def test_it_does_not_reach_a_media_host(self, transport, monkeypatch):
        async with FakeProxy() as proxy:
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
            async with transport.stream("http://api.example/v.mp4", {}, silence=5.0):
                pass
        assert "uthorization" not in proxy.heads[0]

    @pytest.mark.usefixtures("_netrc")
    async def test_a_lent_session_that_would_use_it_is_refused(self):
        async with aiohttp.ClientSession(trust_env=True) as session:
            transport = Transport(session=session, request_timeout=30.0)
            await transport.open()
            with pytest.raises(
                ConfigurationError, match=r"netrc holds a password for api\.example"
            ):
                await transport.send(get("http://api.example/x"))

    @pytest.mark.usefixtures("_netrc")
    def test_it_is_read_as_other_programs_do(self, monkeypatch, tmp_path):
        assert has_netrc_entry("api.example")
        assert not has_netrc_entry("other.example")
        monkeypatch.setenv("NETRC", str(tmp_path / "none"))
        assert not has_netrc_entry("api.example")
