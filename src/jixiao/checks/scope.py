"""What of a unit's books did not arrive, and which checks could not run for it."""

from __future__ import annotations

from collections.abc import Iterator

from jixiao.domain.books import Kind
from jixiao.domain.findings import Finding, Place, Severity
from jixiao.rules.registry import RuleBook
from jixiao.scoring.derived import conflicting_facts
from jixiao.scoring.unit_score import UnitScoring

_WHAT_IS_LOST = {
    Kind.PAYMENTS: "实际支出数只能用执行情况表印列的数，未与支付明细核对",
    Kind.UNIT_FACTS: "在职人员控制率、三公经费变动率等无法按账复算",
    Kind.KEY_TASKS: "报告第八部分为空",
    Kind.NARRATIVE: "报告一至六部分由系统据运行结果草拟，未核对文字与表格",
    Kind.CONTACTS: "待办问题无法分送到科室，暂由单位牵头",
}
_SEVERITY = {Kind.PAYMENTS: Severity.WARNING, Kind.NARRATIVE: Severity.WARNING}


def _conflicts(scoring: UnitScoring) -> Iterator[Finding]:
    """A fact stated twice with different figures is not used at all."""
    for rows in conflicting_facts(scoring.evaluation.books.facts).values():
        stated = "、".join(f"{row.value:f}{row.unit}（{row.place.chinese}）" for row in rows)
        yield Finding(
            code="FACT_CONFLICT",
            severity=Severity.ERROR,
            place=rows[-1].place,
            unit_code=rows[0].unit_code,
            value=f"{rows[-1].value:f}{rows[-1].unit}",
            expected=f"{rows[0].value:f}{rows[0].unit}",
            message=f"基础数据「{rows[0].label}」填了不同的数：{stated}，一个也没有采用",
            fix="只保留正确的一个；口径不同的分别写明口径",
        )


def check_scope(scoring: UnitScoring, _rules: RuleBook) -> Iterator[Finding]:
    yield from _conflicts(scoring)
    books = scoring.evaluation.books
    if books.project:
        return  # a project is handed in on one form; the tables of its unit are not its own
    held = {
        Kind.PAYMENTS: books.ledger,
        Kind.UNIT_FACTS: books.facts,
        Kind.KEY_TASKS: books.tasks,
        Kind.NARRATIVE: books.narrative,
        Kind.CONTACTS: books.contacts,
    }
    anchor = books.indicators[0].place if books.indicators else books.lines[0].place if books.lines else Place()
    for kind, rows in held.items():
        if rows:
            continue
        yield Finding(
            code="SCOPE_INCOMPLETE",
            severity=_SEVERITY.get(kind, Severity.INFO),
            place=Place(anchor.file, anchor.sheet, anchor.row),
            unit_code=books.unit.code,
            message=f"没有收到{kind.chinese}：{_WHAT_IS_LOST[kind]}",
            fix=f"把该单位的{kind.chinese}放进收件文件夹后重新运行",
            expected=kind.chinese,
        )
