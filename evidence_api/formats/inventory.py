"""Deriving, before the comparison: the stored documents of one release become its inventory.

Which documents count (current, verified, not erased) is the caller's to say; here they are only read again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from evidence_api.domain.drift import Inventory, StatedVulnerability
from evidence_api.domain.errors import Refused
from evidence_api.domain.sbom import Sbom
from evidence_api.domain.vex import VexDocument
from evidence_api.formats.openvex import read_openvex
from evidence_api.formats.sboms import read_sbom
from evidence_api.formats.scans import stated_vulnerabilities
from evidence_api.formats.stored import stored_statement

INVENTORY_KINDS = frozenset({"sbom", "vulns", "vex"})


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """One piece of evidence with its bytes; `kind` is one of INVENTORY_KINDS."""

    evidence_id: str
    kind: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReadInventory:
    """The inventory, and what could not be read now although it could when it came in: (evidence id, code)."""

    inventory: Inventory
    unreadable: tuple[tuple[str, str], ...] = ()


def read_inventory(subjects: tuple[str, ...], documents: Iterable[StoredDocument]) -> ReadInventory:
    """Read a release's documents; `subjects` are its digests ("algorithm:hex")."""
    sboms: list[tuple[str, Sbom]] = []
    vex: list[tuple[str, VexDocument]] = []
    scans: list[str] = []
    stated: list[StatedVulnerability] = []
    unreadable: list[tuple[str, str]] = []
    for one in documents:
        try:
            statement = stored_statement(one.body)
            match one.kind:
                case "sbom":
                    sboms.append((one.evidence_id, read_sbom(statement.predicate_type, statement.predicate)))
                case "vex":
                    vex.append((one.evidence_id, read_openvex(statement.predicate)))
                case _:
                    found = stated_vulnerabilities(statement, one.evidence_id)
                    if found is not None:
                        scans.append(one.evidence_id)
                        stated.extend(found)
        except Refused as refusal:
            unreadable.append((one.evidence_id, refusal.code))
    inventory = Inventory(tuple(sboms), tuple(scans), tuple(stated), tuple(vex), tuple(sorted(subjects)))
    return ReadInventory(inventory, tuple(unreadable))
