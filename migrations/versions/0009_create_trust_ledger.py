"""Create the trust ledger, and the places in each log that readers of decisions have reached."""

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
