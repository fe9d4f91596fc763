"""The annual cycle on whole inboxes, without an orchestrator: what is stored, computed, written and left out."""

import csv
import io
import json
import re
import shutil
from dataclasses import replace
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal
from pathlib import Path

import pytest

from jixiao import cycle
from jixiao.domain.books import Subject
from jixiao.domain.evaluation import LeftOut
from jixiao.domain.findings import Finding, Place, Severity
from jixiao.domain.quality import CheckResult, FailingRow
from jixiao.errors import UsageError
from jixiao.examples import inbox_folder, write_inbox
from jixiao.storage import run_store
from tests.fixtures import bare
from tests.fixtures.units import Breakage, many_units, write_register, write_unit_b, write_unit_c, write_unit_d

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
    folder = cycle.run_folder(made) / truth.code
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "{{ 7*7 }}" in page
    cells = [
        cell
        for name in ("indicators.csv", "gaps.csv", "findings.csv")
        for row in table(folder / name)
        for cell in row.values()
    ]
    runnable = [c for c in cells if c[:1] in set("=+-@\t\r") and not re.fullmatch(r"=?[-+]?[\d.,]+[^\s()!|:]{0,6}", c)]
    assert runnable == []
    letters = [p.read_bytes() for p in (folder.parent / "outbox").glob("*.eml")]
    assert letters
    assert all(b"\nBcc:" not in letter for letter in letters)


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

    monkeypatch.setattr(cycle.evaluation, "evaluate_unit", breaking)
    summary = bare.run(made)
    assert len(summary.units) == 2
    assert summary.left_out[0].unit_code == truths[0].code
    assert "ZeroDivisionError" in summary.left_out[0].why
    assert "没想到" not in summary.left_out[0].why
    assert summary.run_id in summary.left_out[0].why
    assert summary.exit_code == 1


def test_a_unit_without_its_indicators_is_left_out_with_what_is_missing(tmp_path):
    inbox = tmp_path / "in"
    write_inbox("suzhou-2022", inbox)
    (inbox / "整体支出绩效自评表.xlsx").unlink()
    summary = bare.run(bare.request(inbox, tmp_path))
    assert summary.units == ()
    assert summary.exit_code == 3
    assert "绩效指标（自评）表" in summary.left_out[0].why
    assert summary.findings_by_code["SCOPE_INCOMPLETE"] == 1


def _two_units(inbox: Path) -> tuple[str, str]:
    """Unit B and the example's unit, each in a folder of its own."""
    write_inbox("suzhou-2022", inbox / "科技")
    return write_unit_b(inbox / "乙", year=2022).code, UNIT


def test_files_of_an_earlier_run_go_and_a_persons_own_stay(tmp_path):
    inbox = tmp_path / "in"
    gone, kept = _two_units(inbox)
    made = bare.request(inbox, tmp_path)
    bare.run(made)
    folder = cycle.run_folder(made)
    note = folder / gone / "领导批示.txt"
    note.write_text("留着", encoding="utf-8")
    shutil.rmtree(inbox / "乙")
    bare.run(made)
    assert note.exists()
    assert [p.name for p in (folder / gone).iterdir()] == [note.name]
    assert (folder / kept / "report.docx").exists()
    assert not any(p.name.startswith(f"{gone}-") for p in (folder / "outbox").iterdir())


def test_a_run_of_one_unit_leaves_the_other_units_files_alone(tmp_path):
    inbox = tmp_path / "in"
    other, one = _two_units(inbox)
    made = bare.request(inbox, tmp_path)
    bare.run(made)
    folder = cycle.run_folder(made)
    before = bare.contents(folder)
    stale = folder / one / "gaps.csv"
    summary = bare.run(replace(made, units=(one,)))
    after = bare.contents(folder)
    of_other = {name for name in before if name.startswith((f"{other}/", f"outbox/{other}-"))}
    assert of_other
    assert {name: after.get(name) for name in of_other} == {name: before[name] for name in of_other}
    assert [u.unit_code for u in summary.units] == [one]
    assert [row["unit_code"] for row in table(folder / "units.csv")] == [one]
    assert stale.exists()
    with cycle.open_store(made.database_url) as session:
        assert run_store.newest_completed(session, 2022, other) != summary.run_id
        assert run_store.newest_completed(session, 2022, one) == summary.run_id
        assert run_store.newest_completed(session, 2022, "无此单位") is None


