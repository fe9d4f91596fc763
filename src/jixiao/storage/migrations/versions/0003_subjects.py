"""forms and evaluations of projects beside those of whole units; the adjustments of the budget"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _of_batch(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f(f"fk_{table}_batch_id_batches")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    ]


def _texts(*names: str) -> list[sa.schema.SchemaItem]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _project() -> sa.Column[str]:
    return sa.Column("project", sa.Text(), server_default="", nullable=False)


# What was keyed by unit is keyed by subject: the table, and what follows unit and project in its key.
_KEYS = {"evaluations": [], "scores": ["indicator_id"]}


def upgrade() -> None:
    with op.batch_alter_table("budget_lines") as lines:
        lines.add_column(sa.Column("project", sa.Text(), server_default="", nullable=False))
        lines.add_column(sa.Column("points", sa.Text(), nullable=True))
        lines.add_column(sa.Column("score", sa.Text(), nullable=True))
        lines.add_column(sa.Column("forecast_fen", sa.BigInteger(), nullable=True))
        lines.add_column(sa.Column("forecast_places", sa.Integer(), nullable=True))
    with op.batch_alter_table("indicators") as indicators:
        indicators.add_column(sa.Column("project", sa.Text(), server_default="", nullable=False))
        indicators.add_column(sa.Column("likelihood", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "performance_forms",
        sa.Column("kind", sa.String(length=32), nullable=False),
        *_texts("project", "project_code", "department", "implementer", "title", "period", "filled_on"),
        *_texts("goal_text", "result_text", "problems", "measures", "grade"),
        *[
            sa.Column(name, sa.Text(), nullable=True)
            for name in ("total_weight", "total_score", "execution_weight", "execution_score")
        ],
        *_of_batch("performance_forms"),
    )
    op.create_table(
        "budget_adjustments",
        *_texts("document_no", "line_name"),
        sa.Column("kind", sa.String(length=16), nullable=False),
        *_texts("kind_text"),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=True),
        *_of_batch("budget_adjustments"),
    )
    for table in ("performance_forms", "budget_adjustments"):
        for column in ("batch_id", "unit_code"):
            op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    for table in ("run_units", "findings", "gaps"):
        with op.batch_alter_table(table) as rows:
            rows.add_column(_project())
    for table, key in _KEYS.items():
        with op.batch_alter_table(table) as rows:
            rows.add_column(_project())
            rows.drop_constraint(f"pk_{table}", type_="primary")
            rows.create_primary_key(f"pk_{table}", ["run_id", "unit_code", "project", *key])


def downgrade() -> None:
    for table, key in _KEYS.items():
        # Without the column a project's rows would be a second evaluation of its unit.
        op.execute(sa.text(f"DELETE FROM {table} WHERE project <> ''"))  # noqa: S608 - names of this file
        with op.batch_alter_table(table) as rows:
            rows.drop_constraint(f"pk_{table}", type_="primary")
            rows.drop_column("project")
            rows.create_primary_key(f"pk_{table}", ["run_id", "unit_code", *key])
    for table in ("run_units", "findings", "gaps"):
        with op.batch_alter_table(table) as rows:
            rows.drop_column("project")
    op.drop_table("budget_adjustments")
    op.drop_table("performance_forms")
    with op.batch_alter_table("indicators") as indicators:
        indicators.drop_column("likelihood")
        indicators.drop_column("project")
    with op.batch_alter_table("budget_lines") as lines:
        for column in ("forecast_places", "forecast_fen", "score", "points", "project"):
            lines.drop_column(column)
