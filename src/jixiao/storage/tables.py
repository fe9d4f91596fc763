"""Tables of the store. Every row of input knows its batch and row; money is integer fen; what was printed is kept.

Two halves: books (what came in, by batch) and runs (what was computed, by run). Ledger rows are not here: they lie in
an immutable, sorted Parquet snapshot whose hash stands in ``ledger_snapshots`` (ADR 0003).
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeEngine

# Names of constraints are fixed, so that migrations can speak of them on every database.
_NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
# Fen of a province exceed 32 bits, which PostgreSQL's INTEGER holds.
Fen = Annotated[int, mapped_column(BigInteger)]


class Exact(TypeDecorator[Decimal]):
    """An exact decimal on every database. SQLite has none: there it travels as text, and comes back as Decimal."""

    impl = Numeric(30, 12)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String(48) if dialect.name == "sqlite" else Numeric(30, 12))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        return f"{value:f}" if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, _dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value).normalize() + 0


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC, always with its zone. SQLite forgets zones, PostgreSQL answers in the session's."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=_NAMING)


class UnitRow(Base):
    """预算部门（单位）, as last named by a register, a ledger or a form."""

    __tablename__ = "units"
    code: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text, default="")
    parent_code: Mapped[str] = mapped_column(Text, default="")
    division_code: Mapped[str] = mapped_column(Text, default="")


class BatchRow(Base):
    """导入批次: one accepted table of one file, as it was read. The same content read the same way is the same batch;
    ``reading_sha256`` is over what was read, so that a better reader makes a new one.
    """

    __tablename__ = "batches"
    __table_args__ = (UniqueConstraint("sha256", "kind", "sheet", "year", "scope_sha256", "reading_sha256"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    file_name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(32))
    sheet: Mapped[str] = mapped_column(Text)
    year: Mapped[int]
    scope_sha256: Mapped[str] = mapped_column(String(64))
    reading_sha256: Mapped[str] = mapped_column(String(64))
    header_row: Mapped[int]
    rows: Mapped[int]
    rejected_rows: Mapped[int]
    excluded_rows: Mapped[int]
    mapping: Mapped[dict[str, str]] = mapped_column(JSON)
    heads: Mapped[dict[str, str]] = mapped_column(JSON)
    money_unit: Mapped[str] = mapped_column(String(8), default="")
    total_fen: Mapped[Fen | None]
    imported_at: Mapped[datetime] = mapped_column(UtcTime)
    fund: Mapped[str] = mapped_column(Text, default="", server_default="")
    project: Mapped[str] = mapped_column(Text, default="", server_default="")
    maturity: Mapped[str] = mapped_column(String(8), default="", server_default="")


class BatchUnitRow(Base):
    """Of which units a batch speaks. A re-export is a batch of its own; the earlier ones stay readable."""

    __tablename__ = "batch_units"
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id"), primary_key=True)
    unit_code: Mapped[str] = mapped_column(Text, primary_key=True)
    __table_args__ = (Index("ix_batch_units_unit", "unit_code"),)


class AdoptionRow(Base):
    """采用: which batches are the snapshot of a scope (year, unit, kind, part) in force. Rows are only added; the one that
    no other supersedes is in force, so that any earlier snapshot stays readable and can be brought back.

    ``part`` is the project of a form, or the 资金性质 of an export that states one alone; empty for all of it. ``reverts``
    is the batch that was taken back, ``restores`` the adoption by an import that is in force again by this one.
    """

    __tablename__ = "adoptions"
    id: Mapped[int] = mapped_column(primary_key=True)
    year: Mapped[int]
    unit_code: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(String(32))
    part: Mapped[str] = mapped_column(Text, default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    by: Mapped[str] = mapped_column(Text, default="")
    adopted_at: Mapped[datetime] = mapped_column(UtcTime)
    superseded_by: Mapped[int | None] = mapped_column(ForeignKey("adoptions.id"), index=True)
    restores: Mapped[int | None] = mapped_column(ForeignKey("adoptions.id"))
    reverts: Mapped[int | None] = mapped_column(ForeignKey("batches.id"))
    __table_args__ = (Index("ix_adoptions_scope", "year", "unit_code", "kind"),)


class AdoptionBatchRow(Base):
    """The batches of an adoption: a ledger may come in parts."""

    __tablename__ = "adoption_batches"
    adoption_id: Mapped[int] = mapped_column(ForeignKey("adoptions.id"), primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id"), primary_key=True, index=True)


class _OfBatch:
    """Columns of every input row."""

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id"), index=True)
    unit_code: Mapped[str] = mapped_column(Text, index=True)
    row: Mapped[int | None]


class BudgetLineRow(_OfBatch, Base):
    __tablename__ = "budget_lines"
    position: Mapped[int]
    name: Mapped[str] = mapped_column(Text)
    level: Mapped[int]
    parent: Mapped[str] = mapped_column(Text)
    original_fen: Mapped[Fen | None]
    original_places: Mapped[int | None]
    carry_and_adjust_fen: Mapped[Fen | None]
    carry_and_adjust_places: Mapped[int | None]
    adjusted_fen: Mapped[Fen | None]
    adjusted_places: Mapped[int | None]
    executed_fen: Mapped[Fen | None]
    executed_places: Mapped[int | None]
    money_unit: Mapped[str] = mapped_column(String(8))
    reported_rate: Mapped[str] = mapped_column(Text)
    reported_rate_pct: Mapped[str | None] = mapped_column(Text)
    rate_places: Mapped[int]
    project: Mapped[str] = mapped_column(Text, default="", server_default="")
    points: Mapped[str | None] = mapped_column(Text)
    score: Mapped[str | None] = mapped_column(Text)
    forecast_fen: Mapped[Fen | None]
    forecast_places: Mapped[int | None]


class LedgerSnapshotRow(Base):
    """An immutable Parquet file with the rows of one payments batch, named by its own hash."""

    __tablename__ = "ledger_snapshots"
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id"), primary_key=True)
    file: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    rows: Mapped[int]
    total_fen: Mapped[Fen]


class FactRow(_OfBatch, Base):
    __tablename__ = "facts"
    key: Mapped[str] = mapped_column(Text)
    label: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text)
    unit: Mapped[str] = mapped_column(Text)
    basis: Mapped[str] = mapped_column(Text)


class IndicatorRow(_OfBatch, Base):
    __tablename__ = "indicators"
    indicator_id: Mapped[str] = mapped_column(Text)
    position: Mapped[int]
    level1: Mapped[str] = mapped_column(Text)
    level2: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    target: Mapped[str] = mapped_column(Text)
    actual: Mapped[str] = mapped_column(Text)
    actual_source: Mapped[str] = mapped_column(Text)
    deviation: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    weight: Mapped[str | None] = mapped_column(Text)
    score: Mapped[str | None] = mapped_column(Text)
    owner: Mapped[str] = mapped_column(Text)
    standard: Mapped[str] = mapped_column(Text)
    project: Mapped[str] = mapped_column(Text, default="", server_default="")
    likelihood: Mapped[str] = mapped_column(Text, default="", server_default="")


class PerformanceFormRow(_OfBatch, Base):
    """The head of a 绩效自评表, 绩效目标申报表 or 绩效运行监控表; its rows are budget_lines and indicators of the same project."""

    __tablename__ = "performance_forms"
    kind: Mapped[str] = mapped_column(String(32))
    project: Mapped[str] = mapped_column(Text)
    project_code: Mapped[str] = mapped_column(Text)
    department: Mapped[str] = mapped_column(Text)
    implementer: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    period: Mapped[str] = mapped_column(Text)
    filled_on: Mapped[str] = mapped_column(Text)
    goal_text: Mapped[str] = mapped_column(Text)
    result_text: Mapped[str] = mapped_column(Text)
    problems: Mapped[str] = mapped_column(Text)
    measures: Mapped[str] = mapped_column(Text)
    grade: Mapped[str] = mapped_column(Text)
    total_weight: Mapped[str | None] = mapped_column(Text)
    total_score: Mapped[str | None] = mapped_column(Text)
    execution_weight: Mapped[str | None] = mapped_column(Text)
    execution_score: Mapped[str | None] = mapped_column(Text)


class BudgetAdjustmentRow(_OfBatch, Base):
    __tablename__ = "budget_adjustments"
    document_no: Mapped[str] = mapped_column(Text)
    line_name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(String(16))
    kind_text: Mapped[str] = mapped_column(Text)
    amount_fen: Mapped[Fen]
    issued_on: Mapped[date | None] = mapped_column(Date)


class KeyTaskRow(_OfBatch, Base):
    __tablename__ = "key_tasks"
    position: Mapped[int]
    duty: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    content: Mapped[str] = mapped_column(Text)
    completion: Mapped[str] = mapped_column(Text)


class NarrativeSectionRow(_OfBatch, Base):
    __tablename__ = "narrative_sections"
    number: Mapped[int]
    heading: Mapped[str] = mapped_column(Text)
    paragraphs: Mapped[list[str]] = mapped_column(JSON)


class ContactRow(_OfBatch, Base):
    __tablename__ = "contacts"
    owner: Mapped[str] = mapped_column(Text)
    email: Mapped[str] = mapped_column(Text)
    channel: Mapped[str] = mapped_column(Text)
    duties: Mapped[list[str]] = mapped_column(JSON)


class RunRow(Base):
    """评价运行: one computation, named by all that decides its outputs. ``folder`` is where it was last completed."""

    __tablename__ = "runs"
    run_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    year: Mapped[int] = mapped_column(index=True)
    period: Mapped[str] = mapped_column(String(16))
    as_of: Mapped[date] = mapped_column(Date)
    code_version: Mapped[str] = mapped_column(String(32))
    inputs_sha256: Mapped[str] = mapped_column(String(64))
    rules_sha256: Mapped[str] = mapped_column(String(64))
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)
    folder: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcTime)


class RunAttemptRow(Base):
    """When a run was computed, how long, by whom; the same computation may be tried again."""

    __tablename__ = "run_attempts"
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.run_id"), index=True)
    started_at: Mapped[datetime] = mapped_column(UtcTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)
    by: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(String(32))
    seconds: Mapped[dict[str, float]] = mapped_column(JSON)


class RunInputRow(Base):
    """A file that a run read: accepted tables name their batch, others why they were left out."""

    __tablename__ = "run_inputs"
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.run_id"), index=True)
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("batches.id"))
    file_name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(32))
    outcome: Mapped[str] = mapped_column(String(32))
    rows: Mapped[int]
    rejected_rows: Mapped[int]


class RunUnitRow(Base):
    """A subject of a run, its unit as it was known then: to be evaluated, or left out with the reason and the file.

    ``failed``: a stage broke on it, so that the reason is the program's and not the data's.
    """

    __tablename__ = "run_units"
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.run_id"), index=True)
    unit_code: Mapped[str] = mapped_column(Text)
    project: Mapped[str] = mapped_column(Text, default="", server_default="")
    unit_name: Mapped[str] = mapped_column(Text, default="")
    parent_code: Mapped[str] = mapped_column(Text, default="")
    division_code: Mapped[str] = mapped_column(Text, default="")
    failed: Mapped[bool] = mapped_column(default=False)
    left_out_why: Mapped[str] = mapped_column(Text, default="")
    left_out_file: Mapped[str] = mapped_column(Text, default="")


class EvaluationRow(Base):
    """One subject's evaluation, of a whole unit where ``project`` is empty. ``content`` is the whole of it as JSON, compressed: what reports are made from."""

    __tablename__ = "evaluations"
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.run_id"), primary_key=True)
    unit_code: Mapped[str] = mapped_column(Text, primary_key=True)
    project: Mapped[str] = mapped_column(Text, primary_key=True, default="", server_default="")
    unit_name: Mapped[str] = mapped_column(Text)
    score: Mapped[Decimal | None] = mapped_column(Exact)
    pending_weight: Mapped[Decimal] = mapped_column(Exact)
    grade: Mapped[str] = mapped_column(Text)
    execution_rate: Mapped[str] = mapped_column(Text)
    rule_set: Mapped[str] = mapped_column(Text)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class ScoreRow(Base):
    __tablename__ = "scores"
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.run_id"), primary_key=True)
    unit_code: Mapped[str] = mapped_column(Text, primary_key=True)
    project: Mapped[str] = mapped_column(Text, primary_key=True, default="", server_default="")
    indicator_id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    weight: Mapped[Decimal] = mapped_column(Exact)
    completion: Mapped[Decimal | None] = mapped_column(Exact)
    points: Mapped[Decimal | None] = mapped_column(Exact)
    status: Mapped[str] = mapped_column(String(32))
    reported_value: Mapped[str] = mapped_column(Text)
    derived_value: Mapped[str] = mapped_column(Text)
    rule_id: Mapped[str] = mapped_column(Text)


