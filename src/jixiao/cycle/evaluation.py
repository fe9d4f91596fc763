"""Evaluate a batch of units, each with its projects, and find their gaps."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from jixiao.application import (
    EvaluationRequest,
    GapReceipt,
    ScoringReceipt,
)
from jixiao.cycle.stores import open_store, snapshots_folder
from jixiao.domain.books import Kind, Subject, UnitBooks
from jixiao.domain.evaluation import Evaluation, Gap, LeftOut
from jixiao.domain.findings import Finding, Place

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from jixiao.rules.registry import RuleBook
    from jixiao.storage.books_store import InputBatch


_log = logging.getLogger(__name__)


def _form_heads(batches: Iterable[InputBatch]) -> dict[tuple[str, str], tuple[str, ...]]:
    """The printed heads of each indicator form, by file and sheet: the mark of its region."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for batch in batches:
        if batch.kind is Kind.INDICATORS or batch.kind.is_form:
            heads = (*found.get((batch.file, batch.sheet), ()), *batch.heads.values())
            found[batch.file, batch.sheet] = tuple(dict.fromkeys(heads))
    return found


def rules_for(books: UnitBooks, heads: Mapping[tuple[str, str], tuple[str, ...]], *, region: str) -> RuleBook:
    """The rules in force for a subject at the end of the evaluated year; ``heads`` by file and sheet of the form."""
    from jixiao.rules.registry import rule_book

    place = books.indicators[0].place if books.indicators else Place()
    return rule_book(
        on=date(books.year, 12, 31),
        division_code=books.unit.division_code,
        form_heads=heads.get((place.file, place.sheet), ()),
        unit_name=books.unit.name,
        default_region=region,
    )


