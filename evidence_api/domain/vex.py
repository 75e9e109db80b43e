"""Read evidence: what a VEX document says about vulnerabilities of products; drift and advisories ask it.

Source: OpenVEX v0.2.0 (which follows CISA's Minimum Requirements for VEX). Frozen and plain; times and products
that a statement inherits from its document are already filled in.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

VexStatus: TypeAlias = Literal["not_affected", "affected", "fixed", "under_investigation"]

NOT_EXPLOITABLE: frozenset[str] = frozenset({"not_affected", "fixed"})


@dataclass(frozen=True, slots=True)
class VexComponent:
    """A product or a part of one. `id` is its IRI as given ("" if none), `purls` the package URLs among its id and
    identifiers, `hashes` sorted "algorithm:hex" with in-toto's algorithm names ("sha256:…")."""

    id: str
    purls: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VexProduct:
    """A product; where it has `parts`, the statement is about those parts (components) inside it."""

    whole: VexComponent
    parts: tuple[VexComponent, ...] = ()


@dataclass(frozen=True, slots=True)
class VexStatement:
    """One statement: `status` of `vulnerability` (also known as `aliases`) in `products`, known true at `time`.

    No `products` means those of the enclosing statement: its in-toto subjects. `justification` is one of the five
    labels or ""; `impact` and `action` are free text or "".
    """

    vulnerability: str
    status: VexStatus
    time: datetime
    aliases: tuple[str, ...] = ()
    products: tuple[VexProduct, ...] = ()
    justification: str = ""
    impact: str = ""
    action: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Every name of the vulnerability, its own first, each once."""
        return tuple(dict.fromkeys((self.vulnerability, *self.aliases)))

    @property
    def rules_out(self) -> bool:
        """Whether the vulnerability does not (any longer) apply to the products."""
        return self.status in NOT_EXPLOITABLE


@dataclass(frozen=True, slots=True)
class VexDocument:
    """One document, issued at `time` and last `updated`; `statements` in its order."""

    id: str
    author: str
    version: int
    time: datetime
    updated: datetime
    statements: tuple[VexStatement, ...]
    tooling: str = ""

    @property
    def standing(self) -> tuple[VexStatement, ...]:
        """The statements that no later one of the same vulnerability takes the place of for all their products (and
        parts), in the document's order. Later is by time, then by place."""
        last: dict[tuple[object, ...], int] = {}
        order = sorted(range(len(self.statements)), key=lambda place: (self.statements[place].time, place))
        for place in order:
            for about in _about(self.statements[place]):
                last[about] = place
        return tuple(self.statements[place] for place in sorted(set(last.values())))


def _about(statement: VexStatement) -> Iterator[tuple[object, ...]]:
    """What a statement is about, one entry each product, or each part where it names parts."""
    if not statement.products:
        yield (statement.vulnerability,)
    for product in statement.products:
        for part in product.parts or (None,):
            yield (statement.vulnerability, product.whole, part)
