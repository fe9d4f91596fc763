"""The annual cycle on whole inboxes, without an orchestrator: what is stored, computed, written and left out."""

import csv
import io
import json
import shutil
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from pathlib import Path

import pytest

from jixiao import cycle
from jixiao.domain.findings import Severity
from jixiao.domain.quality import CheckResult, FailingRow
from jixiao.errors import UsageError
from jixiao.examples import inbox_folder, write_inbox
from jixiao.storage import run_store
from tests.fixtures import bare
from tests.fixtures.units import Breakage, many_units, write_unit_b, write_unit_c, write_unit_d

SEED = inbox_folder("suzhou-2022").parent / "source"
UNIT = "301002"


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    work = tmp_path_factory.mktemp("demo")
    made = bare.request(inbox_folder("suzhou-2022"), work)
    return bare.run(made), cycle.run_folder(made), made


def test_the_twelve_lines_print_as_published(demo):
    _, folder, _ = demo
    published = table(SEED / "budget.csv")
    ours = table(folder / UNIT / "budget.csv")
    assert len(ours) == len(published) == 12
    for want, got in zip(published, ours, strict=True):
        values = list(want.values())
        assert got["line_name"] == values[0]
        for column, printed in zip(("original", "carry_and_adjust", "adjusted", "executed"), values[1:5], strict=True):
            assert (Decimal(got[column]) / 10000).quantize(Decimal("0.01"), ROUND_DOWN) == Decimal(printed)
        assert got["execution_rate"] + "%" == values[5]


def test_the_sixty_nine_indicators_stand_as_published_to_the_letter(demo):
    _, folder, _ = demo
    published = table(SEED / "indicators.csv")
    ours = table(folder / UNIT / "indicators.csv")
    columns = ("name", "target", "actual", "actual_source", "deviation", "reason")
    assert [[row[c] for c in columns] for row in ours] == [list(row.values())[1:7] for row in published]
    assert len(ours) == 69


def test_what_is_wrong_in_the_published_report_is_found(demo):
    _, folder, _ = demo
    found = table(folder / UNIT / "findings.csv")

    def has(code, *words):
        return any(f["code"] == code and all(w in " ".join(f.values()) for w in words) for f in found)

    assert has("SELF_REPORT_CONTRADICTED", "结转结余率", "103.22")
    assert has("SELF_REPORT_CONTRADICTED", "在职人员控制率", "97.67", "公益性")
    assert has("SELF_REPORT_CONTRADICTED", "支付进度符合率", "95.09")
    assert has("DEVIATION_NOT_IN_NARRATIVE", "预算调整率")
    assert has("TARGET_COPIED", "66")
    assert has("SOURCE_BOILERPLATE", "69")
    assert has("SOURCE_WRONG_YEAR", "上年")
    assert sum(f["code"] == "UNIT_MISMATCH" and "天数" in f["indicator"] for f in found) == 2
    assert not any(f["code"] == "RATE_IMPOSSIBLE" for f in found)
    assert all(f["file"] and f["sheet"] and f["row"] for f in found)


def test_the_gaps_are_the_missed_and_the_contradicted_and_nothing_else(demo):
    summary, folder, _ = demo
    rows = table(folder / UNIT / "gaps.csv")
    ids = {row["indicator_id"] for row in rows}
    names = {row["indicator_id"]: row["name"] for row in table(folder / UNIT / "indicators.csv")}
    assert {names[i] for i in ids} == {
        "受理、评估项目数量",
        "预算执行率",
        "预算调整率",
        "在职人员控制率",
        "支付进度符合率",
        "结转结余率",
    }
    assert all(row["owner"] for row in rows)
    assert sum(summary.gaps_by_owner.values()) == len(rows)


