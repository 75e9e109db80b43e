"""OpenVEX as predicate -> kind `vex`. Source: OpenVEX ATTESTING.md.

Statements without products are about the attestation's subjects. Where a document tells a history, only what stands
at its end is counted: a vulnerability under investigation that was fixed later is fixed.
"""

from collections import Counter

from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Normalised
from evidence_api.domain.statement import Statement
from evidence_api.domain.typed_json import inside
from evidence_api.domain.vex import VexProduct
from evidence_api.formats.openvex import read_openvex
from evidence_api.formats.predicates.shape import known_facts


def read_vex(statement: Statement) -> Normalised:
    """Read a VEX document. Raises Malformed with the path inside the predicate, TooLarge."""
    try:
        document = read_openvex(statement.predicate)
    except Malformed as fault:
        raise inside(fault, "predicate") from fault
    standing = document.standing
    counted = Counter(one.status for one in standing)
    facts = known_facts(
        {
            "author": document.author,
            "statements": len(document.statements),
            "not_affected": counted["not_affected"],
            "affected": counted["affected"],
            "fixed": counted["fixed"],
            "under_investigation": counted["under_investigation"],
            "vulnerabilities": tuple(sorted({one.vulnerability for one in standing})),
            "open": tuple(sorted({one.vulnerability for one in standing if not one.rules_out})),
            "products": tuple(sorted({_shown(product) for one in standing for product in one.products})),
        }
    )
    # A document is revised under its id; another document of anybody stands beside it.
    return Normalised("vex", facts, document.updated, series=document.id)


def _shown(product: VexProduct) -> str:
    whole = product.whole
    return whole.id or whole.hashes[0]
