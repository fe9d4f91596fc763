"""The command line as operations staff use it: what it prints, in which language, with which exit code."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jixiao import cli
from jixiao.examples import inbox_folder
from tests.fixtures import bare
from tests.fixtures.units import Breakage, write_unit_c


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
        (("explain", "2022", "999999", "预算执行率"), 2, "没有评价单位 999999"),
        (("explain", "2022", "301002", "不存在的指标"), 2, "没有指标叫"),
        (("explain", "2022", "301002", "率"), 2, "有多项指标含"),
        (("findings", "2021"), 2, "还没有完成的运行"),
        (("gaps", "2022", "--run", "2022-annual-00000000"), 2, "没有编号为"),
        (("show", "2022-annual-00000000"), 2, "没有编号为"),
        (("check", "没有的文件.xlsx"), 2, "找不到"),
        (("check", ".", "--kind", "invoice"), 2, "没有 'invoice' 这种表"),
        (("check", ".", "--money-unit", "美元"), 2, "不认识"),
        (("target",), 2, "没有给出"),
        (("target", "--file", "没有.csv"), 2, "读不了"),
        (("runs", "--db", "oracle://x"), 2, "数据库地址"),
        (("runs", "--db", "sqlite:////proc/nowhere/x.db"), 1, ""),
        (("annual", "2022"), 2, ""),
        (("fly",), 2, ""),
    ],
)
def test_a_users_mistake_ends_with_its_message_and_no_traceback(jixiao, arguments, code, says):
    got, out, err = jixiao(*arguments)
    assert got == code
    assert says in err
    assert "Traceback" not in out + err
    if says:
        assert "怎么办：" in err


def test_a_settings_file_that_is_wrong_is_named(jixiao, tmp_path, monkeypatch):
    (tmp_path / "jixiao.toml").write_text("[run\n", encoding="utf-8")
    assert "jixiao.toml" in jixiao("runs", cwd=tmp_path)[2]
    (tmp_path / "jixiao.toml").write_text('[run]\nbatch_size = "viele"\n', encoding="utf-8")
    assert "batch_size" in jixiao("runs", cwd=tmp_path)[2]
    (tmp_path / "jixiao.toml").write_text('[store]\nvar = "data"\n', encoding="utf-8")
    assert jixiao("runs", cwd=tmp_path)[0] == 0
    assert (tmp_path / "data" / "jixiao.db").exists()
    monkeypatch.setenv("JIXIAO_STORE__DB", f"sqlite:///{tmp_path / 'other.db'}")
    jixiao("runs", cwd=tmp_path)
    assert (tmp_path / "other.db").exists()


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
    code, out, _ = jixiao("check", inbox_folder("suzhou-2022"), "--year", "2022")
    assert code == 0


def test_import_stores_what_is_accepted(jixiao, tmp_path):
    code, out, _ = jixiao("import", inbox_folder("suzhou-2022"), "--year", "2022", cwd=tmp_path)
    assert code == 0
    assert "已入库 7 个文件" in out
    files = json.loads(jixiao("import", inbox_folder("suzhou-2022"), "--year", "2022", "--json", cwd=tmp_path)[1])
    assert {f["batches"] for f in files} == {1}


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