def test_the_run_names_its_inputs_rules_and_files(demo):
    summary, folder, made = demo
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert run["run"] == summary.run_id
    assert run["run"].startswith("2022-annual-")
    assert {i["kind"] for i in run["inputs"]} == {
        "payments", "budget_execution", "indicators", "key_tasks", "narrative", "unit_facts", "contacts",
    }  # fmt: skip
    assert run["left_out"] == []
    assert set(run["files"]) == set(bare.contents(folder)) - {"run.json", "units.csv"}
    assert "苏州市" in run["rules"][0]
    assert made.as_of.isoformat() == run["as_of"]


def test_every_file_that_was_written_is_recorded_with_its_hash(demo):
    _, folder, made = demo
    with cycle.open_store(made.database_url) as session:
        assert set(run_store.report_files(session, cycle.import_inbox(made).run_id)) <= set(bare.contents(folder))


def test_the_same_input_twice_gives_the_same_bytes_but_for_seconds(tmp_path):
    first, second = (bare.request(inbox_folder("suzhou-2022"), tmp_path / name) for name in ("a", "b"))
    bare.run(first)
    bare.run(second)
    one, two = (bare.contents(cycle.run_folder(r)) for r in (first, second))
    timed = [json.loads(files.pop("run.json")) for files in (one, two)]
    assert one == two
    assert [t.pop("seconds") for t in timed]
    assert timed[0] == timed[1]


def test_running_again_in_the_same_place_changes_nothing_and_imports_nothing_twice(tmp_path):
    made = bare.request(inbox_folder("suzhou-2022"), tmp_path)
    bare.run(made)
    before = bare.contents(cycle.run_folder(made))
    summary = bare.run(made)
    assert bare.contents(cycle.run_folder(made)) == before
    with cycle.open_store(made.database_url) as session:
        (line,) = run_store.list_runs(session)
        assert line.attempts == 2
        assert len({i.batch_id for i in run_store.run_inputs(session, summary.run_id)}) == 7


def _change_a_payment(inbox: Path, line: str, yuan: int) -> None:
    """Take ``yuan`` from the first payment of a budget line."""
    import openpyxl

    path = inbox / "国库支付明细.xlsx"
    book = openpyxl.load_workbook(path)
    sheet = book.active
    head = [cell.value for cell in sheet[1]]
    name, amount = head.index("项目名称"), head.index("支付金额")
    row = next(r for r in sheet.iter_rows(min_row=2) if r[name].value == line)
    row[amount].value = float(row[amount].value) - yuan
    book.save(path)


def test_a_changed_ledger_amount_changes_line_rate_score_and_report(tmp_path, demo):
    _, published, _ = demo
    inbox = tmp_path / "in"
    write_inbox("suzhou-2022", inbox)
    _change_a_payment(inbox, "苏州市双创中心物业管理费", 200_000)
    made = bare.request(inbox, tmp_path)
    bare.run(made)
    folder = cycle.run_folder(made)
    old, new = ({r["line_name"]: r for r in table(f / UNIT / "budget.csv")} for f in (published, folder))
    for line in ("苏州市双创中心物业管理费", "项目支出", "预算总金额"):
        assert Decimal(old[line]["executed"]) - Decimal(new[line]["executed"]) == 200_000
        assert old[line]["execution_rate"] != new[line]["execution_rate"]
    assert table(published / "units.csv")[0]["score"] != table(folder / "units.csv")[0]["score"]
    for name in ("report.docx", "report.html"):
        assert (published / UNIT / name).read_bytes() != (folder / UNIT / name).read_bytes()
    assert any(
        f["code"] == "SELF_REPORT_CONTRADICTED" and f["indicator"] == "苏州市双创中心物业管理费"
        for f in table(folder / UNIT / "findings.csv")
    )


