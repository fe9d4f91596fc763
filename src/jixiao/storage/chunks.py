"""Long lists in queries, some hundred values at a time: databases bind a limited number of parameters a statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

Value = TypeVar("Value")

# SQLite before 3.32 binds 999 at most; a statement has some of its own.
AT_MOST = 500


def chunks(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    """``values`` in their order, ``AT_MOST`` at a time; none for an empty list."""
    for begin in range(0, len(values), AT_MOST):
        yield values[begin : begin + AT_MOST]
