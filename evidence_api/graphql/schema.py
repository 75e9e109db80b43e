"""The tenant-scoped read schema, built from its types; and its text, which is kept in schema.graphql."""

import strawberry

from evidence_api.graphql.query import Query
from evidence_api.graphql.scalars import config


def build_schema() -> strawberry.Schema:
    """A new schema object. Nothing is changed in the types, so any number can be built from them."""
    return strawberry.Schema(query=Query, config=config())


def schema_text() -> str:
    """The schema in the definition language, ending in a newline."""
    return build_schema().as_str().rstrip("\n") + "\n"
