"""GraphQL, running mutations: one after the other, each with what it wrote read in a session opened after it.

Commit points are those of the use cases: a mutation that has answered is durable, whatever becomes of those after it in
the same operation. Past the deadline it is not known whether the last one was: sent again with the same key it is done
once.
"""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import strawberry
from graphql import DocumentNode, ExecutionResult, GraphQLSchema, execute
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from evidence_api.domain.errors import Overloaded
from evidence_api.domain.principal import Principal
from evidence_api.graphql.batch import Batches
from evidence_api.graphql.context import Info, Operation
from evidence_api.graphql.cost import Price
from evidence_api.graphql.documents import PreparedDocument
from evidence_api.graphql.query import FINDERS
from evidence_api.graphql.request import Parameters
from evidence_api.graphql.running import Ran
from evidence_api.use_cases.reads import Reads
from evidence_api.use_cases.writes import Writes


@dataclass(slots=True, kw_only=True)
class Writing(Operation):
    """One operation of mutations."""

    reads: Reads
    writes: Writes
    request_id: str
    opened: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def renew(self) -> None:
        """Go on in a new session, which sees what was written until now."""
        await self.close()
        self.opened = AsyncExitStack()
        self.session = await self.opened.enter_async_context(self.reads.session(self.principal))
        self.batches = Batches()

    async def close(self) -> None:
        """End the session; nothing can be read any more."""
        await self.batches.close()
        await self.opened.aclose()


def writing_of(info: Info) -> Writing:
    """The operation of a mutation's resolver."""
    if not isinstance(info.context, Writing):  # the runner below makes no others
        raise TypeError(type(info.context))
    return info.context


class MutationRunner:
    """Runs the mutations of one schema."""

    def __init__(self, schema: strawberry.Schema, reads: Reads, writes: Writes, deadline: float) -> None:
        self._schema: GraphQLSchema = schema._schema  # noqa: SLF001  strawberry gives it no public name
        self._reads = reads
        self._writes = writes
        self._deadline = deadline

    async def run(  # noqa: PLR0913, PLR0917  what running a query takes, and the request's id
        self,
        principal: Principal,
        document: PreparedDocument,
        ast: DocumentNode,
        parameters: Parameters,
        price: Price | None = None,
        request_id: str = "",
    ) -> Ran:
        """Run the operation's fields in their order. Raises Overloaded `deadline_exceeded`."""
        opened = AsyncExitStack()
        session = await opened.enter_async_context(self._reads.session(principal))
        operation = Writing(
            principal,
            session,
            document,
            FINDERS,
            price,
            reads=self._reads,
            writes=self._writes,
            request_id=request_id,
            opened=opened,
        )
        try:
            async with asyncio.timeout(self._deadline):
                result = await self._executed(ast, operation, parameters)
                return Ran(result.data, result.errors or (), tree_size=operation.session.tree_read)
        except TimeoutError as fault:
            raise Overloaded(
                f"the mutations took longer than {self._deadline:g} s: send them again with the same keys",
                code="deadline_exceeded",
                limit=self._deadline,
            ) from fault
        finally:
            await operation.close()

    async def _executed(self, ast: DocumentNode, operation: Writing, parameters: Parameters) -> ExecutionResult:
        result = execute(
            self._schema,
            ast,
            context_value=operation,
            variable_values=parameters.variables,
            operation_name=parameters.operation_name,
            executor_class=StrawberryGraphQLCoreExecutionContext,
            hide_suggestions=True,
        )
        return result if isinstance(result, ExecutionResult) else await result
