"""Opening the store: SQLite (WAL, foreign keys on) or PostgreSQL, migrated to the newest version.

A migration is one transaction that holds the store alone: two starts at once make the tables once, and one that is
killed leaves nothing behind. Addresses without their password are completed by database_address.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from jixiao.database_address import whole_address, without_password
from jixiao.errors import StoreError, UsageError

_BUSY_MS = 30_000
# Any number that no other program on the same server uses as its advisory lock: "jixiao" as bytes.
_MIGRATION_LOCK = int.from_bytes(b"jixiao")


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    # First of all, or a second start at the same moment finds the file locked instead of waiting for it.
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _parsed(address: str) -> URL:
    """The parts of an address, with its password if it has one.

    Raises:
        UsageError: it is none. Neither the message nor its cause holds the password.
    """
    try:
        return make_url(whole_address(address))
    except (ArgumentError, ValueError):
        # The driver's own words may hold pieces of a password that was written with @ or : in it.
        raise _bad_address(address, "写法不对") from None


def _bad_address(address: str, why: str) -> UsageError:
    return UsageError(
        f"数据库地址「{without_password(address)}」不能用：{why}",
        "写成 sqlite:///文件路径 或 postgresql+psycopg://用户:密码@主机:端口/库名；密码中的 @ : / 要写成 %40 %3A %2F",
    )


def sqlite_folder(url: str) -> Path | None:
    """The folder of a SQLite file, None for another database or one in memory.

    Raises:
        UsageError: the address is none.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in {None, "", ":memory:"}:
        return None
    return Path(str(parsed.database)).parent


def _absolute(url: str) -> str:
    """The whole address, a relative SQLite path made absolute: the working folder may change while an engine lives."""
    parsed = _parsed(url)
    if sqlite_folder(url) is not None:
        parsed = parsed.set(database=str(Path(str(parsed.database)).absolute()))
    return parsed.render_as_string(hide_password=False)


def open_engine(url: str, *, create: bool = True) -> Engine:
    """Open and migrate the store at ``url``; one engine a URL and process.

    ``create`` False is for commands that only look: where no store is, none is made, nor a folder for it.

    Raises:
        UsageError: the address is none, or no store is there to look at.
        StoreError: it cannot be opened or migrated.
    """
    whole = _absolute(url)
    folder = sqlite_folder(whole)
    if not create and folder is not None and not Path(str(make_url(whole).database)).is_file():
        raise _no_store(whole)
    try:
        engine = _engine(whole)
    except ModuleNotFoundError as error:
        raise _bad_address(url, f"缺少驱动程序 {error.name}") from None
    except ArgumentError:
        raise _bad_address(url, "没有这一种数据库") from None
    if whole not in _migrated:
        if folder is not None:
            _make(folder)
        migrate(engine, create=create)
        _migrated.add(whole)
    return engine


# The stores that this process has brought to the newest version.
_migrated: set[str] = set()


def _no_store(whole: str) -> UsageError:
    return UsageError(
        f"还没有数据库 {without_password(whole)}", "先运行 jixiao demo 或 jixiao annual；数据库在别处的，用 --db 指定"
    )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"数据库所在文件夹 {folder} 建不起来：{error.strerror}", "检查 --db 的路径和权限") from error


@lru_cache(maxsize=8)
def _engine(url: str) -> Engine:
    engine = sa.create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def migrate(engine: Engine, *, create: bool = True) -> None:
    """Bring the tables to the newest version, all of it or nothing; costs one query where they are.

    Raises:
        UsageError: nothing is there and nothing is to be created.
        StoreError: the store cannot be opened or written, or a newer version of the program made it.
    """
    from alembic.util import CommandError

    try:
        with engine.connect() as connection:
            found = _revision(connection)
        if found == _head():
            return
        if found is None and not create:
            raise _no_store(engine.url.render_as_string())
        with _alone(engine) as connection:
            if _revision(connection) != _head():
                _upgrade(connection)
    except (SQLAlchemyError, CommandError) as error:
        reason = str(getattr(error, "orig", None) or error)
        if password := engine.url.password:
            reason = reason.replace(str(password), "***")
        raise StoreError(
            f"打不开数据库 {without_password(engine.url.render_as_string())}：{reason}",
            "检查 --db 的地址、权限和磁盘空间",
        ) from error


def _revision(connection: Connection) -> str | None:
    """The version of the tables, None in an empty store.

    Raises:
        StoreError: this program does not know the version.
    """
    from alembic.migration import MigrationContext

    found = MigrationContext.configure(connection).get_current_revision()
    if found is not None and found not in _known_revisions():
        raise StoreError(
            f"数据库由更新版本的 jixiao 建立（版本 {found}，本程序只认到 {_head()}）",
            "升级本程序后再打开；或用 --db 指定另一个数据库",
        )
    return found


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """A transaction that nobody else's migration can run beside, tables included: committed at the end or undone."""
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            yield connection
            connection.commit()
            return
        # Python's driver begins no transaction before CREATE TABLE: each would stand for itself.
        driver: Any = connection.connection.dbapi_connection
        usual, driver.isolation_level = driver.isolation_level, None
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()
        finally:
            connection.rollback()
            driver.isolation_level = usual


def _upgrade(connection: Connection) -> None:
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


@lru_cache(maxsize=1)
def _known_revisions() -> frozenset[str]:
    from alembic.script import ScriptDirectory

    return frozenset(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


@lru_cache(maxsize=1)
def _head() -> str | None:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config()).get_current_head()
