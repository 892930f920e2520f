"""Create the table in which workers show that they live, and what they have done."""

from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create it, with the row that holds what workers have done whose own rows are gone."""
    worker = op.create_table(
        "worker",
        sa.Column("worker_id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True)),
        sa.Column("counters", sa.JSON(), nullable=False),
    )
    op.create_index("ix_worker_seen", "worker", ["seen_at"])
    never = datetime.fromtimestamp(0, UTC)
    past = {"worker_id": UUID(int=0), "name": "past", "started_at": never, "seen_at": never, "counters": {}}
    op.execute(worker.insert().values(past))


def downgrade() -> None:
    """Drop it."""
    op.drop_table("worker")
