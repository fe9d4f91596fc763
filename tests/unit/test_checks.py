"""What a careful reader objects to: each check finds its fault, with place and both values, and is silent where there is none."""

import pytest

from jixiao.checks import review
from jixiao.checks.form_quality import is_copied, wrong_year
from jixiao.domain.findings import Severity
from jixiao.domain.money import MoneyUnit
from jixiao.scoring.unit_score import score_unit
from tests.fixtures.books import (
    PLAIN_LEDGER,
    PLAIN_LINES,
    books,
    contact,
    fact,
    indicator,
    indicators,
    line,
    paid,
    rules,
    text,
)

COMPLETE = {
    "tasks": (object(),),
    "facts": (fact("staff_posts", "9"),),
    "narrative": (text(5, "五、存在问题及改进措施", "无"),),
    "contacts": (contact("办公室"),),
}


def found(*rows, code=None, region="", **parts):
    rule_book = rules(region)
    made = review(score_unit(books(indicators=rows, **(COMPLETE | parts)), rule_book), rule_book)
    return [f for f in made if code is None or f.code == code]


def test_a_sound_unit_has_no_findings():
    assert found(*indicators(("培训人次数", ">=100人次", "120人次"), ("制度", "健全", "健全"))) == []


def test_every_finding_names_file_and_row_and_what_to_do():
    made = found(
        indicator("预算执行率", "=100%", "100%"),
        indicator("开放天数", ">=300天", "1年", position=2),
        ledger=(paid("丁", "3"),),
        contacts=(),
    )
    assert len(made) >= 4
    assert all(f.place.file and f.place.row and f.message and f.fix and f.unit_code for f in made)


# ── the books against the report


def test_a_contradiction_says_both_values_the_formula_and_the_rows():
    (f,) = found(indicator("预算执行率", "=100%", "100%"), code="SELF_REPORT_CONTRADICTED")
    assert (f.value, f.expected, f.severity) == ("100%", "90.00%", Severity.ERROR)
    for part in ("实际支出数 ÷ 调整预算数", "1080.00 ÷ 1200.00", "按年初预算数", "明细.csv", "执行表.xlsx"):
        assert part in f.message


def test_unspent_money_stands_beside_a_carry_over_of_zero():
    wan = (line("预算总金额", 0, ("1905.66", "197.53", "2103.19", "1999.97"), unit=MoneyUnit.WAN),)
    (f,) = found(indicator("结转结余率", "=0%", "0%"), code="SELF_REPORT_CONTRADICTED", lines=wan, ledger=())
    assert "103.22 万元" in f.message
    assert "财政年末收回" in f.message


def test_a_basis_that_makes_both_true_is_asked_about():
    (f,) = found(indicator("预算执行率", "=100%", "108%"), code="SELF_REPORT_CONTRADICTED")
    assert f.severity is Severity.QUESTION
    assert "口径" in f.message


def test_what_cannot_be_recomputed_is_said_with_the_missing_fact():
    (f,) = found(indicator("固定资产利用率", "=100%", "100%"), code="CHECK_NOT_RUN")
    assert f.severity is Severity.INFO
    assert "固定资产总额" in f.message


def test_a_printed_amount_that_the_ledger_refutes_is_an_error_of_its_line():
    (f,) = found(
        indicator("甲", ">=1项", "1项"),
        code="SELF_REPORT_CONTRADICTED",
        lines=PLAIN_LINES[3:4],
        ledger=(paid("甲项目", "250"),),
    )
    assert f.indicator == "甲项目"
    assert "相差 -50.00 元" in f.message


def test_rounding_and_cutting_are_no_contradiction():
    lines = (line("设备", 0, ("1", "0", "1", "0.96"), unit=MoneyUnit.WAN, rate="96.90%"),)
    made = found(indicator("甲", ">=1项", "1项"), lines=lines, ledger=(paid("设备", "9690"),))
    assert [f.code for f in made] == ["ROUNDING_INFERRED"]
    assert "0.969" in made[0].message


