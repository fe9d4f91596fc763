"""Opening the store: SQLite (WAL, foreign keys on) or PostgreSQL, migrated to the newest version."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from jixiao.errors import StoreError, UsageError

_BUSY_MS = 30_000


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    cursor.close()


def sqlite_folder(url: str) -> Path | None:
    """The folder of a SQLite file, None for another database or one in memory."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in {None, "", ":memory:"}:
        return None
    return Path(str(parsed.database)).parent


def _absolute(url: str) -> str:
    """A relative SQLite path made absolute: the working folder may change while an engine lives."""
    if sqlite_folder(url) is None:
        return url
    parsed = make_url(url)
    return parsed.set(database=str(Path(str(parsed.database)).absolute())).render_as_string(hide_password=False)


def open_engine(url: str) -> Engine:
    """Open and migrate the store at ``url``; one engine a URL and process.

    Raises:
        UsageError: the address is none. StoreError: it cannot be opened or migrated.
    """
    try:
        return _open(_absolute(url))
    except (ArgumentError, ModuleNotFoundError) as error:
        raise UsageError(
            f"数据库地址 {url!r} 不能用：{error}", "写成 sqlite:///文件路径 或 postgresql+psycopg://…"
        ) from error


@lru_cache(maxsize=8)
def _open(url: str) -> Engine:
    try:
        folder = sqlite_folder(url)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(url)
    except OSError as error:
        raise StoreError(f"数据库所在文件夹建不起来：{error}", "检查 --db 的路径和权限") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    migrate(engine)
    return engine


def migrate(engine: Engine) -> None:
    """Bring the tables to the newest version; costs one query where they are."""
    from alembic.migration import MigrationContext

    try:
        with engine.connect() as connection:
            if MigrationContext.configure(connection).get_current_revision() == _head():
                return
        with engine.begin() as connection:
            from alembic import command

            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except SQLAlchemyError as error:
        reason = getattr(error, "orig", None) or error
        raise StoreError(
            f"打不开数据库 {engine.url.render_as_string()}：{reason}", "检查 --db 的地址、权限和磁盘空间"
        ) from error


def _config() -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


@lru_cache(maxsize=1)
def _head() -> str | None:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config()).get_current_head()
