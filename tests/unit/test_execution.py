"""Budget lines: the ledger fills the leaves, parents add up, cutting is told from rounding."""

from decimal import Decimal

import pytest

from jixiao.domain.evaluation import ExecutedFrom
from jixiao.domain.money import MoneyUnit, PrintStyle, pct_text, wan_text, yuan_text
from jixiao.scoring.execution import execute_lines, infer_style, line_key
from tests.fixtures.books import PLAIN_LEDGER, books, line, paid


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


def test_a_line_keeps_its_key_when_the_order_changes():
    first, second = (
        line("甲", 2, ("1",) * 4, parent="项目支出", position=3),
        line("甲", 2, ("9",) * 4, parent="项目支出", position=8),
    )
    assert line_key(first) == line_key(second)


WAN = MoneyUnit.WAN


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
