"""Start, query side: what every operation passes on its way in and out, beside the use cases it calls."""

from dataclasses import dataclass

from evidence_api.use_cases.lanes import Lanes
from evidence_api.use_cases.rates import Rates


@dataclass(frozen=True, slots=True)
class QuerySide:
    """The use cases around a query, built once."""

    rates: Rates
    lanes: Lanes


def query_side() -> QuerySide:
    """Put them together."""
    return QuerySide(rates=Rates(), lanes=Lanes())