@pytest.mark.parametrize(
    ("breakage", "code", "says"),
    [
        (Breakage.MISSING_COLUMN, 4, "缺少列 「实际支出数」"),
        (Breakage.CELL_ERROR, 3, "第 7 行 F 列"),
        (Breakage.TRUNCATED_ZIP, 4, "损坏"),
        (Breakage.TEXT_AMOUNT, 3, "第 7 行 F 列"),
    ],
)
def test_one_broken_unit_of_three_is_left_out_and_the_others_have_their_reports(tmp_path, breakage, code, says):
    inbox = tmp_path / "in"
    write_inbox("suzhou-2022", inbox / "科技")
    unit_b = write_unit_b(inbox, year=2022)
    unit_c = write_unit_c(inbox, year=2022, breakage=breakage)
    made = bare.request(inbox, tmp_path)
    summary = bare.run(made)
    folder = cycle.run_folder(made)
    assert sorted(p.name for p in folder.iterdir() if p.is_dir()) == [UNIT, unit_b.code, "outbox"]
    assert summary.exit_code == code
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    (left,) = run["left_out"]
    assert left["unit_code"] == unit_c.code
    assert left["file"].endswith("预算执行情况表.xlsx")
    assert says in left["why"]
    assert "请" in left["why"]


def test_an_invented_unit_with_points_of_its_own_is_judged_by_the_same_rules(tmp_path):
    for total in (100, 90):
        work = tmp_path / str(total)
        truth = write_unit_b(work / "in", year=2023, weights_total=total)
        made = bare.request(work / "in", work, year=2023)
        bare.run(made)
        found = table(cycle.run_folder(made) / truth.code / "findings.csv")
        said = [(f["code"], " ".join(f.values())) for f in found]
        for code, words in truth.must_find:
            assert any(c == code and words in text for c, text in said), (total, code, words)
        for code, words in truth.must_not_find:
            assert not any(c == code and words in text for c, text in said), (total, code, words)
        executed = table(cycle.run_folder(made) / truth.code / "budget.csv")[0]["executed"]
        assert Decimal(executed) * 100 == truth.total_fen


def test_hostile_texts_stay_text_from_the_inbox_to_every_output(tmp_path):
    truth = write_unit_d(tmp_path / "in", year=2023)
    made = bare.request(tmp_path / "in", tmp_path, year=2023)
    summary = bare.run(made)
    assert [u.unit_code for u in summary.units] == [truth.code]
    page = (cycle.run_folder(made) / truth.code / "report.html").read_text(encoding="utf-8")
    assert "<script>" not in page.replace("<script>", "", 0) or "alert" not in page
    for name in truth.indicator_names:
        assert name.strip()


def test_two_hundred_units_in_few_files_are_all_evaluated(tmp_path):
    truths = many_units(tmp_path / "in", 200, 7, year=2023)
    made = bare.request(tmp_path / "in", tmp_path, year=2023, batch_size=80)
    summary = bare.run(made)
    assert len(summary.units) == 200
    assert summary.exit_code == 0
    lines = {t.code: t for t in truths}
    for unit in summary.units[::40]:
        executed = table(cycle.run_folder(made) / unit.unit_code / "budget.csv")[0]["executed"]
        assert Decimal(executed) * 100 == lines[unit.unit_code].total_fen


def test_only_the_units_asked_for_are_evaluated(tmp_path):
    truths = many_units(tmp_path / "in", 3, 1, year=2023)
    made = bare.request(tmp_path / "in", tmp_path, year=2023, units=(truths[1].code,))
    assert [u.unit_code for u in bare.run(made).units] == [truths[1].code]


