"""Subjects: a unit and its projects are told apart from the inbox to the folder that their files stand in."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from jixiao.cycle.evaluation import evaluate_unit
from jixiao.cycle.subjects import Readiness, subjects_of, with_subjects
from jixiao.domain.books import Kind, PerformanceForm, Subject, Unit
from jixiao.domain.evaluation import LeftOut, ScoreStatus
from jixiao.domain.findings import Finding, Outcome, Place, Severity
from jixiao.domain.periods import ANNUAL, is_evaluated, last_month, period_of, period_text
from jixiao.gaps.detection import find_gaps
from jixiao.intake import FileReading, InboxReading, TableReading
from jixiao.reports import subject_folders
from jixiao.storage import run_store
from jixiao.storage import tables as t
from jixiao.storage.engine import open_engine
from tests.fixtures.books import UNIT, books, indicator, line, paid, rules

PROJECT = "雾炮车降尘服务"


def form(kind: Kind = Kind.PROJECT_FORM, project: str = PROJECT, **said: object) -> PerformanceForm:
    return PerformanceForm(UNIT, kind, project, place=Place("自评表.xlsx", "自评", 1), **said)  # type: ignore[arg-type]


def of_project(**parts: object) -> dict[str, object]:
    """The books of one project: a form with a total and two sources of money."""
    lines = (
        line("年度资金总额", 0, ("100", None, "120", "90"), position=0, rate="75.00%"),
        line("其中：当年财政拨款", 1, ("100", None, "120", "90"), parent="年度资金总额", position=1),
        line("其他资金", 1, ("0", None, "0", "0"), parent="年度资金总额", position=2),
    )
    made = {
        "form": form(execution_weight=Decimal(10), execution_score=Decimal(8)),
        "lines": tuple(replace(one, project=PROJECT) for one in lines),
        "ledger": (),
        "indicators": tuple(
            replace(indicator(name, target, actual, weight=weight, position=n), project=PROJECT)
            for n, (name, target, actual, weight) in enumerate(
                (("洒水里程", "≥100公里", "100公里", "60"), ("空气质量优良率", "≥80%", "60%", "30")), 1
            )
        ),
    }
    return made | parts


# ── what a subject is called ─────────────────────────────────────────────────────────────────────────────────────────


@given(unit=st.text("0123456789", min_size=1, max_size=9), project=st.text(max_size=40))
def test_the_key_of_a_subject_reads_back_as_the_subject(unit, project):
    assert Subject.of_key(Subject(unit, project).key) == Subject(unit, project)


def test_the_key_of_a_whole_unit_is_its_code():
    assert Subject("301002").key == "301002"


@pytest.mark.parametrize(
    ("written", "period", "month"),
    [("annual", "annual", 12), ("q2", "Q2", 6), ("Q4", "Q4", 12), (" m06 ", "M6", 6), ("M12", "M12", 12)],
)
def test_a_period_is_read_as_people_write_it(written, period, month):
    assert period_of(written) == period
    assert last_month(period) == month


@pytest.mark.parametrize("written", ["", "Q0", "Q5", "M13", "M0", "H1", "上半年", "2022", "Q1Q2"])
def test_what_is_no_period_is_refused(written):
    with pytest.raises(ValueError, match="is no period"):
        period_of(written)


def test_a_run_works_on_the_forms_of_its_occasion():
    assert [k for k in Kind if k.is_form and is_evaluated(k, ANNUAL)] == [Kind.PROJECT_FORM]
    assert [k for k in Kind if k.is_form and is_evaluated(k, "Q2")] == [Kind.MONITORING_FORM]
    assert not is_evaluated(Kind.INDICATORS, "M6")
    assert is_evaluated(Kind.CONTACTS, "M6")
    assert period_text(2023, "Q2") == "2023年第2季度累计"


# ── the folder of a project ──────────────────────────────────────────────────────────────────────────────────────────

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60) | st.sampled_from(
    ["..", "../../x", "a/b", "con", "甲" * 60, "A", "a", "Ａ", "é", "é", "换行\n名", "甲-12345678", " 甲", "甲"]
)


@given(st.sets(NAMES, max_size=8))
def test_projects_of_a_unit_never_share_a_folder_and_none_leaves_it(names):
    folders = subject_folders(Subject("301002", name) for name in names)
    seen = {unicodedata.normalize("NFKC", folder).casefold() for folder in folders.values()}
    assert len(seen) == len(names)
    for folder in folders.values():
        unit, projects, name = folder.split("/")
        assert (unit, projects) == ("301002", "projects")
        assert name not in {"", ".", ".."}
        assert len(name.encode()) <= 80
        assert name.isprintable()
        assert not set(name) & set('\\/:*?"<>|')


def test_a_plain_name_is_its_own_folder_and_stays_it_beside_others():
    alone = subject_folders([Subject("1", PROJECT)])
    beside = subject_folders([Subject("1", PROJECT), Subject("1", "甲" * 60), Subject("2", PROJECT), Subject("1")])
    assert alone[Subject("1", PROJECT)] == beside[Subject("1", PROJECT)] == f"1/projects/{PROJECT}"
    assert beside[Subject("1")] == "1"
    assert beside[Subject("2", PROJECT)] == f"2/projects/{PROJECT}"


# ── which subjects an inbox holds ────────────────────────────────────────────────────────────────────────────────────


def held(kind: Kind, unit: str = "1", project: str = "", *, rejected: int = 0, first: int = 1) -> TableReading:
    rows = (PerformanceForm(unit, kind, project, place=Place("x", "表", first)),) if kind.is_form else ()
    return TableReading(
        kind=kind,
        sheet="表",
        header_row=first,
        mapping={},
        heads={},
        money_unit=None,
        rows=rows,
        ledger=None,
        rows_accepted=1,
        rows_rejected=rejected,
        rows_excluded=0,
        total_fen=None,
        scope_units=(unit,),
        project=project,
    )


def inbox(*tables: TableReading, findings: tuple[Finding, ...] = ()) -> InboxReading:
    worst = max((f.outcome for f in findings), key=lambda o: o.rank, default=Outcome.ACCEPT)
    file = FileReading("表.xlsx", Path("表.xlsx"), "0" * 64, 1, tables, findings, worst)
    return InboxReading((file,), ())


WHOLE = (held(Kind.INDICATORS), held(Kind.BUDGET_EXECUTION))
A = held(Kind.PROJECT_FORM, project="甲")
B = held(Kind.PROJECT_FORM, project="乙")


@pytest.mark.parametrize(
    ("tables", "period", "subjects", "left_out"),
    [
        (WHOLE, ANNUAL, ["1"], []),
        ((*WHOLE, A, B), ANNUAL, ["1", "1/乙", "1/甲"], []),
        ((A,), ANNUAL, ["1/甲"], []),
        ((A, held(Kind.PAYMENTS)), ANNUAL, ["1/甲"], []),
        ((held(Kind.INDICATORS), A), ANNUAL, ["1/甲"], ["1"]),
        ((held(Kind.PROJECT_FORM),), ANNUAL, ["1"], []),
        ((held(Kind.PROJECT_FORM), held(Kind.BUDGET_EXECUTION), A), ANNUAL, ["1", "1/甲"], []),
        ((held(Kind.NARRATIVE),), ANNUAL, [], ["1"]),
        ((held(Kind.GOALS_FORM, project="甲"),), ANNUAL, [], ["1"]),
        ((held(Kind.GOALS_FORM, project="甲"), *WHOLE), ANNUAL, ["1"], []),
        ((held(Kind.UNIT_REGISTER), A), ANNUAL, ["1/甲"], []),
        ((held(Kind.MONITORING_FORM, project="甲"), A), "Q2", ["1/甲"], []),
        ((held(Kind.MONITORING_FORM), held(Kind.MONITORING_FORM, project="甲")), "M9", ["1", "1/甲"], []),
        ((*WHOLE, A), "Q1", [], ["1"]),
    ],
)
def test_what_arrived_decides_what_is_evaluated(tables, period, subjects, left_out):
    ready = subjects_of(inbox(*tables), period=period, scope=frozenset())
    assert [f"{s.unit_code}/{s.project}".rstrip("/") for s in ready.subjects] == subjects
    assert [left.unit_code for left in ready.left_out] == left_out
    assert {f.unit_code for f in ready.findings if f.severity is Severity.ERROR} == set(left_out)


def test_goals_without_a_self_evaluation_are_told():
    ready = subjects_of(inbox(*WHOLE, held(Kind.GOALS_FORM, project="甲"), B), period=ANNUAL, scope=frozenset())
    (said,) = ready.findings
    assert (said.code, said.project, said.severity) == ("SCOPE_INCOMPLETE", "甲", Severity.WARNING)


def test_a_unit_asked_for_that_handed_in_nothing_is_left_out_and_others_are_not_looked_at():
    ready = subjects_of(inbox(*WHOLE, A), period=ANNUAL, scope=frozenset({"2"}))
    assert ready.subjects == ()
    assert [left.unit_code for left in ready.left_out] == ["2"]


def test_a_form_with_a_refused_row_leaves_its_project_out_and_no_other():
    broken = held(Kind.PROJECT_FORM, project="甲", rejected=1)
    said = Finding(
        "CELL_ERROR", Severity.ERROR, Place("表.xlsx", "表", 5), "坏", outcome=Outcome.REJECT_ROW, project="甲"
    )
    ready = subjects_of(inbox(*WHOLE, broken, B, findings=(said,)), period=ANNUAL, scope=frozenset())
    assert ready.subjects == (Subject("1"), Subject("1", "乙"))
    assert [(left.subject, "坏" in left.why) for left in ready.left_out] == [(Subject("1", "甲"), True)]


def test_a_finding_belongs_to_the_form_that_begins_above_it():
    first, second = held(Kind.PROJECT_FORM, project="甲", first=1), held(Kind.PROJECT_FORM, project="乙", first=20)
    found = [Finding("X", Severity.INFO, Place("表.xlsx", "表", row), "") for row in (1, 19, 20, 44)]
    nowhere = Finding("X", Severity.INFO, Place("表.xlsx"), "")
    (file,) = inbox(first, second, findings=(*found, nowhere)).files
    assert [f.project for f in with_subjects(file)] == ["甲", "甲", "乙", "乙", ""]
    (alone,) = inbox(first, findings=(nowhere,)).files
    assert [(f.unit_code, f.project) for f in with_subjects(alone)] == [("1", "甲")]


@given(
    st.dictionaries(st.integers(1, 40), st.integers(1, 9), max_size=12),
    st.integers(1, 10),
)
def test_a_batch_has_no_more_subjects_than_asked_unless_one_unit_has(sizes, size):
    subjects = tuple(sorted(Subject(f"{unit:03d}", f"{n:02d}") for unit, count in sizes.items() for n in range(count)))
    ready = Readiness(subjects, (), ())
    batches = ready.batches(size)
    assert [unit for batch in batches for unit in batch] == list(ready.unit_codes)
    for batch in batches:
        assert len(batch) == 1 or sum(sizes[int(unit)] for unit in batch) <= size


# ── the evaluation of a project ──────────────────────────────────────────────────────────────────────────────────────


def test_the_execution_rate_is_scored_beside_the_indicators_by_the_points_that_the_form_prints():
    evaluation = evaluate_unit(books(**of_project()), rules())
    execution = evaluation.scores[-1]
    assert (execution.indicator.name, execution.weight, execution.indicator.score) == ("预算执行率", 10, 8)
    assert execution.points == Decimal("7.50")
    assert sum(score.weight for score in evaluation.scores) == 100
    assert evaluation.subject == Subject(UNIT, PROJECT)


def test_the_execution_rate_counts_by_the_amounts_and_not_by_the_rounded_rate_beside_them():
    lines = (line("年度资金总额", 0, (None, None, "43.2", "37.24"), rate="86%"),)
    execution = evaluate_unit(books(**of_project(lines=lines)), rules()).scores[-1]
    assert (execution.reported_value, execution.points) == ("86%", Decimal("8.62"))


def test_findings_and_gaps_of_a_project_name_it_and_have_ids_of_their_own():
    evaluation = evaluate_unit(books(**of_project()), rules())
    assert {f.project for f in evaluation.findings} == {PROJECT}
    gaps = find_gaps(evaluation, rules(), as_of=date(2024, 2, 1))
    assert {gap.project for gap in gaps} == {PROJECT}
    other = evaluate_unit(books(**of_project(form=form(project="乙"))), rules())
    assert not {g.gap_id for g in gaps} & {g.gap_id for g in find_gaps(other, rules(), as_of=date(2024, 2, 1))}


def test_a_project_owes_none_of_the_tables_of_its_unit():
    evaluation = evaluate_unit(books(**of_project()), rules())
    assert not any(f.code == "SCOPE_INCOMPLETE" for f in evaluation.findings)


@pytest.mark.parametrize(
    ("own_funds", "ledger", "executed", "contradicted"),
    [
        ("0", "90", 90_00, False),  # all of it through the treasury: the ledger answers the total
        ("0", "80", 80_00, True),
        ("5", "90", 95_00, False),  # beside funds of the unit's own it answers the treasury's line
        ("5", "80", 85_00, True),
    ],
)
def test_the_ledger_answers_what_was_paid_through_the_treasury(own_funds, ledger, executed, contradicted):
    total = f"{90 + int(own_funds)}"
    lines = (
        line("年度资金总额", 0, (None, None, "120", total), position=0),
        line("其中：当年财政拨款", 1, (None, None, "110", "90"), parent="年度资金总额", position=1),
        line("其他资金", 1, (None, None, "10", own_funds), parent="年度资金总额", position=2),
    )
    made = books(**of_project(lines=lines, ledger=(paid(PROJECT, ledger),)))
    evaluation = evaluate_unit(made, rules())
    assert evaluation.total is not None
    assert evaluation.total.executed_fen == executed
    assert any(f.code == "SELF_REPORT_CONTRADICTED" for f in evaluation.findings) is contradicted
    assert not any(f.code in {"LINE_UNMATCHED", "CHECK_NOT_RUN"} for f in evaluation.findings)


def test_a_ledger_that_could_answer_several_sources_is_held_against_none_and_it_is_said():
    lines = (
        line("年度资金总额", 0, (None, None, "120", "95"), position=0),
        line("中央补助", 1, (None, None, "50", "50"), parent="年度资金总额", position=1),
        line("县级财政资金", 1, (None, None, "60", "40"), parent="年度资金总额", position=2),
        line("单位自筹", 1, (None, None, "10", "5"), parent="年度资金总额", position=3),
    )
    evaluation = evaluate_unit(books(**of_project(lines=lines, ledger=(paid(PROJECT, "1"),))), rules())
    assert evaluation.total is not None
    assert evaluation.total.executed_fen == 95_00
    (said,) = [f for f in evaluation.findings if f.code == "CHECK_NOT_RUN"]
    assert "几种资金来源" in said.message


def test_in_the_middle_of_the_year_nothing_is_scored_reached_or_missed():
    monitored = books(**of_project(form=form(Kind.MONITORING_FORM)))
    evaluation = evaluate_unit(monitored, rules())
    assert {score.status for score in evaluation.scores} == {ScoreStatus.MONITORED}
    assert (evaluation.score, evaluation.grade) == (None, "")
    assert [s.indicator.name for s in evaluation.scores] == ["洒水里程", "空气质量优良率"]
    assert find_gaps(evaluation, rules(), as_of=date(2023, 7, 1)) == ()


def test_a_form_with_one_column_of_budget_has_a_rate_of_it():
    lines = (line("年度资金总额", 0, ("220", None, None, "87.57")),)
    evaluation = evaluate_unit(books(**of_project(form=form(Kind.MONITORING_FORM), lines=lines)), rules())
    assert evaluation.total is not None
    assert (evaluation.total.adjusted_fen, evaluation.total.execution_rate) == (None, "39.80")


# ── the store ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def session(tmp_path):
    with Session(open_engine(f"sqlite:///{tmp_path / 'jixiao.db'}")) as opened:
        opened.add(t.RunRow(run_id="r", year=2023, period="annual", as_of=date(2024, 1, 1), code_version="", inputs_sha256="", rules_sha256="", parameters={}, folder="", created_at=datetime.now(UTC)))  # fmt: skip
        opened.flush()
        yield opened


def _stored(session: Session) -> None:
    whole, project = (
        evaluate_unit(books(indicators=(indicator("甲", "1", "1"),)), rules()),
        evaluate_unit(books(**of_project()), rules()),
    )
    subjects = (Subject(UNIT), Subject(UNIT, PROJECT))
    run_store.replace_units(session, "r", [Unit(UNIT, "某县")], (), subjects=subjects)
    assert run_store.replace_evaluations(session, "r", [whole, project], units=[UNIT]) == {}
    gaps = [g for e in (whole, project) for g in find_gaps(e, rules(), as_of=date(2024, 2, 1))]
    run_store.replace_gaps(session, "r", gaps, units=[UNIT])


def test_a_unit_and_its_project_are_kept_side_by_side(session):
    _stored(session)
    assert run_store.run_subjects(session, "r", [UNIT]) == (Subject(UNIT), Subject(UNIT, PROJECT))
    assert [unit.code for unit in run_store.run_units(session, "r", [UNIT])] == [UNIT]
    assert [one.subject for one in run_store.results(session, "r")] == [Subject(UNIT), Subject(UNIT, PROJECT)]
    assert [e.subject for e in run_store.evaluations_of(session, "r", [UNIT])] == [
        Subject(UNIT),
        Subject(UNIT, PROJECT),
    ]
    assert run_store.evaluated_units(session, "r") == (UNIT,)
    assert {g.project for g in run_store.gaps_of(session, "r")} == {PROJECT}


def test_a_project_that_is_left_out_leaves_its_unit_alone(session):
    _stored(session)
    run_store.leave_out(session, "r", [LeftOut(UNIT, "表.xlsx", "坏", PROJECT)])
    assert run_store.evaluated_subjects(session, "r") == (Subject(UNIT),)
    assert run_store.run_subjects(session, "r", [UNIT]) == (Subject(UNIT),)
    assert run_store.gaps_of(session, "r") == ()
    assert {f.project for f in run_store.findings_of(session, "r")} == {""}
    assert run_store.units_left_out(session, "r") == (LeftOut(UNIT, "表.xlsx", "坏", PROJECT),)


def test_a_unit_that_is_left_out_as_a_whole_leaves_its_projects_alone(session):
    _stored(session)
    run_store.leave_out(session, "r", [LeftOut(UNIT, "表.xlsx", "坏")])
    assert run_store.evaluated_subjects(session, "r") == (Subject(UNIT, PROJECT),)


def test_a_unit_on_which_a_stage_broke_goes_with_all_its_projects(session):
    _stored(session)
    run_store.leave_out_units(session, "r", [LeftOut(UNIT, "", "坏")])
    assert run_store.evaluated_subjects(session, "r") == ()
    assert run_store.run_subjects(session, "r", [UNIT]) == ()
    assert run_store.units_left_out(session, "r", failed=True) == (LeftOut(UNIT, "", "坏"),)


def test_what_an_older_store_knows_of_units_is_kept_as_that_of_whole_units(tmp_path):
    from alembic import command

    from jixiao.storage.engine import _config

    engine = open_engine(f"sqlite:///{tmp_path / 'old.db'}")
    with Session(engine) as session, session.begin():
        session.add(t.RunRow(run_id="r", year=2023, period="annual", as_of=date(2024, 1, 1), code_version="", inputs_sha256="", rules_sha256="", parameters={}, folder="", created_at=datetime.now(UTC)))  # fmt: skip
        session.flush()
        _stored(session)
    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0002")
        assert "project" not in {c["name"] for c in sa.inspect(connection).get_columns("evaluations")}
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM evaluations").scalar() == 1
        command.upgrade(config, "head")
    with Session(engine) as session:
        (kept,) = run_store.results(session, "r")
        assert kept.subject == Subject(UNIT)
