"""What a new snapshot changes in the one in force: rows added, changed and vanished, with their money.

A payment is its unit, voucher, line, amount and day, and two snapshots are multisets of payments (docs/payments-key.md);
rows of other tables have a natural key. Compared by column, so that a million payments take seconds. Which batches are in
force: batches.py; what is asked about a change: cycle/snapshots.py.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from jixiao.domain.books import Kind
from jixiao.domain.names import bare_name
from jixiao.storage import snapshots
from jixiao.storage import tables as t
from jixiao.storage.chunks import chunks

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# Rows named in a message; all of them are in the two snapshots.
_SHOWN = 5
_LEDGER_KEY = ("unit_code", "voucher_no", "line_name", "amount_fen", "paid_on")
_UNDATED = -(2**62)

UnitsOfBatch = Mapping[int, Sequence[str]]
"""The units for which each batch is in force."""

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""Unit → its rows in one table of the store, as column → value."""


@dataclass(frozen=True)
class SnapshotDiff:
    """Rows that a new snapshot adds, changes and no longer has, with their money in fen (None: the kind has none).

    The money of changed rows is new less old. ``examples`` name the first rows that change or vanish.
    """

    added: int = 0
    changed: int = 0
    vanished: int = 0
    added_fen: int | None = None
    changed_fen: int | None = None
    vanished_fen: int | None = None
    examples: tuple[str, ...] = ()

    @property
    def loses_rows(self) -> bool:
        """Whether rows that were in force vanish or change: that is asked before it is stored."""
        return bool(self.changed or self.vanished)

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.changed or self.vanished)

    def __add__(self, other: SnapshotDiff) -> SnapshotDiff:
        return SnapshotDiff(
            self.added + other.added,
            self.changed + other.changed,
            self.vanished + other.vanished,
            _plus(self.added_fen, other.added_fen),
            _plus(self.changed_fen, other.changed_fen),
            _plus(self.vanished_fen, other.vanished_fen),
            (*self.examples, *other.examples)[:_SHOWN],
        )


def _plus(one: int | None, other: int | None) -> int | None:
    return None if one is None and other is None else (one or 0) + (other or 0)


# ── what is in force ─────────────────────────────────────────────────────────────────────────────────────────────────


def ledger_of(session: Session, batches: UnitsOfBatch, folder: Path) -> pd.DataFrame:
    """The payments of some batches, of each those of its units alone: columns of snapshots.COLUMNS.

    Raises:
        StoreError: a snapshot is gone or cannot be read.
    """
    import pandas as pd

    files = {
        batch: file
        for ids in chunks(sorted(batches))
        for batch, file in session.execute(
            sa.select(t.LedgerSnapshotRow.batch_id, t.LedgerSnapshotRow.file).where(
                t.LedgerSnapshotRow.batch_id.in_(ids)
            )
        )
    }
    frames = [snapshots.read_snapshot(folder / file, batches[batch]) for batch, file in sorted(files.items())]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(snapshots.COLUMNS))


