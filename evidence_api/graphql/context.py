"""What every resolver of one operation shares: who asks, the reading session, the document, the batches."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import strawberry
from graphql import FieldNode

from evidence_api.domain.errors import TooLarge
from evidence_api.domain.principal import Principal
from evidence_api.graphql.batch import Batches
from evidence_api.graphql.cost import Price
from evidence_api.graphql.documents import PreparedDocument
from evidence_api.use_cases.read_session import ReadSession

MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_DECISION_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Moment:
    """At which tree size something is read, and whether the reader pinned that size with `asOf`."""

    size: int
    pinned: bool


# Finds one node of a type by its public key. One table for all types, so that modules of types need not import
# each other in circles.
Finder: TypeAlias = Callable[["Info", str, Moment], Awaitable[object]]


@dataclass(slots=True)
class Operation:
    """One operation being answered."""

    principal: Principal
    session: ReadSession
    document: PreparedDocument
    finders: Mapping[str, Finder]
    price: Price | None = None
    returned: dict[int, int] = field(default_factory=dict)  # objects, by the place they were asked for at
    batches: Batches = field(default_factory=Batches)
    body_bytes: int = 0
    decision_bytes: int = 0

    async def find(self, info: "Info", type_name: str, key: str, at: Moment) -> Any:  # noqa: ANN401  any node
        """One node by type and public key; None if it is absent, not the tenant's, or of a type without ids."""
        finder = self.finders.get(type_name)
        return None if finder is None else await finder(info, key, at)

    def count(self, places: Sequence[FieldNode], objects: int) -> None:
        """Note how many objects a list gave that was asked for at these places; what an operation costs in the end."""
        for place in places:
            self.returned[id(place)] = self.returned.get(id(place), 0) + objects

    def take_body_bytes(self, size: int) -> None:
        """Count bytes of bodies put into the answer. Raises TooLarge `bodies_too_large`."""
        self.body_bytes += size
        if self.body_bytes > MAX_BODY_BYTES:
            raise TooLarge(
                f"the bodies asked for have {self.body_bytes} bytes, an answer holds {MAX_BODY_BYTES}: "
                "fetch them one by one from /v1/blobs/",
                code="bodies_too_large",
                limit=MAX_BODY_BYTES,
                value=self.body_bytes,
            )

    def take_decision_bytes(self, size: int) -> None:
        """Count bytes of decisions that are computed again. Raises TooLarge `decisions_too_large`."""
        self.decision_bytes += size
        if self.decision_bytes > MAX_DECISION_BYTES:
            raise TooLarge(
                f"the decisions asked for have {self.decision_bytes} bytes, one operation computes "
                f"{MAX_DECISION_BYTES} again: ask for fewer at once",
                code="decisions_too_large",
                limit=MAX_DECISION_BYTES,
                value=self.decision_bytes,
            )


class Info(strawberry.Info[Operation, None]):
    """What a resolver is told; the schema is configured with this class."""

    @property
    def field_nodes(self) -> list[FieldNode]:
        """The places in the document this field is selected at, merged into one."""
        return self._raw_info.field_nodes
