"""Snapshots in force: a re-export supersedes, is compared before it is stored, and can be taken back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from jixiao import cli
from jixiao.cycle import import_files, import_inbox, list_batches, read_files, revert_batch, snapshots_folder
from jixiao.domain.books import Kind
from jixiao.domain.findings import Outcome
from jixiao.errors import UsageError
from jixiao.storage.batches import Scope, in_force
from jixiao.storage.differences import ledger_of
from jixiao.storage.engine import open_engine
from tests.fixtures import bare
from tests.fixtures.damage import UNIT, UNIT_NAME, YEAR, csv_bytes, execution, payments, with_cell, with_column, xlsx

SCOPE = frozenset({UNIT})


class Store:
    """A store in a folder, and the files that are put into it."""

    def __init__(self, folder, name="jixiao.db"):
        self.folder = folder
        self.url = f"sqlite:///{folder}/{name}"

    def put(self, name, content, **options):
        path = self.folder / name
        path.write_bytes(content)
        options = {"scope": SCOPE} | options
        reading, stored = import_files([path], year=YEAR, database_url=self.url, var=str(self.folder), **options)
        return reading.files[0], stored[0]

    def put_all(self, files, **options):
        """Import some files together; returns their readings."""
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
        paths = [self.folder / name for name in files]
        return import_files(paths, year=YEAR, database_url=self.url, var=str(self.folder), **options)[0].files

    def revert(self, stored):
        return revert_batch(stored.batch_ids[0], database_url=self.url, reason="")

    def look(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        against = snapshots_folder(self.url, str(self.folder))
        return read_files([path], year=YEAR, scope=SCOPE, database_url=self.url, against=against).files[0]

    def ledger(self, unit=UNIT):
        """The payments in force of a unit, as sorted tuples."""
        with Session(open_engine(self.url)) as session:
            adoptions = in_force(session, year=YEAR, units=[unit], kinds=[Kind.PAYMENTS])
            batches = {batch: [unit] for adoption in adoptions for batch in adoption.batch_ids}
            frame = ledger_of(session, batches, self.folder / "snapshots")
        return sorted(frame[["voucher_no", "line_name", "amount_fen"]].itertuples(index=False, name=None))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def diff_of(file):
    return next((f for f in file.findings if f.code in {"SNAPSHOT_DIFF", "SNAPSHOT_ADDED"}), None)


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
    assert "新增 2 行 23447.00 元" in diff_of(file).message
    assert done.superseded
    assert len(store.ledger()) == 10


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (payments(8)[:-1], "消失 1 行 9872.50 元。例如：消失凭证 20230000000008"),
        (with_cell(payments(8), 3, "F", "2469.50"), "变更 1 行 1.00 元。例如：变更凭证 20230000000002"),
        (
            [*payments(8)[:-1], ["99", UNIT, UNIT_NAME, "设备购置", "31002", "1.00", "2023-01-01", ""]],
            "新增 1 行 1.00 元，消失 1 行",
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
    with pytest.raises(UsageError, match=f"被批次 {second.batch_ids[0]} 取代"):
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
    assert "变更 3 行 15000.00 元" in said
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


def test_back_and_back_again_is_the_time_before_the_first_import(store):
    _, first = store.put("a.csv", csv_bytes(payments(8)))
    before = store.ledger()
    _, second = store.put("b.csv", csv_bytes(payments(5)), yes=True)
    store.revert(second)
    assert store.ledger() == before
    store.revert(first)
    assert store.ledger() == []
    with pytest.raises(UsageError, match="已经撤销过"):
        store.revert(first)
    _, again = store.put("b.csv", csv_bytes(payments(5)))
    assert again.batch_ids == second.batch_ids
    assert len(store.ledger()) == 5


def test_a_file_that_was_superseded_is_put_in_force_again_by_importing_it(store):
    _, first = store.put("a.csv", csv_bytes(payments(8)))
    _, second = store.put("b.csv", csv_bytes(payments(9)))
    file, again = store.put("a.csv", csv_bytes(payments(8)))
    assert file.outcome is Outcome.ASK_USER
    _, again = store.put("a.csv", csv_bytes(payments(8)), yes=True)
    assert (again.batch_ids, again.superseded, again.was_known) == (first.batch_ids, second.batch_ids, True)
    assert len(store.ledger()) == 8


OTHER = "770002"


def of_units(*units, count=4):
    """One ledger of several units, with vouchers of their own."""
    head, *rows = payments(count)
    return [head, *[[f"{unit[-1]}{row[0]}", unit, f"单位{unit}", *row[3:]] for unit in units for row in rows]]


def test_a_batch_of_two_units_goes_back_for_both_or_for_none(store):
    _, both = store.put("a.csv", csv_bytes(of_units(UNIT, OTHER)), scope=frozenset())
    file, one = store.put("b.csv", csv_bytes(of_units(OTHER, count=5)), scope=frozenset())
    assert [f.message for f in file.findings if f.code == "SNAPSHOT_UNITS_KEPT"] == [
        f"上次的批次 {both.batch_ids[0]} 还有单位 {UNIT}，这次没有：其现行数据保留不变"
    ]
    (shown,) = [b for b in list_batches(database_url=store.url) if b.batch_id == both.batch_ids[0]]
    assert shown.units_in_force == (UNIT,)
    with pytest.raises(UsageError, match=f"{OTHER} 国库支付明细已被批次 {one.batch_ids[0]} 取代"):
        store.revert(both)
    store.revert(one)
    assert {r.scope.unit_code for r in store.revert(both)} == {UNIT, OTHER}
    assert store.ledger() == []


def test_what_waits_holds_back_the_other_parts_of_its_ledger(store):
    """A unit in two files: one of them alone would supersede what it is only a part of."""
    whole = of_units(UNIT, OTHER, count=6)
    first, second = whole[:-3], [whole[0], *whole[-3:]]
    store.put_all({"一.csv": csv_bytes(first), "二.csv": csv_bytes(second)})
    before = store.ledger(UNIT), store.ledger(OTHER)
    less = [first[0], *first[2:]]  # a payment of UNIT is gone; the other file feeds OTHER alone
    more = [*second, ["9", OTHER, f"单位{OTHER}", "设备购置", "31002", "1.00", f"{YEAR}-05-05", ""]]
    files = store.put_all({"一.csv": csv_bytes(less), "二.csv": csv_bytes(more)})
    assert [file.outcome for file in files] == [Outcome.ASK_USER] * 2
    assert "要和它一起入库" in " ".join(f.message for f in files[1].findings)
    assert (store.ledger(UNIT), store.ledger(OTHER)) == before
    store.put_all({"一.csv": csv_bytes(less), "二.csv": csv_bytes(more)}, yes=True)
    assert (len(store.ledger(UNIT)), len(store.ledger(OTHER))) == (5, 7)


def test_one_fund_under_two_names_is_not_counted_twice(store):
    coded = with_column(payments(4), "资金性质", ["11"] * 4)
    named = with_column(payments(5), "资金性质", ["一般公共预算资金"] * 5)
    _, first = store.put("a.csv", csv_bytes(coded))
    file, second = store.put("b.csv", csv_bytes(named))
    assert second.superseded == first.batch_ids
    assert "新增 1 行" in diff_of(file).message
    assert len(store.ledger()) == 5
    store.revert(second)
    assert len(store.ledger()) == 4


def test_a_part_that_came_between_keeps_the_whole_from_coming_back_beside_it(store):
    general = with_column(payments(4), "资金性质", ["11"] * 4)
    other = [general[0], *[["9" + str(row[0]), *row[1:-1], "12"] for row in general[1:]]]
    store.put("a.csv", csv_bytes(payments(8)))
    _, eleven = store.put("b.csv", csv_bytes(general), yes=True)
    _, twelve = store.put("c.csv", csv_bytes(other))
    with pytest.raises(UsageError, match="恢复后会重复计算"):
        store.revert(eleven)
    store.revert(twelve)
    store.revert(eleven)
    assert len(store.ledger()) == 8


def test_a_ledger_of_all_funds_and_one_of_a_single_fund_in_one_import_are_one_snapshot(store):
    general = with_column(payments(4), "资金性质", ["11"] * 4)
    plain = [payments()[0], *[["8" + str(row[0]), *row[1:]] for row in payments(3)[1:]]]
    for _ in range(2):
        files = store.put_all({"a.csv": csv_bytes(general), "b.csv": csv_bytes(plain)})
        assert [diff_of(file) for file in files] == [None, None]
        assert len(store.ledger()) == 7
    with Session(open_engine(store.url)) as session:
        assert [a.scope.part for a in in_force(session, year=YEAR, units=[UNIT])] == [""]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("payments", ""), ("payments", "11"), True),
        (("payments", "11"), ("payments", "12"), False),
        (("payments", "11"), ("budget_execution", "11"), False),
        (("project_form", ""), ("project_form", "甲项目"), False),
        (("project_form", "甲项目"), ("project_form", "甲项目"), True),
    ],
)
def test_which_snapshots_are_of_the_same_rows(one, other, same):
    scopes = [Scope(YEAR, UNIT, Kind(kind), part) for kind, part in (one, other)]
    assert scopes[0].speaks_for(scopes[1]) is scopes[1].speaks_for(scopes[0]) is same
    assert not scopes[0].speaks_for(Scope(YEAR + 1, UNIT, scopes[0].kind, scopes[0].part))


def test_a_lost_snapshot_is_mended_by_its_own_file_and_asked_about_for_any_other(store):
    _, first = store.put("a.csv", csv_bytes(payments(8)))
    before = store.ledger()
    (lost,) = (store.folder / "snapshots").glob("*.parquet")
    lost.unlink()
    file, _ = store.put("b.csv", csv_bytes(payments(9)))
    assert file.outcome is Outcome.ASK_USER
    assert "无法比较" in diff_of(file).message
    _, again = store.put("a.csv", csv_bytes(payments(8)))
    assert again.batch_ids == first.batch_ids
    assert store.ledger() == before


@pytest.mark.parametrize(
    ("name", "title", "said"),
    [
        ("国库支付快报.csv", "", "快报"),
        ("支付.csv", "2023年度部门决算", "决算"),
        ("快报.csv", "2023年度决算批复表", "批复"),
        ("支付.csv", "2023年部门预算批复", ""),
    ],
)
def test_how_far_figures_are_is_read_from_title_and_name(store, name, title, said):
    rows = [[title], *payments()] if title else payments()
    _, done = store.put(name, csv_bytes(rows))
    assert done.maturity == said


def test_what_a_person_says_of_the_figures_holds_for_the_same_file_too(store):
    store.put("快报.csv", csv_bytes(payments()))
    _, done = store.put("快报.csv", csv_bytes(payments()), maturity="决算")
    assert (done.was_known, done.maturity) == (True, "决算")
    file, done = store.put("快报.csv", csv_bytes(payments()))
    assert (file.outcome.rank < Outcome.ASK_USER.rank, done.maturity) == (True, "决算")
    file, _ = store.put("新快报.csv", csv_bytes(payments(9)))
    assert "MATURITY_LOWER" in {f.code for f in file.findings}


def test_early_figures_of_the_same_amounts_are_asked_about_too(store):
    store.put("a.csv", csv_bytes(payments()), maturity="决算")
    file, _ = store.put("快报.csv", csv_bytes([*payments(), []]))
    assert file.outcome is Outcome.ASK_USER
    assert [f.code for f in file.findings if f.outcome is Outcome.ASK_USER] == ["MATURITY_LOWER"]


def test_the_same_budget_in_another_order_and_unit_is_no_change(store):
    store.put("a.xlsx", xlsx(execution()))
    rows = execution()
    wan = [[*rows[0]], *[[row[0], *[value / 10_000 for value in row[1:5]], row[5]] for row in rows[1:]]]
    wan = [["单位：万元"], *wan[:6], wan[7], wan[6]]
    file = store.look("b.xlsx", xlsx(wan))
    assert diff_of(file) is None


def test_a_table_that_loses_lines_says_which(store):
    store.put("a.xlsx", xlsx(execution()))
    rows = execution()
    (total, basic) = rows[1], rows[2]
    less = [rows[0], [total[0], *basic[1:]], basic, *rows[3:5]]
    message = diff_of(store.look("b.xlsx", xlsx(less))).message
    assert "消失 3 行 1800000.00 元" in message
    assert "消失「设备购置」" in message


def test_an_import_that_breaks_off_leaves_a_file_that_the_next_one_removes(store, monkeypatch):
    store.put("a.csv", csv_bytes(payments(8)))
    with monkeypatch.context() as broken:
        broken.setattr("jixiao.storage.batches.adopt", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.put("b.csv", csv_bytes(payments(9)))
    folder = store.folder / "snapshots"
    assert len(list(folder.glob("*.parquet"))) == 2
    assert len(list(folder.glob("pending-*"))) == 1
    store.put("c.csv", csv_bytes(payments(10)))
    assert len(list(folder.iterdir())) == 2
    assert len(store.ledger()) == 10


def test_a_file_that_another_store_uses_is_not_taken_for_an_orphan(store, monkeypatch):
    """Two stores in one folder share their snapshots: the same rows are the same file."""
    with monkeypatch.context() as broken:
        broken.setattr("jixiao.storage.batches.adopt", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.put("a.csv", csv_bytes(payments(8)))
    other = Store(store.folder, "other.db")
    other.put("a.csv", csv_bytes(payments(8)))
    store.put("b.csv", csv_bytes(payments(9)))
    assert len(other.ledger()) == 8


@pytest.fixture
def jixiao(store, monkeypatch, capsys):
    """Call the command line in the store's folder; returns (exit code, stdout)."""

    def call(*arguments):
        monkeypatch.chdir(store.folder)
        monkeypatch.setattr("sys.argv", ["jixiao", *arguments, "--db", store.url])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code or 0, capsys.readouterr().out

    return call


