"""What a submitted body must look like, as the gateway's page says it (WIRE 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import Factory, field, frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

_JSON_NAMES = {
    str: "string",
    bool: "bool",
    dict: "object",
    list: "array",
    int: "number",
    float: "number",
}


@frozen
class _Rule:
    """One field: where it is, what it may be, whether it must be there."""

    path: str
    kinds: tuple[type, ...]
    required: bool = False
    within: tuple[float, float] | None = None
    filled: bool = field(default=False, kw_only=True)
    names: tuple[str, ...] = field(
        default=Factory(lambda rule: tuple(rule.path.split(".")), takes_self=True), init=False
    )


_NUMBER = (int, float)
_RULES = (
    _Rule("promptText", (str,), required=True, filled=True),
    _Rule("model", (str,), required=True, filled=True),
    _Rule("image", (str,), filled=True),
    _Rule("video", (str,), filled=True),
    _Rule("pikaffect", (str,), filled=True),
    _Rule("options", (dict,), required=True),
    _Rule("options.aspectRatio", _NUMBER, within=(0.4, 2.5)),
    _Rule("options.frameRate", _NUMBER, within=(1, 24)),
    _Rule("options.camera", (dict,)),
    _Rule("options.camera.zoom", (str,)),
    _Rule("options.camera.pan", (str,)),
    _Rule("options.camera.tilt", (str,)),
    _Rule("options.camera.rotate", (str,)),
    _Rule("options.parameters", (dict,), required=True),
    _Rule("options.parameters.guidanceScale", _NUMBER, within=(5, 25)),
    _Rule("options.parameters.motion", _NUMBER, within=(0, 4)),
    _Rule("options.parameters.negativePrompt", (str,)),
    _Rule("options.parameters.seed", (int,)),
    _Rule("options.extend", (bool,), required=True),
)

_ABSENT = object()


def complaint(body: Mapping[str, Any] | None) -> str | None:
    """Why the gateway would refuse this body, or None when it would not."""
    if body is None:
        return "the request body is not a JSON object"
    for rule in _RULES:
        trouble = _trouble(rule, _find(body, rule.names))
        if trouble is not None:
            return trouble
    return None


def seed(body: Mapping[str, Any]) -> int | None:
    """The seed that a body asks for."""
    asked = _find(body, ("options", "parameters", "seed"))
    return asked if isinstance(asked, int) else None


def _find(body: Mapping[str, Any], names: tuple[str, ...]) -> object:
    value: object = body
    for name in names:
        # A parent that is no object has been complained of by its own rule.
        value = value.get(name, _ABSENT) if isinstance(value, dict) else _ABSENT
    return value


def _trouble(rule: _Rule, value: object) -> str | None:
    if value is _ABSENT:
        return f"field {rule.path} is required" if rule.required else None
    if not _is_a(value, rule.kinds):
        # The words of Go's decoder, which these gateways are written in.
        kind = _JSON_NAMES.get(type(value), "null")
        expected = _JSON_NAMES[rule.kinds[0]]
        return f"json: cannot unmarshal {kind} into Go struct field .{rule.path} of type {expected}"
    if rule.filled and not value:
        return f"field {rule.path} must not be empty"
    if rule.within and isinstance(value, int | float):
        low, high = rule.within
        if not low <= value <= high:
            return f"field {rule.path} must be between {low:g} and {high:g}"
    return None


def _is_a(value: object, kinds: tuple[type, ...]) -> bool:
    # JSON's true is not a number, though Python's is.
    return isinstance(value, kinds) and (isinstance(value, bool) == (kinds == (bool,)))
