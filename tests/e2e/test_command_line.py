"""The command line as operations staff use it: what it prints, in which language, with which exit code."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jixiao import cli
from jixiao.application import RunSummary
from jixiao.cli import printing, running
from jixiao.examples import inbox_folder
from tests.fixtures import bare
from tests.fixtures.units import Breakage, many_units, write_unit_c


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    bare.run(bare.request(inbox_folder("suzhou-2022"), folder))
    return folder


@pytest.fixture
def jixiao(work, monkeypatch, capsys):
    """Call a command in the working folder; returns (exit code, stdout, stderr)."""

    def call(*arguments, cwd=work):
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["jixiao", *map(str, arguments)])
        try:
            cli.main()
            code = 0
        except SystemExit as ended:
            code = ended.code or 0
        out = capsys.readouterr()
        return code, out.out, out.err

    yield call
    cli.set_language("zh")


def test_the_runs_of_this_folder_are_listed_and_shown(jixiao):
    code, out, _ = jixiao("runs", "--json")
    assert code == 0
    (run,) = json.loads(out)
    assert run["run_id"].startswith("2022-annual-")
    assert (run["units"], run["left_out"], run["outcome"]) == (1, 0, "completed")
    code, out, _ = jixiao("show", run["run_id"])
    assert code == 0
    assert "国库支付明细.xlsx" in out
    assert "苏州市科技服务中心" in out
    shown = json.loads(jixiao("show", run["run_id"], "--json")[1])
    assert shown["units"] == [
        {"unit_code": "301002", "unit_name": "苏州市科技服务中心", "score": "97.33", "grade": "优"}
    ]
    assert run["run_id"] in jixiao("runs")[1]


def test_findings_are_grouped_by_cause_with_why_and_mend(jixiao):
    code, out, _ = jixiao("findings", "2022")
    assert code == 0
    assert "SELF_REPORT_CONTRADICTED） × 3" in out
    assert "为什么：" in out
    assert "怎么改：" in out
    found = json.loads(jixiao("findings", "2022", "--unit", "301002", "--json")[1])
    assert {
        "code",
        "severity",
        "file",
        "sheet",
        "row",
        "column",
        "unit_code",
        "indicator",
        "value",
        "expected",
        "message",
        "fix",
    } <= set(found[0])


def test_gaps_are_listed_by_owner(jixiao):
    rows = json.loads(jixiao("gaps", "2022", "--owner", "科技评估科（项目服务科）", "--json")[1])
    assert [row["indicator"] for row in rows] == ["受理、评估项目数量"]
    assert json.loads(jixiao("gaps", "2022", "--status", "closed", "--json")[1]) == []
    assert "共 6 个" in jixiao("gaps", "2022")[1]


def test_a_point_is_explained_down_to_file_row_and_hash(jixiao):
    code, out, _ = jixiao("explain", "2022", "301002", "预算执行率")
    assert code == 0
    for part in ("95.09 ÷ 100", "财预〔2020〕10号", "实际支出数 ÷ 调整预算数", "第 31 行", "sha256"):
        assert part in out
    made = json.loads(jixiao("explain", "2022", "301002", "027", "--json")[1])
    assert made["score"]["trace"]["steps"]
    code, out, _ = jixiao("explain", "2022", "301002", "结转结余率")
    assert "completion.at_most.missed" in out


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("explain", "2022", "999999", "预算执行率"), 2, "没有单位 999999"),
        (("findings", "2022", "--unit", "999999"), 2, "可用的单位编码：301002"),
        (("gaps", "2022", "--unit", "301002", "--unit", "999999"), 2, "没有单位 999999"),
        (("explain", "2022", "301002", "不存在的指标"), 2, "没有指标叫"),
        (("explain", "2022", "301002", "率"), 2, "有多项指标含"),
        (("findings", "2021"), 2, "还没有完成的运行"),
        (("gaps", "2022", "--run", "2022-annual-00000000"), 2, "没有编号为"),
        (("show", "2022-annual-00000000"), 2, "没有编号为"),
        (("check", "没有的文件.xlsx"), 2, "找不到"),
        (("check", ".", "--kind", "invoice"), 2, "没有「invoice」这种表"),
        (("check", ".", "--money-unit", "美元"), 2, "不认识"),
        (("target",), 2, "没有给出"),
        (("target", "--file", "没有.csv"), 2, "读不了"),
        (("target", "--file", "."), 2, "是文件夹，不是文件"),
        (("runs", "--db", "oracle://x"), 2, "数据库地址"),
        (("runs", "--db", "postgresql+psycopg://a:b@127.0.0.1:port/x"), 2, "数据库地址"),
        (("runs", "--db", "sqlite:////proc/nowhere/x.db"), 2, "还没有数据库"),
        (("rules", "--region", "abc"), 2, "不是行政区划代码"),
        (("annual", "2022", "--inbox", "var/jixiao.db"), 2, "是文件，不是文件夹"),
        (("annual", "2022", "--inbox", "没有"), 2, "不存在"),
        (("demo", "--out", "var/jixiao.db"), 2, "建不了"),
        (("notify", "2022", "--out", "var/jixiao.db"), 2, "建不了"),
        (("example", "var/jixiao.db"), 2, "已经有同名的文件"),
        (("annual", "2022"), 2, "缺少选项 --inbox（收件文件夹"),
        (("annual", "twenty", "--inbox", "."), 2, "「twenty」不能用，要写成1990–2100 之间的整数"),
        (("annual", "1000", "--inbox", "."), 2, "1990–2100"),
        (("annual", "2022", "--inbox", ".", "--as-of", "2023-02-30"), 2, "「2023-02-30」不能用，要写成年-月-日"),
        (("check", ".", "--year", "x"), 2, "选项 --year 的值「x」"),
        (("explain", "2022"), 2, "缺少参数 UNIT"),
        (("annual", "2022", "--inbx", "."), 2, "没有 --inbx 这个选项，是不是"),
        (("annual", "2022", "2023", "--inbox", "."), 2, "多写了参数：2023"),
        (("annual", "2022", "--unit"), 2, "选项 --unit 后面缺少值"),
        (("runs", "--json=1"), 2, "选项 --json 后面不带值"),
        (("fly",), 2, "没有 fly 这个命令"),
        (("annul", "2022"), 2, "是不是 annual？"),
        (("runs", "--lang"), 2, "写 --lang zh 或 --lang en"),
        (("runs", "--lang", "fr"), 2, "没有「fr」这种语言"),
    ],
)
def test_a_users_mistake_ends_with_its_message_and_no_traceback(jixiao, arguments, code, says):
    got, out, err = jixiao(*arguments)
    assert got == code
    assert says in err
    assert "Traceback" not in out + err
    assert "怎么办：" in err
    assert not re.search("[A-Z][a-z]+ [a-z]+ [a-z]+", err), "an English sentence"


def test_a_settings_file_that_is_wrong_is_named(jixiao, tmp_path, monkeypatch):
    (tmp_path / "jixiao.toml").write_text("[run\n", encoding="utf-8")
    assert "jixiao.toml" in jixiao("runs", cwd=tmp_path)[2]
    (tmp_path / "jixiao.toml").write_text('[run]\nbatch_size = "viele"\n', encoding="utf-8")
    assert "batch_size" in jixiao("runs", cwd=tmp_path)[2]
    (tmp_path / "jixiao.toml").write_text('[store]\nvar = "data"\n', encoding="utf-8")
    assert "data/jixiao.db" in jixiao("runs", cwd=tmp_path)[2]
    monkeypatch.setenv("JIXIAO_STORE__DB", f"sqlite:///{tmp_path / 'other.db'}")
    jixiao("import", inbox_folder("suzhou-2022"), cwd=tmp_path)
    assert (tmp_path / "other.db").exists()


def test_a_command_that_only_looks_makes_no_store(jixiao, tmp_path):
    for command in (("runs",), ("findings", "2022"), ("gaps", "2022"), ("notify", "2022"), ("show", "x")):
        code, _, err = jixiao(*command, cwd=tmp_path)
        assert code == 2
        assert "还没有数据库" in err
    code, out, _ = jixiao("doctor", cwd=tmp_path)
    assert (code, "第一次运行时建立" in out) == (0, True)
    assert list(tmp_path.iterdir()) == []


def test_a_run_of_one_unit_leaves_the_answers_of_the_others(jixiao, tmp_path):
    first, second = many_units(tmp_path / "in", 2, 1, year=2022)
    bare.run(bare.request(tmp_path / "in", tmp_path))
    bare.run(bare.request(tmp_path / "in", tmp_path, units=(second.code,)))
    for unit in (first.code, second.code):
        code, out, err = jixiao("findings", "2022", "--unit", unit, "--json", cwd=tmp_path)
        assert code == 0, err
        assert {f["unit_code"] for f in json.loads(out)} <= {unit}
        assert jixiao("gaps", "2022", "--unit", unit, cwd=tmp_path)[0] == 0
        assert jixiao("explain", "2022", unit, "001", cwd=tmp_path)[0] == 0


def test_problems_of_the_folders_are_said_before_the_flow_server_starts(jixiao, monkeypatch):
    monkeypatch.setattr("jixiao.application.load_application", lambda: pytest.fail("the application was loaded"))
    assert jixiao("demo", "--out", "var/jixiao.db")[0] == 2
    assert jixiao("annual", "2022", "--inbox", "没有")[0] == 2


def test_ctrl_c_says_that_the_run_was_interrupted(jixiao, monkeypatch):
    class Interrupted:
        def run(self, request, *, progress):
            raise KeyboardInterrupt

    monkeypatch.setattr("jixiao.application.load_application", Interrupted)
    code, _, err = jixiao("demo")
    assert (code, "已中断" in err) == (130, True)


def test_what_nobody_foresaw_ends_with_a_message_and_its_trace_in_the_log(jixiao, monkeypatch, tmp_path):
    class Broken:
        def run(self, request, *, progress):
            raise ZeroDivisionError("没想到")

    monkeypatch.setattr("jixiao.application.load_application", Broken)
    code, out, err = jixiao("demo", cwd=tmp_path)
    assert code == 1
    assert "ZeroDivisionError" in err
    assert "Traceback" not in out + err
    assert "没想到" in (tmp_path / "var" / "jixiao.log").read_text(encoding="utf-8")


def test_the_reports_printed_are_those_that_were_written(capsys):
    files = ("A_B-1a2b3c4d/report.docx", "A_B-1a2b3c4d/report.html", "A_B-1a2b3c4d/budget.csv")
    running.print_summary(
        RunSummary(
            "r", 2022, "out", (), (), {}, dict.fromkeys(("error", "warning", "question", "info"), 0), {}, (), files, 0
        )
    )
    printed = capsys.readouterr().out
    assert all(f"out/{file}" in printed for file in files[:2])
    assert "budget.csv" not in printed


def test_nothing_that_a_file_says_acts_on_the_terminal(jixiao, work, tmp_path):
    hostile = "\x1b[31m红\x1b]0;pwned\x07\x9b2J\u202e\r\n错误：假的"
    inbox = tmp_path / "in"
    shutil.copytree(inbox_folder("suzhou-2022"), inbox)
    contacts = inbox / "责任人通讯录.csv"
    contacts.write_text(f'单位编码,科室,邮箱\n301002,"{hostile}",x\n', encoding="utf-8")
    for arguments in (("check", inbox, "--year", "2022"), ("check", inbox, "--year", "2022", "--json")):
        _, out, err = jixiao(*arguments, cwd=tmp_path)
        assert "红" in out
        assert not set(out + err) & set("\x1b\x07\x9b\u202e\r")
        assert not any(line.startswith("错误") for line in out.splitlines())


def test_every_line_that_is_printed_is_one_line_without_controls(capsys):
    printing.echo("甲\n乙\x1b[2J\ud800丙　丁\U000f0000")
    assert capsys.readouterr().out == "甲 乙 [2J 丙　丁\U000f0000\n"
    printing.print_json({"甲": "\x9b\u202e\ud800"})
    out = capsys.readouterr().out
    assert out.isprintable() or set(out) - {"\n"} == set(out.replace("\n", ""))
    assert json.loads(out) == {"甲": "\x9b\u202e\ud800"}
    assert not set(out) & set("\x9b\u202e\ud800")


def test_every_command_prints_through_the_one_echo():
    folder = Path(cli.__file__).parent
    past = [p.name for p in folder.glob("*.py") if p.name != "printing.py" and "typer.echo" in p.read_text("utf-8")]
    assert past == []


@pytest.mark.parametrize("arguments", [("--help",), ("annual", "--help"), ("findings", "-h")])
def test_the_help_is_chinese(jixiao, arguments):
    code, out, _ = jixiao(*arguments)
    assert code == 0
    assert "用法：jixiao" in out
    assert "选项" in out
    for english in ("Usage", "Options", "Arguments", "Show this message", "required", "default"):
        assert english not in out


def test_check_lists_everything_and_stores_nothing(jixiao, tmp_path):
    write_unit_c(tmp_path / "in", year=2022, breakage=Breakage.CELL_ERROR)
    code, out, _ = jixiao("check", tmp_path / "in", "--year", "2022", cwd=tmp_path)
    assert code == 3
    assert "CELL_ERROR" in out
    assert "怎么改：" in out
    assert not (tmp_path / "var").exists()
    files = json.loads(jixiao("check", tmp_path / "in", "--year", "2022", "--json", cwd=tmp_path)[1])
    broken = next(f for f in files if f["file"].endswith("预算执行情况表.xlsx"))
    assert (broken["outcome"], broken["kind"]) == ("reject_row", "budget_execution")
    assert broken["findings"][0]["row"] == 7
    place = broken["findings"][0]["message"].split("：")[0]
    assert f"{place}：{place}" not in out
    code, out, _ = jixiao("check", inbox_folder("suzhou-2022"), "--year", "2022")
    assert code == 0


def test_a_file_of_one_kind_names_it_and_one_of_several_lists_them(jixiao, tmp_path):
    from openpyxl import Workbook, load_workbook

    book = Workbook()
    book.remove(book.worksheets[0])
    for name in ("部门预算执行情况表.xlsx", "整体支出绩效自评表.xlsx"):
        source = load_workbook(inbox_folder("suzhou-2022") / name).worksheets[0]
        sheet = book.create_sheet(source.title)
        for row in source.iter_rows(values_only=True):
            sheet.append(row)
    book.save(tmp_path / "一册.xlsx")
    arguments = ("--year", "2022", "--unit", "301002", "--json")
    (file,) = json.loads(jixiao("check", tmp_path / "一册.xlsx", *arguments)[1])
    assert {"budget_execution", "indicators"} <= set(file["kind"])
    (file,) = json.loads(jixiao("check", inbox_folder("suzhou-2022") / "部门预算执行情况表.xlsx", *arguments)[1])
    assert file["kind"] == "budget_execution"
    (tmp_path / "别的.bin").write_bytes(b"\x00\x01")
    (file,) = json.loads(jixiao("check", tmp_path / "别的.bin", *arguments)[1])
    assert file["kind"] is None


def test_import_stores_what_is_accepted(jixiao, tmp_path):
    code, out, _ = jixiao("import", inbox_folder("suzhou-2022"), "--year", "2022", cwd=tmp_path)
    assert code == 0
    assert "已入库 7 个文件" in out
    files = json.loads(jixiao("import", inbox_folder("suzhou-2022"), "--year", "2022", "--json", cwd=tmp_path)[1])
    assert [(len(f["batches"]), f["known"], f["superseded"]) for f in files] == [(1, True, [])] * 7


def test_targets_are_read_from_arguments_and_from_a_file(jixiao, tmp_path):
    (one,) = json.loads(jixiao("target", ">=15000项", "--json")[1])
    assert (one["operator"], one["value"], one["unit"], one["kind"]) == (">=", "15000", "项", "number")
    (tmp_path / "t.csv").write_text('text,note\n"≤5%",x\n"第一行\n第二行",y\n', encoding="utf-8-sig")
    assert [t["text"] for t in json.loads(jixiao("target", "--file", tmp_path / "t.csv", "--json")[1])] == [
        "≤5%",
        "第一行\n第二行",
    ]
    assert "类别 percent" in jixiao("target", "95%")[1]


def test_rules_are_listed_with_their_sources(jixiao):
    out = jixiao("rules", "--region", "320500", "--on", "2022-12-31")[1]
    assert "苏州市" in out
    assert "财预〔2020〕10号" in out
    made = json.loads(jixiao("rules", "--json")[1])
    assert {"id", "value", "source", "effective", "status"} <= set(made["rules"][0])


def test_doctor_says_what_is_well(jixiao):
    code, out, _ = jixiao("doctor")
    assert code == 0, out
    checks = json.loads(jixiao("doctor", "--json")[1])
    assert {"数据库", "模板", "规则", "流程部分", "磁盘"} <= {c["name"] for c in checks}


def test_drafts_are_written_again_and_nothing_is_sent(jixiao, tmp_path):
    code, out, _ = jixiao("notify", "2022", "--out", tmp_path)
    assert code == 0
    assert "没有发送" in out
    assert len(list((tmp_path / "outbox").glob("*.eml"))) == 2
    made = json.loads(jixiao("notify", "2022", "--out", tmp_path, "--json")[1])
    assert len(made["files"]) == 4


def test_english_may_be_asked_for_anywhere_on_the_line(jixiao):
    assert "findings" in jixiao("--lang", "en", "findings", "2022")[1]
    assert "6 gaps" in jixiao("gaps", "2022", "--lang=en")[1]
    assert "What to do" in jixiao("findings", "1999", "--lang", "en")[2]


def test_example_writes_the_inbox_and_refuses_to_overwrite(jixiao, tmp_path):
    assert jixiao("example", tmp_path / "in")[0] == 0
    assert len(list((tmp_path / "in").iterdir())) == 7
    (tmp_path / "in" / "责任人通讯录.csv").write_text("别的", encoding="utf-8")
    code, _, err = jixiao("example", tmp_path / "in")
    assert code == 2
    assert "责任人通讯录.csv" in err


def test_help_answers_without_the_heavy_parts():
    script = Path(sys.executable).parent / "jixiao"
    done = subprocess.run(
        [script, "--help"], capture_output=True, text=True, check=True, env=os.environ | {"COLUMNS": "110"}
    )
    assert "demo" in done.stdout
    assert subprocess.run([script, "--version"], capture_output=True, text=True, check=True).stdout.startswith(
        "jixiao "
    )
