"""Frozen values that are made as quickly as others.

attrs sets each field of a frozen class through ``object.__setattr__``. That takes some 800
instructions, where an assignment takes 60. A class that is called by keyword packs a dict first,
too. A batch makes a dozen such values for each job. So where that counts, a value is built as an
object of a twin class that is not frozen, and then gets its own class:
https://docs.python.org/3/reference/datamodel.html#type.__class__.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

_P = ParamSpec("_P")
_T = TypeVar("_T")

_WRITABLE: Final[dict[str, Any]] = {
    # No slots of its own: objects of both classes have the same places in memory.
    "__slots__": (),
    "__init__": object.__init__,
    "__setattr__": object.__setattr__,
    "__delattr__": object.__delattr__,
}


def quick(cls: Callable[_P, _T]) -> Callable[_P, _T]:
    """A function that takes the arguments of ``cls``, a class of attrs, and makes the same value.

    For arguments that are known to be right: converters, validators and ``__attrs_post_init__`` are
    left out.
    """
    assert isinstance(cls, type)  # noqa: S101 - typed as what it makes, and of which arguments
    known: dict[str, Any] = {
        "_draft": type(cls.__name__, (cls,), dict(_WRITABLE)),
        "_class": cls,
        "_unsaid": object(),
    }
    by_place: list[str] = []
    by_keyword: list[str] = []
    given: list[str] = []
    for attribute in attrs.fields(cls):
        parameter = value = attribute.alias
        default = attribute.default
        if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
            known[f"_make_{parameter}"] = default.factory
            value = f"_make_{parameter}() if {parameter} is _unsaid else {parameter}"
            parameter += "=_unsaid"
        elif default is not attrs.NOTHING:
            known[f"_default_{parameter}"] = default
            parameter += f"=_default_{parameter}"
        (by_keyword if attribute.kw_only else by_place).append(parameter)
        given.append(f"    value.{attribute.name} = {value}\n")
    parameters = ", ".join((*by_place, *(("*", *by_keyword) if by_keyword else ())))
    source = (
        f"def make({parameters}):\n    value = _draft()\n{''.join(given)}"
        "    value.__class__ = _class\n    return value\n"
    )
    # Nothing but names of fields goes into the source. attrs itself makes its methods in this way.
    exec(compile(source, f"<quick {cls.__qualname__}>", "exec"), known)  # noqa: S102
    made: Callable[_P, _T] = known["make"]
    return made
