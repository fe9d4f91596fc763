"""kill −9 in the middle of ``jixiao import``: the store holds the old snapshot or the new one, never a mix, and the next
import succeeds and cleans up. On SQLite, and on PostgreSQL where its binaries are."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from jixiao.domain.books import Kind
from jixiao.storage import tables as t
from jixiao.storage.batches import in_force
from jixiao.storage.differences import ledger_of, rows_of
from jixiao.storage.engine import open_engine
from tests.e2e.test_postgresql import _why_not
from tests.fixtures import postgresql
from tests.fixtures.damage import UNIT, YEAR, csv_bytes, execution, payments, xlsx

KILLS = 10
ROWS = 20_000
FEN_EXECUTED = 304_000_000
# Every other kill waits until a snapshot is being written, so that not all of them meet the reading of the files.
STORING = "*.part"
# Storing takes a part of a second; the whole, with the start of the program, some seconds.
SECONDS_STORING = 0.3
SECONDS_AT_MOST = 60


@dataclass(frozen=True)
class Office:
    """A store and its working folder."""

    url: str
    folder: Path

    def start(self, files: list[Path]) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "jixiao", "import", *map(str, files), "--yes", "--json"]
        return subprocess.Popen(
            [*command, "--db", self.url, "--year", str(YEAR), "--unit", UNIT],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "JIXIAO_STORE__VAR": str(self.folder)},
        )

    def run(self, files: list[Path]) -> float:
        """Import to the end; returns the seconds it took."""
        begun = time.perf_counter()
        child = self.start(files)
        out, err = child.communicate()
        assert child.returncode == 0, err.decode()
        assert all(file["batches"] for file in json.loads(out))
        return time.perf_counter() - begun

    def wait_until_it_stores(self, child: subprocess.Popen[bytes]) -> None:
        latest = time.monotonic() + SECONDS_AT_MOST
        while child.poll() is None and not any(self.snapshots.glob(STORING)):
            assert time.monotonic() < latest
            time.sleep(0.001)

    @property
    def snapshots(self) -> Path:
        return self.folder / "snapshots" if self.url.startswith("sqlite") else next(self.folder.rglob("snapshots"))

    def held(self) -> tuple[int, int, int]:
        """Payments in force, their sum, and the executed total of the budget lines in force: one state of the store."""
        with Session(open_engine(self.url)) as session:
            of_kind = {
                a.scope.kind: {batch: [UNIT] for batch in a.batch_ids}
                for a in in_force(session, year=YEAR, units=[UNIT])
            }
            frame = ledger_of(session, of_kind[Kind.PAYMENTS], self.snapshots)
            lines = rows_of(session, t.BudgetLineRow, of_kind[Kind.BUDGET_EXECUTION])[UNIT]
        return len(frame), int(frame["amount_fen"].sum()), next(x["executed_fen"] for x in lines if x["level"] == 0)

    def files_that_no_batch_names(self) -> set[str]:
        with Session(open_engine(self.url)) as session:
            named = set(session.scalars(sa.select(t.LedgerSnapshotRow.file)))
        return {path.name for path in self.snapshots.iterdir() if path.suffix != ".part"} - named


@dataclass(frozen=True)
class Version:
    """The ``number``-th export of a ledger and its execution table: a payment more, and a yuan more spent, each time."""

    number: int
    files: list[Path]
    state: tuple[int, int, int]


def version(number: int, folder: Path) -> Version:
    into = folder / str(number)
    into.mkdir(parents=True)
    ledger, budget = into / "明细.csv", into / "执行.xlsx"
    head, *body = payments(ROWS + number)
    amounts = [n % 97 * 100 + 50 for n in range(len(body))]
    paid = [[*row[:5], f"{fen // 100}.50", *row[6:]] for row, fen in zip(body, amounts, strict=True)]
    ledger.write_bytes(csv_bytes([head, *paid]))
    lines = [list(row) for row in execution()]
    for at in (1, 5, 7):  # the total, 项目支出, 设备购置
        lines[at][4] += number
        lines[at][5] = None
    budget.write_bytes(xlsx(lines))
    return Version(number, [ledger, budget], (len(body), sum(amounts), FEN_EXECUTED + number * 100))


def survives(office: Office, inputs: Path) -> None:
    first = version(0, inputs)
    whole = office.run(first.files)
    stands = first.state
    assert office.held() == stands
    chance = random.Random(20221231)
    for number in range(1, KILLS + 1):
        new = version(number, inputs)
        child = office.start(new.files)
        if number % 2:
            office.wait_until_it_stores(child)
            time.sleep(chance.uniform(0, SECONDS_STORING))
        else:
            time.sleep(chance.uniform(0, whole))
        child.send_signal(signal.SIGKILL)
        child.communicate()
        held = office.held()
        assert held in {stands, new.state}, f"第 {number} 次"
        stands = held
    last = version(KILLS + 1, inputs)
    office.run(last.files)
    assert office.held() == last.state
    assert office.files_that_no_batch_names() == set()


def test_a_killed_import_leaves_the_old_snapshot_or_the_new_one(tmp_path):
    survives(Office(f"sqlite:///{tmp_path}/jixiao.db", tmp_path), tmp_path / "收件")


def test_of_two_imports_at_once_one_waits_and_both_are_stored(tmp_path):
    office = Office(f"sqlite:///{tmp_path}/jixiao.db", tmp_path)
    versions = [version(number, tmp_path / "收件") for number in range(2)]
    together = [office.start(one.files) for one in versions]
    said = [child.communicate() for child in together]
    assert [child.returncode for child in together] == [0, 0], said
    assert office.held() in {one.state for one in versions}


@pytest.mark.postgresql
@pytest.mark.skipif(bool(_why_not()), reason=_why_not() or "-")
def test_a_killed_import_leaves_postgresql_whole(tmp_path):
    folder = postgresql.binaries()
    assert folder is not None
    with postgresql.running(folder) as address:
        survives(Office(address, tmp_path), tmp_path / "收件")
        open_engine(address).dispose()
