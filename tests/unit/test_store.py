"""The store: migrated from the first day, foreign keys on, exact decimals, ledger snapshots with their own hash."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from jixiao.domain.books import Unit
from jixiao.domain.findings import Finding, Place, Severity
from jixiao.errors import StoreError, UsageError
from jixiao.storage import intake_store, run_store, snapshots
from jixiao.storage import tables as t
from jixiao.storage.engine import _config, migrate, open_engine
from jixiao.storage.snapshots import LedgerRows


@pytest.fixture
def engine(tmp_path):
    return open_engine(f"sqlite:///{tmp_path / 'jixiao.db'}")


def test_migrations_make_exactly_the_tables_of_the_code(engine):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), t.Base.metadata) == []


def test_migrations_go_back_to_nothing_and_forward_again(engine):
    from alembic import command

    with engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]
    migrate(engine)
    assert "batches" in sa.inspect(engine).get_table_names()


def test_sqlite_keeps_foreign_keys_and_a_write_ahead_log(engine):
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    with Session(engine) as session, pytest.raises(sa.exc.IntegrityError):
        session.execute(sa.insert(t.GapRow), [_gap("keine")])


def _gap(run_id: str) -> dict[str, object]:
    texts = dict.fromkeys(
        (
            "indicator_id",
            "indicator",
            "kind",
            "severity",
            "owner",
            "status",
            "message",
            "fix",
            "file",
            "sheet",
            "column",
        ),
        "",
    )
    return texts | {
        "run_id": run_id,
        "gap_id": "g",
        "unit_code": "1",
        "opened_on": date(2023, 1, 1),
        "due_on": date(2023, 1, 2),
        "row": None,
    }


def test_every_row_of_input_knows_its_batch_and_row():
    of_input = [m for m in t.Base.__subclasses__() if issubclass(m, t._OfBatch)]
    assert {m.__tablename__ for m in of_input} == {
        "budget_adjustments",
        "budget_lines",
        "facts",
        "indicators",
        "key_tasks",
        "narrative_sections",
        "contacts",
        "performance_forms",
    }
    for model in of_input:
        assert {"batch_id", "row", "unit_code"} <= set(model.__table__.columns.keys())


@pytest.mark.parametrize("text", ["0", "0.01", "33.333333333333", "100", "1234567890.5"])
def test_decimals_come_back_exactly(engine, text):
    with Session(engine) as session:
        session.add(t.RunRow(run_id="r", year=2022, period="annual", as_of=date(2023, 1, 1), code_version="", inputs_sha256="", rules_sha256="", parameters={}, folder="", created_at=datetime.now(UTC)))  # fmt: skip
        session.flush()
        row = t.ScoreRow(run_id="r", unit_code="1", project="", indicator_id="1", name="", weight=Decimal(text), completion=None, points=None, status="", reported_value="", derived_value="", rule_id="")  # fmt: skip
        session.add(row)
        session.flush()
        session.expire_all()
        made = session.get_one(t.ScoreRow, ("r", "1", "", "1"))
        assert made.weight == Decimal(text)
        assert made.points is None


@pytest.mark.parametrize(
    ("url", "error"),
    [("kein url", UsageError), ("postgresql+keiner://x/y", UsageError), ("sqlite:////dev/null/x.db", StoreError)],
)
def test_an_address_that_is_none_is_the_users_mistake(url, error):
    with pytest.raises(error) as caught:
        open_engine(url)
    assert caught.value.fix


def test_a_file_that_is_no_database_is_said(tmp_path):
    path = tmp_path / "x.db"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="打不开数据库"):
        open_engine(f"sqlite:///{path}")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://u:GEHEIM@127.0.0.1:falsch/x",
        "postgresql+keiner://u:GEHEIM@h/d",
        "postgresql:u:GEHEIM@h",
    ],
)
def test_an_address_that_is_wrong_is_said_without_its_password(url):
    with pytest.raises(UsageError) as caught:
        open_engine(url)
    shown = f"{caught.value.message} {caught.value.fix} {caught.value.__cause__} {caught.value!r}"
    assert "GEHEIM" not in shown
    assert "***" in shown


def test_a_server_that_does_not_answer_is_said_without_the_password():
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError, match="打不开数据库") as caught:
        open_engine("postgresql+psycopg://u:GEHEIM@127.0.0.1:1/x?connect_timeout=1")
    assert "GEHEIM" not in caught.value.message


def test_a_store_of_a_newer_version_is_named_and_left_alone(tmp_path):
    url = f"sqlite:///{tmp_path / 'x.db'}"
    other = sa.create_engine(url)
    with other.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('0999')")
    with pytest.raises(StoreError, match="更新版本") as caught:
        open_engine(url)
    assert "0999" in caught.value.message
    assert sa.inspect(other).get_table_names() == ["alembic_version"]


# A program that dies while the tables are made: after the eighth.
_KILLED = """
import os, sys, sqlalchemy as sa
made = 0
def stop(connection, cursor, statement, *rest):
    global made
    made += statement.strip().upper().startswith("CREATE TABLE")
    if made == 8:
        os._exit(9)