class FindingRow(Base):
    __tablename__ = "findings"
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.run_id"), index=True)
    stage: Mapped[str] = mapped_column(String(16))
    unit_code: Mapped[str] = mapped_column(Text, index=True)
    project: Mapped[str] = mapped_column(Text, default="", server_default="")
    code: Mapped[str] = mapped_column(Text)
    severity: Mapped[str] = mapped_column(String(16))
    outcome: Mapped[str] = mapped_column(String(32))
    critical: Mapped[bool]
    file: Mapped[str] = mapped_column(Text)
    sheet: Mapped[str] = mapped_column(Text)
    row: Mapped[int | None] = mapped_column(Integer)
    column: Mapped[str] = mapped_column(Text)
    indicator: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text)
    expected: Mapped[str] = mapped_column(Text)
    message: Mapped[str] = mapped_column(Text)
    fix: Mapped[str] = mapped_column(Text)
    extra: Mapped[dict[str, str]] = mapped_column(JSON)


class GapRow(Base):
    __tablename__ = "gaps"
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.run_id"), primary_key=True)
    gap_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    unit_code: Mapped[str] = mapped_column(Text, index=True)
    project: Mapped[str] = mapped_column(Text, default="", server_default="")
    indicator_id: Mapped[str] = mapped_column(Text)
    indicator: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(String(32))
    severity: Mapped[str] = mapped_column(String(16))
    owner: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16))
    opened_on: Mapped[date] = mapped_column(Date)
    due_on: Mapped[date] = mapped_column(Date)
    message: Mapped[str] = mapped_column(Text)
    fix: Mapped[str] = mapped_column(Text)
    file: Mapped[str] = mapped_column(Text)
    sheet: Mapped[str] = mapped_column(Text)
    row: Mapped[int | None]
    column: Mapped[str] = mapped_column(Text)


