"""Alembic's environment: the connection comes from storage/engine.py; offline use is not supported."""

from typing import Literal

from alembic import context
from sqlalchemy import create_engine

from jixiao.storage.tables import Base, Exact, UtcTime


def render_item(type_: str, item: object, _context: object) -> str | Literal[False]:
    return f"{type(item).__name__}()" if type_ == "type" and isinstance(item, (Exact, UtcTime)) else False


connection = context.config.attributes.get("connection")
if connection is None:  # a developer's `alembic revision --autogenerate`
    connection = create_engine(context.config.get_main_option("sqlalchemy.url") or "sqlite://").connect()
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True, render_item=render_item)
with context.begin_transaction():
    context.run_migrations()
