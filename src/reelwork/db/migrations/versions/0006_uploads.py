"""Create the tables of uploads in several requests and of idempotency keys."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create them."""
    op.create_table(
        "partial_upload",
        sa.Column("upload_id", sa.Uuid(), primary_key=True),
        sa.Column("owner", sa.String(32)),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("idempotency_key", sa.Text()),
        sa.Column("received_bytes", sa.BigInteger(), nullable=False),
        sa.Column("total_bytes", sa.BigInteger()),
        sa.Column("job_id", sa.Uuid()),
        sa.Column("lease_token", sa.Uuid()),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("received_bytes >= 0", name="ck_partial_upload_received"),
        sa.CheckConstraint("(lease_token IS NULL) = (lease_expires_at IS NULL)", name="ck_partial_upload_lease"),
    )
    op.create_index("ix_partial_upload_expires", "partial_upload", ["expires_at"])
    op.create_index("ix_partial_upload_job", "partial_upload", ["job_id"])
    op.create_table(
        "upload_part",
        sa.Column(
            "upload_id", sa.Uuid(), sa.ForeignKey("partial_upload.upload_id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("begins_at", sa.BigInteger(), primary_key=True),
        sa.Column("written_by", sa.Uuid(), nullable=False),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("owner", sa.String(32), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("fingerprint", sa.String(64)),
        sa.Column("job_id", sa.Uuid()),
        sa.Column("lease_token", sa.Uuid()),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(fingerprint IS NULL) = (job_id IS NULL)", name="ck_idempotency_key_answer"),
        sa.CheckConstraint("(job_id IS NULL) = (lease_token IS NOT NULL)", name="ck_idempotency_key_lease"),
    )
    op.create_index("ix_idempotency_key_expires", "idempotency_key", ["expires_at"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("idempotency_key")
    op.drop_table("upload_part")
    op.drop_table("partial_upload")
