"""The store: migrated from the first day, foreign keys on, exact decimals, ledger snapshots with their own hash."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from jixiao.errors import StoreError, UsageError
from jixiao.storage import snapshots
from jixiao.storage import tables as t
from jixiao.storage.engine import _config, migrate, open_engine


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
        "budget_lines",
        "facts",
        "indicators",
        "key_tasks",
        "narrative_sections",
        "contacts",
    }
    for model in of_input:
        assert {"batch_id", "row", "unit_code"} <= set(model.__table__.columns.keys())


@pytest.mark.parametrize("text", ["0", "0.01", "33.333333333333", "100", "1234567890.5"])
def test_decimals_come_back_exactly(engine, text):
    with Session(engine) as session:
        session.add(t.RunRow(run_id="r", year=2022, period="annual", as_of=date(2023, 1, 1), code_version="", inputs_sha256="", rules_sha256="", parameters={}, folder="", created_at=datetime.now(UTC)))  # fmt: skip
        session.flush()
        row = t.ScoreRow(run_id="r", unit_code="1", indicator_id="1", name="", weight=Decimal(text), completion=None, points=None, status="", reported_value="", derived_value="", rule_id="")  # fmt: skip
        session.add(row)
        session.flush()
        session.expire_all()
        made = session.get_one(t.ScoreRow, ("r", "1", "1"))
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
    first = snapshots.write_snapshot(frame, tmp_path)
    second = snapshots.write_snapshot(frame.iloc[::-1], tmp_path)
    assert first == second
    assert [p.name for p in Path(tmp_path).iterdir()] == [first[0]]


def test_sums_by_line_and_month_name_their_rows_and_lose_nothing(tmp_path):
    name, digest = snapshots.write_snapshot(ledger(*ROWS), tmp_path)
    frame = snapshots.read_snapshot(tmp_path / name, ["1"])
    (total,) = snapshots.ledger_totals(frame, year=2022, file="明细.csv", sha256=digest)
    assert (total.unit_code, total.paid_fen, total.rows) == ("1", 76, 4)
    assert total.months_fen[:2] == (100, -40)
    assert sum(total.months_fen) == 60  # without the undated payment and the one of next January
    assert total.rows_text == "3–6"
    assert snapshots.ledger_totals(frame.iloc[:0], year=2022, file="", sha256="") == []


def test_a_snapshot_that_is_gone_is_an_error_and_no_empty_ledger(tmp_path):
    with pytest.raises(StoreError, match="快照不见了"):
        snapshots.read_snapshot(tmp_path / "x.parquet", ["1"])
