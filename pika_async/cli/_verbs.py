"""The group of the verbs: what is wrong with a command line is told to machines, too."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand, TyperGroup

from pika_async import MoneyMeaning
from pika_async.cli._running.exits import USAGE
from pika_async.cli._showing.output import event

if TYPE_CHECKING:
    from collections.abc import Iterator


# What typer says of a word that is not among the allowed ones.
_NONE_OF = re.compile(
    r"(?:Value error, )?(?P<given>.+) is not one of (?P<allowed>'.+')\.?", re.DOTALL
)


# What it says of a prompt without quotes: each of its words is an argument then.
_TOO_MANY = "Got unexpected extra argument"


def _reword(error: Exception) -> None:
    """Put these two into the words of every other error."""
    message = str(getattr(error, "message", ""))
    if message.startswith(_TOO_MANY):
        quotes = 'Several words stand in quotes, such as "a red panda".'
        vars(error)["message"] = f"{message}. {quotes}"
    said = _NONE_OF.fullmatch(message)
    if said is not None:
        allowed = said["allowed"].replace("'", "")
        vars(error)["message"] = f"{said['given']} is not allowed; allowed are {allowed}."


@contextmanager
def _told(*, machines: bool) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        _reword(error)
        # typer has no public name for the class that all usage errors share.
        said = getattr(error, "format_message", None)
        if machines and said is not None:
            code = getattr(error, "exit_code", USAGE)
            event(
                "error",
                type="UsageError",
                message=said(),
                job_id=None,
                resume=None,
                exit_code=code,
                money=MoneyMeaning.NOT_SENT,
                advice=None,
            )
        raise


def _without_kind(params: list[Any]) -> list[Any]:
    """Flags take no value, so help shows none for them."""
    for param in params:
        if getattr(param, "is_flag", False) and param.metavar is None:
            param.metavar = ""
    return params


class Verb(TyperCommand):
    """One verb."""

    def get_params(self, ctx: Any) -> list[Any]:
        """What it takes."""
        return _without_kind(super().get_params(ctx))


class Verbs(TyperGroup):
    """Tells usage errors as JSON where that was asked for; people are told by typer."""

    _for_machines = False

    def get_params(self, ctx: Any) -> list[Any]:
        """What it takes before the verb."""
        return _without_kind(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Note what was asked for, and parse the options before the verb."""
        options = args[: args.index("--")] if "--" in args else args
        self._for_machines = "--json" in options
        with _told(machines=self._for_machines):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Find the verb, parse what is its own, and run it."""
        with _told(machines=self._for_machines):
            return super().invoke(ctx)


class VerbGroup(TyperGroup):
    """Verbs within a verb; what is wrong with their arguments is told by the outer group."""

    def get_params(self, ctx: Any) -> list[Any]:
        """What it takes before the verb."""
        return _without_kind(super().get_params(ctx))
