"""GraphQL, running: one operation in one reading session under a deadline, and what it came to."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import strawberry
from graphql import DocumentNode, ExecutionResult, GraphQLError, GraphQLSchema, execute
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from evidence_api.domain.errors import Overloaded
from evidence_api.domain.principal import Principal
from evidence_api.domain.reading import LogHead
from evidence_api.graphql.context import Operation
from evidence_api.graphql.cost import Price
from evidence_api.graphql.documents import PreparedDocument
from evidence_api.graphql.page_read import PageReader
from evidence_api.graphql.query import FINDERS
from evidence_api.graphql.request import Parameters
from evidence_api.use_cases.reads import Reads


@dataclass(frozen=True, slots=True)
class Ran:
    """The result of one operation. `data` is what orjson writes, fragments of ready JSON among it; `cost` is what was
    returned, in cost units (None where nobody counted); `tree_size` that of the tree it read, None if it read none."""

    data: Any
    errors: Sequence[GraphQLError] = field(default_factory=tuple)
    cost: int | None = None
    tree_size: int | None = None
    head: LogHead | None = None  # of the log as it was read, where the answer comes with a receipt


class Runner:
    """Runs the operations of one schema."""

    def __init__(self, schema: strawberry.Schema, reads: Reads, deadline: float) -> None:
        self.schema: GraphQLSchema = schema._schema  # noqa: SLF001  strawberry gives it no public name
        self._reads = reads
        self._deadline = deadline
        self._pages = PageReader(schema, reads)

    async def run(
        self,
        principal: Principal,
        document: PreparedDocument,
        ast: DocumentNode,
        parameters: Parameters,
        price: Price | None = None,
    ) -> Ran:
        """Run the operation in one session of the principal's tenant, or in one statement if it asks for a page of
        evidence alone. Raises Overloaded past the deadline."""
        try:
            async with asyncio.timeout(self._deadline):
                signed = parameters.signed_receipt  # needs the checkpoint of the same moment
                read = None if signed else await self._pages.read(principal, document, parameters)
                if read is not None:
                    cost = None if price is None else price.spent_on_page(read[1].count)
                    return Ran(orjson.Fragment(read[0]), cost=cost, tree_size=read[1].tree_size)
                return await self._execute(principal, document, ast, parameters, price)
        except TimeoutError as fault:
            raise Overloaded(
                f"the operation took longer than {self._deadline:g} s and was stopped",
                code="deadline_exceeded",
                limit=self._deadline,
            ) from fault

    async def _execute(
        self,
        principal: Principal,
        document: PreparedDocument,
        ast: DocumentNode,
        parameters: Parameters,
        price: Price | None,
    ) -> Ran:
        async with self._reads.session(principal) as session:
            operation = Operation(principal, session, document, FINDERS, price)
            try:
                result = execute(
                    self.schema,
                    ast,
                    context_value=operation,
                    variable_values=parameters.variables,
                    operation_name=parameters.operation_name,
                    executor_class=StrawberryGraphQLCoreExecutionContext,
                    hide_suggestions=True,
                )
                if not isinstance(result, ExecutionResult):
                    result = await result
                head = await session.head() if parameters.signed_receipt else None
            finally:
                await operation.batches.close()
            cost = None if price is None else price.spent(operation.returned)
            return Ran(result.data, result.errors or (), cost, session.tree_read, head)
