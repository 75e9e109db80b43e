"""Index what does not come out as claimed: decisions, and the server's own statements about some."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "CREATE INDEX evidence_disagreeing ON evidence (tenant_id, leaf_index) "
        "WHERE facts->>'reperformance' = 'disagrees'"
    )


def downgrade() -> None:
    op.execute("DROP INDEX evidence_disagreeing")
