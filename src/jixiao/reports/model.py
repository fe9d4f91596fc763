"""What the report of a unit or project says: chapters, tables, findings by cause, all as printed text. Pure; the printing is beside it.

word.py prints it as the official report, page.py as one page for reading; tables.py writes the CSVs from the evaluation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby

from jixiao.domain.books import Indicator, Kind, NarrativeSection
from jixiao.domain.evaluation import Evaluation, ExecutedFrom, ExecutedLine, Gap, RunInfo, Score, ScoreStatus, Trace
from jixiao.domain.findings import Finding, Severity
from jixiao.domain.money import wan_text
from jixiao.domain.periods import period_text as text_of_period
from jixiao.reports.charts import Bar, Curve, execution_bars, execution_curve
from jixiao.reports.finding_texts import finding_text

# Broken where an official title may be: in 2号 it does not fit one line.
TITLE = "预算部门（单位）整体支出预算绩效自评报告"
# A title in 2号 does not fit on one line; it is broken where its sense breaks.
_TITLE_BREAK = "整体支出"
PROJECT_TITLE = "项目支出绩效自评报告"
MONITORING_TITLES = {True: "项目支出绩效运行监控报告", False: "部门（单位）整体支出绩效运行监控报告"}
UNKNOWN = "—"
NOT_APPLICABLE = "不适用"
DRAFTED = "〔据运行结果草拟〕"
NUMERALS = ("一", "二", "三", "四", "五", "六", "七", "八", "九")
# The chapters that the form prescribes, in its order. Source: the published form of 2022, chapters 一 to 六.
PRESCRIBED_HEADINGS = (
    "预算部门名称",
    "年度履职目标完成情况",
    "部门（单位）概况",
    "部门（单位）整体支出绩效实现情况",
    "部门（单位）整体支出绩效中存在问题及改进措施",
    "绩效自评结果拟应用和公开情况",
)
# What a form about one subject says in words, in the order of the national form (财预〔2020〕10号, 附件).
FORM_HEADINGS = ("基本情况", "年度总体目标及完成情况", "存在的问题及原因", "改进措施")
# A first chapter holds one name; longer texts stand below their heading.
_INLINE_LENGTH = 60
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Chapter:
    """One of the chapters. ``inline`` stands in the heading's own line; ``drafted`` if the unit gave no text."""

    numeral: str
    heading: str
    inline: str
    paragraphs: tuple[str, ...]
    drafted: bool


@dataclass(frozen=True)
class BudgetRow:
    """One line of table 七: amounts in 万元 and rates as printed; ``reported_rate`` only where it differs."""

    name: str
    level: int
    original: str
    carry_and_adjust: str
    adjusted: str
    executed: str
    rate: str
    reported_rate: str
    source: str


@dataclass(frozen=True)
class TaskRow:
    name: str
    content: str
    completion: str


@dataclass(frozen=True)
class TaskGroup:
    """Tasks under one duty: their first cells are merged in print."""

    duty: str
    rows: tuple[TaskRow, ...]


@dataclass(frozen=True)
class IndicatorRow:
    """One indicator of table 九 with its score. Texts of the form are kept to the letter."""

    opens_table: bool
    number: int
    indicator_id: str
    label: str
    name: str
    target: str
    actual: str
    actual_source: str
    deviation: str
    reason: str
    weight: str
    points: str
    completion: str
    status: str
    status_key: str
    reported: str
    derived: str
    rule_id: str
    trace: Trace
    printed_points: str = ""


@dataclass(frozen=True)
class IndicatorGroup:
    """Indicators under one 类别 (with its second level where there is one)."""

    label: str
    rows: tuple[IndicatorRow, ...]


@dataclass(frozen=True)
class FindingItem:
    """One finding of a group. ``fix`` is empty where the group's fixed text is all there is to say."""

    place: str
    indicator: str
    message: str
    fix: str
    value: str
    expected: str


@dataclass(frozen=True)
class FindingGroup:
    """Findings of one cause, with the two fixed texts of its code."""

    code: str
    title: str
    why: str
    fix: str
    severity: str
    severity_key: str
    items: tuple[FindingItem, ...]


@dataclass(frozen=True)
class GapItem:
    gap_id: str
    owner: str
    kind: str
    severity: str
    indicator: str
    message: str
    fix: str
    place: str
    due_on: str


