"""kill −9 in the middle of an import: the store holds the old snapshot or the new one, never a mix, and the next import
succeeds. On SQLite, and on PostgreSQL where its binaries are."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from jixiao.cycle import import_files
from jixiao.domain.books import Kind
from jixiao.storage.batches import Previous, in_force
from jixiao.storage.engine import open_engine
from tests.e2e.test_postgresql import _why_not
from tests.fixtures import postgresql
from tests.fixtures.damage import UNIT, YEAR, csv_bytes, execution, payments, xlsx

KILLS = 10
ROWS = 6_000
_CHILD = """
import sys
from pathlib import Path
import pandas, pyarrow.csv, pyarrow.parquet, python_calamine, sqlalchemy.orm
import jixiao.cycle.snapshots, jixiao.intake.inbox, jixiao.storage.batches, jixiao.storage.run_store
from jixiao.cycle import import_files
sys.stdout.write("begun\\n"); sys.stdout.flush()
import_files([Path(p) for p in sys.argv[3:]], year={year}, database_url=sys.argv[1], var=sys.argv[2], yes=True)
"""


def held(url: str, var: Path) -> tuple[int, int, int]:
    """Payments in force, their sum, and the executed total of the budget lines in force: one state of the store."""
    with Session(open_engine(url)) as session:
        adoptions = in_force(session, year=YEAR, units=[UNIT])
        folder = Path(url.removeprefix("sqlite:///")).parent if url.startswith("sqlite") else var
        previous = Previous(session, adoptions, folder / "snapshots")
        batches = {kind: [b for a in adoptions if a.scope.kind is kind for b in a.batch_ids] for kind in Kind}
        frame = previous.ledger(batches[Kind.PAYMENTS], UNIT)
        lines = previous.lines(batches[Kind.BUDGET_EXECUTION], UNIT)
    total = next((line.executed.fen for line in lines if line.level == 0 and line.executed), 0)
    return len(frame), int(frame["amount_fen"].sum()) if len(frame) else 0, total


def _files(folder: Path, *, rows: int, more: int) -> list[Path]:
    folder.mkdir()
    ledger, budget = folder / "明细.csv", folder / "执行.xlsx"
    head, *body = payments(rows)
    ledger.write_bytes(csv_bytes([head, *[[*row[:5], f"{n % 97}.50", *row[6:]] for n, row in enumerate(body)]]))
    budget.write_bytes(xlsx(_more(more)))
    return [ledger, budget]


def _more(fen: int) -> list[list[object]]:
    """The execution table with more spent on one line, and in its totals."""
    rows = [list(row) for row in execution()]
    for at in (1, 5, 7):
        rows[at][4] += fen
        rows[at][5] = None
    return rows


def _survives(url: str, var: Path, tmp_path: Path) -> None:
    old, new = _files(tmp_path / "旧", rows=ROWS, more=0), _files(tmp_path / "新", rows=ROWS + 500, more=1_000)
    put = {"year": YEAR, "database_url": url, "var": str(var), "yes": True}
    import_files(old, **put)
    before = held(url, var)
    begun = time.perf_counter()
    import_files(new, **put)
    whole = time.perf_counter() - begun
    after = held(url, var)
    assert before[0] == ROWS
    assert after[0] == ROWS + 500
    assert after[2] == before[2] + 100_000
    chance = random.Random(20221231)
    states = []
    for number in range(KILLS):
        files = old if states and states[-1] == after else new
        if not states:
            import_files(old, **put)
        code = _CHILD.format(year=YEAR)
        child = subprocess.Popen(
            [sys.executable, "-c", code, url, str(var), *map(str, files)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "JIXIAO_LANG": "zh"},
        )
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep((number + chance.random()) / KILLS * 4 * whole)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        states.append(held(url, var))
        assert states[-1] in {before, after}, f"第 {number + 1} 次"
    import_files(new, **put)
    assert held(url, var) == after
    import_files(old, **put)
    assert held(url, var) == before


def test_a_killed_import_leaves_the_old_snapshot_or_the_new_one(tmp_path):
    _survives(f"sqlite:///{tmp_path}/jixiao.db", tmp_path, tmp_path)


@pytest.mark.postgresql
@pytest.mark.skipif(bool(_why_not()), reason=_why_not() or "-")
def test_a_killed_import_leaves_postgresql_whole(tmp_path):
    folder = postgresql.binaries()
    assert folder is not None
    with postgresql.running(folder) as address:
        _survives(address, tmp_path, tmp_path)
        open_engine(address).dispose()
