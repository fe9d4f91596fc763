"""Write the next migration from the tables: python deployments/new_migration.py 0002 "what changes"."""

import sys
import tempfile
from pathlib import Path

from alembic import command

from jixiao.storage.engine import _config

with tempfile.TemporaryDirectory() as folder:
    config = _config()
    config.set_main_option("sqlalchemy.url", f"sqlite:///{Path(folder) / 'empty.db'}")
    if list((Path(config.get_main_option("script_location") or "") / "versions").glob("*.py")):
        command.upgrade(config, "head")
    command.revision(config, message=sys.argv[2], rev_id=sys.argv[1], autogenerate=True)