def test_a_unit_that_is_asked_for_and_left_out_loses_its_old_files(tmp_path):
    inbox = tmp_path / "in"
    other, one = _two_units(inbox)
    made = bare.request(inbox, tmp_path)
    bare.run(made)
    (inbox / "科技" / "整体支出绩效自评表.xlsx").unlink()
    bare.run(replace(made, units=(one,)))
    folder = cycle.run_folder(made)
    assert not (folder / one).exists()
    assert (folder / other / "report.docx").exists()


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
        assert sum(len(d.batch_ids) for d in done) == 7
    import sqlalchemy as sa

    from jixiao.storage import tables as t

    with cycle.open_store(url) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(t.BatchRow)) == 7
        assert session.scalar(sa.select(sa.func.count()).select_from(t.IndicatorRow)) == 69
    assert len(list((tmp_path / "snapshots").glob("*.parquet"))) == 1


def test_a_vanished_snapshot_is_said_and_mended_by_importing_again(tmp_path):
    made = bare.request(inbox_folder("suzhou-2022"), tmp_path)
    receipt = cycle.import_inbox(made)
    shutil.rmtree(tmp_path / "var" / "snapshots")
    from jixiao.errors import StoreError

    with pytest.raises(StoreError, match="快照不见了"):
        cycle.evaluate_units(made, receipt.run_id, receipt.unit_batches[0])
    assert bare.run(made).run_id == receipt.run_id


def test_an_old_reading_does_not_survive_a_new_reader(tmp_path, monkeypatch):
    from jixiao.intake import inbox as reader

    made = bare.request(inbox_folder("suzhou-2022"), tmp_path)
    before = bare.run(made)
    real = reader.read_inbox

    def better(*given, **options):
        reading = real(*given, **options)
        files = tuple(replace(f, tables=tuple(_with_targets_trimmed(t) for t in f.tables)) for f in reading.files)
        return replace(reading, files=files)

    monkeypatch.setattr(reader, "read_inbox", better)
    after = bare.run(made)
    assert after.run_id != before.run_id
    assert {row["target"] for row in table(cycle.run_folder(made) / UNIT / "indicators.csv")} == {"另一种读法"}


def _with_targets_trimmed(reading):
    if reading.kind.value != "indicators":
        return reading
    return replace(reading, rows=tuple(replace(row, target="另一种读法") for row in reading.rows))


def test_what_the_store_knows_of_a_unit_is_part_of_the_runs_id(tmp_path):
    inbox = tmp_path / "in"
    write_inbox("suzhou-2022", inbox)
    made = bare.request(inbox, tmp_path)
    first = bare.run(made)
    assert bare.run(made).run_id == first.run_id
    register = tmp_path / "名册"
    write_register(register, [(UNIT, "苏州市科技服务中心", "420100")])
    cycle.import_files([register], year=2022, database_url=made.database_url, var=made.var)
    assert bare.run(made).run_id != first.run_id
    with cycle.open_store(made.database_url) as session:
        (then,) = run_store.run_units(session, first.run_id, [UNIT])
        assert then.division_code == ""


def test_an_editors_own_file_beside_a_template_is_no_other_run(tmp_path, monkeypatch):
    from jixiao import resources

    copy = tmp_path / "templates"
    shutil.copytree(resources.templates_root(), copy)
    monkeypatch.setattr(resources, "templates_root", lambda stated="": copy)
    before = cycle.templates_sha256()
    (copy / "report" / "~$whole_department.docx").write_bytes(b"x")
    (copy / "message" / ".DS_Store").write_bytes(b"x")
    assert cycle.templates_sha256() == before
    (copy / "report" / "whole_department.html.j2").write_text("别的", encoding="utf-8")
    assert cycle.templates_sha256() != before


