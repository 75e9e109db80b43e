"""`urn:evidence-api:dependency-debt:v1` -> kind `dependency_debt`. Server-derived."""

from typing import Annotated, Literal

from pydantic import Field

from evidence_api.domain.evidence import Fact, Normalised
from evidence_api.domain.statement import Statement
from evidence_api.formats.predicates.shape import (
    Count,
    Own,
    Producer,
    Several,
    Sha256,
    known_facts,
    read_model,
    short_word,
)

_TOP = 10  # components the fact names

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Inputs(Own):
    """What it was derived from."""

    sboms: Several[Sha256]
    advisories: Sha256 | None


class Totals(Own):
    """Over all components; what is unknown is not there."""

    components: Count
    dated: Count
    outdated: Count
    oldest_days: Count | None = None
    vulnerable: Count | None = None
    total: Amount | None = None
    highest: Amount | None = None


class Component(Own):
    """One that owes something."""

    package: str
    version: str
    severity: Literal["critical", "high", "medium", "low", "info", "none"] | None
    vulnerabilities: Count
    days_behind: Count | None
    rank: Amount
    score: Amount


class Debt(Own):
    """The predicate."""

    producer: Producer
    inputs: Inputs
    analysed: bool
    ranked: bool
    totals: Totals
    components: Several[Component]
    supersedes: Sha256 | None = None


def read_dependency_debt(statement: Statement) -> Normalised:
    """Read a debt. Raises Malformed."""
    predicate = read_model(Debt, statement.predicate)
    totals = predicate.totals
    facts: dict[str, Fact] = known_facts(
        {
            "components": totals.components,
            "dated": totals.dated,
            "outdated": totals.outdated,
            "oldest_days": totals.oldest_days,
            "vulnerable": totals.vulnerable,
            "ranked": predicate.ranked,
            "total": totals.total,
            "highest": totals.highest,
            "top": tuple(short_word(f"{one.package} {one.version}") for one in predicate.components[:_TOP]),
        }
    )
    return Normalised("dependency_debt", facts)
