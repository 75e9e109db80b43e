"""After the rules ran: framework criteria, each as good as its weakest control."""

from collections.abc import Iterable, Mapping

from evidence_api.domain.control import Catalog, Framework
from evidence_api.domain.verdict import WORST_FIRST, CriterionResult, Outcome


def weakest(outcomes: Iterable[Outcome]) -> Outcome:
    """The worst of some outcomes; not_applicable is neutral, and all that is left where there is nothing else."""
    present = set(outcomes)
    return next((outcome for outcome in WORST_FIRST if outcome in present), Outcome.NOT_APPLICABLE)


def roll_up(catalog: Catalog, outcomes: Mapping[str, Outcome]) -> tuple[CriterionResult, ...]:
    """Every criterion of every framework, in the order of the catalog; an unmapped one is listed as such."""
    mapped: dict[tuple[str, str], dict[str, None]] = {}
    for mapping in catalog.mappings:
        mapped.setdefault((mapping.framework, mapping.ref), {}).update(dict.fromkeys(mapping.maps_to))
    return tuple(
        _criterion(framework, criterion.ref, tuple(mapped.get((framework.id, criterion.ref), ())), outcomes)
        for framework in catalog.frameworks
        for criterion in framework.criteria
    )


def _criterion(
    framework: Framework, ref: str, controls: tuple[str, ...], outcomes: Mapping[str, Outcome]
) -> CriterionResult:
    if not controls:
        return CriterionResult(framework.id, ref, Outcome.NOT_RUN, (), unmapped=True)
    return CriterionResult(framework.id, ref, weakest(outcomes[name] for name in controls), controls)