def test_the_command_line_says_what_was_stored_what_it_replaced_and_goes_back(store, jixiao):
    for name, rows in (("a.csv", payments(8)), ("b.csv", payments(7))):
        (store.folder / name).write_bytes(csv_bytes(rows))
    of_year = ("--year", str(YEAR), "--unit", UNIT)
    code, out = jixiao("import", "a.csv", *of_year, "--maturity", "决算")
    assert (code, "已入库：a.csv → 批次 1（决算）" in out) == (0, True)
    code, out = jixiao("import", "a.csv", *of_year)
    assert (code, "此前已导入过，没有变化：a.csv → 批次 1（决算）" in out) == (0, True)
    code, out = jixiao("check", "b.csv", *of_year, "--against-db")
    assert (code, "消失 1 行 9872.50 元。例如：消失凭证" in out) == (5, True)
    code, out = jixiao("import", "b.csv", *of_year)
    assert (code, "已入库 0 个文件" in out) == (5, True)
    code, out = jixiao("import", "b.csv", *of_year, "--yes", "--json")
    (made,) = json.loads(out)
    assert (code, made["batches"], made["superseded"], made["known"]) == (0, [2], [1], False)
    code, out = jixiao("batches", "--json")
    assert [(b["batch_id"], b["in_force"]) for b in json.loads(out)] == [(2, True), (1, False)]
    assert jixiao("import", "--revert", "1")[0] == 2
    code, out = jixiao("import", "--revert", "2", "--reason", "导错了")
    assert (code, "已撤销批次 2，现行数据恢复为批次 1" in out) == (0, True)
    assert "已被取代或撤销" in jixiao("batches")[1]


