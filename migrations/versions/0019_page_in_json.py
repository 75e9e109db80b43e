"""Index evidence that did not come out as verified, which lists of it look for among what did."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A verified record, as nearly all are, costs nothing here."""
    op.execute(
        "CREATE INDEX evidence_unverified ON evidence (tenant_id, status, leaf_index) WHERE status <> 'verified'"
    )


def downgrade() -> None:
    op.execute("DROP INDEX evidence_unverified")