def test_a_critical_result_closes_the_gate_of_its_unit_alone(tmp_path):
    truths = many_units(tmp_path / "in", 2, 1, year=2023)
    made = bare.request(tmp_path / "in", tmp_path, year=2023)
    closing = CheckResult(
        expectation_id="x",
        table="budget_lines",
        code="EXPECTATION_FAILED",
        severity=Severity.ERROR,
        critical=True,
        why="调整预算数为负",
        fix="核对预算调整",
        passed=False,
        ran=True,
        failing=(FailingRow(truths[0].code, "预算.xlsx", "Sheet1", 5, "合计", "调整预算数", "-1"),),
    )
    broken = replace(closing, critical=False, passed=False, ran=False, error="出错", failing=())
    summary = bare.run(made, (closing, broken))
    assert [u.unit_code for u in summary.units] == [truths[1].code]
    assert summary.exit_code == 6
    assert summary.left_out[0].unit_code == truths[0].code
    assert "调整预算数为负" in summary.left_out[0].why
    assert summary.findings_by_code["CHECK_NOT_RUN"] >= 1


def test_a_unit_that_breaks_the_evaluation_is_left_out_and_the_others_go_on(tmp_path, monkeypatch):
    truths = many_units(tmp_path / "in", 3, 1, year=2023)
    made = bare.request(tmp_path / "in", tmp_path, year=2023)
    real = cycle.evaluate_unit

    def breaking(books, rules, **given):
        if books.unit.code == truths[0].code:
            raise ZeroDivisionError("没想到")
        return real(books, rules, **given)

    monkeypatch.setattr(cycle, "evaluate_unit", breaking)
    summary = bare.run(made)
    assert len(summary.units) == 2
    assert summary.left_out[0].unit_code == truths[0].code
    assert summary.exit_code >= 1


def test_a_unit_without_its_indicators_is_left_out_with_what_is_missing(tmp_path):
    inbox = tmp_path / "in"
    write_inbox("suzhou-2022", inbox)
    (inbox / "整体支出绩效自评表.xlsx").unlink()
    summary = bare.run(bare.request(inbox, tmp_path))
    assert summary.units == ()
    assert summary.exit_code == 3
    assert "绩效指标（自评）表" in summary.left_out[0].why
    assert summary.findings_by_code["SCOPE_INCOMPLETE"] == 1


def test_files_of_an_earlier_run_go_and_a_persons_own_stay(tmp_path):
    inbox = tmp_path / "in"
    truths = many_units(inbox, 2, 1, year=2023)
    made = bare.request(inbox, tmp_path, year=2023)
    bare.run(made)
    folder = cycle.run_folder(made)
    note = folder / truths[0].code / "领导批示.txt"
    note.write_text("留着", encoding="utf-8")
    bare.run(replace(made, units=(truths[1].code,)))
    assert note.exists()
    assert not (folder / truths[0].code / "report.docx").exists()
    assert (folder / truths[1].code / "report.docx").exists()


@pytest.mark.parametrize("name", ["没有这个文件夹", "空的"])
def test_an_inbox_that_is_not_there_or_empty_is_a_usage_error(tmp_path, name):
    (tmp_path / "空的").mkdir()
    with pytest.raises(UsageError) as caught:
        cycle.import_inbox(bare.request(tmp_path / name, tmp_path))
    assert caught.value.fix


def test_import_alone_stores_and_a_second_time_is_a_no_op(tmp_path):
    url = f"sqlite:///{tmp_path / 's.db'}"
    folder = inbox_folder("suzhou-2022")
    for _ in range(2):
        _, done = cycle.import_files([folder], year=2022, database_url=url, var=str(tmp_path))
        assert sum(d.batches for d in done) == 7
    import sqlalchemy as sa

    from jixiao.storage import tables as t

    with cycle.open_store(url) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(t.BatchRow)) == 7
        assert session.scalar(sa.select(sa.func.count()).select_from(t.IndicatorRow)) == 69
    assert len(list((tmp_path / "snapshots").glob("*.parquet"))) == 1


def test_a_vanished_snapshot_is_said_and_not_read_as_nothing_spent(tmp_path):
    made = bare.request(inbox_folder("suzhou-2022"), tmp_path)
    bare.run(made)
    shutil.rmtree(tmp_path / "var" / "snapshots")
    from jixiao.errors import StoreError

    with pytest.raises(StoreError, match="快照不见了"):
        bare.run(made)
