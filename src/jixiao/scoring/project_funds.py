"""Which fund line of a project's form the treasury ledger speaks of. Whose payments they are: storage/books_store.py.

The ledger knows what was paid through the treasury. A form adds to it what the unit paid from funds of its own, so the
ledger answers the total only where there is nothing of these, else the one line of treasury funds beside them.
"""

from __future__ import annotations

from collections.abc import Iterable

from jixiao.domain.books import BudgetLine, LedgerTotal, UnitBooks
from jixiao.domain.names import bare_name


def project_claims(books: UnitBooks, *, own_funds: Iterable[str]) -> dict[int, tuple[LedgerTotal, ...]]:
    """The ledger totals of a project by the position of the line that they answer; empty where it cannot be said.

    ``own_funds`` are words in the names of lines that are not paid through the treasury.
    """
    line = _answered(books.lines, tuple(own_funds))
    return {line.position: books.ledger} if line is not None and books.ledger else {}


def _answered(lines: Iterable[BudgetLine], own_funds: tuple[str, ...]) -> BudgetLine | None:
    total, parts = None, []
    for line in lines:
        if line.level == 0 and total is None:
            total = line
        else:
            parts.append(line)
    own = [part for part in parts if any(word in bare_name(part.name) for word in own_funds)]
    if not any(part.executed and part.executed.fen for part in own):
        return total
    treasury = [part for part in parts if part not in own]
    return treasury[0] if len(treasury) == 1 else None
