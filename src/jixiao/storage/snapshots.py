"""Ledger rows as immutable Parquet snapshots, sorted by unit, line and day, named by their own hash (ADR 0003).

One file a payments batch, beside the store. Reading sums by line and month is one aggregation for a whole batch of units.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jixiao.domain.books import LedgerTotal
from jixiao.domain.findings import Place
from jixiao.domain.names import bare_name
from jixiao.errors import StoreError

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("unit_code", "voucher_no", "line_name", "amount_fen", "paid_on", "sheet", "row")
_MONTHS = 12


def write_snapshot(ledger: pd.DataFrame, folder: Path) -> tuple[str, str]:
    """Write the rows of one batch and return (file name, sha256). The same rows give the same bytes.

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
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder, suffix=".part")
    os.close(handle)
    try:
        pq.write_table(table, temporary, compression="zstd")
        content = Path(temporary).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        target = folder / f"{digest}.parquet"
        Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return target.name, digest


def read_snapshot(path: Path, unit_codes: Sequence[str]) -> pd.DataFrame:
    """The rows of some units.

    Raises:
        StoreError: the file is gone.
    """
    import pyarrow.parquet as pq

    if not path.is_file():
        raise StoreError(f"支付明细快照不见了：{path.name}", "从备份恢复快照文件夹，或重新导入支付明细")
    table: Any = pq.read_table(path, filters=[("unit_code", "in", list(unit_codes))])
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _ranges(rows: Sequence[int]) -> str:
    """Row numbers as people write them: ``7–11、15``."""
    parts = []
    for _, group in groupby(enumerate(sorted(rows)), key=lambda pair: pair[1] - pair[0]):
        run = [row for _, row in group]
        parts.append(f"{run[0]}–{run[-1]}" if len(run) > 1 else f"{run[0]}")
    return "、".join(parts)


def ledger_totals(frame: pd.DataFrame, *, year: int, file: str, sha256: str) -> list[LedgerTotal]:
    """Sums by unit and budget line, and by month, of a frame from ``read_snapshot``; in order of unit and line."""
    import pandas as pd

    if frame.empty:
        return []
    names = {name: bare_name(name) for name in frame["line_name"].unique()}
    frame = frame.assign(line=frame["line_name"].map(names))
    paid_on = pd.to_datetime(frame["paid_on"])
    frame = frame.assign(month=paid_on.dt.month.where(paid_on.dt.year == year, 0).fillna(0).astype(int))
    by_line = frame.groupby(["unit_code", "line"], sort=True)
    sums = by_line.agg(
        paid_fen=("amount_fen", "sum"),
        rows=("row", "size"),
        name=("line_name", "first"),
        first_row=("row", "min"),
        sheet=("sheet", "first"),
    )
    months = frame.pivot_table(
        index=["unit_code", "line"], columns="month", values="amount_fen", aggfunc="sum", fill_value=0
    )
    months = months.reindex(columns=range(1, _MONTHS + 1), fill_value=0).reindex(sums.index)
    numbers = by_line["row"].apply(list)
    return [
        LedgerTotal(
            unit_code=str(unit_code),
            line_name=str(name),
            paid_fen=int(paid),
            rows=int(count),
            months_fen=tuple(int(x) for x in by_month),
            first=Place(file, str(sheet), int(first)),
            rows_text=_ranges(rows),
            batch_sha256=sha256,
        )
        for (unit_code, _), paid, count, name, first, sheet, by_month, rows in zip(
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
