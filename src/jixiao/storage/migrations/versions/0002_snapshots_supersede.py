"""a re-export supersedes the snapshot before it"""

import sqlalchemy as sa
from alembic import op
from jixiao.storage.tables import UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("batches") as batches:
        batches.add_column(sa.Column("fund", sa.Text(), server_default="", nullable=False))
        batches.add_column(sa.Column("project", sa.Text(), server_default="", nullable=False))
        batches.add_column(sa.Column("maturity", sa.String(length=8), server_default="", nullable=False))
    op.create_table(
        "adoptions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("adopted_at", UtcTime(timezone=True), nullable=False),
        sa.Column("superseded_by", sa.Integer(), nullable=True),
        sa.Column("restores", sa.Integer(), nullable=True),
        sa.Column("reverts", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["superseded_by"], ["adoptions.id"], name=op.f("fk_adoptions_superseded_by_adoptions")),
        sa.ForeignKeyConstraint(["restores"], ["adoptions.id"], name=op.f("fk_adoptions_restores_adoptions")),
        sa.ForeignKeyConstraint(["reverts"], ["batches.id"], name=op.f("fk_adoptions_reverts_batches")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adoptions")),
    )
    op.create_index("ix_adoptions_scope", "adoptions", ["year", "unit_code", "kind"])
    op.create_index(op.f("ix_adoptions_superseded_by"), "adoptions", ["superseded_by"])
    op.create_table(
        "adoption_batches",
        sa.Column("adoption_id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["adoption_id"], ["adoptions.id"], name=op.f("fk_adoption_batches_adoption_id_adoptions")
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_adoption_batches_batch_id_batches")),
        sa.PrimaryKeyConstraint("adoption_id", "batch_id", name=op.f("pk_adoption_batches")),
    )
    op.create_index(op.f("ix_adoption_batches_batch_id"), "adoption_batches", ["batch_id"])


def downgrade() -> None:
    op.drop_table("adoption_batches")
    op.drop_table("adoptions")
    with op.batch_alter_table("batches") as batches:
        batches.drop_column("maturity")
        batches.drop_column("project")
        batches.drop_column("fund")