def rows_of(session: Session, table: type[Any], batches: UnitsOfBatch) -> dict[str, list[dict[str, Any]]]:
    """The rows of some batches in one table of the store by unit, of each batch those of its units alone."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    of_batch = {batch: set(units) for batch, units in batches.items()}
    for ids in chunks(sorted(batches)):
        query = sa.select(*sa.inspect(table).columns).where(table.batch_id.in_(ids)).order_by(table.id)
        for row in session.execute(query).mappings():
            if row["unit_code"] in of_batch[row["batch_id"]]:
                found[row["unit_code"]].append(dict(row))
    return found


# ── payments ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def ledger_changes(old: pd.DataFrame, new: pd.DataFrame) -> dict[str, SnapshotDiff]:
    """What changed between two ledgers, by unit; a unit of which nothing changed is not in it.

    Of the rows that only one side has, as many as both sides have left of one voucher are changed payments.
    """
    gone, come = _only_in_one(old, new)
    if gone.empty and come.empty:
        return {}
    by = ["unit_code", "voucher_no", "line_name", "amount_fen"]
    gone, come = (side.sort_values(by, kind="stable", ignore_index=True) for side in (gone, come))
    for side in (gone, come):
        side["place"] = side.groupby(["unit_code", "voucher_no"], sort=False).cumcount()
        side["at"] = range(len(side))
    named = gone[gone["voucher_no"] != ""]
    pairs = named.merge(come, on=["unit_code", "voucher_no", "place"], suffixes=("", "_new"))
    vanished = gone[~gone["at"].isin(pairs["at"])]
    added = come[~come["at"].isin(pairs["at_new"])]
    units = sorted({*gone["unit_code"], *come["unit_code"]})
    sides = [dict(list(frame.groupby("unit_code", sort=False))) for frame in (added, pairs, vanished)]
    return {unit: _unit_changes(*(side.get(unit) for side in sides)) for unit in units}


def _unit_changes(
    added: pd.DataFrame | None, changed: pd.DataFrame | None, vanished: pd.DataFrame | None
) -> SnapshotDiff:
    def fen(frame: pd.DataFrame | None, name: str = "amount_fen") -> int:
        return 0 if frame is None else int(frame[name].sum())

    examples: list[str] = []
    if changed is not None:
        examples += [f"变更凭证 {voucher}" for voucher in changed["voucher_no"].head(_SHOWN)]
    if vanished is not None:
        first = vanished[["voucher_no", "line_name"]].head(_SHOWN)
        examples += [
            f"消失凭证 {voucher}" if voucher else f"消失「{line}」的一笔"
            for voucher, line in first.itertuples(index=False)
        ]

    def count(frame: pd.DataFrame | None) -> int:
        return 0 if frame is None else len(frame)

    return SnapshotDiff(
        added=count(added),
        changed=count(changed),
        vanished=count(vanished),
        added_fen=fen(added),
        changed_fen=fen(changed, "amount_fen_new") - fen(changed),
        vanished_fen=fen(vanished),
        examples=tuple(dict.fromkeys(examples))[:_SHOWN],
    )


def _only_in_one(old: pd.DataFrame, new: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The payments that the old ledger has and the new one has not, and the other way round, as multisets.

    Rows are told apart by a hash of 64 bits first: that two payments of a province share one is less likely than a fault
    of the machine. Only what differs is compared as text.
    """
    import numpy as np

    sides = [_key_columns(frame) for frame in (old, new)]
    hashes = [_row_hashes(side) for side in sides]
    distinct, codes = np.unique(np.concatenate(hashes), return_inverse=True)
    codes = codes.reshape(-1)
    split = len(hashes[0])
    counts = [np.bincount(part, minlength=len(distinct)) for part in (codes[:split], codes[split:])]
    differs = counts[0] != counts[1]
    left = []
    for side, part, own, other in (
        (sides[0], codes[:split], counts[0], counts[1]),
        (sides[1], codes[split:], counts[1], counts[0]),
    ):
        at = np.flatnonzero(differs[part])
        frame = side.iloc[at].assign(code=part[at])
        frame["unit_code"], frame["voucher_no"], frame["line_name"] = (
            frame[name].astype("str") for name in ("unit_code", "voucher_no", "line_name")
        )
        times = frame.groupby("code").cumcount().to_numpy()
        left.append(frame[times >= np.minimum(own, other)[part[at]]].drop(columns="code"))
    return left[0], left[1]


