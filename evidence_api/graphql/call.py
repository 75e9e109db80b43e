"""GraphQL, one call: what its steps find out on the way, and what goes out beside `data` and `errors`.

Members of `extensions` and headers of the response are collected here and nowhere else. Whoever has something to add
is an `Addition`: the view asks each, in order, once the answer or the refusal is known and before it is sent.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import orjson
from graphql import OperationDefinitionNode
from starlette.requests import Request

from evidence_api.domain.errors import EvidenceError
from evidence_api.domain.principal import Principal
from evidence_api.domain.rates import Charge
from evidence_api.graphql.documents import PreparedDocument
from evidence_api.graphql.media_types import Answer
from evidence_api.graphql.request import Parameters
from evidence_api.graphql.running import Ran


@dataclass(slots=True)
class Call:
    """One request on its way through the view. What a step has not come to is None.

    `result` is the JSON of `data` and `errors` alone, as sent: what a receipt is about.
    """

    request: Request
    request_id: str
    answer: Answer
    principal: Principal | None = None
    parameters: Parameters | None = None
    document: PreparedDocument | None = None
    operation: OperationDefinitionNode | None = None
    charge: Charge | None = None
    ran: Ran | None = None
    refused: EvidenceError | None = None
    status: int = 0
    result: bytes = b"{}"
    extensions: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        """The whole body: the result, then `extensions` if anybody added a member."""
        if not self.extensions:
            return self.result
        return self.result[:-1] + b',"extensions":' + orjson.dumps(self.extensions) + b"}"


# Adds members to `extensions` or headers. Called for every answer and every refusal of the view that has a principal.
Addition: TypeAlias = Callable[[Call], Awaitable[None]]