def annual(store, inbox, **changes):
    """The first stage of ``jixiao annual`` alone."""
    made = bare.request(inbox, store.folder, year=YEAR)
    return import_inbox(replace(made, database_url=store.url, var=str(store.folder), **changes))


def test_annual_adopts_its_inbox_without_a_question_and_says_nothing_of_the_store(store, tmp_path):
    """The same inbox is the same run, whatever the store held before."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "支付.csv").write_bytes(csv_bytes(payments(5)))
    store.put("a.csv", csv_bytes(payments(8)))
    receipts = [annual(store, inbox), annual(store, inbox), annual(Store(tmp_path, "fresh.db"), inbox)]
    assert len({receipt.run_id for receipt in receipts}) == 1
    assert len({str(receipt.findings_by_code) for receipt in receipts}) == 1
    assert len(store.ledger()) == 5
    assert [b.in_force for b in list_batches(database_url=store.url)] == [True, False]


def test_annual_leaves_final_figures_in_force_where_its_inbox_has_early_ones(store, tmp_path):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "快报.csv").write_bytes(csv_bytes(payments(5)))
    store.put("a.csv", csv_bytes(payments(8)), maturity="决算")
    annual(store, inbox)
    assert len(store.ledger()) == 8
    (inbox / "快报.csv").rename(inbox / "决算.csv")
    (inbox / "决算.csv").write_bytes(csv_bytes(payments(6)))
    annual(store, inbox)
    assert len(store.ledger()) == 6