@dataclass(frozen=True)
class Report:
    """All that a report prints of one unit or project. Field names are the tags of the templates.

    ``is_of_form``: it tells of one form with its funds and indicators, not of a whole department with its tasks.
    """

    title: str
    title_in_lines: str
    period: str
    unit_code: str
    unit_name: str
    project: str
    is_of_form: bool
    is_monitoring: bool
    source_table: str
    verdict: str
    score: str
    grade: str
    execution_rate: str
    remarks: tuple[str, ...]
    counts: tuple[tuple[str, int], ...]
    chapters: tuple[Chapter, ...]
    budget: tuple[BudgetRow, ...]
    budget_note: str
    bars: tuple[Bar, ...]
    curve: Curve | None
    tasks: tuple[TaskGroup, ...]
    indicators: tuple[IndicatorGroup, ...]
    total_weight: str
    findings: tuple[FindingGroup, ...]
    findings_total: int
    gaps: tuple[GapItem, ...]
    run_id: str
    as_of: str
    rules: str
    code_version: str
    inputs_hash: str


def points_text(points: Decimal | None) -> str:
    """Print points with two decimals, half-up; — where they cannot be said."""
    return UNKNOWN if points is None else f"{points.quantize(_CENT, ROUND_HALF_UP):f}"


def weight_text(weight: Decimal) -> str:
    """Print a weight with at most two decimals and no trailing zeros."""
    text = f"{weight.quantize(_CENT, ROUND_HALF_UP):f}"
    return text.rstrip("0").rstrip(".")


def rate_text(rate: str) -> str:
    """Print a rate of ExecutedLine: ``95.09`` as 95.09%, ``n/a`` as 不适用, nothing as —."""
    if not rate:
        return UNKNOWN
    return NOT_APPLICABLE if rate == "n/a" else f"{rate}%"


def period_text(run: RunInfo) -> str:
    """Print the period in the office's words, e.g. 2022年度."""
    return text_of_period(run.year, run.period)


def indicator_label(indicator: Indicator) -> str:
    """The 类别 cell: the first level, with the second where the form has one."""
    return "／".join(dict.fromkeys(level for level in (indicator.level1, indicator.level2) if level))


def grouped_findings(findings: Iterable[Finding]) -> tuple[FindingGroup, ...]:
    """Group findings by cause, worst first, then the larger group, then by code; nothing is cut."""
    by_code: dict[str, list[Finding]] = {}
    for finding in sorted(findings, key=lambda f: f.sort_key):
        by_code.setdefault(finding.code, []).append(finding)
    groups = []
    for code, found in sorted(by_code.items(), key=lambda g: (g[1][0].severity.rank, -len(g[1]), g[0])):
        text = finding_text(code)
        groups.append(
            FindingGroup(
                code=code,
                title=text.title,
                why=text.why,
                fix=text.fix,
                severity=found[0].severity.chinese,
                severity_key=found[0].severity.value,
                items=tuple(
                    FindingItem(
                        f.place.chinese, f.indicator, f.message, f.fix if f.fix != text.fix else "", f.value, f.expected
                    )
                    for f in found
                ),
            )
        )
    return tuple(groups)


def _title(evaluation: Evaluation) -> str:
    if evaluation.books.is_monitoring:
        return MONITORING_TITLES[bool(evaluation.project)]
    return PROJECT_TITLE if evaluation.project else evaluation.report_title or TITLE


def _source_table(evaluation: Evaluation) -> str:
    """The table that printed the amounts, as findings and notes call it."""
    form = evaluation.books.form
    return form.kind.chinese if form is not None else Kind.BUDGET_EXECUTION.chinese


