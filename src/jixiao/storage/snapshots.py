"""Ledger rows as immutable Parquet snapshots, sorted by unit, line and day, named by their own hash (ADR 0003).

One file a payments batch, beside the store; its rows are summed by line and month in one aggregation for a whole batch
of units.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jixiao.domain.books import LedgerTotal
from jixiao.domain.findings import Place, row_ranges
from jixiao.domain.names import bare_name
from jixiao.errors import StoreError

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("unit_code", "voucher_no", "line_name", "amount_fen", "paid_on", "sheet", "row")
_MONTHS = 12


def snapshot_content(ledger: pd.DataFrame) -> tuple[bytes, str]:
    """The rows of one batch as the bytes of their snapshot, and the sha256 of these. The same rows give the same bytes.

    ``ledger`` has the columns of ``COLUMNS``; ``paid_on`` may hold NaT.
    """
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    frame = ledger.loc[:, list(COLUMNS)].copy()
    frame["paid_on"] = pd.to_datetime(frame["paid_on"])
    frame = frame.sort_values(["unit_code", "line_name", "paid_on", "row"], kind="stable", ignore_index=True)
    schema = pa.schema(
        [
            ("unit_code", pa.string()),
            ("voucher_no", pa.string()),
            ("line_name", pa.string()),
            ("amount_fen", pa.int64()),
            ("paid_on", pa.date32()),
            ("sheet", pa.string()),
            ("row", pa.int64()),
        ]
    )
    frame["paid_on"] = frame["paid_on"].dt.date
    table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False).replace_schema_metadata(None)
    made = pa.BufferOutputStream()
    pq.write_table(table, made, compression="zstd")
    content = made.getvalue().to_pybytes()
    return content, hashlib.sha256(content).hexdigest()


def write_snapshot(content: bytes, digest: str, folder: Path) -> str:
    """Write a snapshot unless it lies there whole, and return its file name. A lost one is mended by importing again."""
    target = folder / f"{digest}.parquet"
    if target.is_file() and target.stat().st_size == len(content):
        return target.name
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return target.name


def read_snapshot(path: Path, unit_codes: Sequence[str]) -> pd.DataFrame:
    """The rows of some units.

    Raises:
        StoreError: the file is gone, or is no snapshot any more.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    mend = "从备份恢复快照文件夹，或重新导入支付明细"
    if not path.is_file():
        raise StoreError(f"支付明细快照不见了：{path.name}", mend)
    try:
        table: Any = pq.read_table(path, filters=[("unit_code", "in", list(unit_codes))])
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"支付明细快照读不了：{path.name}", f"{mend}；先删去这个文件") from error
    frame: pd.DataFrame = table.to_pandas()
    return frame


@dataclass(frozen=True)
class LedgerRows:
    """Rows of some units out of one snapshot, and the file that they were imported from."""

    file: str
    sha256: str
    frame: pd.DataFrame


def ledger_totals(ledgers: Sequence[LedgerRows], *, year: int) -> list[LedgerTotal]:
    """Sums by file, unit and budget line, and by month, in this order: one aggregation for all of them.

    A payment dated outside ``year``, or not dated, counts in the sum and in no month.
    """
    import pandas as pd

    filled = [ledger for ledger in ledgers if not ledger.frame.empty]
    if not filled:
        return []
    frame = pd.concat([x.frame.assign(source=n) for n, x in enumerate(filled)], ignore_index=True)
    names = {name: bare_name(name) for name in frame["line_name"].unique()}
    paid_on = pd.to_datetime(frame["paid_on"])
    frame = frame.assign(
        line=frame["line_name"].map(names),
        month=paid_on.dt.month.where(paid_on.dt.year == year, 0).fillna(0).astype(int),
    )
    keys = ["source", "unit_code", "line"]
    by_line = frame.groupby(keys, sort=True)
    sums = by_line.agg(
        paid_fen=("amount_fen", "sum"),
        rows=("row", "size"),
        name=("line_name", "first"),
        first_row=("row", "min"),
        sheet=("sheet", "first"),
    )
    months = frame.pivot_table(index=keys, columns="month", values="amount_fen", aggfunc="sum", fill_value=0)
    months = months.reindex(columns=range(1, _MONTHS + 1), fill_value=0).reindex(sums.index)
    numbers = by_line["row"].apply(list)
    return [
        LedgerTotal(
            unit_code=str(unit_code),
            line_name=str(name),
            paid_fen=int(paid),
            rows=int(count),
            months_fen=tuple(int(x) for x in by_month),
            first=Place(filled[source].file, str(sheet), int(first)),
            rows_text=row_ranges(rows),
            batch_sha256=filled[source].sha256,
        )
        for (source, unit_code, _), paid, count, name, first, sheet, by_month, rows in zip(
            sums.index,
            sums["paid_fen"],
            sums["rows"],
            sums["name"],
            sums["first_row"],
            sums["sheet"],
            months.to_numpy(),
            numbers,
            strict=True,
        )
    ]
