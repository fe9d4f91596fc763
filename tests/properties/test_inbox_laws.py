"""Laws of an inbox: rows in = accepted + rejected + excluded, money likewise, for every kind of table; order changes nothing."""

from __future__ import annotations

import csv
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jixiao.domain.findings import Outcome
from jixiao.intake import read_inbox
from jixiao.intake.grids import delimited
from tests.fixtures.damage import REGISTER, damages
from tests.fixtures.damage import YEAR as DAMAGE_YEAR
from tests.fixtures.forms import case, case_names, draw, register, workbook
from tests.unit.test_intake import EXEC_HEAD, FORM_HEAD, sheet

YEAR = 2024
OURS, OTHERS, UNKNOWN = "410007", "410008", "7"
SETTINGS = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])

CODES = st.sampled_from([OURS, OURS, OURS, OTHERS, UNKNOWN])
AMOUNTS = st.one_of(
    st.integers(-(10**9), 10**12).map(lambda fen: f"{fen / 100:.2f}"),
    st.sampled_from(["0", "1,234.50", "（3.00）", "￥8.00", "2.345", "无", "—", "暂无", "1e5", "#REF!", ""]),
)
DATES = st.sampled_from([f"{YEAR}-03-05", f"{YEAR}/12/31", f"{YEAR - 1}-12-30", "2024-02-30", "昨天", ""])
NAMES = st.sampled_from(["档案数字化", "库房修缮", "设备购置", "培训", ""])
# Rows that every office's exports hold between their data, and that are none.
NOISE = st.sampled_from([[], [""], ["注：本表由系统导出"], ["填表人：甲"], ["续表"]])


def table_of(head, row):
    """A head and rows of data with noise between them; drawn with the number of data rows and the rows themselves."""
    return st.lists(
        st.one_of(row.map(lambda r: (True, r)), NOISE.map(lambda r: (False, r))), min_size=1, max_size=14
    ).map(lambda rows: ([head, *(r for _, r in rows)], sum(is_data for is_data, _ in rows)))


PAYMENTS = table_of(
    ["支付凭证号", "单位编码", "项目名称", "支付金额", "支付日期"],
    st.tuples(st.integers(1, 6).map(lambda n: f"{n:06d}"), CODES, NAMES, AMOUNTS, DATES).map(list),
)
ADJUSTMENTS = table_of(
    ["指标文号", "单位编码", "项目名称", "调整类型", "指标金额", "发文日期"],
    st.tuples(
        st.sampled_from(["财预〔2024〕1号", "财预〔2024〕2号"]),
        CODES,
        NAMES,
        st.sampled_from(["年初预算", "追加", "追减", "调剂", "不知道", ""]),
        AMOUNTS,
        DATES,
    ).map(list),
)
LINES = table_of(
    ["单位编码", *EXEC_HEAD],
    st.tuples(CODES, NAMES, AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, st.sampled_from(["90.00%", "0.9", "", "—"])).map(list),
)
INDICATORS = table_of(
    ["单位编码", *FORM_HEAD],
    st.tuples(
        CODES,
        st.just("产出"),
        st.sampled_from(["整理档案", "其中：民国档案", "", "查阅人次"]),
        st.sampled_from([">=100件", "有序推进"]),  # without any target and name a row is a filler of the form
        st.sampled_from(["120件", ""]),
        st.just("台账"),
        st.just(""),
        st.just(""),
    ).map(list),
)
TASKS = table_of(
    ["单位编码", "任务名称", "主要内容", "完成情况"],
    st.tuples(CODES, st.sampled_from(["修志", "编史"]), st.just("两卷"), st.sampled_from(["完成", ""])).map(list),
)
FACTS = table_of(
    ["单位编码", "数据项", "数值", "计量单位"],
    st.tuples(
        CODES,
        st.sampled_from(["在职人数", "事业编制", "天上的星"]),
        st.sampled_from(["12", "1,200", "很多"]),
        st.just("人"),
    ).map(list),
)
CONTACTS = table_of(
    ["单位编码", "责任科室", "邮箱", "负责指标"],
    st.tuples(
        CODES,
        st.sampled_from(["办公室", ""]),
        st.sampled_from(["a@b.cn", "a@b", ""]),
        st.sampled_from(["档案", "修缮"]),
    ).map(list),
)
REGISTERS = table_of(
    ["单位编码", "单位名称", "上级编码"],
    st.tuples(
        st.sampled_from([OURS, OTHERS, "", "410009"]), st.sampled_from(["临河县档案馆", "某局"]), st.just("410")
    ).map(list),
)
KINDS = {
    "payments": PAYMENTS,
    "budget_adjustments": ADJUSTMENTS,
    "budget_execution": LINES,
    "indicators": INDICATORS,
    "key_tasks": TASKS,
    "unit_facts": FACTS,
    "contacts": CONTACTS,
    "unit_register": REGISTERS,
}
REGISTER_ROWS = [["单位编码", "单位名称"], [OURS, "临河县档案馆"], [OTHERS, "某局"]]


def written(folder: Path, name: str, rows) -> Path:
    path = folder / name
    if path.suffix == ".xlsx":
        return sheet(path, rows)
    with path.open("w", encoding="utf-8-sig", newline="") as target:
        csv.writer(target).writerows(rows)
    return path


def read(rows, *, name="a.csv", scope=frozenset({OURS}), kind="payments"):
    with tempfile.TemporaryDirectory() as folder:
        written(Path(folder), name, rows)
        if kind != "unit_register":
            written(Path(folder), "名册.csv", REGISTER_ROWS)
        files = read_inbox([Path(folder)], year=YEAR, scope=scope).files
        return next(file for file in files if file.file == name)