def subject_report(evaluation: Evaluation, gaps: Sequence[Gap], *, run: RunInfo) -> Report:
    """Put into words and printed figures what the evaluation found. The same arguments give the same report."""
    unit = evaluation.books.unit
    total = evaluation.total
    counts = Counter(finding.severity for finding in evaluation.findings)
    printed_counts = tuple(
        (s.chinese, counts[s]) for s in (Severity.ERROR, Severity.WARNING, Severity.QUESTION, Severity.INFO)
    )
    execution_rate = rate_text(total.execution_rate if total else "")
    score = points_text(evaluation.score)
    title = _title(evaluation)
    of_form = bool(evaluation.project) or evaluation.books.is_monitoring
    return Report(
        title=title,
        title_in_lines=(
            f"{evaluation.project}\n{title}"
            if evaluation.project
            else title.replace(_TITLE_BREAK, f"{_TITLE_BREAK}\n", 1)
        ),
        period=period_text(run),
        unit_code=unit.code,
        unit_name=unit.name or f"单位 {unit.code}",
        project=evaluation.project,
        is_of_form=of_form,
        is_monitoring=evaluation.books.is_monitoring,
        source_table=_source_table(evaluation),
        verdict=_verdict(evaluation, gaps=gaps, execution_rate=execution_rate, counts=printed_counts),
        score=score,
        grade=evaluation.grade or UNKNOWN,
        execution_rate=execution_rate,
        remarks=_remarks(evaluation, run),
        counts=printed_counts,
        chapters=(
            _form_chapters(evaluation) if of_form else _chapters(evaluation, run=run, execution_rate=execution_rate)
        ),
        budget=tuple(_budget_row(line, evaluation) for line in evaluation.lines),
        budget_note=_budget_note(evaluation),
        bars=execution_bars(evaluation.lines, style=evaluation.print_style),
        curve=execution_curve(evaluation.books, total),
        tasks=_task_groups(evaluation),
        indicators=_indicator_groups(evaluation.scores),
        total_weight=weight_text(sum((s.weight for s in evaluation.scores), Decimal(0))),
        findings=grouped_findings(evaluation.findings),
        findings_total=len(evaluation.findings),
        gaps=tuple(_gap_item(gap) for gap in gaps),
        run_id=run.run_id,
        as_of=f"{run.as_of.year}年{run.as_of.month}月{run.as_of.day}日",
        rules="、".join(rule for rule in dict.fromkeys((evaluation.rule_set, *run.rule_sets)) if rule) or UNKNOWN,
        code_version=run.code_version,
        inputs_hash=run.inputs_sha256,
    )


def _verdict(
    evaluation: Evaluation, *, gaps: Sequence[Gap], execution_rate: str, counts: Iterable[tuple[str, int]]
) -> str:
    if evaluation.books.is_monitoring:
        head = "运行监控，年终前不评分"
    elif evaluation.score is None:
        head = f"暂不能给出总分：有 {weight_text(evaluation.pending_weight)} 分权重缺少数据"
    else:
        head = f"得分 {points_text(evaluation.score)} 分，等级「{evaluation.grade or UNKNOWN}」"
    stated = "、".join(f"{name} {number}" for name, number in counts if number)
    found = f"核对发现 {len(evaluation.findings)} 条（{stated}）" if stated else "核对没有发现问题"
    return f"{head}；预算执行率 {execution_rate}；{found}；待办 {len(gaps)} 项。"


def _remarks(evaluation: Evaluation, run: RunInfo) -> tuple[str, ...]:
    remarks = []
    if evaluation.score is not None and evaluation.pending_weight:
        remarks.append(f"另有 {weight_text(evaluation.pending_weight)} 分权重的指标缺少数据或待确认，未计入得分。")
    if evaluation.not_applicable_weight:
        idle = weight_text(evaluation.not_applicable_weight)
        remarks.append(f"不适用指标的 {idle} 分按比例分摊到其余指标。")
    if evaluation.default_share_pct:
        remarks.append(
            f"{weight_text(evaluation.default_share_pct)}% 的分值由产品默认规则决定（权重或定性分档没有文件规定），仅供参考。"
        )
    return (*remarks, *(f"{key}：{text}" for key, text in run.remarks.items()))


def _budget_row(line: ExecutedLine, evaluation: Evaluation) -> BudgetRow:
    def wan(fen: int | None) -> str:
        return "" if fen is None else wan_text(fen, style=evaluation.print_style)

    rate, reported = rate_text(line.execution_rate), line.line.reported_rate.strip()
    same = reported in {"", rate} or f"{reported.rstrip('%')}%" == rate
    return BudgetRow(
        name=line.line.name,
        level=line.line.level,
        original=wan(line.original_fen),
        carry_and_adjust=wan(line.carry_and_adjust_fen),
        adjusted=wan(line.adjusted_fen),
        executed=wan(line.executed_fen),
        rate=rate,
        reported_rate="" if same else reported,
        source={
            ExecutedFrom.LEDGER: f"支付明细 {line.ledger_rows} 笔",
            ExecutedFrom.TABLE: _source_table(evaluation),
            ExecutedFrom.CHILDREN: "下级各行之和",
        }[line.executed_from],
    )


def _budget_note(evaluation: Evaluation) -> str:
    how = "截位" if evaluation.print_style.value == "truncated" else "四舍五入"
    return f"单位：万元，按{how}保留两位小数；执行率按元角分精确金额计算。"


def _task_groups(evaluation: Evaluation) -> tuple[TaskGroup, ...]:
    return tuple(
        TaskGroup(duty, tuple(TaskRow(t.name, t.content, t.completion) for t in tasks))
        for duty, tasks in groupby(evaluation.books.tasks, key=lambda task: task.duty)
    )


