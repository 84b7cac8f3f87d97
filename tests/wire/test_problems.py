"""What is told of a request that did not get through, for the person who reads it at night."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import traceback
from functools import partial

import pytest
from support.scripted import client_of, reply, scripted
from support.tables import every_row

from pika_async import PikaError, TransportError
from pika_async._http import HTTPRequest
from pika_async._wire.transport import Transport
from pika_async._wire.transport.problems import cure_of

KEY = "key-0123456789"


@every_row(
    "code, words",
    [
        pytest.param(
            None, "SSL_CERT_FILE.*before the program starts", id="of which nothing is known"
        ),
        pytest.param(18, "SSL_CERT_FILE", id="signed by itself"),
        pytest.param(20, "SSL_CERT_FILE", id="of an issuer that is not known"),
        pytest.param(9, "clock of this machine", id="not yet valid"),
        pytest.param(10, "clock of this machine", id="expired"),
        pytest.param(62, "another host", id="of another name"),
        pytest.param(64, "another host", id="of another address"),
        pytest.param(85, "does not help.*3.13.*lend a session", id="without the key of its issuer"),
    ],
)
def test_what_helps_depends_on_what_is_wrong_with_a_certificate(code, words):
    """Nobody is told to trust an issuer where that does not help."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    if code is not None:
        error.verify_code = code
    assert re.search(words, cure_of(error))
    assert ("SSL_CERT_FILE" in cure_of(error)) is (code in {None, 18, 20})


async def test_an_answer_of_another_protocol_is_told_in_one_line():
    """What is no HTTP/1.1 is told in one line, as logs want it."""

    async def answer(_, writer):
        # How a front end that speaks HTTP/2 alone begins.
        writer.write(b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport = Transport(session=None, request_timeout=30.0)
    await transport.open()
    request = HTTPRequest(method="GET", url=f"http://127.0.0.1:{port}/", headers={})
    with pytest.raises(TransportError) as caught:
        await transport.send(request)
    await transport.close()
    server.close()
    assert "Expected HTTP/" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["gateway", "pika", "fal"])
async def test_an_answer_that_cannot_be_read_is_not_quoted_since_it_may_quote_the_key(name):
    """A length that counts characters makes an answer longer than it says; here it names the key.

    https://github.com/mswjs/http-middleware/issues/41
    """
    text = json.dumps({"error": f"ungültiger Schlüssel {KEY}"}, ensure_ascii=False)
    async with scripted() as service, client_of(service, name, outage_budget=0.0) as client:
        service.answer("", reply(text.encode(), 401, length=len(text)))
        for ask in (partial(client.submit, "a cat"), client.job("j").result):
            with pytest.raises(PikaError) as caught:
                await ask()
            told = "".join(traceback.format_exception(caught.value))
            assert KEY not in told
            assert "longer than its Content-Length says" in told


async def test_a_chunk_that_cannot_be_read_is_not_quoted_either():
    """What stands where a length should be may be anything."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with scripted() as service, client_of(service, outage_budget=0.0) as client:
        service.answer("", head + f"{KEY}\r\n".encode())
        with pytest.raises(TransportError) as caught:
            await client.job("j").result()
    assert KEY not in "".join(traceback.format_exception(caught.value))
