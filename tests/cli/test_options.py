"""Options and columns are read off the fields of a request."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
from attrs import field, fields, frozen
from support.tables import every_row

from pika_async import Camera, GenerationRequest
from pika_async._request import about as module
from pika_async._request.media import Media
from pika_async.cli._prompts.fields import COLUMNS, fields_of
from pika_async.cli._prompts.options import requested, with_options
from pika_async.cli._running.exits import UsageError


def anything(_):
    """A service that takes anything."""


def about(text, metavar=None, medium=None):
    return {"pika_async": module.About(help=text, metavar=metavar, medium=medium)}


@frozen
class Newer:
    """A request as it may look some day."""

    prompt: str = field(metadata=about("What to show."))
    resolution: str | None = field(default=None, metadata=about("How large.", "SIZE"))
    duration: int | None = field(default=None, metadata=about("How long.", "SECONDS"))
    sharpness: float = field(default=0.5, metadata=about("How sharp.", "N"))
    loop: bool = field(default=False, metadata=about("Without an end."))
    keyframes: Sequence[Media] = field(
        factory=tuple, metadata=about("Passes through these.", "FILE_OR_URL", medium="image")
    )
    labels: Mapping[str, str] = field(factory=dict, metadata=about("Your own.", "JSON"))
    camera_path: Camera | None = field(default=None, metadata=about("Moves.", "MOVE=WHERE"))


NAMES = [one.name for one in fields(Newer)[1:]]


def command(context, prompt, *, output: str = "", **fields):
    """Stands for ``generate``."""


@pytest.fixture
def options():
    """The options of a field that this version does not know yet, by name."""
    signature = inspect.signature(with_options(command, fields_of(Newer)))
    return {name: one for name, one in signature.parameters.items() if name in NAMES}


def test_a_new_field_is_an_option_with_its_own_help(options):
    assert list(options) == NAMES
    kind, option = get_args(options["resolution"].annotation)
    assert kind == str | None
    assert (option.default, option.metavar, option.help) == ("--resolution", "SIZE", "How large.")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("duration", int | None),
        ("sharpness", float | None),
        ("loop", bool),
        ("keyframes", list[str] | None),
        ("labels", str | None),
        ("camera_path", list[str] | None),
    ],
)
def test_the_type_of_the_option_follows_from_that_of_the_field(options, name, kind):
    assert get_args(options[name].annotation)[0] == kind


def test_words_are_separated_by_hyphens_and_a_flag_has_no_opposite(options):
    assert get_args(options["camera_path"].annotation)[1].default == "--camera-path"
    assert get_args(options["loop"].annotation)[1].default == "--loop"


def test_a_default_is_shown_where_it_says_something(options):
    shown = {name for name, one in options.items() if get_args(one.annotation)[1].show_default}
    assert shown == {"sharpness"}
    assert options["keyframes"].default is None


def test_the_own_options_of_a_command_come_after_those_of_the_fields():
    names = list(inspect.signature(with_options(command, fields_of(Newer))).parameters)
    assert names[:3] == ["context", "prompt", "resolution"]
    assert names[-1] == "output"


def test_cells_are_read_as_the_type_of_the_field_says():
    newer = fields_of(Newer)
    assert newer["duration"].reads("7") == 7
    assert newer["sharpness"].reads("0.25") == 0.25
    assert newer["loop"].reads("yes") is True
    assert newer["labels"].reads('{"sku": "7"}') == {"sku": "7"}
    assert newer["resolution"].reads("7") == "7"
    assert newer["camera_path"].columns == [
        f"camera_path.{move}" for move in ("zoom", "pan", "tilt", "rotate")
    ]


def test_every_field_has_an_option_and_a_column(pika):
    shown = pika("generate", "--help").out
    for one in fields(GenerationRequest)[1:]:
        assert f"--{one.name.replace('_', '-')} " in shown
        assert any(column.partition(".")[0] == one.name for column in COLUMNS)


def test_media_are_links_or_files_below_the_folder(here):
    (here / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(32))
    assert requested("x", {"image": "a.png"}, anything).image == Path("a.png")
    assert requested("x", {"image": "HTTPS://h/a.png"}, anything).image == "HTTPS://h/a.png"


@every_row("given", [{}, {"seed": None, "camera": []}])
def test_what_was_not_given_is_the_default(given: dict[str, Any]):
    assert requested("x", given, anything) == GenerationRequest("x")


def test_a_value_that_is_not_allowed_is_named_by_its_option():
    with pytest.raises(UsageError, match=r"--negative-prompt: '\\udcff' is not allowed; "):
        requested("x", {"negative_prompt": "\udcff"}, anything)