@pytest.mark.parametrize(
    ("figures", "rate", "possible"),
    [
        (("1", "0", "1", "0.96"), "96.90%", True),
        (("1.00", "0", "1.00", "0.96"), "98.10%", False),
        (("100", "0", "100.00", "50.00"), "50.00%", True),
        (("100", "0", "100.00", "50.00"), "52.00%", False),
        (("0", "0", "0", "0"), "100.00%", True),
        (("4.4", "0", "4.4", "3.87"), "88.02%", True),
        (("3", "0", "3", "1"), "33.3%", True),
        (("3", "0", "3", "1"), "34%", True),
    ],
)
def test_a_rate_is_impossible_only_where_no_rounding_or_cutting_gives_it(figures, rate, possible):
    made = found(
        indicator("甲", ">=1项", "1项"),
        code="RATE_IMPOSSIBLE",
        lines=(line("合计", 0, figures, unit=MoneyUnit.WAN, rate=rate),),
        ledger=(),
    )
    assert (made == []) is possible


def test_money_without_a_line_and_lines_without_money_are_named():
    made = found(indicator("甲", ">=1项", "1项"), ledger=(*PLAIN_LEDGER[:2], paid("丁项目", "5")))
    assert {(f.code, f.indicator) for f in made} == {("LINE_UNMATCHED", "丁项目"), ("CHECK_NOT_RUN", "乙项目")}


@pytest.mark.parametrize(
    ("target", "actual", "printed", "wrong"),
    [
        (">=15000项", "12880项", "-14.13%", False),
        (">=15000项", "12880项", "-14.1%", False),
        (">=15000项", "12880项", "14.13%", True),
        (">=100项", "100项", "0%", False),
        ("健全", "健全", "0%", False),
        (">=100项", "90项", "0.00%", True),
    ],
)
def test_a_deviation_must_follow_from_target_and_actual(target, actual, printed, wrong):
    made = found(
        indicator("甲", target, actual, deviation=printed, reason="有"),
        code="DEVIATION_MISPRINTED",
        narrative=(text(5, "五、问题", "甲"),),
    )
    assert bool(made) is wrong


# ── the form


def test_copied_targets_are_counted():
    rows = indicators(*[(f"事项{n}", ">=10项", "10项") for n in range(9)], ("事项十", ">=10项", "12项"))
    (f,) = found(*rows, code="TARGET_COPIED")
    assert f.value == "9"
    assert "10 项指标中有 9 项" in f.message


def test_a_few_equal_values_are_no_copying():
    assert (
        found(
            *indicators(*[(f"事项{n}", ">=10项", "10项" if n < 7 else "12项") for n in range(10)]), code="TARGET_COPIED"
        )
        == []
    )
    assert found(*indicators(*[(f"事项{n}", ">=10项", "10项") for n in range(4)]), code="TARGET_COPIED") == []


@pytest.mark.parametrize(
    ("target", "actual", "copied"),
    [
        ("≥95%", "95%", True),
        ("=100%", "＝100%", True),
        ("健全", "健全", True),
        (">=10项", "11项", False),
        ("", "", False),
        (">=10 项", "10项", True),
    ],
)
def test_copying_is_told_without_the_operator(target, actual, copied):
    assert is_copied(indicator("甲", target, actual)) is copied


def test_one_sentence_as_the_source_of_everything():
    rows = indicators(*[(f"事项{n}", ">=10项", "12项") for n in range(6)], source="根据上年完成情况统计得出")
    assert {f.code for f in found(*rows)} == {"SOURCE_BOILERPLATE", "SOURCE_WRONG_YEAR"}


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("网上年检系统", False),
        ("线上年报系统", False),
        ("历史上年均值", False),
        ("以上年度数据", False),
        ("参照上年度数据", True),
        ("上年台账", True),
        ("根据上年完成情况统计得出", True),
        ("2022年统计年报", True),
        ("2023年统计年报", False),
        ("2022年与2023年对比", False),
        ("去年台账", True),
        ("业务台账", False),
        ("", False),
    ],
)
def test_a_source_of_another_year(source, wrong):
    assert bool(wrong_year(source, 2023)) is wrong


