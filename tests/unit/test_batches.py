"""Snapshots in force: a re-export supersedes, is compared before it is stored, and can be taken back."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from jixiao.cycle import import_files, list_batches, read_files, revert_batch, snapshots_folder
from jixiao.domain.books import Kind
from jixiao.domain.findings import Outcome
from jixiao.errors import UsageError
from jixiao.storage.batches import Previous, in_force
from jixiao.storage.engine import open_engine
from tests.fixtures.damage import UNIT, UNIT_NAME, YEAR, csv_bytes, execution, payments, with_cell, with_column, xlsx

SCOPE = frozenset({UNIT})


class Store:
    """A store in a folder, and the files that are put into it."""

    def __init__(self, folder):
        self.folder = folder
        self.url = f"sqlite:///{folder}/jixiao.db"

    def put(self, name, content, **options):
        path = self.folder / name
        path.write_bytes(content)
        reading, stored = import_files(
            [path], year=YEAR, database_url=self.url, var=str(self.folder), scope=SCOPE, **options
        )
        return reading.files[0], stored[0]

    def look(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        against = snapshots_folder(self.url, str(self.folder))
        return read_files([path], year=YEAR, scope=SCOPE, database_url=self.url, against=against).files[0]

    def ledger(self):
        """The payments in force of the unit, as sorted tuples."""
        with Session(open_engine(self.url)) as session:
            adoptions = in_force(session, year=YEAR, units=[UNIT], kinds=[Kind.PAYMENTS])
            previous = Previous(session, adoptions, self.folder / "snapshots")
            batches = [batch for adoption in adoptions for batch in adoption.batch_ids]
            frame = previous.ledger(batches, UNIT)
        return sorted(frame[["voucher_no", "line_name", "amount_fen"]].itertuples(index=False, name=None))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def diff_of(file):
    return next((f for f in file.findings if f.code == "SNAPSHOT_DIFF"), None)


def test_the_same_file_a_second_time_changes_nothing(store):
    _, first = store.put("a.csv", csv_bytes(payments()))
    before = store.ledger()
    file, second = store.put("b.csv", csv_bytes(payments()))
    assert second.batch_ids == first.batch_ids
    assert second.was_known
    assert diff_of(file) is None
    assert store.ledger() == before
    assert len(list_batches(database_url=store.url)) == 1


def test_new_rows_alone_are_told_and_stored(store):
    store.put("a.csv", csv_bytes(payments(8)))
    file, done = store.put("b.csv", csv_bytes(payments(10)))
    assert file.outcome is Outcome.ACCEPT_LOGGED
    assert "新增 2 行（23447.00 元）" in diff_of(file).message
    assert done.superseded
    assert len(store.ledger()) == 10


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (payments(8)[:-1], "消失 1 行（9872.50 元）；如消失凭证 20230000000008"),
        (with_cell(payments(8), 3, "F", "2469.50"), "变更 1 行（1.00 元）；如变更凭证 20230000000002"),
        (
            [*payments(8)[:-1], ["99", UNIT, UNIT_NAME, "设备购置", "31002", "1.00", "2023-01-01", ""]],
            "新增 1 行（1.00 元），消失 1 行",
        ),
    ],
    ids=["vanished", "changed", "replaced"],
)
def test_rows_that_vanish_or_change_are_asked_about_and_nothing_is_stored(store, rows, said):
    store.put("a.csv", csv_bytes(payments(8)))
    before = store.ledger()
    looked_at = store.look("b.csv", csv_bytes(rows))
    assert looked_at.outcome is Outcome.ASK_USER
    assert said in diff_of(looked_at).message
    file, done = store.put("b.csv", csv_bytes(rows))
    assert file.outcome is Outcome.ASK_USER
    assert done.batch_ids == ()
    assert store.ledger() == before
    file, done = store.put("b.csv", csv_bytes(rows), yes=True)
    assert file.outcome is Outcome.ACCEPT_WITH_WARNING
    assert done.batch_ids
    assert store.ledger() != before


def test_a_superseded_snapshot_comes_back_to_the_fen(store):
    _, first = store.put("a.csv", csv_bytes(payments(8)))
    before = store.ledger()
    _, second = store.put("b.csv", csv_bytes(payments(5)), yes=True)
    assert second.superseded == first.batch_ids
    (done,) = revert_batch(second.batch_ids[0], database_url=store.url, reason="导错了")
    assert done.batch_ids == first.batch_ids
    assert store.ledger() == before
    states = {b.batch_id: b.in_force for b in list_batches(database_url=store.url)}
    assert states == {first.batch_ids[0]: True, second.batch_ids[0]: False}


def test_what_another_batch_superseded_is_not_reverted_over_its_head(store):
    _, first = store.put("a.csv", csv_bytes(payments(8)))
    _, second = store.put("b.csv", csv_bytes(payments(9)))
    with pytest.raises(UsageError, match=f"已被批次 {second.batch_ids[0]} 取代"):
        revert_batch(first.batch_ids[0], database_url=store.url, reason="")
    with pytest.raises(UsageError, match="没有批次 99"):
        revert_batch(99, database_url=store.url, reason="")


def test_reverting_the_first_import_leaves_nothing_in_force(store):
    _, first = store.put("a.csv", csv_bytes(payments(8)))
    (done,) = revert_batch(first.batch_ids[0], database_url=store.url, reason="")
    assert done.batch_ids == ()
    assert store.ledger() == []


def test_exports_of_two_funds_stand_beside_each_other(store):
    general = with_column(payments(4), "资金性质", ["11"] * 4)
    other = [general[0], *[["9" + str(row[0]), *row[1:-1], "12"] for row in general[1:]]]
    store.put("a.csv", csv_bytes(general))
    file, done = store.put("b.csv", csv_bytes(other))
    assert diff_of(file) is None
    assert done.superseded == ()
    assert len(store.ledger()) == 8


def test_an_execution_table_in_another_unit_than_before_is_asked_about(store):
    store.put("a.xlsx", xlsx(execution()))
    small = [execution()[0], *[[row[0], *[value / 10_000 for value in row[1:5]], row[5]] for row in execution()[1:]]]
    file = store.look("b.xlsx", xlsx(small))
    assert file.outcome is Outcome.ASK_USER
    assert "UNIT_IMPLAUSIBLE" in {f.code for f in file.findings}
    assert diff_of(file) is None


def test_changed_budget_lines_are_named(store):
    store.put("a.xlsx", xlsx(execution()))
    rows = with_cell(with_cell(with_cell(execution(), 8, "E", 345_000), 6, "E", 905_000), 2, "E", 3_045_000)
    said = diff_of(store.look("b.xlsx", xlsx(rows))).message
    assert "变更 3 行（15000.00 元）" in said
    assert "变更「设备购置」" in said


def test_early_figures_do_not_silently_replace_final_ones(store):
    store.put("a.csv", csv_bytes(payments()), maturity="决算")
    file, _ = store.put("b.csv", csv_bytes(payments(9)), maturity="快报")
    assert file.outcome is Outcome.ASK_USER
    assert "MATURITY_LOWER" in {f.code for f in file.findings}
    assert {b.maturity for b in list_batches(database_url=store.url)} == {"决算"}


def test_two_parts_of_a_ledger_in_one_import_are_one_snapshot(store, tmp_path):
    rows = payments(8)
    (tmp_path / "一.csv").write_bytes(csv_bytes(rows[:5]))
    (tmp_path / "二.csv").write_bytes(csv_bytes([rows[0], *rows[5:]]))
    paths = [tmp_path / "一.csv", tmp_path / "二.csv"]
    for _ in range(2):
        reading, _ = import_files(paths, year=YEAR, database_url=store.url, var=str(tmp_path), scope=SCOPE)
        assert [diff_of(file) for file in reading.files] == [None, None]
    assert len(store.ledger()) == 8
