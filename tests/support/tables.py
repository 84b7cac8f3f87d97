"""Tables of facts: one test goes through all rows, and names every row that is wrong."""

from __future__ import annotations

import functools
import inspect
import itertools
import reprlib
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    Test = Callable[..., Any]
    Names = Iterable[object] | Callable[[Any], object]
    Wrong = list[tuple["Row", BaseException]]

# What pytest.raises says where nothing was raised is no Exception.
_WRONG = (Exception, pytest.fail.Exception)
# A reader wants to see which value it was, and not a megabyte of it.
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 120
_Param = type(pytest.param())


@frozen
class Row:
    """What a test is given, and what that row is called if it has a name of its own."""

    name: str
    given: dict[str, Any]

    def __str__(self) -> str:
        values = ", ".join(f"{name}={_SHORT.repr(value)}" for name, value in self.given.items())
        return f"[{self.name}] {values}" if self.name else values

    def __add__(self, other: Row) -> Row:
        return Row("-".join(filter(None, (self.name, other.name))), self.given | other.given)


class WrongRowsError(AssertionError):
    """Which rows of a table are wrong, and what is wrong with each."""

    def __init__(self, tried: int, wrong: Wrong) -> None:
        lines = [f"{len(wrong)} of {tried} rows: {' | '.join(str(row) for row, _ in wrong)}"]
        for row, error in wrong:
            lines += ["", str(row), *traceback.format_exception_only(error)]
        super().__init__("\n".join(line.rstrip("\n") for line in lines))


def every_row(
    names: str | Sequence[str], values: Iterable[Any], ids: Names | None = None
) -> Callable[[Test], Test]:
    """Let one test go through all rows of a table.

    It takes what ``pytest.mark.parametrize`` takes, and of several tables, one above the other,
    every combination. It is for pure code, where a row is a hundredth of the work that a test of
    its own is. All rows are given the same fixtures: what changes these wants ``parametrize``.
    """
    table = list(_rows(names, list(values), ids))
    if not table:
        raise ValueError("a table without rows shows nothing")

    def decorate(test: Test) -> Test:
        of_one_row, tables = _made.get(test, (test, []))
        made = _through(of_one_row, [*tables, table])
        _made[made] = of_one_row, [*tables, table]
        return made

    return decorate


# What each test that was made here was made of, for a table that stands above it.
_made: dict[Test, tuple[Test, list[list[Row]]]] = {}


def _rows(names: str | Sequence[str], values: Sequence[Any], ids: Names | None) -> Iterator[Row]:
    columns = [name.strip() for name in names.split(",")] if isinstance(names, str) else names
    called = itertools.repeat(None, len(values)) if ids is None or callable(ids) else ids
    for value, name in zip(values, called, strict=True):
        cells, own = (value,) if len(columns) == 1 else value, name
        if isinstance(value, _Param):
            if value.marks:
                raise ValueError(f"no row is marked alone, use parametrize: {value}")
            cells, own = value.values, value.id or name
        if own is None and callable(ids):
            own = "-".join(str(ids(cell)) for cell in cells)
        yield Row("" if own is None else str(own), dict(zip(columns, cells, strict=True)))


def _through(test: Test, tables: Sequence[Sequence[Row]]) -> Test:
    """The test of all rows, which pytest sees without what the rows are for."""
    rows = [functools.reduce(Row.__add__, several) for several in itertools.product(*tables)]

    def through(*args: Any, **fixtures: Any) -> None:
        __tracebackhide__ = True
        wrong: Wrong = []
        for row in rows:
            try:
                test(*args, **fixtures, **row.given)
            except _WRONG as error:
                wrong.append((row, error))
        _tell(len(rows), wrong)

    async def through_each(*args: Any, **fixtures: Any) -> None:
        __tracebackhide__ = True
        wrong: Wrong = []
        for row in rows:
            try:
                await test(*args, **fixtures, **row.given)
            except _WRONG as error:
                wrong.append((row, error))
        _tell(len(rows), wrong)

    made = functools.wraps(test)(through_each if inspect.iscoroutinefunction(test) else through)
    asked = inspect.signature(test)
    made.__signature__ = asked.replace(
        parameters=[p for p in asked.parameters.values() if p.name not in rows[0].given]
    )
    return made


def _tell(tried: int, wrong: Wrong) -> None:
    """Raise what names all rows that are wrong, with all that pytest shows of the first."""
    if wrong:
        raise WrongRowsError(tried, wrong) from wrong[0][1]