def _indicator_groups(scores: Sequence[Score]) -> tuple[IndicatorGroup, ...]:
    rows = [_indicator_row(score, number=number) for number, score in enumerate(scores, 1)]
    return tuple(IndicatorGroup(label, tuple(group)) for label, group in groupby(rows, key=lambda row: row.label))


def _indicator_row(score: Score, *, number: int) -> IndicatorRow:
    indicator = score.indicator
    applies = score.status is not ScoreStatus.NOT_APPLICABLE
    completion = UNKNOWN if score.completion is None else f"{points_text(score.completion * 100)}%"
    return IndicatorRow(
        opens_table=number == 1,
        number=number,
        indicator_id=indicator.indicator_id,
        label=indicator_label(indicator),
        name=indicator.name,
        target=indicator.target,
        actual=indicator.actual,
        actual_source=indicator.actual_source,
        deviation=indicator.deviation or score.deviation,
        reason=indicator.reason,
        weight=weight_text(score.weight),
        points=points_text(score.points) if applies else NOT_APPLICABLE,
        completion=completion if applies else NOT_APPLICABLE,
        status=score.status.chinese,
        status_key=score.status.value,
        reported=score.reported_value,
        derived=score.derived_value,
        rule_id=score.rule_id,
        trace=score.trace,
        printed_points="" if indicator.score is None else weight_text(indicator.score),
    )


def _gap_item(gap: Gap) -> GapItem:
    return GapItem(
        gap_id=gap.gap_id,
        owner=gap.owner,
        kind=gap.kind.chinese,
        severity=gap.severity.chinese,
        indicator=gap.indicator,
        message=gap.message,
        fix=gap.fix,
        place=gap.place.chinese,
        due_on=gap.due_on.isoformat(),
    )


def _chapters(evaluation: Evaluation, *, run: RunInfo, execution_rate: str) -> tuple[Chapter, ...]:
    handed_in: dict[int, NarrativeSection] = {}
    for part in evaluation.books.narrative:
        first = handed_in.get(part.number)
        joined = replace(first, paragraphs=(*first.paragraphs, *part.paragraphs)) if first else part
        handed_in[part.number] = joined
    chapters = []
    for number, prescribed in enumerate(PRESCRIBED_HEADINGS, 1):
        section = handed_in.get(number)
        texts = tuple(text for text in (section.paragraphs if section else ()) if text.strip())
        drafted = not texts
        if drafted:
            texts = _drafted(number, evaluation, run=run, execution_rate=execution_rate)
        inline = texts[0] if len(texts) == 1 and len(texts[0]) <= _INLINE_LENGTH and number == 1 else ""
        heading = ((section.heading if section else "") or prescribed).strip().rstrip("：:")
        chapters.append(
            Chapter(
                numeral=NUMERALS[number - 1],
                # intake may keep the numeral with its heading; it is printed once
                heading=heading.removeprefix(f"{NUMERALS[number - 1]}、"),
                inline=inline,
                paragraphs=() if inline else texts,
                drafted=drafted,
            )
        )
    return tuple(chapters)


def _form_chapters(evaluation: Evaluation) -> tuple[Chapter, ...]:
    """What the form says in words; where it is blank, that it is."""
    form, unit = evaluation.books.form, evaluation.books.unit
    named = (
        ("项目名称", evaluation.project),
        ("项目编码", form.project_code if form else ""),
        ("主管部门", form.department if form else ""),
        ("实施单位", (form.implementer if form else "") or unit.name),
        ("填报日期", form.filled_on if form else ""),
    )
    facts = "；".join(f"{label}：{text}" for label, text in named if text)
    stated = (
        (facts,),
        tuple(
            f"{label}：{text}"
            for label, text in (
                ("年度总体目标", form.goal_text if form else ""),
                ("完成情况", form.result_text if form else ""),
            )
            if text.strip()
        ),
        (form.problems if form else "",),
        (form.measures if form else "",),
    )
    drafts: tuple[Callable[[Evaluation], tuple[str, ...]], ...] = (
        _draft_name,
        lambda _: ("表内没有填写年度总体目标和完成情况，请补报。",),
        _draft_problems if not evaluation.books.is_monitoring else (lambda _: ("表内没有填写存在的问题。",)),
        lambda _: ("表内没有填写改进措施。",),
    )
    chapters = []
    for number, (heading, said, draft) in enumerate(zip(FORM_HEADINGS, stated, drafts, strict=True)):
        texts = tuple(text for text in said if text.strip())
        drafted = tuple(f"{DRAFTED}{text}" for text in draft(evaluation)) if not texts else ()
        chapters.append(Chapter(NUMERALS[number], heading, "", texts or drafted, drafted=not texts))
    return tuple(chapters)