def _merged(*stages: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings of several stages. What an earlier list says of a row under one code, a later one does not repeat;
    within a stage every finding counts: two checks may fail on one row.
    """
    said: set[tuple[object, ...]] = set()
    kept: list[Finding] = []
    for findings in stages:
        fresh = [(f, _subject(f)) for f in findings]
        kept += [f for f, subject in fresh if subject not in said]
        said |= {subject for _, subject in fresh}
    return tuple(sorted(kept, key=lambda f: f.sort_key))


def _subject(f: Finding) -> tuple[object, ...]:
    return (f.code, f.unit_code, f.project, f.place.file, f.place.sheet, f.place.row, f.indicator)


def evaluate_unit(books: UnitBooks, rules: RuleBook, *, earlier: Sequence[Iterable[Finding]] = ()) -> Evaluation:
    """Score one unit or project and review it; ``earlier`` are the findings of the stages before, a list each. Pure.

    In the middle of a year there are no points: see scoring/monitoring.py.
    """
    from jixiao.checks import review
    from jixiao.scoring.monitoring import monitor_unit
    from jixiao.scoring.unit_score import score_unit

    scoring = monitor_unit(books, rules) if books.is_monitoring else score_unit(books, rules)
    return replace(scoring.evaluation, findings=_merged(review(scoring, rules), *earlier))


def _by_subject(session: Session, run_id: str, stage: str, unit_codes: Sequence[str]) -> dict[Subject, list[Finding]]:
    from jixiao.storage import run_store

    found: dict[Subject, list[Finding]] = {}
    for finding in run_store.findings_of(session, run_id, stages=(stage,), units=unit_codes):
        found.setdefault(Subject(finding.unit_code, finding.project), []).append(finding)
    return found


def _twice(books: UnitBooks) -> LeftOut | None:
    """Why a subject's rows cannot be told apart, None where they can: two forms of it were handed in."""
    rows = [(f"指标编号「{i.indicator_id}」", i.place) for i in books.indicators]
    if books.project:
        rows += [("资金总额", line.place) for line in books.lines if line.level == 0]
    seen: dict[str, Place] = {}
    for what, place in rows:
        if first := seen.get(what):
            once = f"项目「{books.project}」" if books.project else "每个单位"
            form = books.form.kind.chinese if books.project and books.form else Kind.INDICATORS.chinese
            why = (
                f"{what}出现两次：{first.chinese}，{place.chinese}。{once}只交一份{form}，编号不得重复；改正后重新运行"
            )
            return LeftOut(books.unit.code, place.file, why, books.project)
        seen[what] = place
    return None


def _broken(run_id: str, subject: Subject, error: Exception) -> LeftOut:
    """What is said of a subject on which the evaluation broke; the error's own words go to the log alone."""
    _log.error("评价%s失败（运行 %s）", subject.chinese, run_id, exc_info=error)
    why = f"评价中断（{type(error).__name__}），请把本次运行编号 {run_id} 和日志交给系统管理员"
    return LeftOut(subject.unit_code, "", why, subject.project)


def evaluate_units(request: EvaluationRequest, run_id: str, unit_codes: Sequence[str]) -> ScoringReceipt:
    """Evaluate a batch of units and their projects. A subject that fails, or cannot be stored, is left out with the
    reason; the others go on, those of its own unit too.
    """
    from jixiao.storage import books_store, run_store

    evaluations: list[Evaluation] = []
    unclear: list[LeftOut] = []
    broken: list[LeftOut] = []
    with open_store(request.database_url) as session:
        folder = snapshots_folder(request.database_url, request.var)
        batches = books_store.input_batches(session, run_id, unit_codes)
        ledgers = books_store.ledger_rows(session, batches, unit_codes, folder)
        books = books_store.load_books(session, run_id, unit_codes, year=request.year, batches=batches, ledgers=ledgers)
        heads = _form_heads(batches)
        stages = [
            _by_subject(session, run_id, stage, unit_codes)
            for stage in (run_store.STAGE_INTAKE, run_store.STAGE_QUALITY)
        ]
        for subject, one in books.items():
            if twice := _twice(one):
                unclear.append(twice)
                continue
            try:
                rules = rules_for(one, heads, region=request.region)
                evaluations.append(evaluate_unit(one, rules, earlier=[stage.get(subject, ()) for stage in stages]))
            except Exception as error:  # noqa: BLE001 - one subject's failure never stops the others
                broken.append(_broken(run_id, subject, error))
        refused = run_store.replace_evaluations(session, run_id, evaluations, units=unit_codes)
        broken += [_broken(run_id, subject, error) for subject, error in refused.items()]
        run_store.leave_out(session, run_id, unclear)
        run_store.leave_out(session, run_id, broken, failed=True)
    stored = [e for e in evaluations if e.subject not in refused]
    return ScoringReceipt(
        units=len({e.unit_code for e in stored}),
        indicators=sum(len(e.scores) for e in stored),
        findings=sum(len(e.findings) for e in stored),
    )


def find_unit_gaps(request: EvaluationRequest, run_id: str, unit_codes: Sequence[str]) -> GapReceipt:
    """Find and store the gaps of a batch of evaluated units and projects."""
    from jixiao.gaps.detection import find_gaps
    from jixiao.storage import books_store, run_store

    with open_store(request.database_url) as session:
        found: list[Gap] = []
        heads = _form_heads(books_store.input_batches(session, run_id, unit_codes))
        for evaluation in run_store.evaluations_of(session, run_id, unit_codes):
            rules = rules_for(evaluation.books, heads, region=request.region)
            found += find_gaps(evaluation, rules, as_of=request.as_of)
        run_store.replace_gaps(session, run_id, found, units=unit_codes)
    return GapReceipt(len(found))


def rules_of_run(session: Session, run_id: str, evaluation: Evaluation) -> RuleBook:
    """The rules by which a unit or project was evaluated in a run."""
    from jixiao.storage import books_store
    from jixiao.storage.tables import RunRow

    region = session.get_one(RunRow, run_id).parameters.get("region", "")
    heads = _form_heads(books_store.input_batches(session, run_id, (evaluation.unit_code,)))
    return rules_for(evaluation.books, heads, region=region)
