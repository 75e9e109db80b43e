"""An OSV record as predicate -> kind `advisory`. What is matched against it is its typed form (formats/osv.py)."""

from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Normalised
from evidence_api.domain.statement import Statement
from evidence_api.domain.typed_json import inside
from evidence_api.formats.osv import read_advisory
from evidence_api.formats.predicates.shape import known_facts


def read_osv(statement: Statement) -> Normalised:
    """Read an advisory. Raises Malformed with the path inside the predicate, TooLarge."""
    try:
        advisory = read_advisory(statement.predicate)
    except Malformed as fault:
        raise inside(fault, "predicate") from fault
    packages = {f"{one.ecosystem}/{one.name}" for one in advisory.affected if one.name}
    facts = known_facts(
        {
            "id": advisory.id,
            "aliases": advisory.aliases,
            "severity": advisory.severity,
            "withdrawn": advisory.withdrawn is not None,
            "published": advisory.published,
            "modified": advisory.modified,
            "affected": len(packages),
            "ecosystems": tuple(sorted({one.ecosystem for one in advisory.affected if one.ecosystem})),
            "packages": tuple(sorted(packages)),
        }
    )
    # A record is revised in place: a later revision supersedes the earlier one, another record does not.
    return Normalised("advisory", facts, advisory.modified, series=advisory.id)
