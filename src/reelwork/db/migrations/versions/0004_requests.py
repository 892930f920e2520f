"""Keep what a client says of its job, find jobs again by it, and tell it when a job is over."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "owner": sa.String(32),
    "external_id": sa.Text(),
    "input_bytes": sa.BigInteger(),
    "retention_s": sa.Float(),
    "expires_at": _TIME,
    "started_at": _TIME,
    "webhook_url": sa.Text(),
    "webhook_due_at": _TIME,
}
# The newest first within each: the order in which jobs are listed.
_LISTED = ("created_at", "job_id")
_INDEXES = (
    ("ix_job_created", _LISTED, None),
    ("ix_job_ended", ("status", *_LISTED), "status IN ('completed', 'failed')"),
    ("ix_job_pipeline", ("pipeline", *_LISTED), None),
    ("ix_job_external_id", ("external_id", *_LISTED), "external_id IS NOT NULL"),
    ("ix_job_owner", ("owner", *_LISTED), "owner IS NOT NULL"),
    ("ix_job_queued", ("owner", "input_bytes"), "owner IS NOT NULL AND status IN ('pending', 'running')"),
    ("ix_job_expires", ("expires_at",), "expires_at IS NOT NULL"),
    ("ix_job_webhook", ("webhook_due_at",), "webhook_due_at IS NOT NULL"),
)


def upgrade() -> None:
    """Add the columns, the indexes of the listing and the table of tags; the jobs there are have none of it."""
    for name, kind in _COLUMNS.items():
        op.add_column("job", sa.Column(name, kind))
    op.add_column("job", sa.Column("webhook_attempts", sa.Integer(), nullable=False, server_default="0"))
    for name, columns, condition in _INDEXES:
        where = sa.text(condition) if condition else None
        op.create_index(name, "job", list(columns), sqlite_where=where, postgresql_where=where)
    op.create_table(
        "job_tag",
        sa.Column("job_id", sa.Uuid(), sa.ForeignKey("job.job_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("tag", sa.String(64), primary_key=True),
        sa.Column("created_at", _TIME, nullable=False),
    )
    op.create_index("ix_job_tag", "job_tag", ["tag", *_LISTED])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("job_tag")
    for name, _, _ in _INDEXES:
        op.drop_index(name, "job")
    for name in ("webhook_attempts", *reversed(_COLUMNS)):
        op.drop_column("job", name)
