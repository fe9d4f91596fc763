"""What a report says, and that strangers' texts stay texts in it. The files as a whole: tests/contracts/test_outputs.py."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from dataclasses import replace
from decimal import Decimal
from xml.dom import minidom

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jixiao.domain.books import LedgerTotal, Unit, UnitBooks
from jixiao.domain.evaluation import Evaluation
from jixiao.domain.money import PrintStyle
from jixiao.errors import UsageError
from jixiao.reports import finding_text, finding_texts, page, tables, word
from jixiao.reports.charts import execution_curve
from jixiao.reports.model import DRAFTED, PRESCRIBED_HEADINGS, subject_report
from jixiao.reports.plain_text import csv_text, inert_text, one_line, safe_name
from jixiao.resources import templates_root
from tests.fixtures.report_samples import RUN, UNIT, evaluation, gap

WORD = templates_root() / word.TEMPLATE
PAGE = templates_root() / page.TEMPLATE
ANY_TEXT = st.text(max_size=30)
# Texts that somebody hopes a reader's program will run.
HOSTILE = (
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://127.0.0.1/x","点我")',
    "@SUM(1+1)",
    "-2+3+cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "<script>window.hit=1</script>",
    "<img src=x onerror=window.hit=1>",
    "{{7*7}}",
    "{{ ''.__class__ }}",
    "{% raw %}",
    "${7*7}",
    "]]>",
    "&lt;b&gt;",
    "名称\r\nBcc: a@example.org",
    "\u202eexe.xslx",
    "\x0b\x1f控制符\x00",
    "\ud800",
)


def document_xml(docx: bytes) -> str:
    return zipfile.ZipFile(io.BytesIO(docx)).read("word/document.xml").decode("utf-8")


def printed(xml: str) -> str:
    return re.sub(r"<[^>]+>", "", xml)


def empty_evaluation() -> Evaluation:
    return Evaluation(UnitBooks(Unit("000009"), 2031), "", (), (), None, Decimal(100), "", PrintStyle.ROUNDED)


# 表中文字不被电子表格当公式 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "=100%",
        ">=15000项",
        "-14.13%",
        "-310.00",
        "=500项",
        "=12场",
        "0%",
        "<=1天",
        "+3",
        "健全",
        "",
        "＝100％",
        "《=1》",
    ],
)
def test_targets_and_numbers_stand_in_a_csv_to_the_letter(text):
    assert csv_text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "=cmd|' /C calc'!A0",
        "=1+1",
        "@SUM(1)",
        "+1+cmd|x",
        "-2+3",
        " =1+1",
        "\t1",
        "\r1",
        "\x00=1",
        "-",
        "=A1",
        "=10（项）",
        "＝1+1",
        "＋1+1",
        "－2+3",
        "＠SUM(1)",
        "\u200b=1+1",
        "\u3000\u2060＝1+1",
        "\ufe66cmd|x",
    ],
)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text):
    assert csv_text(text).startswith("'")


@given(ANY_TEXT)
def test_no_text_at_all_begins_a_formula(text):
    cell = csv_text(text)
    assert cell[:1] not in {"\t", "\r", "\0"}
    assert cell[:1] not in {"=", "+", "-", "@"} or re.fullmatch(r"=?[-+]?[\d.,]+[%‰\u4e00-\u9fff]{0,6}", cell)


@given(st.lists(st.lists(ANY_TEXT, min_size=2, max_size=2), max_size=5))
def test_a_csv_reads_back_as_many_rows_and_cells_as_were_written(rows):
    read = list(csv.reader(io.StringIO(tables.csv_bytes(("a", "b"), rows).decode("utf-8-sig"), newline="")))
    assert [len(row) for row in read] == [2] * (len(rows) + 1)


# 文件名 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["301002", "某局", "A-1_b", "科技评估科（项目服务科）"])
def test_an_ordinary_code_is_its_own_folder(code):
    assert safe_name(code) == code


@given(ANY_TEXT)
def test_a_name_never_leaves_its_folder(text):
    name = safe_name(text)
    assert name
    assert not set(name) & set('/\\:*?"<>|\0\n')
    assert not name.startswith(".")
    assert len(name) < 80


def test_two_codes_that_look_alike_once_made_safe_stay_apart():
    assert safe_name("a/b") != safe_name("a:b")
    assert safe_name("CON") != "CON"


def test_line_ends_of_any_system_become_one():
    assert inert_text("a\r\nb\rc\u2028d\x0b\ufeff") == "a\nb\nc\nd"
    assert one_line("名称\r\nBcc: x") == "名称 Bcc: x"


# 固定文字 -----------------------------------------------------------------------------------------------------------


def test_every_code_has_a_title_a_why_and_a_mend():
    assert len(finding_texts()) >= 75
    assert all(t.title and t.why and t.fix for t in finding_texts().values())


def test_a_code_without_texts_gets_general_ones_that_name_it():
    assert "NEW_CODE" in finding_text("NEW_CODE").title
    assert finding_text("NEW_CODE").fix


# 报告说什么 ---------------------------------------------------------------------------------------------------------


def test_chapters_stand_in_the_prescribed_order_and_drafted_ones_are_marked():
    report = subject_report(evaluation(), [], run=RUN)
    assert [chapter.heading for chapter in report.chapters] == list(PRESCRIBED_HEADINGS)
    assert [chapter.drafted for chapter in report.chapters] == [True, True, False, True, True, True]
    problems = report.chapters[4].paragraphs
    assert problems[0].startswith(DRAFTED)
    assert any("演出场次" in text and "96场" in text for text in problems)
    assert not any("制度健全性" in text for text in problems)


def test_amounts_are_cut_as_the_units_own_table_cuts_them():
    report = subject_report(evaluation(), [], run=RUN)
    assert (report.budget[0].executed, report.budget[0].rate) == ("199.99", "95.09%")
    rounded = subject_report(replace(evaluation(), print_style=PrintStyle.ROUNDED), [], run=RUN)
    assert rounded.budget[0].executed == "200"


def test_unknown_zero_base_and_not_applicable_are_printed_as_three_things():
    report = subject_report(evaluation(), [], run=RUN)
    assert [(row.adjusted, row.rate) for row in report.budget[1:]] == [("0", "不适用"), ("", "—")]
    rows = [row for group in report.indicators for row in group.rows]
    assert [row.points for row in rows] == ["25.00", "20.00", "0.00", "不适用"]


def test_findings_are_grouped_by_cause_worst_first_and_none_is_cut():
    report = subject_report(evaluation(), [], run=RUN)
    assert [(g.code, len(g.items)) for g in report.findings] == [("SELF_REPORT_CONTRADICTED", 1), ("TARGET_COPIED", 2)]
    assert report.findings[0].items[0].place == "《自评表.xlsx》 工作表「自评」 第 6 行 D 列"
    assert (
        report.verdict == "得分 45.00 分，等级「差」；预算执行率 95.09%；核对发现 3 条（错误 1、警告 2）；待办 0 项。"
    )


def test_a_total_that_cannot_be_said_is_not_a_zero():
    report = subject_report(empty_evaluation(), [], run=RUN)
    assert report.score == "—"
    assert "暂不能给出总分" in report.verdict


def test_the_curve_needs_a_ledger():
    books = evaluation().books
    total = evaluation().lines[0]
    silent = replace(total, months_fen=(0,) * 12)
    assert execution_curve(books, silent) is None
    assert execution_curve(books, None) is None
    paid = replace(books, ledger=(LedgerTotal(UNIT, "送戏下乡", 10, 1, (10, *[0] * 11)),))
    assert execution_curve(paid, silent) is not None
    curve = execution_curve(books, total)
    assert curve is not None
    assert curve.months[11].rate == "95.09%"


def test_what_was_paid_in_no_month_of_the_year_is_said_under_the_curve():
    books, total = evaluation().books, evaluation().lines[0]
    within = replace(books, ledger=(LedgerTotal(UNIT, "送戏下乡", 10, 1, (10, *[0] * 11)),))
    beside = replace(books, ledger=(LedgerTotal(UNIT, "送戏下乡", 1_000_011, 2, (10, *[0] * 11)),))
    assert "不在图中" not in execution_curve(within, total).description
    assert "10000.01 元没有支付日期或日期不在本年度，不在图中" in execution_curve(beside, total).description


# Word ---------------------------------------------------------------------------------------------------------------


def test_the_word_file_holds_all_tables_with_repeated_heads_and_uncut_rows():
    xml = document_xml(word.word_report(subject_report(evaluation(), [], run=RUN), template=WORD))
    text = printed(xml)
    for wanted in (
        "预算绩效自评报告",
        "（2031年度）",
        "一、预算部门名称",
        "七、预算信息",
        "八、年度重点任务",
        "九、部门整体自评表",
        "送戏下乡",
        ">=120场",
    ):
        assert wanted.replace(">", "&gt;") in text
    assert xml.count("<w:tblHeader/>") == xml.count("<w:tbl>") == 5
    assert xml.count("<w:cantSplit/>") == xml.count("<w:tr>") + xml.count("<w:tr ")
    assert "{{" not in text
    assert "{%" not in text


def test_merged_cells_stand_where_word_wants_them():
    xml = document_xml(word.word_report(subject_report(evaluation(), [], run=RUN), template=WORD))
    merges = re.findall(r"<w:tcPr>(.*?)</w:tcPr>", xml, flags=re.DOTALL)
    assert any('w:val="restart"' in cell for cell in merges)
    assert any('w:val="continue"' in cell for cell in merges)
    order = ["tcW", "gridSpan", "vMerge", "tcBorders", "shd", "vAlign"]
    for cell in merges:
        names = re.findall(r"<w:(\w+)", cell)
        assert names == sorted(names, key=order.index), cell
    # 分解目标 is one cell over the whole table: it opens once
    assert printed(xml).count("分解目标") == 1


def test_fonts_are_east_asian_and_no_theme_overrides_them():
    docx = zipfile.ZipFile(io.BytesIO(word.word_report(subject_report(evaluation(), [], run=RUN), template=WORD)))
    parts = docx.read("word/document.xml").decode() + docx.read("word/styles.xml").decode()
    assert 'w:eastAsia="仿宋_GB2312"' in parts
    assert "asciiTheme" not in docx.read("word/document.xml").decode()


def test_the_run_is_named_in_footer_and_properties():
    docx = zipfile.ZipFile(io.BytesIO(word.word_report(subject_report(evaluation(), [], run=RUN), template=WORD)))
    assert RUN.run_id in docx.read("word/footer1.xml").decode()
    assert RUN.run_id in docx.read("docProps/custom.xml").decode()
    assert "/docProps/custom.xml" in docx.read("[Content_Types].xml").decode()
    assert docx.testzip() is None


def test_hostile_texts_are_inert_in_word_and_html():
    report = subject_report(evaluation(unit_name="=某局<script>window.hit=1</script>", texts=HOSTILE), [], run=RUN)
    docx = word.word_report(report, template=WORD)
    for name in zipfile.ZipFile(io.BytesIO(docx)).namelist():
        if name.endswith((".xml", ".rels")):
            minidom.parseString(zipfile.ZipFile(io.BytesIO(docx)).read(name))
    assert "{{7*7}}" in printed(document_xml(docx))
    html = page.page_report(report, template=PAGE).decode("utf-8")
    assert "<script" not in html
    assert "<img" not in html
    assert "{{7*7}}" in html
    assert "\u202e" not in html


@settings(max_examples=15, deadline=None)
@given(st.text(max_size=60))
def test_any_text_gives_a_word_file_that_parses(text):
    made = document_xml(word.word_report(subject_report(evaluation(texts=(text,)), [], run=RUN), template=WORD))
    minidom.parseString(made)


def test_a_unit_without_any_table_still_gets_a_report():
    report = subject_report(empty_evaluation(), [], run=RUN)
    text = printed(document_xml(word.word_report(report, template=WORD)))
    assert "没有收到预算执行情况表" in text
    assert "没有收到绩效指标表" in page.page_report(report, template=PAGE).decode()


def test_a_broken_template_is_named_and_not_a_traceback(tmp_path):
    report = subject_report(evaluation(), [], run=RUN)
    (tmp_path / "坏模板.docx").write_bytes(b"PK nonsense")
    with pytest.raises(UsageError, match=r"坏模板\.docx"):
        word.word_report(report, template=tmp_path / "坏模板.docx")
    (tmp_path / "坏.html.j2").write_text("{{ no_such_field }}", encoding="utf-8")
    with pytest.raises(UsageError, match="no_such_field"):
        page.page_report(report, template=tmp_path / "坏.html.j2")
    with pytest.raises(UsageError, match="不存在"):
        templates_root(tmp_path / "nowhere")


def rewritten(source, target, old: str, new: str) -> None:
    with zipfile.ZipFile(source) as made, zipfile.ZipFile(target, "w") as changed:
        for name in made.namelist():
            content = made.read(name)
            changed.writestr(
                name, content.replace(old.encode(), new.encode()) if name == "word/document.xml" else content
            )


@pytest.mark.parametrize(("old", "new"), [("{{ period }}", "{{ periode }}"), ("{{ period }}", "{% if %}")])
def test_a_clerks_wrong_tag_is_said_in_chinese(tmp_path, old, new):
    rewritten(WORD, tmp_path / "改过.docx", old, new)
    with pytest.raises(UsageError, match="模板《改过"):
        word.word_report(subject_report(evaluation(), [], run=RUN), template=tmp_path / "改过.docx")


# 网页 ---------------------------------------------------------------------------------------------------------------


def test_the_page_needs_no_network_and_says_its_charts_in_words():
    html = page.page_report(subject_report(evaluation(), [gap("办公室")], run=RUN), template=PAGE).decode("utf-8")
    assert '<html lang="zh-CN">' in html
    assert not re.search(r"(src|href)=\"(?!#)|url\(|@import|https?://", html)
    assert html.count("<svg") == html.count('role="img"')
    assert (
        html.index('id="findings"')
        < html.index('id="gaps"')
        < html.index('id="budget"')
        < html.index('id="indicators"')
    )
    assert html.count("<details><summary>依据") == 4
    assert all("<caption>" in table for table in re.findall(r"<table.*?</table>", html, flags=re.DOTALL))
