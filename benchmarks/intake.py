"""make bench: how fast a ledger is taken in, beside plain pandas on the same files in the same run.

Each measurement is a process of its own, so that its peak memory is its own; the way of intake and the plain way take
turns, and the best of some rounds counts. Machines are noisy: read the ratios.

``python benchmarks/intake.py --rows 10000000 --only csv`` measures ten million rows.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HISTORY = ROOT / "benchmarks" / "history" / "intake.jsonl"
YEAR = 2022
HEAD = (
    "支付凭证号",
    "单位编码",
    "单位名称",
    "项目名称",
    "支出功能分类",
    "部门经济分类",
    "资金性质",
    "支付金额",
    "支付日期",
    "业务类型",
    "用途",
)
_UNITS, _LINES = 200, 300
# The few payments that warm a process up are those of other units: what is measured supersedes nothing.
_FIRST_UNIT, _WARM_UNIT, _WARM_ROWS = 301_000, 401_000, 100


def payments(rows: int, first_unit: int = _FIRST_UNIT) -> Iterator[tuple[str, ...]]:
    """Invented payments of 200 units, sorted by unit as a treasury exports them; some are refunds."""
    chance = random.Random(20221231)
    for n in range(rows):
        unit, line = n * _UNITS // rows, chance.randrange(_LINES)
        refund = n % 500 == 499
        amount = f"-{chance.randrange(1, 100)}.00" if refund else f"{chance.randrange(1, 50_000_000) / 100:.2f}"
        day = date(YEAR, 1, 1) + timedelta(chance.randrange(365))
        yield (
            f"{YEAR}{n:010d}",
            str(first_unit + unit),
            f"某某市第{unit}事业中心",
            f"项目{line:03d}号运行维护经费",
            "2060503",
            f"302{line % 30:02d}",
            "11",
            amount,
            day.isoformat(),
            "资金退回" if refund else "普通支付",
            f"项目{line:03d}号经费第{n % 97}笔",
        )


def write_csv(path: Path, rows: Iterable[tuple[str, ...]], encoding: str = "utf-8") -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        file.write(",".join(HEAD) + "\r\n")
        file.writelines(",".join(row) + "\r\n" for row in rows)


def write_xlsx(path: Path, rows: Iterable[tuple[str, ...]]) -> None:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Sheet1")
    sheet.append(HEAD)
    for row in rows:
        sheet.append([*row[:7], float(row[7]), *row[8:]])
    book.save(path)


# ── what one process measures ────────────────────────────────────────────────────────────────────────────────────────


def _intake(path: Path, folder: str) -> int:
    """Read, check, type and store, as ``jixiao import`` does."""
    from jixiao.cycle import import_files

    reading, _ = import_files([path], year=YEAR, database_url=f"sqlite:///{folder}/jixiao.db", var=folder)
    return reading.files[0].rows_accepted


def _plain(path: Path) -> int:
    import pandas as pd

    if path.suffix == ".xlsx":
        return len(pd.read_excel(path, engine="calamine", dtype=str))
    return len(pd.read_csv(path, dtype=str, encoding="gb18030" if "gb18030" in path.name else "utf-8"))


def measure(way: str, path: Path) -> None:
    """Print seconds, rows and peak memory. Modules are loaded and the store stands before the clock starts, both ways."""
    with tempfile.TemporaryDirectory() as folder:
        few = Path(folder) / f"few{path.suffix}"
        (write_xlsx if path.suffix == ".xlsx" else write_csv)(few, payments(_WARM_ROWS, _WARM_UNIT))
        _plain(few)
        _intake(few, folder)
        base = _peak_mib()
        begun = time.perf_counter()
        rows = _intake(path, folder) if way == "intake" else _plain(path)
        seconds = time.perf_counter() - begun
    made = {"seconds": round(seconds, 3), "rows": rows, "peak_mib": round(_peak_mib()), "base_mib": round(base)}
    sys.stdout.write(json.dumps(made) + "\n")


def _peak_mib() -> float:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def measured(way: str, path: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--measure", way, str(path)]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    made: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return made


def compare(path: Path, rounds: int) -> dict[str, Any]:
    """The best of each way, by turns."""
    found: dict[str, list[dict[str, Any]]] = {"intake": [], "plain": []}
    for number in range(rounds):
        for way in ("intake", "plain") if number % 2 else ("plain", "intake"):
            found[way].append(measured(way, path))
    best = {way: min(made, key=lambda m: m["seconds"]) for way, made in found.items()}
    intake, plain = best["intake"], best["plain"]
    return {
        "file": path.name,
        "mib": round(path.stat().st_size / 2**20),
        "rows": intake["rows"],
        "intake_seconds": intake["seconds"],
        "intake_rows_per_second": round(intake["rows"] / intake["seconds"]),
        "intake_peak_mib": max(m["peak_mib"] for m in found["intake"]),
        "plain_seconds": plain["seconds"],
        "plain_peak_mib": max(m["peak_mib"] for m in found["plain"]),
        "intake_over_plain": round(intake["seconds"] / plain["seconds"], 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", nargs=2, metavar=("WAY", "FILE"))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--xlsx-rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("csv", "gb18030", "xlsx"))
    told = parser.parse_args()
    if told.measure:
        measure(told.measure[0], Path(told.measure[1]))
        return
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("csv", "gb18030", "xlsx"):
            if told.only not in {None, name}:
                continue
            path = (
                Path(folder) / {"csv": "payments.csv", "gb18030": "payments_gb18030.csv", "xlsx": "payments.xlsx"}[name]
            )
            if name == "xlsx":
                write_xlsx(path, payments(told.xlsx_rows))
            else:
                write_csv(path, payments(told.rows), "utf-8" if name == "csv" else "gb18030")
            results.append(compare(path, told.rounds))
            sys.stdout.write(json.dumps(results[-1], ensure_ascii=False) + "\n")
            path.unlink()
    HISTORY.parent.mkdir(parents=True, exist_ok=True)
    with HISTORY.open("a", encoding="utf-8") as history:
        machine = f"{platform.machine()} {os.cpu_count()} cores, Python {platform.python_version()}"
        line = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine, "results": results}
        history.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
