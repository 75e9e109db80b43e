"""GraphQL, pages: answers the operations that have a plan with one statement, and leaves all others alone.

  1. the plan of the operation, worked out once                      page_plan.py
  2. its variables and arguments, coerced like everybody's           page_arguments.py
  3. window, filter and cursors, by the functions the resolver has   evidence.py, cursors.py
  4. one statement, which writes the edges as JSON                   store/page_json.py
  5. the pieces of the answer around it

Wherever something is wrong - a variable, a page size, a cursor, the database - there is no answer from here: the
general way is gone instead, and says what.
"""

from functools import lru_cache
from typing import Any

import strawberry
from graphql import GraphQLError, OperationDefinitionNode

from evidence_api.domain.errors import EvidenceError
from evidence_api.domain.page import Window
from evidence_api.domain.page_shape import PageAsked, PageText
from evidence_api.domain.principal import Principal
from evidence_api.domain.reading import EvidenceFilter
from evidence_api.graphql.cursors import Paging, cursor_prefix, encode_cursor, window_of
from evidence_api.graphql.documents import PreparedDocument
from evidence_api.graphql.evidence import chosen_by, evidence_hash
from evidence_api.graphql.page_arguments import PageArguments, arguments_of
from evidence_api.graphql.page_plan import Hole, PagePlan, plan_of
from evidence_api.graphql.request import Parameters
from evidence_api.use_cases.reads import Reads

_LARGEST_INT = 2**31 - 1  # of GraphQL: a log beyond it is read, and refused, the general way
_hash_of = lru_cache(maxsize=1024)(evidence_hash)


class PageReader:
    """Reads pages of evidence for one schema."""

    def __init__(self, schema: strawberry.Schema, reads: Reads) -> None:
        self._schema = schema
        self._reads = reads

    async def read(
        self, principal: Principal, document: PreparedDocument, parameters: Parameters
    ) -> tuple[str, PageText] | None:
        """The answer's `data` as JSON, and the page in it; None for whatever the general way has to answer."""
        planned = self._planned(document, document.operation(parameters.operation_name))
        if planned is None:
            return None
        plan, arguments = planned
        try:
            asked, hashed = _asked(plan, arguments.values(parameters.variables or {}))
            if asked.as_of is not None and asked.as_of < 0:
                return None
            page = await self._reads.page_text(principal, asked)
        except (EvidenceError, GraphQLError):
            return None
        if page is None or page.tree_size > _LARGEST_INT:
            return None
        return _filled(plan, page, asked.window, hashed), page

    def _planned(
        self, document: PreparedDocument, operation: OperationDefinitionNode
    ) -> tuple[PagePlan, PageArguments] | None:
        key = ("page", id(operation))
        if key not in document.plans:
            schema = self._schema._schema  # noqa: SLF001  strawberry gives it no public name
            plan = plan_of(schema, operation, document.fragments())
            document.plans[key] = plan and (plan, arguments_of(self._schema, operation, plan.field))
        found: tuple[PagePlan, PageArguments] | None = document.plans[key]
        return found


def _asked(plan: PagePlan, values: dict[str, Any]) -> tuple[PageAsked, str]:
    """What the resolver would read. Raises what it would raise, and Malformed."""
    given, as_of = values.get("filter"), values.get("as_of")
    chosen = _EVERYTHING if given is None else chosen_by(given)
    hashed = _hash_of("evidence", chosen)
    paging = Paging(*(values.get(name) for name in Paging._fields))
    return PageAsked(chosen, window_of(paging, hashed), as_of, plan.shape, cursor_prefix(hashed)), hashed


def _filled(plan: PagePlan, page: PageText, window: Window, hashed: str) -> str:
    """The pieces with what came between them; where the page lies as in connections.connect."""
    told: dict[Hole, str] = {
        Hole.EDGES: page.edges,
        Hole.HAS_NEXT: _truth(window.before is not None if window.backward else page.more),
        Hole.HAS_PREVIOUS: _truth(page.more if window.backward else window.after is not None),
        Hole.START: _cursor(page.start, hashed),
        Hole.END: _cursor(page.end, hashed),
    }
    return "".join([piece if isinstance(piece, str) else told[piece] for piece in plan.pieces])


def _truth(value: bool) -> str:  # noqa: FBT001  a value to be written
    return "true" if value else "false"


def _cursor(leaf: int | None, hashed: str) -> str:
    return "null" if leaf is None else f'"{encode_cursor(str(leaf), hashed)}"'


_EVERYTHING: EvidenceFilter = chosen_by(None)