sa.event.listen(sa.engine.Engine, "before_cursor_execute", stop)
from jixiao.storage.engine import open_engine
open_engine(sys.argv[1])
"""


def test_a_migration_that_is_killed_leaves_nothing_and_the_next_one_goes_through(tmp_path):
    url = f"sqlite:///{tmp_path / 'x.db'}"
    assert subprocess.run([sys.executable, "-c", _KILLED, url], check=False).returncode == 9
    assert sa.inspect(sa.create_engine(url)).get_table_names() == []
    assert "batches" in sa.inspect(open_engine(url)).get_table_names()


def test_several_starts_at_once_make_the_tables_once(tmp_path):
    url = f"sqlite:///{tmp_path / 'x.db'}"
    code = "import sys; from jixiao.storage.engine import open_engine; open_engine(sys.argv[1])"
    starts = [subprocess.Popen([sys.executable, "-c", code, url], stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [start.communicate()[1] for start in starts] == [""] * 4
    assert [start.returncode for start in starts] == [0] * 4


def test_moments_come_back_in_utc(engine):
    beijing = timezone(timedelta(hours=8))
    with Session(engine) as session:
        session.add(t.RunRow(run_id="r", year=2022, period="annual", as_of=date(2023, 1, 1), code_version="", inputs_sha256="", rules_sha256="", parameters={}, folder="", created_at=datetime(2023, 1, 1, 7, tzinfo=beijing)))  # fmt: skip
        session.flush()
        session.expire_all()
        found = session.get_one(t.RunRow, "r").created_at
    assert found == datetime(2022, 12, 31, 23, tzinfo=UTC)
    assert found.utcoffset() == timedelta(0)


def test_texts_of_files_have_no_longest_length():
    limited = {
        f"{model.__tablename__}.{column.key}"
        for model in t.Base.__subclasses__()
        for column in model.__table__.columns
        if isinstance(column.type, sa.String) and column.type.length is not None
    }
    ours = ("sha256", "kind", "money_unit", "severity", "outcome", "stage", "status", "period", "run_id", "gap_id")
    ours += ("code_version", "grade", "execution_rate", "rule_id", "column", "maturity")
    assert {name for name in limited if not name.endswith(ours)} == set()


def test_more_units_than_a_statement_can_bind_are_found(engine):
    units = [Unit(f"{n:06d}", f"单位{n}") for n in range(1200)]
    codes = [unit.code for unit in units]
    with Session(engine) as session:
        intake_store.remember_units(session, units)
        intake_store.remember_units(session, [Unit(codes[7], "", division_code="320500")])
        session.add(t.RunRow(run_id="r", year=2022, period="annual", as_of=date(2023, 1, 1), code_version="", inputs_sha256="", rules_sha256="", parameters={}, folder="", created_at=datetime.now(UTC)))  # fmt: skip
        session.flush()
        run_store.replace_units(session, "r", units, ())
        findings = [Finding("X", Severity.INFO, Place(), "甲", unit_code=code) for code in codes]
        run_store.replace_findings(session, "r", findings, stage="intake", units=codes)
        run_store.replace_findings(session, "r", findings, stage="intake", units=codes)
        assert len(run_store.findings_of(session, "r", units=codes)) == len(codes)
        assert {unit.code for unit in run_store.run_units(session, "r", codes)} == set(codes)
        known = intake_store.known_units(session)
    assert [unit.code for unit in known] == codes
    assert (known[7].name, known[7].division_code) == ("单位7", "320500")


def test_findings_of_no_unit_are_not_removed_by_the_next_batch(engine):
    with Session(engine) as session:
        session.add(t.RunRow(run_id="r", year=2022, period="annual", as_of=date(2023, 1, 1), code_version="", inputs_sha256="", rules_sha256="", parameters={}, folder="", created_at=datetime.now(UTC)))  # fmt: skip
        session.flush()
        one = [
            Finding("X", Severity.INFO, Place(), "无单位"),
            Finding("X", Severity.INFO, Place(), "甲", unit_code="1"),
        ]
        run_store.replace_findings(session, "r", one, stage="quality", units=["1"])
        run_store.replace_findings(session, "r", (), stage="quality", units=["2"])
        assert {f.message for f in run_store.findings_of(session, "r")} == {"无单位", "甲"}


def ledger(*rows: tuple[str, str, int, str | None]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "unit_code": unit,
                "voucher_no": f"v{n}",
                "line_name": name,
                "amount_fen": fen,
                "paid_on": day,
                "sheet": "",
                "row": n + 1,
            }
            for n, (unit, name, fen, day) in enumerate(rows, 1)
        ]
    )


ROWS = (
    ("2", "乙", 5, "2022-03-01"),
    ("1", "甲", 100, "2022-01-15"),
    ("1", " 甲", -40, "2022-02-15"),
    ("1", "甲", 7, None),
    ("1", "甲", 9, "2023-01-05"),
)


def test_the_same_rows_in_any_order_are_the_same_snapshot(tmp_path):
    frame = ledger(*ROWS)
    first, second = (snapshots.write_snapshot(rows, tmp_path) for rows in (frame, frame.iloc[::-1]))
    assert first == second
    assert [p.name for p in Path(tmp_path).iterdir()] == [first.file]


def test_sums_by_line_and_month_name_their_rows_and_lose_nothing(tmp_path):
    made = snapshots.write_snapshot(ledger(*ROWS), tmp_path)
    frame = snapshots.read_snapshot(tmp_path / made.file, ["1"])
    (total,) = snapshots.ledger_totals([LedgerRows("明细.csv", made.sha256, frame)], year=2022)
    assert (total.unit_code, total.paid_fen, total.rows) == ("1", 76, 4)
    assert total.months_fen[:2] == (100, -40)
    assert sum(total.months_fen) == 60  # without the undated payment and the one of next January
    assert total.rows_text == "3–6"
    assert snapshots.ledger_totals([LedgerRows("", "", frame.iloc[:0])], year=2022) == []


def test_ledgers_of_two_files_are_summed_in_one_pass_and_kept_apart(tmp_path):
    frame = ledger(*ROWS)
    totals = snapshots.ledger_totals([LedgerRows("一.csv", "a", frame), LedgerRows("二.csv", "b", frame)], year=2022)
    assert [(x.first.file, x.unit_code, x.paid_fen, x.batch_sha256) for x in totals] == [
        ("一.csv", "1", 76, "a"),
        ("一.csv", "2", 5, "a"),
        ("二.csv", "1", 76, "b"),
        ("二.csv", "2", 5, "b"),
    ]


def test_a_snapshot_that_is_gone_is_an_error_and_no_empty_ledger(tmp_path):
    with pytest.raises(StoreError, match="快照不见了"):
        snapshots.read_snapshot(tmp_path / "x.parquet", ["1"])
