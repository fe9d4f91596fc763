"""Files together: reports with tables in their text, registers that are missing, what becomes of the rows of copies."""

from __future__ import annotations

from dataclasses import replace

from jixiao.domain.books import Kind
from jixiao.domain.findings import Outcome
from jixiao.intake import read_inbox
from tests.fixtures.forms import PROJECT, Layout, draw, register, word_file, workbook
from tests.unit.test_intake import CODE, NAME, YEAR, codes, ledger, named, payment, text

CHAPTERS = (
    "一、预算部门名称：青河县水务局",
    "二、年度履职目标完成情况",
    "新建管网三十三公里。",
    "三、部门概况",
    "编制二十人。",
)
FORM = draw(PROJECT, Layout())


def report(path, *more):
    return word_file(path, [(CHAPTERS, FORM), *(([""], canvas) for canvas in more)])


def kinds(reading):
    return [table.kind for table in reading.tables]


def read(folder):
    register(folder, (PROJECT.unit_code, PROJECT.unit))
    return read_inbox([folder], year=PROJECT.year)


def test_a_form_in_a_report_is_read_where_no_other_file_holds_it(tmp_path):
    report(tmp_path / "报告.docx")
    reading = named(read(tmp_path), "报告.docx")
    assert kinds(reading) == [Kind.NARRATIVE, Kind.GOALS_FORM]


def test_a_form_in_a_report_gives_way_to_the_file_that_holds_it(tmp_path):
    workbook(tmp_path / "z自评表.xlsx", {"表": FORM})
    report(tmp_path / "a报告.docx")
    inbox = read(tmp_path)
    reading, other = named(inbox, "a报告.docx"), named(inbox, "z自评表.xlsx")
    assert (kinds(reading), codes(reading)) == ([Kind.NARRATIVE], {"TABLE_IN_REPORT"})
    assert (kinds(other), other.outcome.rank < Outcome.REJECT_ROW.rank) == ([Kind.GOALS_FORM], True)
    assert reading.counts.rows.excluded == other.counts.rows.accepted


def test_a_form_that_cannot_be_read_never_keeps_the_text_of_its_report_out(tmp_path):
    another_year = draw(replace(PROJECT, year=PROJECT.year - 1), Layout())
    word_file(tmp_path / "报告.docx", [(CHAPTERS, another_year)])
    reading = named(read(tmp_path), "报告.docx")
    assert kinds(reading) == [Kind.NARRATIVE]
    assert (reading.outcome, codes(reading)) == (Outcome.ACCEPT_LOGGED, {"TABLE_IN_REPORT"})


def test_without_a_register_codes_are_taken_as_they_stand_and_that_is_said_once(tmp_path):
    from jixiao.domain.books import Unit

    text(tmp_path / "a.csv", ledger(payment("1", "1.00")))
    text(tmp_path / "b.csv", ledger(payment("2", "1.00", code="410008")))
    reading = read_inbox([tmp_path], year=YEAR)
    assert [(f.code, f.place.file, f.place.column) for f in reading.findings] == [("REGISTER_MISSING", "a.csv", "B")]
    assert {file.outcome for file in reading.files} == {Outcome.ACCEPT}
    assert read_inbox([tmp_path], year=YEAR, known=[Unit(CODE, NAME)]).findings == ()
    text(tmp_path / "名册.csv", [["单位编码", "单位名称"], [CODE, NAME], ["410008", "某局"]])
    assert read_inbox([tmp_path], year=YEAR).findings == ()
