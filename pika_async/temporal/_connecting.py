"""The way to the engine and back."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final

import anyio
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from pika_async import ConfigurationError
from pika_async.temporal._engine import NoAnswerError
from pika_async.temporal._plugin import PikaPlugin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

ADDRESS: Final = "localhost:7233"
"""Where the engine is if nobody says: where a development server is."""
NAMESPACE: Final = "default"
# Processes that end at once after the last use of the engine's library crash now and then:
# https://github.com/temporalio/sdk-python/issues/300
BEFORE_EXIT: Final = 0.5
_UNANSWERED: Final = re.compile(
    r"Worker validation failed: .*code: (?:Unavailable|DeadlineExceeded)\b", re.DOTALL
)


@asynccontextmanager
async def connected(
    address: str | None = None, *, namespace: str | None = None
) -> AsyncIterator[Client]:
    """A client of Temporal that carries our values; the server is there, and so is the namespace.

    Keys, certificates and profiles are taken from where Temporal's own tools have them: variables
    such as ``TEMPORAL_ADDRESS`` and ``TEMPORAL_API_KEY``, and ``temporal.toml``. Arguments win.

    Args:
        address: ``HOST:PORT`` of the server; else what the environment says, else
            ``localhost:7233``.
        namespace: Else what the environment says, else ``default``.

    Raises:
        ConfigurationError: No server answers there, or it has no such namespace.
    """
    settings = _settings(address, namespace)
    try:
        client = await _connect(settings)
        await _check_namespace(client)
        yield client
    finally:
        # Also where nobody answers: the library has been at work.
        with anyio.CancelScope(shield=True):
            await anyio.sleep(BEFORE_EXIT)


def _settings(address: str | None, namespace: str | None) -> dict[str, Any]:
    try:
        settings: dict[str, Any] = {**ClientConfig.load_client_connect_config()}
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigurationError(
            f"what the environment says of Temporal cannot be used: {error}", setting="server"
        ) from error
    given = {"target_host": address, "namespace": namespace}
    settings |= {name: value for name, value in given.items() if value}
    return {"target_host": ADDRESS, "namespace": NAMESPACE} | settings


async def _connect(settings: dict[str, Any]) -> Client:
    address = settings["target_host"]
    if "://" in address:
        raise ConfigurationError(
            f"{address!r} is not allowed; allowed is HOST:PORT", setting="server"
        )
    try:
        return await Client.connect(**settings, plugins=[PikaPlugin()])
    except (RuntimeError, ValueError, RPCError) as error:
        raise ConfigurationError(_nobody(address, error), setting="server") from error


def _nobody(address: str, error: Exception) -> str:
    return (
        f"no Temporal server answers at {address} ({_reason(error)}); start one with "
        "`pika-async campaign server`, or name another"
    )


@contextmanager
def told_of_the_server(address: str) -> Iterator[None]:
    """Tell in a sentence that the server went away before all workers inside had begun.

    Raises:
        NoAnswerError: It did. One of them may have worked already.
    """
    try:
        yield
    except RuntimeError as error:
        # The engine's library asks for the namespace first, and has no class for this error.
        if not _UNANSWERED.match(str(error)):
            raise
        raise NoAnswerError(f"{_nobody(address, error)}.") from error


def _reason(error: Exception) -> str:
    """The end of what is nested in an error of the engine's library, which is written in Rust."""
    quoted = re.findall(r'"([^"]+)"', str(error))
    return quoted[-1] if quoted else str(error)


async def _check_namespace(client: Client) -> None:
    try:
        await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=client.namespace)
        )
    except RPCError as error:
        # Who may not ask may work there all the same.
        if error.status is RPCStatusCode.NOT_FOUND:
            raise ConfigurationError(
                f"the Temporal server has no namespace {client.namespace!r}; create it with "
                f"`temporal operator namespace create --namespace {client.namespace}`, or name "
                "another",
                setting="namespace",
            ) from error