def _drafted(number: int, evaluation: Evaluation, *, run: RunInfo, execution_rate: str) -> tuple[str, ...]:
    """Write factual sentences for a chapter that the unit did not hand in; no judgement, no praise."""
    drafts: dict[int, Callable[[Evaluation], tuple[str, ...]]] = {
        1: _draft_name,
        2: _draft_duties,
        3: _draft_profile,
        4: lambda e: _draft_results(e, execution_rate=execution_rate, run=run),
        5: _draft_problems,
        6: lambda _: ("单位尚未提交绩效自评结果应用和公开情况的说明，请补报。",),
    }
    return tuple(f"{DRAFTED}{text}" for text in drafts[number](evaluation))


def _draft_name(evaluation: Evaluation) -> tuple[str, ...]:
    unit = evaluation.books.unit
    return (f"{unit.name}（{unit.code}）" if unit.name else f"单位编码 {unit.code}",)


def _draft_duties(evaluation: Evaluation) -> tuple[str, ...]:
    by_status = Counter(score.status for score in evaluation.scores)
    stated = "、".join(f"{status.chinese} {by_status[status]} 项" for status in ScoreStatus if by_status[status])
    indicators = (
        f"本年度共设绩效指标 {len(evaluation.scores)} 项，其中：{stated}。" if stated else "没有收到绩效指标表。"
    )
    tasks = evaluation.books.tasks
    by_completion = Counter(task.completion.strip() or "未填写" for task in tasks)
    # Long accounts of what was done are no grades: they are counted, not quoted.
    short = {text: n for text, n in by_completion.items() if len(text) <= len("尚未全部完成")}
    told = len(tasks) - sum(short.values())
    parts = [f"填报“{text}”的 {n} 项" for text, n in short.items()] + ([f"以文字说明的 {told} 项"] if told else [])
    listed = f"年度重点任务 {len(tasks)} 项，其中{'、'.join(parts)}。" if tasks else "没有收到年度重点任务表。"
    return (indicators + listed,)


def _draft_profile(evaluation: Evaluation) -> tuple[str, ...]:
    facts = "；".join(
        f"{fact.label} {fact.value.normalize():f}{fact.unit}" + (f"（口径：{fact.basis}）" if fact.basis else "")
        for fact in evaluation.books.facts
    )
    return (f"基础数据表载明：{facts}。" if facts else "单位尚未提交概况文字和基础数据表，请补报。",)


def _draft_results(evaluation: Evaluation, *, execution_rate: str, run: RunInfo) -> tuple[str, ...]:
    total = evaluation.total
    if total is None or total.adjusted_fen is None:
        money = "没有收到预算执行情况表。"
    else:
        adjusted = wan_text(total.adjusted_fen, style=evaluation.print_style)
        executed = UNKNOWN if total.executed_fen is None else wan_text(total.executed_fen, style=evaluation.print_style)
        money = f"{run.year}年调整预算数 {adjusted} 万元，实际支出 {executed} 万元，预算执行率 {execution_rate}。"
    if evaluation.score is None:
        return (f"{money}因缺少数据，暂不能给出自评总分。",)
    return (f"{money}按评价规则计算，自评得分 {points_text(evaluation.score)} 分，等级为“{evaluation.grade}”。",)


def _draft_problems(evaluation: Evaluation) -> tuple[str, ...]:
    if not evaluation.scores:
        return ("没有收到绩效指标表，不能判断存在的问题，请补报。",)
    missed = [
        s for s in evaluation.scores if s.status in {ScoreStatus.PARTLY, ScoreStatus.MISSED, ScoreStatus.CONTRADICTED}
    ]
    if not missed:
        return ("按评价规则计算，没有未达成的指标，也没有与账面不符的指标。",)
    return (f"未达成或与账面不符的指标 {len(missed)} 项：", *(_problem(n, score) for n, score in enumerate(missed, 1)))


def _problem(number: int, score: Score) -> str:
    indicator = score.indicator
    text = f"{number}．{indicator.name}：目标 {indicator.target or UNKNOWN}，完成 {indicator.actual or UNKNOWN}"
    if score.status is ScoreStatus.CONTRADICTED and score.derived_value:
        text += f"，按账面计算为 {score.derived_value}"
    reason = indicator.reason.strip().rstrip("。")
    return f"{text}。" + (f"原因：{reason}。" if reason else "原因尚未填写。")
