"""A second, small schema: the part of Archivista's that its clients (witness, archivistactl) send documents for.

    dsses(where: {gitoidSha256…, hasStatementWith: {hasSubjectsWith, hasAttestationCollectionsWith}})
    subjects(where: {hasStatementWith: {hasDsseWith: {gitoidSha256}}})

A filter beyond these is refused, by validation or by name, and never ignored: an ignored filter widens an answer.
"""

from typing import Any

import strawberry
from graphql import ExecutionResult, execute
from starlette.requests import Request
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types import Info

from evidence_api.domain.errors import Malformed
from evidence_api.domain.gitoid import Named
from evidence_api.domain.principal import TenantScope
from evidence_api.formats.dsse import IN_TOTO
from evidence_api.graphql import faults
from evidence_api.graphql.archivista_filters import (
    DsseWhere,
    NamedDsse,
    StatementWhere,
    SubjectWhere,
    only,
    search_of,
    words_of,
)
from evidence_api.graphql.documents import DocumentCache
from evidence_api.graphql.fields import resolved
from evidence_api.graphql.limits import Limits
from evidence_api.graphql.request import read_parameters
from evidence_api.use_cases.archivista import Archivista


@strawberry.type
class Attestation:
    """One attestation inside a collection."""

    type: str


@strawberry.type
class AttestationCollection:
    """What one witness run attested."""

    name: str
    attestations: list[Attestation]


@strawberry.type(name="Statement")
class ArchivedStatement:
    """The signed in-toto statement."""

    predicate: str
    attestation_collections: AttestationCollection | None


@strawberry.type
class Dsse:
    """One envelope."""

    gitoid_sha256: str
    payload_type: str
    statement: ArchivedStatement


@strawberry.type
class SubjectDigest:
    """One digest of a subject."""

    algorithm: str
    value: str


@strawberry.type(name="Subject")
class ArchivedSubject:
    """What a statement is about."""

    name: str
    subject_digests: list[SubjectDigest]


@strawberry.type
class DsseEdge:
    """An envelope in a list."""

    node: Dsse


@strawberry.type
class DsseConnection:
    """Every envelope that matches; a query that matches more than 1,000 is an error."""

    edges: list[DsseEdge]
    total_count: int


@strawberry.type
class SubjectEdge:
    """A subject in a list."""

    node: ArchivedSubject


@strawberry.type
class SubjectConnection:
    """Every subject that matches."""

    edges: list[SubjectEdge]
    total_count: int


@strawberry.type
class Query:
    """What the known clients ask."""

    @resolved("The envelopes that match, oldest first.")
    async def dsses(self, info: Info[Any, None], where: DsseWhere | None = None) -> DsseConnection:
        """All of `where` must hold."""
        archivista, scope = info.context
        found = await archivista.search(scope, search_of(where or DsseWhere()))
        return DsseConnection(edges=[DsseEdge(node=_dsse(one)) for one in found], total_count=len(found))

    @resolved("The subjects of the envelopes named.")
    async def subjects(self, info: Info[Any, None], where: SubjectWhere) -> SubjectConnection:
        """`where` names the envelopes."""
        archivista, scope = info.context
        statement = only(where.has_statement_with, "hasStatementWith") or StatementWhere()
        named = only(statement.has_dsse_with, "hasDsseWith") or NamedDsse()
        gitoids = words_of(named.gitoid_sha256, named.gitoid_sha256_in)
        if not gitoids or statement.has_subjects_with or statement.has_attestation_collections_with:
            raise Malformed("subjects are asked for by hasStatementWith.hasDsseWith.gitoidSha256", path="where")
        found = await archivista.subjects(scope, gitoids)
        return SubjectConnection(
            edges=[SubjectEdge(node=_subject(name, digests)) for name, digests in found], total_count=len(found)
        )


class ArchivistaEndpoint:
    """Answers the queries of Archivista's clients: HTTP 200, `errors` when something did not work."""

    def __init__(self, archivista: Archivista) -> None:
        self._archivista = archivista
        built = strawberry.Schema(query=Query, config=StrawberryConfig(auto_camel_case=True))
        self._schema = built._schema  # noqa: SLF001  strawberry gives it no public name
        self._documents = DocumentCache(self._schema, Limits(), entries=64)

    async def answer(self, request: Request, scope: TenantScope) -> dict[str, Any]:
        """The body of the answer. Raises Malformed, TooLarge for what is no GraphQL request."""
        request_id = str(request.scope["state"].get("request_id", ""))
        parameters = await read_parameters(request)
        document = self._documents.prepare(parameters.query)
        if document.ast is None or document.errors:
            return {"data": None, "errors": faults.of_document(document.errors, "validation_failed", request_id)}
        running = execute(
            self._schema,
            document.ast,
            context_value=(self._archivista, scope),
            variable_values=parameters.variables,
            operation_name=parameters.operation_name,
            executor_class=StrawberryGraphQLCoreExecutionContext,
            hide_suggestions=True,
        )
        result = running if isinstance(running, ExecutionResult) else await running
        body: dict[str, Any] = {"data": result.data}
        if result.errors:
            body["errors"] = faults.of_execution(result.errors, request_id)
        return body


def _dsse(named: Named) -> Dsse:
    collection = None
    if named.collection is not None:
        collection = AttestationCollection(
            name=named.collection, attestations=[Attestation(type=one) for one in named.attestations]
        )
    return Dsse(
        gitoid_sha256=named.gitoid,
        payload_type=IN_TOTO,
        statement=ArchivedStatement(predicate=named.predicate_type, attestation_collections=collection),
    )


def _subject(name: str, digests: tuple[str, ...]) -> ArchivedSubject:
    split = [one.rpartition(":") for one in digests]
    return ArchivedSubject(
        name=name, subject_digests=[SubjectDigest(algorithm=algorithm, value=value) for algorithm, _, value in split]
    )
