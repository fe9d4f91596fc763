"""answers remembered by source or file; corrections of cells, kept with the batch that they were read for"""

import sqlalchemy as sa
from alembic import op
from jixiao.storage.tables import UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _texts(*names: str) -> list[sa.schema.SchemaItem]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        "source_profiles",
        *_texts("profile_id"),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("heads", sa.JSON(), nullable=False),
        *_texts("container", "file"),
        sa.Column("first_seen", UtcTime(timezone=True), nullable=False),
        sa.Column("last_seen", UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("profile_id", name=op.f("pk_source_profiles")),
    )
    op.create_table(
        "answers",
        sa.Column("id", sa.Integer(), nullable=False),
        *_texts("of", "question", "answer", "about", "file", "by"),
        sa.Column("answered_at", UtcTime(timezone=True), nullable=False),
        sa.Column("revoked_at", UtcTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answers")),
    )
    op.create_index(op.f("ix_answers_of"), "answers", ["of"])
    op.create_table(
        "corrections",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("unit_code", sa.Text(), server_default="", nullable=False),
        *_texts("sheet"),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("column", sa.String(length=8), nullable=False),
        *_texts("old", "new", "reason", "by", "source"),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_corrections_batch_id_batches")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
    )
    op.create_index(op.f("ix_corrections_batch_id"), "corrections", ["batch_id"])


def downgrade() -> None:
    for table in ("corrections", "answers", "source_profiles"):
        op.drop_table(table)
