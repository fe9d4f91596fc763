"""Budget lines: the ledger fills the leaves, parents add up, cutting is told from rounding."""

from decimal import Decimal

import pytest

from jixiao.domain.evaluation import ExecutedFrom
from jixiao.domain.money import MoneyUnit, PrintStyle, pct_text, wan_text, yuan_text
from jixiao.scoring.execution import amount_interval, execute_lines, infer_style, line_key
from tests.fixtures.books import PLAIN_LEDGER, books, line, paid

WAN = MoneyUnit.WAN


def executed(table, name):
    return next(x for x in table.lines if x.line.name == name)


def test_a_leaf_takes_the_ledgers_sum_and_its_parents_add_up():
    table = execute_lines(books(ledger=(paid("基本支出", "580"), paid("甲项目", "310.55"), paid("乙项目", "200"))))
    assert executed(table, "甲项目").executed_fen == 31055
    assert executed(table, "甲项目").executed_from is ExecutedFrom.LEDGER
    assert executed(table, "项目支出").executed_fen == 51055
    assert executed(table, "合计").executed_fen == 109055
    assert executed(table, "合计").executed_from is ExecutedFrom.CHILDREN
    assert executed(table, "合计").execution_rate == "90.88"
    assert sum(executed(table, "合计").months_fen) == 109055


def test_without_a_ledger_every_line_keeps_the_printed_figure():
    table = execute_lines(books(ledger=()))
    assert {x.executed_from for x in table.lines} == {ExecutedFrom.TABLE}
    assert executed(table, "合计").executed_fen == 108000


def test_a_line_that_the_ledger_does_not_hold_keeps_its_printed_figure_and_still_counts():
    table = execute_lines(books(ledger=(paid("甲项目", "300"), paid("乙项目", "200"))))
    assert executed(table, "基本支出").executed_from is ExecutedFrom.TABLE
    assert executed(table, "合计").executed_fen == 108000


def test_spaces_numbering_and_quotes_in_a_project_name_do_not_part_it_from_its_ledger():
    lines = (
        line("合计", 0, ("100", "0", "100", "50"), position=0),
        line("其中：“甲” 项目", 1, ("100", "0", "100", "50"), position=1),
    )
    table = execute_lines(books(lines=lines, ledger=(paid("甲项目", "49.99"),)))
    assert executed(table, "合计").executed_fen == 4999
    assert not table.unmatched


def test_money_of_a_project_without_a_line_is_named_and_not_lost():
    table = execute_lines(books(ledger=(*PLAIN_LEDGER, paid("丙项目", "7"))))
    assert [t.line_name for t in table.unmatched] == ["丙项目"]


def test_the_total_adds_up_its_projects_where_the_table_has_no_second_level():
    lines = (
        line("合计", 0, ("30", "0", "30", "20"), position=0),
        line("甲", 2, ("10", "0", "10", "9"), parent="项目支出", position=1),
        line("乙", 2, ("20", "0", "20", "11"), parent="项目支出", position=2),
    )
    table = execute_lines(books(lines=lines, ledger=(paid("甲", "9"), paid("乙", "12"))))
    assert executed(table, "合计").executed_fen == 2100


@pytest.mark.parametrize(
    ("figures", "rate"),
    [
        (("0", "0", "0", "0"), "n/a"),
        ((None, None, None, "5"), ""),
        (("1", "0", None, "0.5"), "50.00"),
        (("3", "0", "3", "1"), "33.33"),
        (("3", "0", "3", None), ""),
        (("100", "0", "100", "110"), "110.00"),
    ],
)
def test_zero_missing_and_not_applicable_are_three_things_in_a_rate(figures, rate):
    table = execute_lines(books(lines=(line("合计", 0, figures),), ledger=()))
    assert table.lines[0].execution_rate == rate


def test_a_ledger_on_two_sheets_is_added_up():
    halves = (paid("基本支出", "580"), paid("甲项目", "100"), paid("甲项目", "200.50"), paid("乙项目", "200"))
    table = execute_lines(books(ledger=halves))
    assert executed(table, "甲项目").executed_fen == 30050
    assert executed(table, "合计").executed_fen == 108050


def test_lines_of_one_name_are_left_to_the_table_and_only_their_sum_is_checked():
    lines = (
        line("合计", 0, ("100", "0", "100", "100"), position=0),
        line("泵站", 2, ("60", "0", "60", "60"), parent="项目支出", position=1),
        line("泵站", 2, ("40", "0", "40", "40"), parent="项目支出", position=2),
    )
    table = execute_lines(books(lines=lines, ledger=(paid("泵站", "100"),)))
    assert [x.executed_fen for x in table.lines] == [10000, 6000, 4000]
    assert [s.name for s in table.shared] == ["泵站"]
    assert len({x.line_key for x in table.lines}) == 3
    assert not table.unmatched


def test_projects_of_a_table_without_a_row_for_them_stand_below_the_total():
    lines = (
        line("合计", 0, ("300", "0", "300", "250"), position=0),
        line("基本支出", 1, ("200", "0", "200", "190"), parent="合计", position=1),
        line("甲", 2, ("100", "0", "100", "60"), parent="项目支出", position=2),
    )
    table = execute_lines(books(lines=lines, ledger=(paid("基本支出", "190"), paid("甲", "60"))))
    assert executed(table, "合计").executed_fen == 25000


def test_children_that_are_not_all_of_their_parent_do_not_replace_it():
    lines = (
        line("合计", 0, ("300", "0", "300", "250"), position=0),
        line("项目支出", 1, ("300", "0", "300", "250"), parent="合计", position=1),
        line("甲", 2, ("100", "0", "100", "60"), parent="项目支出", position=2),
    )
    table = execute_lines(books(lines=lines, ledger=(paid("甲", "60"),)))
    assert executed(table, "项目支出").executed_fen == 25000
    assert executed(table, "项目支出").executed_from is ExecutedFrom.TABLE