@pytest.mark.parametrize(
    ("name", "target", "mismatch"),
    [
        ("系统正常使用天数", "=1年", True),
        ("系统正常使用天数", ">=360天", False),
        ("受益人口数", ">=10户", True),
        ("覆盖率", ">=90%", False),
        ("网络故障时长", "=0小时", False),
        ("服务期限", "=1年", False),
        ("培训天数", "3", False),
        ("设备完好率", ">=10台", True),
    ],
)
def test_a_unit_that_the_name_contradicts(name, target, mismatch):
    made = found(indicator(name, target, target.lstrip("<>=")), code="UNIT_MISMATCH")
    assert bool(made) is mismatch


def test_blank_and_unreadable_actuals_are_two_findings_and_a_miss_without_reason_a_third():
    made = found(
        *indicators(("甲", ">=10项", ""), ("乙", ">=10项", "较好"), ("丙", ">=10项", "8项")),
        narrative=(text(5, "五、问题", "丙"),),
    )
    assert [(f.code, f.indicator) for f in made] == [
        ("REQUIRED_VALUE_EMPTY", "甲"),
        ("DEVIATION_UNEXPLAINED", "丙"),
        ("TARGET_UNQUANTIFIED", "乙"),
    ]


# ── printed points


@pytest.mark.parametrize(
    ("target", "actual", "score", "says"),
    [
        (">=10项", "10项", "8", "目标已达成却扣了分"),
        (">=10项", "8项", "10", "目标未达成却得了满分"),
        (">=10项", "8项", "5", "不一致"),
        (">=10项", "8项", "8", ""),
        (">=9项", "7项", "7.7", ""),
        (">=9项", "7项", "7.78", ""),
        (">=9项", "7项", "7", ""),
        ("健全", "基本健全", "6.5", ""),
        ("健全", "基本健全", "10", "得了满分"),
        (">=10项", "10项", None, ""),
    ],
)
def test_printed_points_are_held_against_the_rule(target, actual, score, says):
    rows = (
        indicator("甲", target, actual, weight="10", score=score, reason="有"),
        indicator("乙", "健全", "健全", weight="90", position=2),
    )
    made = found(*rows, code="SCORE_NOT_BY_RULE", narrative=(text(5, "五、问题", "甲"),))
    assert bool(made) is bool(says)
    assert all(says in f.message for f in made)


def test_weights_must_add_up():
    (f,) = found(indicator("甲", ">=10项", "10项", weight="55"), code="SUM_MISMATCH")
    assert (f.value, f.expected) == ("55", "100")


# ── the text


@pytest.mark.parametrize(
    ("paragraph", "spoken_of"),
    [
        ("受理数量没有完成，因政策调整。", False),
        ("受理、评估项目数量没有完成。", True),
        ("实际受理、评估项目12880项，未完成目标。", True),
        ("实际受理 12880.5 项。", False),
        ("共 112880 项。", False),
    ],
)
def test_a_missed_indicator_must_be_in_the_chapter_on_problems(paragraph, spoken_of):
    row = indicator("受理、评估项目数量", ">=15000项", "12880项", reason="政策")
    made = found(
        row,
        code="DEVIATION_NOT_IN_NARRATIVE",
        narrative=(text(4, "四、实现情况", "受理、评估项目数量"), text(5, "五、存在问题及改进措施", paragraph)),
    )
    assert (made == []) is spoken_of


def test_a_short_figure_proves_nothing():
    row = indicator("甲", ">=15项", "12项", reason="有")
    assert found(row, code="DEVIATION_NOT_IN_NARRATIVE", narrative=(text(5, "五、问题", "共 12 条"),))


def test_a_text_without_the_chapter_is_said():
    row = indicator("甲", ">=15项", "12项", reason="有")
    (f,) = found(row, code="DEVIATION_NOT_IN_NARRATIVE", narrative=(text(1, "一、概况", "甲"),))
    assert "没有“存在问题及改进措施”一章" in f.message


