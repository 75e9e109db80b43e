"""Give an append one value for each row instead of an array for each column (the .sql file beside this one)."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

FUNCTIONS = ("append_at", "append_batch")
TYPES = ("new_evidence", "new_subject", "new_link", "new_release", "new_release_subject")


def upgrade() -> None:
    _drop_functions()
    for kind in TYPES:  # a database made between two published states has them from its first revision
        op.execute(f"DROP TYPE IF EXISTS {kind}")
    for statement in _statements(Path(__file__).with_suffix(".sql")):
        op.execute(statement)


def downgrade() -> None:
    _drop_functions()
    for kind in TYPES:
        op.execute(f"DROP TYPE {kind}")
    before = _statements(Path(__file__).with_name("0001_create_evidence_log.sql"))
    for statement in before:
        if any(f"CREATE FUNCTION {function}(" in statement for function in FUNCTIONS):
            op.execute(statement)


def _drop_functions() -> None:
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")


def _statements(script: Path) -> list[str]:
    """The statements of a script, split as the first revision splits its own."""
    first = op.get_context().opts["script"].get_revision("0001").module
    found: list[str] = first._statements(script.read_text(encoding="utf-8"))  # noqa: SLF001  revisions have no other way
    return found
