"""The way to a campaign: its engine, and the sentences where it leads nowhere."""

from __future__ import annotations

import shlex
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from attrs import Factory, define

from pika_async import FieldError
from pika_async.cli._running.exits import UsageError
from pika_async.cli._running.trail import Trail

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import ModuleType

    from pika_async.temporal import Campaign

# What arguments of the library are called here.
_CALLED = {"campaign_id": "ID", "resolve": "ID"}
_OF_A_STORE = ("status", "resolve", "report")


@define(kw_only=True)
class CampaignTrail(Trail):
    """Of a command that is about a campaign, which goes on without it."""

    campaign: str
    server: str | None = None
    namespace: str | None = None
    store: str | None = None
    """What was said of where it lies, for lines that are to be given next."""
    watched: bool = False
    """The campaign is under way, and this command only watches it."""
    words: list[str] = Factory(list)
    """The verb and its options that go on with this; empty: watching does."""
    left_out: str = ""
    """What was given and does not stand among them, and why, as a sentence."""

    def resume(self) -> str | None:
        """The line that goes on watching, or waiting."""
        if not self.watched:
            return None
        return self.line_of(*(self.words or ["status", self.campaign, "--watch"]))

    def line_of(self, verb: str, *words: str) -> str:
        """The command with a verb of a campaign, at the same engine."""
        engine = {"--server": self.server, "--namespace": self.namespace}
        if verb in _OF_A_STORE:
            engine = {"--store": self.store, **engine}
        given = [word for name, value in engine.items() if value for word in (name, value)]
        return shlex.join(["pika-async", "campaign", verb, *words, *given])

    def temporal_line_of(self, *words: str) -> str:
        """A command of Temporal's own program, at the same engine."""
        engine = {"--address": self.server, "--namespace": self.namespace}
        given = [word for name, value in engine.items() if value for word in (name, value)]
        return shlex.join(["temporal", *words, *given])

    @property
    def begun(self) -> bool:
        """Whether it leaves something behind."""
        return self.watched

    def left(self) -> str:
        """What it leaves behind when it ends early."""
        if not self.watched:
            return "nothing was changed."
        what = f"the campaign {self.campaign}"
        if self.words[:1] == ["resolve"]:
            what = f"what was begun for {what}"
        left_out = f" {self.left_out}" if self.left_out else ""
        return f"{what} goes on; the line below comes back to it.{left_out}"


def temporal() -> ModuleType:
    """``pika_async.temporal``, which is loaded when a verb needs it: help is shown without.

    Raises:
        UsageError: What it needs is not installed.
    """
    try:
        import pika_async.temporal as loaded  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing != "temporalio":
            raise
        raise UsageError(
            f"campaigns need {missing}, which is not installed: "
            "pip install '/path/to/clone[cli,temporal]'"
        ) from error
    return loaded


@contextmanager
def refusals() -> Iterator[None]:
    """While inside, what a campaign says no to is wrong usage.

    Raises:
        UsageError: It said no; nothing was changed.
    """
    loaded = temporal()
    try:
        yield
    except FieldError as error:
        name = _CALLED.get(error.field, f"--{error.field.replace('_', '-')}")
        raise UsageError(f"{name}: {error.written_complaint}.") from error
    except loaded.CampaignError as error:
        if isinstance(error, loaded.NoAnswerError):
            raise
        raise UsageError(f"{str(error).rstrip('.')}.") from error


@asynccontextmanager
async def engine_of(trail: CampaignTrail) -> AsyncIterator[Any]:
    """A client of the engine.

    Raises:
        ConfigurationError: No server answers, or it has no such namespace.
    """
    with refusals():
        async with temporal().connected(trail.server, namespace=trail.namespace) as engine:
            yield engine


@asynccontextmanager
async def campaign_of(trail: CampaignTrail, store: str | None = None) -> AsyncIterator[Campaign]:
    """The campaign; nothing is asked of it yet.

    Raises:
        ConfigurationError: As of :func:`engine_of`.
    """
    if not trail.campaign.strip():
        raise UsageError("ID is empty.")
    async with engine_of(trail) as engine:
        yield temporal().Campaign(engine, trail.campaign, store=store)
