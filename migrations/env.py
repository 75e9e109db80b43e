"""Alembic's entry: runs the migrations on the connection that evidence_api/store/migrate.py hands over."""

from alembic import context

import evidence_api.store.tables_access
import evidence_api.store.tables_artifacts
import evidence_api.store.tables_assessing
import evidence_api.store.tables_budgets
import evidence_api.store.tables_components
import evidence_api.store.tables_peers
import evidence_api.store.tables_policy_hits
import evidence_api.store.tables_rates
import evidence_api.store.tables_rechecks
import evidence_api.store.tables_trust
import evidence_api.store.tables_vulnerabilities  # noqa: F401  adds its tables to the metadata
from evidence_api.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
