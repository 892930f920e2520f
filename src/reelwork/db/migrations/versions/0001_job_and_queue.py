"""Create the job table and the queue beside it."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables and the indexes of the claim and the rescue."""
    op.create_table(
        "job",
        sa.Column("job_id", sa.Uuid(), primary_key=True),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("input_path", sa.Text(), nullable=False),
        sa.Column("output_path", sa.Text()),
        sa.Column("error_message", sa.Text()),
        sa.Column("pipeline", sa.String(64), nullable=False),
        sa.Column("pipeline_definition", sa.JSON(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("lease_token", sa.Uuid()),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True)),
        sa.Column("worker", sa.Text()),
        sa.CheckConstraint("status IN ('pending', 'running', 'completed', 'failed')", name="ck_job_status"),
        sa.CheckConstraint("(status = 'completed') = (output_path IS NOT NULL)", name="ck_job_output_when_completed"),
        sa.CheckConstraint("(status = 'failed') = (error_message IS NOT NULL)", name="ck_job_error_when_failed"),
        sa.CheckConstraint("(status = 'running') = (lease_token IS NOT NULL)", name="ck_job_lease_when_running"),
        sa.CheckConstraint("(lease_token IS NULL) = (lease_expires_at IS NULL)", name="ck_job_lease_expires"),
        sa.CheckConstraint("attempt >= 0", name="ck_job_attempt"),
    )
    _partial_index("ix_job_pending", ["created_at", "job_id"], "status = 'pending'")
    _partial_index("ix_job_running", ["lease_expires_at"], "status = 'running'")
    op.create_table(
        "queue_entry",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("job_id", sa.Uuid(), nullable=False, unique=True),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("queue_entry")
    op.drop_table("job")


def _partial_index(name: str, columns: list[str], condition: str) -> None:
    op.create_index(name, "job", columns, sqlite_where=sa.text(condition), postgresql_where=sa.text(condition))
