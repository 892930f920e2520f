"""Remember why attempts were lost, and let a job rest before the next one."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both columns; what is queued already need not rest and has lost nothing."""
    op.add_column("job", sa.Column("not_before", sa.DateTime(timezone=True)))
    op.add_column("job", sa.Column("lost_attempts", sa.Text()))
    finished = sa.text("status IN ('completed', 'failed')")
    op.create_index("ix_job_finished", "job", ["updated_at"], sqlite_where=finished, postgresql_where=finished)


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_job_finished", "job")
    op.drop_column("job", "lost_attempts")
    op.drop_column("job", "not_before")