class MessageRow(Base):
    """A drafted message; nothing is sent."""

    __tablename__ = "messages"
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.run_id"), index=True)
    unit_code: Mapped[str] = mapped_column(Text)
    owner: Mapped[str] = mapped_column(Text)
    channel: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    gaps: Mapped[int]
    file: Mapped[str] = mapped_column(Text)


class ReportRow(Base):
    """A rendered file and its hash, relative to the run's folder."""

    __tablename__ = "reports"
    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.run_id"), index=True)
    unit_code: Mapped[str] = mapped_column(Text)
    file: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))


class SourceProfileRow(Base):
    """Where exports come from: kind of table, heads and container. ``file`` is the last one seen of it."""

    __tablename__ = "source_profiles"
    profile_id: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    heads: Mapped[list[str]] = mapped_column(JSON)
    container: Mapped[str] = mapped_column(Text)
    file: Mapped[str] = mapped_column(Text)
    first_seen: Mapped[datetime] = mapped_column(UtcTime)
    last_seen: Mapped[datetime] = mapped_column(UtcTime)


class AnswerRow(Base):
    """What a person answered, once, to a question of a source (``of`` a profile's id) or of one file (``of`` its sha256).
    Rows are never changed but to revoke them: what a run was told stays readable.
    """

    __tablename__ = "answers"
    id: Mapped[int] = mapped_column(primary_key=True)
    of: Mapped[str] = mapped_column(Text, index=True)
    question: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)
    about: Mapped[str] = mapped_column(Text)
    file: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(Text)
    answered_at: Mapped[datetime] = mapped_column(UtcTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcTime)
    revoked_by: Mapped[str] = mapped_column(Text, default="", server_default="")


class CorrectionRow(Base):
    """A cell that was corrected before a batch was read. ``unit_code`` is empty where it is in no row of one unit."""

    __tablename__ = "corrections"
    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id"), index=True)
    unit_code: Mapped[str] = mapped_column(Text, default="", server_default="")
    sheet: Mapped[str] = mapped_column(Text)
    row: Mapped[int]
    column: Mapped[str] = mapped_column(String(8))
    old: Mapped[str] = mapped_column(Text)
    new: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
