"""After the rules ran: framework criteria, each as good as its weakest control."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from evidence_api.domain.control import Catalog
from evidence_api.domain.verdict import WORST_FIRST, CriterionResult, Outcome


def weakest(outcomes: Iterable[Outcome]) -> Outcome:
    """The worst of some outcomes; not_applicable is neutral, and all that is left where there is nothing else."""
    present = set(outcomes)
    return next((outcome for outcome in WORST_FIRST if outcome in present), Outcome.NOT_APPLICABLE)


def roll_up(catalog: Catalog, outcomes: Mapping[str, Outcome]) -> tuple[CriterionResult, ...]:
    """Every criterion of every framework, in the order of the catalog; an unmapped one is listed as such."""
    return tuple(
        CriterionResult(one.framework, one.ref, weakest(outcomes[name] for name in one.controls), one.controls)
        if one.controls
        else one
        for one in _criteria(catalog)
    )


@lru_cache(maxsize=16)
def _criteria(catalog: Catalog) -> tuple[CriterionResult, ...]:
    """Every criterion with the controls mapped to it, not run yet: the same for every release, so made once."""
    mapped: dict[tuple[str, str], dict[str, None]] = {}
    for mapping in catalog.mappings:
        mapped.setdefault((mapping.framework, mapping.ref), {}).update(dict.fromkeys(mapping.maps_to))
    return tuple(
        CriterionResult(framework.id, criterion.ref, Outcome.NOT_RUN, controls, unmapped=not controls)
        for framework in catalog.frameworks
        for criterion in framework.criteria
        for controls in (tuple(mapped.get((framework.id, criterion.ref), ())),)
    )
