"""The tenant-scoped read schema, built from its types; and its text, which is kept in schema.graphql."""

import strawberry

from evidence_api.graphql.cost_directives import with_costs
from evidence_api.graphql.mutation import Mutation
from evidence_api.graphql.query import Query
from evidence_api.graphql.scalars import config
from evidence_api.graphql.subscription import Subscription


def build_schema() -> strawberry.Schema:
    """A new schema object. The types keep the directives of their cost, the same ones each time, so any number can be
    built from them."""
    return with_costs(strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription, config=config()))


def schema_text() -> str:
    """The schema in the definition language, ending in a newline."""
    return build_schema().as_str().rstrip("\n") + "\n"