def adds_up(tally):
    return tally.in_file == tally.accepted + tally.rejected + tally.excluded


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(st.data())
@SETTINGS
def test_every_row_that_comes_in_is_accepted_rejected_or_excluded(kind, data):
    rows, count = data.draw(KINDS[kind])
    scope = data.draw(st.sampled_from([frozenset(), frozenset({OURS})]))
    name = data.draw(st.sampled_from(["a.csv", "a.xlsx"]))
    file = read(rows, name=name, scope=scope, kind=kind)
    assert not [f for f in file.findings if f.code == "ROWS_UNACCOUNTED"]
    counts = file.counts
    if count:
        assert counts.rows.in_file == count
    assert adds_up(counts.rows)
    if counts.fen is not None:
        assert adds_up(counts.fen)
    if file.outcome.rank >= Outcome.ASK_USER.rank:
        assert (counts.rows.accepted, file.rows_accepted) == (0, 0)
        assert counts.rows.rejected == counts.rows.in_file
    else:
        assert counts.rows.accepted == file.rows_accepted


@given(PAYMENTS)
@SETTINGS
def test_the_money_of_a_ledger_is_what_its_readable_amounts_add_up_to(drawn):
    rows, _ = drawn
    file = read(rows, scope=frozenset())
    fen = file.counts.fen
    if fen is not None and file.tables:
        assert fen.accepted == file.control_total == int(file.tables[0].ledger["amount_fen"].sum())
        readable = [row[3] for row in rows[1:] if len(row) == 5]
        assert fen.in_file == sum(map(_fen, readable))


def _fen(text: str) -> int:
    known = {"1,234.50": 123450, "（3.00）": -300, "￥8.00": 800, "2.345": 234}
    if text in known:
        return known[text]
    return (
        int(text.replace(".", "")) * (1 if "." in text else 100) if text.lstrip("-").replace(".", "").isdigit() else 0
    )


@given(PAYMENTS)
@SETTINGS
def test_a_stream_counts_as_its_cells_do(drawn):
    rows, _ = drawn
    with pytest.MonkeyPatch.context() as patch:
        held = read(rows)
        patch.setattr(delimited, "STREAM_FROM_BYTES", 0)
        streamed = read(rows)
    assert (streamed.outcome, streamed.counts.rows, streamed.counts.fen) == (
        held.outcome,
        held.counts.rows,
        held.counts.fen,
    )


@pytest.mark.parametrize("name", [d.name for d in damages()])
def test_no_damage_loses_a_row(name, tmp_path):
    damage = next(d for d in damages() if d.name == name)
    (tmp_path / name).write_bytes(damage.content)
    if damage.register:
        (tmp_path / "单位名册.csv").write_bytes(REGISTER)
    for file in read_inbox([tmp_path], year=DAMAGE_YEAR, scope=frozenset({damage.scope} - {""})).files:
        assert adds_up(file.counts.rows), file.counts
        assert file.counts.fen is None or adds_up(file.counts.fen), file.counts


@pytest.mark.parametrize("name", case_names())
def test_no_row_of_a_published_form_is_lost(name, tmp_path):
    said, layout = case(name)
    workbook(tmp_path / "a.xlsx", {"表": draw(said, layout)})
    register(tmp_path, (said.unit_code, said.unit))
    (file,) = (f for f in read_inbox([tmp_path], year=said.year).files if f.file == "a.xlsx")
    assert adds_up(file.counts.rows)
    assert not [f for f in file.findings if f.code == "ROWS_UNACCOUNTED"]
    assert file.counts.rows.accepted == 1 + len(said.funds) + sum(bool(row.name) for row in said.rows)


def test_a_second_copy_of_a_sheet_or_a_file_counts_as_excluded(tmp_path):
    from openpyxl import Workbook

    rows = [
        ["支付凭证号", "单位编码", "项目名称", "支付金额", "支付日期"],
        ["1", OURS, "修缮", "5.00", f"{YEAR}-01-02"],
    ]
    book = Workbook()
    for at, name in enumerate(("视图数据", "源数据")):
        target = book.active if at == 0 else book.create_sheet()
        target.title = name
        for row in rows:
            target.append(row)
    book.save(tmp_path / "a.xlsx")
    (file,) = read_inbox([tmp_path], year=YEAR).files
    assert (file.counts.rows.in_file, file.counts.rows.accepted, file.counts.rows.excluded) == (2, 1, 1)
    (tmp_path / "b.xlsx").write_bytes((tmp_path / "a.xlsx").read_bytes())
    _, copy = read_inbox([tmp_path], year=YEAR).files
    assert (copy.outcome, copy.counts.rows.excluded, copy.counts.fen.excluded) == (Outcome.ACCEPT_LOGGED, 2, 1000)


@SETTINGS
@given(st.data())
def test_neither_the_order_of_the_paths_nor_the_way_they_are_named_changes_what_is_read(data):
    drawn = {f"{kind}.csv": data.draw(KINDS[kind])[0] for kind in ("payments", "budget_execution", "indicators")}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, rows in {**drawn, "名册.csv": REGISTER_ROWS}.items():
            written(root, name, rows)
        straight = read_inbox([root], year=YEAR, scope=frozenset({OURS}))
        names = data.draw(st.permutations([*drawn, "名册.csv"]))
        again = read_inbox([root / name for name in names], year=YEAR, scope=frozenset({OURS}))
    assert [_without_frames(file) for file in again.files] == [_without_frames(file) for file in straight.files]
    assert again.units == straight.units


def _without_frames(file):
    return replace(file, tables=tuple(replace(table, ledger=None) for table in file.tables))