def _key_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns that make a payment; ``paid_on`` as days since 1970, so that both sides hold one type."""
    import numpy as np
    import pandas as pd

    days = pd.to_datetime(frame["paid_on"]).to_numpy().astype("datetime64[D]")
    made = frame[list(_LEDGER_KEY)].copy(deep=False)
    made["paid_on"] = np.where(np.isnat(days), _UNDATED, days.astype("int64"))
    made["amount_fen"] = made["amount_fen"].astype("int64")
    return made


def _row_hashes(frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    """One number a row: the same text has the same one, whether the column is text or category."""
    import numpy as np
    import pandas as pd

    if frame.empty:
        return np.zeros(0, dtype="uint64")
    return pd.util.hash_pandas_object(frame, index=False).to_numpy()


# ── rows of other tables ─────────────────────────────────────────────────────────────────────────────────────────────

ROW_TABLES: Mapping[Kind, tuple[type[t.Base], ...]] = {
    Kind.BUDGET_EXECUTION: (t.BudgetLineRow,),
    Kind.UNIT_FACTS: (t.FactRow,),
    Kind.INDICATORS: (t.IndicatorRow,),
    Kind.KEY_TASKS: (t.KeyTaskRow,),
    Kind.NARRATIVE: (t.NarrativeSectionRow,),
    Kind.CONTACTS: (t.ContactRow,),
    Kind.BUDGET_ADJUSTMENTS: (t.BudgetAdjustmentRow,),
    **dict.fromkeys(
        (Kind.PROJECT_FORM, Kind.GOALS_FORM, Kind.MONITORING_FORM),
        (t.PerformanceFormRow, t.BudgetLineRow, t.IndicatorRow),
    ),
}
"""The tables of the store that hold the rows of a kind; payments lie in their own snapshots."""

# How the rows of a table are told apart.
_KEYS: Mapping[type[t.Base], tuple[str, ...]] = {
    t.BudgetLineRow: ("name",),
    t.IndicatorRow: ("level1", "level2", "name"),
    t.KeyTaskRow: ("duty", "name"),
    t.FactRow: ("key",),
    t.NarrativeSectionRow: ("number",),
    t.ContactRow: ("owner",),
    t.BudgetAdjustmentRow: ("document_no", "line_name", "kind"),
    t.PerformanceFormRow: ("kind", "project"),
}
# Where a row stands, and how many decimals its table shows, is no content: the same figures in another order, or printed
# with more zeros, are the same.
_NOT_CONTENT = frozenset(
    {"id", "batch_id", "unit_code", "row", "position", "indicator_id", "money_unit", "rate_places"}
)
_PLACES = "_places"
_MONEY: Mapping[type[t.Base], str] = {t.BudgetLineRow: "executed_fen", t.BudgetAdjustmentRow: "amount_fen"}


def row_changes(table: type[t.Base], old: Rows, new: Rows) -> dict[str, SnapshotDiff]:
    """What changed between two snapshots of one table, by unit; a unit of which nothing changed is not in it."""
    found = {unit: _of_unit(table, old.get(unit, ()), new.get(unit, ())) for unit in sorted({*old, *new})}
    return {unit: diff for unit, diff in found.items() if not diff.is_empty}


_Content = tuple[str, int]


def _of_unit(table: type[t.Base], old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> SnapshotDiff:
    before, after = _by_key(table, old), _by_key(table, new)
    count: Counter[str] = Counter()
    fen: Counter[str] = Counter()
    examples = []
    for key in dict.fromkeys((*before, *after)):
        was, now = _only_in_first(before[key], after[key]), _only_in_first(after[key], before[key])
        pairs = min(len(was), len(now))
        for what, of_rows in (("added", now[pairs:]), ("vanished", was[pairs:])):
            count[what] += len(of_rows)
            fen[what] += sum(money for _, money in of_rows)
        count["changed"] += pairs
        fen["changed"] += sum(money for _, money in now[:pairs]) - sum(money for _, money in was[:pairs])
        if was:
            examples.append(f"{'变更' if now else '消失'}「{'·'.join(part for part in key if part)}」")
    money = table in _MONEY
    return SnapshotDiff(
        count["added"],
        count["changed"],
        count["vanished"],
        fen["added"] if money else None,
        fen["changed"] if money else None,
        fen["vanished"] if money else None,
        tuple(examples[:_SHOWN]),
    )


def _by_key(table: type[t.Base], rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, ...], list[_Content]]:
    """Rows by their key, each as its content and its money in fen."""
    made: dict[tuple[str, ...], list[_Content]] = defaultdict(list)
    money = _MONEY.get(table, "")
    for row in rows:
        key = tuple(bare_name(str(row[name])) for name in _KEYS[table])
        content = {n: v for n, v in row.items() if n not in _NOT_CONTENT and not n.endswith(_PLACES)}
        text = json.dumps(content, ensure_ascii=False, sort_keys=True, default=str)
        made[key].append((text, row.get(money) or 0))
    return made


def _only_in_first(rows: Sequence[_Content], others: Iterable[_Content]) -> list[_Content]:
    left = Counter(others)
    kept = []
    for row in rows:
        if left[row] > 0:
            left[row] -= 1
        else:
            kept.append(row)
    return kept
