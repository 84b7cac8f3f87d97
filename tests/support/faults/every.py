"""The tables of all services, and their rows as parameters of tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.faults import fal, gateway, pika

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from support.faults.table import Table, Truth

TABLES = (gateway.TABLE, pika.TABLE, fal.TABLE)


def each(choose: Callable[[Table], Iterable[Truth]]) -> pytest.MarkDecorator:
    """A test for each chosen row of each table, with the arguments `table` and `truth`."""
    cases = [
        pytest.param(table, truth, id=f"{table.service}-{truth.name}")
        for table in TABLES
        for truth in choose(table)
    ]
    return pytest.mark.parametrize(("table", "truth"), cases)
