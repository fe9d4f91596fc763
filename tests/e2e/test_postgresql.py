"""The same cycle on PostgreSQL: same results, byte for byte, as on SQLite."""

import pwd
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from jixiao import cycle
from jixiao.examples import inbox_folder
from tests.fixtures import bare, postgresql


def _why_not() -> str:
    if postgresql.binaries() is None:
        return "没有 PostgreSQL 服务端程序（initdb、pg_ctl），跳过"
    import os

    if os.geteuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            return "以 root 运行而没有 postgres 用户，PostgreSQL 不肯启动，跳过"
    return ""


pytestmark = [pytest.mark.postgresql, pytest.mark.skipif(bool(_why_not()), reason=_why_not() or "-")]


@pytest.fixture(scope="module")
def url():
    folder = postgresql.binaries()
    assert folder is not None
    with postgresql.running(folder) as address:
        yield address
        from jixiao.storage.engine import open_engine

        open_engine(address).dispose()


def _outputs(request):
    bare.run(request)
    files = bare.contents(cycle.run_folder(request))
    files.pop("run.json")
    return files


def test_the_store_on_postgresql_gives_the_same_outputs(url, tmp_path):
    on_sqlite = bare.request(inbox_folder("suzhou-2022"), tmp_path / "s")
    on_postgresql = replace(bare.request(inbox_folder("suzhou-2022"), tmp_path / "p"), database_url=url)
    assert _outputs(on_postgresql) == _outputs(on_sqlite)
    assert _outputs(on_postgresql) == _outputs(on_sqlite)


def test_amounts_of_a_province_fit(url):
    from jixiao.storage import tables as t

    with cycle.open_store(url) as session:
        session.execute(
            sa.insert(t.BatchRow),
            [{"file_name": "x", "sha256": "0", "kind": "payments", "sheet": "", "year": 2022, "scope_sha256": "0", "reading_sha256": "0", "header_row": 1, "rows": 1,
              "rejected_rows": 0, "excluded_rows": 0, "mapping": {}, "heads": {}, "money_unit": "元", "total_fen": 10**16, "imported_at": datetime.now(UTC)}],
        )  # fmt: skip
        assert session.scalar(sa.select(t.BatchRow.total_fen).where(t.BatchRow.file_name == "x")) == 10**16
        session.rollback()


def test_long_texts_of_an_office_fit(url, tmp_path):
    from jixiao.storage import tables as t

    cycle.import_files([inbox_folder("suzhou-2022")], year=2022, database_url=url, var=str(tmp_path))

    long = "政务微信群（办公室绩效管理联络群，每周一由专人查看并转各科室处理）" * 20
    with cycle.open_store(url) as session:
        batch = session.scalar(sa.select(t.BatchRow.id).limit(1))
        session.execute(
            sa.insert(t.ContactRow),
            [{"batch_id": batch, "unit_code": long, "row": 1, "owner": long, "email": long, "channel": long, "duties": []}],
        )  # fmt: skip
        session.rollback()


def test_two_starts_at_once_make_the_tables_once(url):
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE zwei")
    engine.dispose()
    code = "import sys; from jixiao.storage.engine import open_engine; open_engine(sys.argv[1])"
    address = url.rsplit("/", 1)[0] + "/zwei"
    starts = [
        subprocess.Popen([sys.executable, "-c", code, address], stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert [start.communicate()[1] for start in starts] == [""] * 3


def test_a_request_holds_no_password_and_still_opens_the_store(url, tmp_path):
    whole = url.replace("jixiao@", "jixiao:GEHEIM@")
    made = replace(bare.request(inbox_folder("suzhou-2022"), tmp_path), database_url=whole)
    assert "GEHEIM" not in f"{made!r} {made.database_url}"
    assert bare.run(made).units
