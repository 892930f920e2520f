"""Keep what is known of the source, and what the analysis says of itself, with the job."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both columns; nothing is known of the jobs that are there already."""
    op.add_column("job", sa.Column("source", sa.JSON()))
    op.add_column("job", sa.Column("report", sa.JSON()))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("job", "report")
    op.drop_column("job", "source")