def test_what_did_not_arrive_is_said_once_each():
    made = found(indicator("甲", ">=1项", "1项"), ledger=(), tasks=(), facts=(), narrative=(), contacts=())
    assert sorted(f.expected for f in made) == sorted(
        ["国库支付明细", "基础数据表", "年度重点任务", "自评报告文字", "责任人通讯录"]
    )


def test_lines_of_one_name_are_asked_about_only_where_their_sum_is_wrong():
    lines = (
        line("合计", 0, ("100", "0", "100", "100"), position=0),
        line("泵站", 2, ("60", "0", "60", "60"), parent="项目支出", position=1),
        line("泵站", 2, ("40", "0", "40", "40"), parent="项目支出", position=2),
    )
    assert found(indicator("甲", ">=1项", "1项"), lines=lines, ledger=(paid("泵站", "100"),)) == []
    (f,) = found(indicator("甲", ">=1项", "1项"), lines=lines, ledger=(paid("泵站", "90"),))
    assert (f.code, f.severity) == ("SELF_REPORT_CONTRADICTED", Severity.QUESTION)
    assert "2 行都叫「泵站」" in f.message


def test_a_fact_stated_twice_with_different_figures_is_an_error_and_not_used():
    facts = (fact("staff_posts", "30"), fact("staff_posts", "40"), fact("staff_in_post", "29"))
    made = found(indicator("在职人员控制率", "<=100%", "96.67%"), facts=facts)
    assert [f.code for f in made] == ["FACT_CONFLICT", "CHECK_NOT_RUN"]


def test_a_rate_on_a_base_of_zero_is_asked_about():
    zero = (line("合计", 0, ("0", "0", "0", "0")),)
    (f,) = found(indicator("预算执行率", ">=95%", "95%"), lines=zero, ledger=())[:1]
    assert f.code in {"ZERO_BASE", "SCOPE_INCOMPLETE"}
    assert any(f.code == "ZERO_BASE" for f in found(indicator("预算执行率", ">=95%", "95%"), lines=zero, ledger=()))


def test_a_blank_target_is_named_and_not_the_actual():
    (f,) = found(indicator("甲", "", "10项"), code="REQUIRED_VALUE_EMPTY")
    assert "没有填目标值" in f.message


def test_not_applicable_beside_a_printed_deviation_is_asked_about():
    (f,) = found(indicator("甲", ">=10项", "/", deviation="-12.86%", reason="因故"), code="TARGET_UNQUANTIFIED")
    assert f.severity is Severity.QUESTION
    assert "不适用" in f.message


def test_a_year_in_the_text_does_not_speak_of_a_date_that_was_missed():
    row = indicator("验收", "2023年6月底前", "2023年9月", reason="拖延")
    chapters = (text(5, "五、存在问题", "2023年，人员紧张。"),)
    assert found(row, code="DEVIATION_NOT_IN_NARRATIVE", narrative=chapters)


def test_two_chapters_on_problems_are_read_as_one():
    row = indicator("受理数量", ">=15项", "12项", reason="有")
    chapters = (text(5, "五、存在问题", "其他"), text(5, "五、存在问题及改进措施", "受理数量没有完成"))
    assert found(row, code="DEVIATION_NOT_IN_NARRATIVE", narrative=chapters) == []


def test_units_that_say_the_same_thing_are_no_mismatch():
    for name, target in [
        ("培训时长", ">=3个月"),
        ("合同金额", ">=10万美元"),
        ("服务户数", ">=50户次"),
        ("发放人数", ">=2万"),
    ]:
        assert found(indicator(name, target, target.lstrip(">=")), code="UNIT_MISMATCH") == [], name


def test_units_that_cannot_be_converted_are_one_finding():
    made = found(indicator("绿化", ">=10公顷", "200亩"))
    assert made == []
    (f,) = found(indicator("宣传", ">=10场", "20篇"))
    assert f.code == "UNIT_MISMATCH"
    assert "无法换算" in f.message
