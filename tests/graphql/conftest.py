"""A seeded tenant behind an endpoint, and a second tenant that sees none of it."""

import pytest

from evidence_api.domain.principal import TenantScope
from evidence_api.graphql.schema import build_schema
from evidence_api.graphql.view import GraphQLEndpoint
from evidence_api.store.session import Database
from evidence_api.use_cases.append import Appender
from evidence_api.use_cases.reads import Reads
from tests.support.graphql_client import GraphQLClient
from tests.support.seed import Seeded, seed, small_catalog


@pytest.fixture
async def seeded(database: Database, appender: Appender, scope: TenantScope) -> Seeded:
    return await seed(database, appender, scope)


@pytest.fixture
def endpoint(database: Database) -> GraphQLEndpoint:
    return GraphQLEndpoint(build_schema(), Reads(database, small_catalog()))


@pytest.fixture
def client(endpoint: GraphQLEndpoint, scope: TenantScope) -> GraphQLClient:
    return GraphQLClient(endpoint, scope)


@pytest.fixture
def rival(endpoint: GraphQLEndpoint, other_scope: TenantScope) -> GraphQLClient:
    return GraphQLClient(endpoint, other_scope)