def test_a_parent_of_one_exact_and_one_printed_child_is_known_only_within_the_print():
    lines = (
        line("合计", 0, ("200", "0", "200", "100.01"), position=0, unit=WAN),
        line("甲", 2, ("100", "0", "100", "50.00"), parent="项目支出", position=1, unit=WAN),
        line("乙", 2, ("100", "0", "100", "50.00"), parent="项目支出", position=2, unit=WAN),
    )
    table = execute_lines(books(lines=lines, ledger=(paid("甲", "500049"),)))
    interval = table.executed(executed(table, "合计"))
    assert not interval.is_point
    assert amount_interval(lines[0].executed).meets(interval)
    assert infer_style(table).style is PrintStyle.ROUNDED


@pytest.mark.parametrize(
    ("line_name", "ledger_name"),
    [
        ("（1）泵站", "泵站"),
        ("①泵站", "泵站"),
        ("泵站", "2023年泵站"),
        ("2023年度泵站", "泵站"),
        ("其中：泵站", " 泵站 "),
    ],
)
def test_numbering_and_years_do_not_part_a_line_from_its_ledger(line_name, ledger_name):
    lines = (line("合计", 0, ("9", "0", "9", "5"), position=0), line(line_name, 2, ("9", "0", "9", "5"), position=1))
    table = execute_lines(books(lines=lines, ledger=(paid(ledger_name, "4.99"),)))
    assert executed(table, "合计").executed_fen == 499
    assert [t.line_name for t in table.ledger_of(table.lines[0])] == [ledger_name]


def test_basic_expenditure_of_one_line_takes_the_parts_that_the_ledger_tells_apart():
    lines = (line("合计", 0, ("9", "0", "9", "9"), position=0), line("基本支出", 1, ("9", "0", "9", "9"), position=1))
    ledger = (paid("人员经费", "6"), paid("公用经费", "3"), paid("会议", "1"))
    table = execute_lines(books(lines=lines, ledger=ledger), basic_parts=("人员经费", "公用经费"))
    assert executed(table, "合计").executed_fen == 900
    assert [t.line_name for t in table.unmatched] == ["会议"]


def test_a_parent_takes_a_ledger_that_does_not_tell_its_children_apart():
    lines = (
        line("基本支出", 1, ("9", "0", "9", "9"), position=1),
        line("人员经费", 2, ("6", "0", "6", "6"), parent="基本支出", position=2),
        line("公用经费", 2, ("3", "0", "3", "3"), parent="基本支出", position=3),
    )
    table = execute_lines(books(lines=lines, ledger=(paid("基本支出", "8.5"),)))
    assert executed(table, "基本支出").executed_fen == 850
    assert executed(table, "人员经费").executed_fen == 600


@pytest.mark.parametrize(
    ("paid_yuan", "rate"),
    [("61000", "91.92"), ("61010", "91.92"), ("66000", "99.40")],
)
def test_a_budget_known_only_as_printed_leaves_the_printed_rate_as_long_as_the_payments_allow_it(paid_yuan, rate):
    # 6.64 万 may be anything up to 6.65 万: the printed 91.92 % was made from the whole figures.
    lines = (line("泵站", 0, ("6.64", "0", "6.64", "6.1"), unit=WAN, rate="91.92%"),)
    table = execute_lines(books(lines=(lines[0],), ledger=(paid("泵站", paid_yuan),)))
    assert table.lines[0].execution_rate == rate


def test_a_line_keeps_its_key_when_the_order_changes():
    first, second = (
        line("甲", 2, ("1",) * 4, parent="项目支出", position=3),
        line("甲", 2, ("9",) * 4, parent="项目支出", position=8),
    )
    assert line_key(first) == line_key(second)


@pytest.mark.parametrize(
    ("printed", "ledger", "style"),
    [
        (("1", "0", "1", "0.96"), "9690", PrintStyle.TRUNCATED),
        (("1", "0", "1", "0.97"), "9690", PrintStyle.ROUNDED),
        (("1", "0", "1", "0.96"), "9640", PrintStyle.ROUNDED),
        (("1", "0", "1", "0.5"), "9690", PrintStyle.ROUNDED),
    ],
)
def test_cutting_is_inferred_only_where_a_line_refutes_rounding(printed, ledger, style):
    lines = (line("办公设备购置", 0, printed, unit=WAN),)
    found = infer_style(execute_lines(books(lines=lines, ledger=(paid("办公设备购置", ledger),))))
    assert found.style is style
    assert bool(found.proofs) is (style is PrintStyle.TRUNCATED)


def test_amounts_print_as_offices_print_them():
    assert yuan_text(-31000) == "-310.00"
    assert yuan_text(5) == "0.05"
    assert [wan_text(969000, style=s) for s in (PrintStyle.TRUNCATED, PrintStyle.ROUNDED)] == ["0.96", "0.97"]
    assert wan_text(6_000_000) == "6"
    assert pct_text(1497676, 1500000) == "99.85"
    assert pct_text(-1, 3) == "-33.33"
    assert pct_text(2, 3, places=0) == "67"
    with pytest.raises(ZeroDivisionError):
        pct_text(1, 0)


def test_interval_of_a_printed_zero_reaches_both_sides():
    from jixiao.domain.interval import Interval, printed_interval

    zero = printed_interval(Decimal(0), 2, PrintStyle.TRUNCATED)
    assert zero.meets(Interval.point(Decimal("0.009")))
    assert zero.meets(Interval.point(Decimal("-0.009")))
    assert not zero.meets(Interval.point(Decimal("0.01")))