def test_the_tables_of_data_are_part_of_the_runs_id(tmp_path, monkeypatch):
    root = tmp_path / "jixiao"
    for name in ("intake/tables/columns/payments.csv", "checks/measure_words.csv", "examples/x/payments.csv"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("甲", encoding="utf-8")
    monkeypatch.setattr(cycle.identity, "__file__", str(root / "cycle" / "identity.py"))
    seen = {cycle.data_sha256()}
    (root / "examples/x/payments.csv").write_text("乙", encoding="utf-8")
    assert cycle.data_sha256() in seen
    (root / "checks/measure_words.csv").write_text("乙", encoding="utf-8")
    assert cycle.data_sha256() not in seen


def _not_run(table_name: str, *units: str) -> CheckResult:
    return CheckResult(
        f"{table_name}.x", table_name, "EXPECTATION_FAILED", Severity.WARNING, critical=False, why="甲", fix="乙",
        passed=False, ran=False, error="出错", failing=tuple(FailingRow(unit) for unit in units),
    )  # fmt: skip


def test_a_check_that_did_not_run_is_said_of_each_unit_in_its_own_file(tmp_path):
    codes = _two_units(tmp_path / "in")
    made = bare.request(tmp_path / "in", tmp_path, batch_size=1)
    receipt = cycle.import_inbox(made)
    assert len(receipt.unit_batches) == 2
    for (unit,) in receipt.unit_batches:
        of_unit = (_not_run("budget_lines", UNIT),) if unit == UNIT else ()
        cycle.record_quality(made, receipt.run_id, (unit,), (_not_run("payments"), *of_unit))
        cycle.evaluate_units(made, receipt.run_id, (unit,))
        cycle.render_units(made, receipt.run_id, (unit,))
    folder = cycle.run_folder(made)
    found = {code: [f for f in table(folder / code / "findings.csv") if ".x）" in f["message"]] for code in codes}
    payments = {code: next(f for f in of_unit if "payments.x" in f["message"]) for code, of_unit in found.items()}
    assert {f["unit_code"] for f in payments.values()} == set(codes)
    assert payments[UNIT]["file"] == "科技/国库支付明细.xlsx"
    assert payments[codes[0]]["file"].startswith("乙/")
    assert all("国库支付明细" in f["message"] and f["value"] == "" for f in payments.values())
    assert [len(found[code]) for code in codes] == [1, 2]
    with cycle.open_store(made.database_url) as session:
        kept = run_store.findings_of(session, receipt.run_id, stages=(run_store.STAGE_QUALITY,))
    assert sorted(f.unit_code for f in kept) == sorted([*codes, UNIT])


def test_two_checks_that_fail_on_one_row_are_both_said(tmp_path):
    made = bare.request(inbox_folder("suzhou-2022"), tmp_path)
    rows = (FailingRow(UNIT, "自评表.xlsx", "Sheet1", 5, "甲", "指标目标值", ""),)
    results = tuple(
        CheckResult(name, "indicators", "EXPECTATION_FAILED", Severity.WARNING, critical=False, why=name, fix="改",
                    passed=False, ran=True, failing=rows)
        for name in ("目标空白", "名称过长")
    )  # fmt: skip
    bare.run(made, results)
    found = table(cycle.run_folder(made) / UNIT / "findings.csv")
    assert {f["message"].split("：")[-1] for f in found if f["code"] == "EXPECTATION_FAILED"} == {
        "目标空白",
        "名称过长",
    }


def test_what_a_later_stage_repeats_is_said_once():
    def finding(message: str, column: str = "") -> Finding:
        place = Place("表.xlsx", "S", 3, column)
        return Finding("REQUIRED_VALUE_EMPTY", Severity.WARNING, place, message, unit_code="1", indicator="甲")

    checks, intake = (finding("复核", "D"),), (finding("接收一", "D"), finding("接收二", "E"))
    assert [f.message for f in cycle.evaluation._merged(checks, intake)] == ["复核"]
    assert {f.message for f in cycle.evaluation._merged((), intake, (finding("校验"),))} == {"接收一", "接收二"}


def test_indicators_with_one_number_twice_leave_out_that_unit_alone(tmp_path, monkeypatch):
    truths = many_units(tmp_path / "in", 3, 1, year=2023)
    made = bare.request(tmp_path / "in", tmp_path, year=2023)
    _change_books(monkeypatch, truths[1].code, lambda x: replace(x, indicator_id="001"))
    summary = bare.run(made)
    assert [u.unit_code for u in summary.units] == [truths[0].code, truths[2].code]
    (left,) = summary.left_out
    assert "指标编号「001」出现两次" in left.why
    assert "第" in left.why
    assert left.file
    assert summary.exit_code == 3


def _change_books(monkeypatch, unit: str, change) -> None:
    """Let the indicators of a unit come out of the store changed."""
    from jixiao.storage import books_store

    real = books_store.load_books

    def changed(*given, **options):
        books = real(*given, **options)
        if one := books.get(Subject(unit)):
            books[Subject(unit)] = replace(one, indicators=tuple(change(x) for x in one.indicators))
        return books

    monkeypatch.setattr(books_store, "load_books", changed)


def test_an_evaluation_that_cannot_be_stored_leaves_out_that_unit_alone(tmp_path, monkeypatch, caplog):
    truths = many_units(tmp_path / "in", 3, 1, year=2023)
    made = bare.request(tmp_path / "in", tmp_path, year=2023)
    real = cycle.evaluate_unit

    def evaluated(books, rules, **given):
        made = real(books, rules, **given)
        if books.unit.code != truths[0].code:
            return made
        return replace(made, scores=(made.scores[0], *made.scores))  # two rows with one key

    monkeypatch.setattr(cycle.evaluation, "evaluate_unit", evaluated)
    summary = bare.run(made)
    assert [u.unit_code for u in summary.units] == [t.code for t in truths[1:]]
    (left,) = summary.left_out
    assert left.unit_code == truths[0].code
    assert "IntegrityError" in left.why
    assert "INSERT" not in left.why
    assert summary.run_id in left.why
    assert summary.exit_code == 1
    assert (cycle.run_folder(made) / truths[1].code / "report.docx").exists()


def test_a_unit_that_a_stage_could_not_work_is_nowhere_but_among_the_left_out(tmp_path):
    other, broken = _two_units(tmp_path / "in")
    made = bare.request(tmp_path / "in", tmp_path)
    bare.run(made)
    receipt = cycle.import_inbox(made)
    for batch in receipt.unit_batches:
        cycle.record_quality(made, receipt.run_id, batch, ())
        cycle.evaluate_units(made, receipt.run_id, batch)
        cycle.find_unit_gaps(made, receipt.run_id, batch)
        cycle.render_units(made, receipt.run_id, batch)
    cycle.draft_messages(made, receipt.run_id)
    left = LeftOut(broken, "", "出报告时出错")
    summary = cycle.close_run(made, receipt.run_id, seconds={}, left_out=(left,))
    folder = cycle.run_folder(made)
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert [u.unit_code for u in summary.units] == [other]
    assert [row["unit_code"] for row in table(folder / "units.csv")] == [other]
    assert run["left_out"] == [{"unit_code": broken, "file": "", "why": "出报告时出错"}]
    assert not any(name.startswith((f"{broken}/", f"outbox/{broken}-")) for name in bare.contents(folder))
    assert not any(broken in name for name in run["files"])
    assert summary.exit_code == 1
    with cycle.open_store(made.database_url) as session:
        assert run_store.gaps_of(session, receipt.run_id, [broken]) == ()
        assert run_store.evaluations_of(session, receipt.run_id, [broken]) == ()


def test_units_left_out_while_the_run_goes_on_get_no_draft(tmp_path):
    other, broken = _two_units(tmp_path / "in")
    made = bare.request(tmp_path / "in", tmp_path)
    receipt = cycle.import_inbox(made)
    for batch in receipt.unit_batches:
        cycle.evaluate_units(made, receipt.run_id, batch)
        cycle.find_unit_gaps(made, receipt.run_id, batch)
        cycle.render_units(made, receipt.run_id, batch)
    cycle.leave_out_units(made, receipt.run_id, [LeftOut(broken, "", "查差距时出错")])
    cycle.draft_messages(made, receipt.run_id)
    names = bare.contents(cycle.run_folder(made))
    assert any(name.startswith(f"outbox/{other}-") for name in names)
    assert not any(name.startswith((f"{broken}/", f"outbox/{broken}-")) for name in names)


def test_a_run_that_fails_ends_its_attempt_as_failed(tmp_path):
    made = bare.request(inbox_folder("suzhou-2022"), tmp_path)
    receipt = cycle.import_inbox(made)
    cycle.fail_run(made, receipt.run_id, seconds={"intake": 0.5})
    with cycle.open_store(made.database_url) as session:
        (line,) = run_store.list_runs(session)
        assert line.outcome == "failed"
        assert line.ended_at is not None
        assert line.ended_at.utcoffset() == timedelta(0)
        assert line.started_at.utcoffset() == timedelta(0)
        assert run_store.newest_completed(session, 2022) is None


def test_the_same_run_into_another_folder_is_shown_there(tmp_path):
    made = bare.request(inbox_folder("suzhou-2022"), tmp_path)
    first = bare.run(made)
    elsewhere = replace(made, out=str(tmp_path / "out2"))
    assert bare.run(elsewhere).run_id == first.run_id
    with cycle.open_store(made.database_url) as session:
        (line,) = run_store.list_runs(session, run_id=first.run_id)
    assert line.folder == str(cycle.run_folder(elsewhere).absolute())
    assert cycle.write_messages(made.database_url, first.run_id)[0] == cycle.run_folder(elsewhere).absolute()


def test_an_output_folder_that_cannot_be_made_is_said_before_anything_is_read(tmp_path):
    (tmp_path / "out").write_text("一个文件", encoding="utf-8")
    made = bare.request(inbox_folder("suzhou-2022"), tmp_path)
    with pytest.raises(UsageError, match="是一个文件") as caught:
        cycle.import_inbox(made)
    assert "--out" in caught.value.fix
    assert not (tmp_path / "var").exists()


def test_an_output_folder_that_may_not_be_written_is_said_and_nothing_is_left_there(tmp_path, monkeypatch):
    def refused(**_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cycle.stores.tempfile, "TemporaryFile", refused)
    with pytest.raises(UsageError, match="写权限"):
        cycle.import_inbox(bare.request(inbox_folder("suzhou-2022"), tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_is_opened_once_a_stage_and_only_where_it_holds_a_unit_of_the_batch(tmp_path, monkeypatch):
    from jixiao.storage import snapshots

    one, other = _two_units(tmp_path / "in")
    made = bare.request(tmp_path / "in", tmp_path, batch_size=1)
    receipt = cycle.import_inbox(made)
    opened = []
    real = snapshots.read_snapshot
    monkeypatch.setattr(snapshots, "read_snapshot", lambda path, units: opened.append(path) or real(path, units))
    for batch in receipt.unit_batches:
        cycle.quality_frames(made, receipt.run_id, batch)
        cycle.evaluate_units(made, receipt.run_id, batch)
    assert len(receipt.unit_batches) == len({one, other})
    assert len(opened) == 4
    assert len(set(opened)) == 2


def test_a_whole_citys_list_and_drafts_read_no_evaluation(tmp_path, monkeypatch):
    codes = _two_units(tmp_path / "in")
    made = bare.request(tmp_path / "in", tmp_path)
    run_id = bare.run(made).run_id
    monkeypatch.setattr(run_store, "evaluations_of", lambda *_: pytest.fail("an evaluation was read"))
    _, files, digests = cycle.write_messages(made.database_url, run_id)
    assert files
    assert all(d.unit_name for d in digests)
    summary = cycle.close_run(made, run_id, seconds={})
    assert [u.unit_code for u in summary.units] == sorted(codes)
    assert all(u.execution_rate and u.unit_name for u in summary.units)


def test_only_looking_makes_no_store(tmp_path):
    where = tmp_path / "nirgends" / "x.db"
    with pytest.raises(UsageError, match="还没有数据库"), cycle.open_store(f"sqlite:///{where}", create=False):
        pass
    assert not where.parent.exists()
    with cycle.open_store(f"sqlite:///{where}"):
        pass
    with cycle.open_store(f"sqlite:///{where}", create=False) as session:
        assert run_store.list_runs(session) == ()
