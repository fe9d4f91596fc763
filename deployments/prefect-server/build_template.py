"""Builds the migrated, empty database that a new embedded server begins with (``flows/embedded_server.py``).

Run it after every change of the pinned version: ``python deployments/prefect-server/build_template.py``. It writes
template.sqlite.gz and template.json beside itself; a test compares both with the installed version.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import sqlite3
import tempfile
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent


def build(folder: Path = HERE) -> None:
    """Migrate an empty database and pack it into ``folder``."""
    with tempfile.TemporaryDirectory() as home:
        database = Path(home) / "prefect.db"
        os.environ |= {
            "PREFECT_HOME": home,
            "PREFECT_PROFILES_PATH": str(Path(home) / "profiles.toml"),
            "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{database}",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
        }
        asyncio.run(_migrate())
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("VACUUM")
            (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        (folder / "template.sqlite.gz").write_bytes(gzip.compress(database.read_bytes(), mtime=0))
    manifest = {"prefect": version("prefect"), "revision": revision}
    (folder / "template.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


async def _migrate() -> None:
    from prefect.server.database import provide_database_interface

    interface = provide_database_interface()
    await interface.create_db()
    await (await interface.engine()).dispose()


if __name__ == "__main__":
    build()
