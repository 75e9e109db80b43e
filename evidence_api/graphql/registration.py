"""GraphQL, registering: what a text has to be before it is kept as a persisted document.

It parses, is within the limits, is valid, has an operation, and none of its operations can cost more than any may,
whatever the variables that are left out come to be.
"""

from graphql import GraphQLError, OperationDefinitionNode

from evidence_api.domain.errors import Malformed
from evidence_api.graphql.cost import Pricing
from evidence_api.graphql.documents import DocumentCache
from evidence_api.graphql.limits import Limits
from evidence_api.graphql.schema import build_schema


def check_document(text: str) -> None:
    """The check of one text against the schema this program serves; for what runs once. Raises what `check_with`
    raises."""
    schema = build_schema()._schema  # noqa: SLF001  strawberry gives it no public name
    check_with(DocumentCache(schema, Limits()), Pricing(schema), text)


def check_with(cache: DocumentCache, pricing: Pricing, text: str) -> None:
    """Raises Malformed `syntax_error`, `validation_failed`, `no_operation`, and what limits and cost raise."""
    document = cache.prepare(text)
    if document.errors:
        raise _fault(document.errors[0], "syntax_error" if document.ast is None else "validation_failed")
    operations = [one for one in document.definitions() if isinstance(one, OperationDefinitionNode)]
    if not operations:
        raise Malformed("the document has no operation", code="no_operation", path="query")
    for operation in operations:
        pricing.price(document, operation, {})


def _fault(error: GraphQLError, code: str) -> Malformed:
    where = error.locations[0] if error.locations else None
    place = "" if where is None else f" at line {where.line}, column {where.column}"
    return Malformed(f"{error.message}{place}", code=code, path="query", line=where.line if where else None)
