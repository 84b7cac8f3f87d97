"""What aiohttp raises, in the words of this package.

Nothing that it raises gets through with request headers, and so the key, in it.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import aiohttp

from pika_async._errors import ConfigurationError, TransportError, TransportTimeoutError
from pika_async._meaning import Started

if TYPE_CHECKING:
    from collections.abc import Iterator


class NoThreadError(aiohttp.ClientConnectionError):
    """Names of hosts are looked up in threads, and the system starts none."""


class HungUpError(aiohttp.ClientConnectionError):
    """The service had closed the connection before a byte of the body was to leave."""


# What CPython says then, in a RuntimeError like any other.
_NO_THREAD: Final = "can't start new thread"

# Raised by aiohttp before a connection was had, so before a byte of the request left. TLS and DNS
# failures are subclasses of the first.
_UNREACHED: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
    NoThreadError,
    HungUpError,
)

# What aiohttp raises where a request or its answer breaks; ValueError: where it cannot be made.
PROBLEMS: Final = (aiohttp.ClientError, OSError, ValueError)


@contextmanager
def translating() -> Iterator[None]:
    """Raise a TransportError in place of what aiohttp raises."""
    try:
        yield
    except (aiohttp.ClientError, OSError) as error:
        raise translated(error, started_by(error)) from without_headers(error)
    except RuntimeError as error:
        problem = no_thread(error)
        raise translated(problem, Started.NO) from error


def no_thread(error: RuntimeError) -> NoThreadError:
    """What a request ends with that found no thread to look up the name of its host.

    Raises:
        RuntimeError: The error itself, if it is of anything else.
    """
    if str(error) != _NO_THREAD:
        raise error
    return NoThreadError(f"{error}: allow this process more of them (ulimit -u, or its container)")


def usable(error: BaseException) -> BaseException:
    """The error itself.

    Raises:
        ConfigurationError: It is no matter of the wire: the request could not be made.
    """
    # What is wrong with a certificate is a ValueError too.
    if not isinstance(error, aiohttp.ClientError | OSError):
        # A lent session may have an Authorization of its own, which aiohttp will not mix.
        raise ConfigurationError(f"the lent session cannot be used: {error}") from None
    return error


def started_by(error: BaseException) -> Started:
    """Whether a request without a departure may have arrived."""
    return Started.NO if isinstance(error, _UNREACHED) else Started.MAYBE


def translated(error: BaseException, started: Started) -> TransportError:
    """The error to raise in its place."""
    what = f"{type(error).__name__}: {_words(error)}"
    late = isinstance(error, TimeoutError)
    if isinstance(error, _UNREACHED):
        problem = "no connection in time" if late else "the service could not be reached"
    elif started is Started.NO:
        problem = "the connection broke off before the whole request had left"
    else:
        problem = "no whole answer in time" if late else "the connection broke off"
    cls = TransportTimeoutError if late else TransportError
    return cls(f"{problem} ({what})", started=started)


def _words(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answered HTTP {error.status} {' '.join(error.message.split())}".rstrip()
    if isinstance(error, aiohttp.ClientResponseError):
        words = f"{error.status} {_unquoted(error.message)}"
        # aiohttp has no type of its own for that.
        return words + _NO_START * error.message.startswith(_NO_STATUS_LINE)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        # Of all that aiohttp raises while it connects, this one alone has no `os_error`.
        why, cure = error.certificate_error, cure_of(error.certificate_error)
        return f"{error.host}: its certificate is not trusted here: {why}; {cure}"
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return f"the proxy cannot be reached: {error.os_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{error.host}:{error.port}: {error.os_error}"
    return _unquoted(str(error)) or "no further words"


# As versions of aiohttp say it.
_NO_STATUS_LINE: Final = ("Bad status line", "Expected HTTP/")
_NO_START: Final = " (it is no HTTP, or longer than its Content-Length says)"
# To the end: what is quoted may hold quotation marks.
_QUOTED: Final = re.compile(r"""\bb['"].*""")


def _unquoted(words: str) -> str:
    """Words of aiohttp on one line, without what an answer held: it may quote the key."""
    # It draws what it could not read, over several lines.
    return _QUOTED.sub("…", " ".join(words.split()))


# https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/#error-codes
_NO_ISSUER: Final = frozenset({2, 18, 19, 20, 21, 27})
_NOT_ITS_TIME: Final = frozenset({9, 10})
_OTHER_NAME: Final = frozenset({62, 64})


def cure_of(error: Exception) -> str:
    """What helps where a certificate is not trusted, by what is wrong with it."""
    code = getattr(error, "verify_code", None)
    if code is None or code in _NO_ISSUER:
        return (
            "SSL_CERT_FILE names a file with certificates to trust; set it before the program "
            "starts"
        )
    if code in _NOT_ITS_TIME:
        return "its time is over or yet to come, if the clock of this machine is right"
    if code in _OTHER_NAME:
        return "it is for another host: is the address right, and does no proxy answer instead?"
    return (
        "to trust its issuer does not help, since it breaks a rule; from Python 3.13 on more rules "
        "are checked (ssl.VERIFY_X509_STRICT). Have it made anew, or lend a session with an "
        "SSLContext that does not check them"
    )


def without_headers(error: BaseException) -> BaseException:
    """The error as the cause of another: with no request in it."""
    # aiohttp keeps the request's headers on the first of these, and a proxy's password on the
    # second, and shows them in their reprs.
    if isinstance(error, aiohttp.ClientResponseError | aiohttp.ClientConnectorError):
        return ConnectionError(f"{type(error).__name__}: {_words(error)}")
    # Its frames hold them too, for whoever prints tracebacks with locals.
    below: BaseException | None = error
    while below is not None:
        below.__traceback__ = None
        below = below.__cause__ or below.__context__
    return error
