"""Assess one release: rows in, verdicts out, by the catalog's Rego in the policy engine.

1. The bundle: the catalog compiled to Rego, beside the operator's own policy modules.
2. The input: the release's rows (domain/population.py), as JSON.
3. The engine decides; what it cannot decide becomes `error` with its code, for the controls concerned alone.
4. fold (domain/assessment.py) joins the answer with the rows.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson

from evidence_api.domain.assessment import DERIVATION, Assessment, assessment_input, due, fold
from evidence_api.domain.control import Catalog
from evidence_api.domain.errors import EvidenceError, InvalidSource, Overloaded, SourceFault
from evidence_api.domain.evidence import Release
from evidence_api.domain.facts import Row
from evidence_api.engines.rego import PolicyBundle, RegoPool, policy_bundle
from evidence_api.formats.catalog_rego import PACKAGE, compile_catalog, rules_of

CATALOG_MODULE = "generated/catalog.rego"
_NEGATES_AS_OPA = 2  # the first derivation whose rules are read so
VERDICTS = f"data.{PACKAGE}.verdicts"
# Our package and all below it, however it is spelt.
_OUR_PACKAGE = re.compile(r"\bpackage\s+evidence\s*(?:\.\s*catalog\b|\[\s*[\"`]catalog[\"`])")


@dataclass(frozen=True, slots=True)
class _Pair:
    """What a bundle is made of; two of them are the same when the catalog and the policy's digest are."""

    catalog: Catalog
    policy_digest: str
    policy: PolicyBundle | None = field(compare=False)
    derivation: int = DERIVATION


def catalog_bundle(catalog: Catalog, policy: PolicyBundle | None = None, derivation: int = DERIVATION) -> PolicyBundle:
    """The policy bundle that decides a catalog: its Rego and the operator's modules, named by one digest.

    Raises InvalidSource where a module of the operator claims the catalog's own package or file name.
    """
    return _bundle(_Pair(catalog, policy.digest if policy else "", policy, derivation))


@lru_cache(maxsize=16)
def _bundle(pair: _Pair) -> PolicyBundle:
    modules = dict(pair.policy.modules) if pair.policy else {}
    faults = [
        SourceFault(name, text.count("\n", 0, found.start()) + 1, 1, "reserved_package", f"{PACKAGE} is generated")
        for name, text in modules.items()
        if (found := _OUR_PACKAGE.search(text))
    ]
    if CATALOG_MODULE in modules:
        faults.append(SourceFault(CATALOG_MODULE, 1, 1, "reserved_name", "this file is generated"))
    if faults:
        raise InvalidSource(faults)
    modules[CATALOG_MODULE] = compile_catalog(pair.catalog, pair.derivation)
    made = policy_bundle(modules, pair.policy.data if pair.policy else b"{}")
    return made if pair.derivation >= _NEGATES_AS_OPA else replace(made, as_written=True)


async def assess_release(  # noqa: PLR0913  an assessment is a function of exactly these
    rego: RegoPool,
    catalog: Catalog,
    policy: PolicyBundle | None,
    release: Release,
    rows: Sequence[Row],
    *,
    tree_size: int,
    at: datetime,
    only: Collection[str] | None = None,
    previous: Assessment | None = None,
    derivation: int = DERIVATION,
) -> Assessment:
    """The assessment of a release at one tree size and one moment.

    With `only` and `previous`, the other findings are taken over, as far as time alone cannot have moved
    them. Raises Overloaded (nothing was decided, and trying again helps) and InvalidSource (reserved names).
    """
    bundle = catalog_bundle(catalog, policy, derivation)
    wanted = due(catalog, only, previous, bundle.digest, rows)
    decided: Mapping[str, Any] = {}
    if wanted is None or wanted:
        decided = await _decide(rego, bundle, catalog, assessment_input(catalog, release, rows, at, wanted))
    return fold(
        catalog,
        release,
        rows,
        decided,
        tree_size=tree_size,
        at=at,
        policy_digest=bundle.digest,
        only=wanted,
        previous=previous,
        derivation=derivation,
    )


async def engine_answers(
    rego: RegoPool, bundle: PolicyBundle, catalog: Catalog, given: bytes, wanted: Collection[str]
) -> dict[str, Any]:
    """What the engine says of `wanted` controls, for an input as JSON whose `only` names them: control id to raw
    answer. Raises Overloaded."""
    if any(control.policy and control.id in wanted for control in catalog.controls):
        return dict(await _decide(rego, bundle, catalog, orjson.loads(given)))
    return await _ask(rego, bundle, VERDICTS, given, wanted)


async def _decide(rego: RegoPool, bundle: PolicyBundle, catalog: Catalog, given: dict[str, Any]) -> Mapping[str, Any]:
    """Control id to raw answer. A rule of the operator's that fails takes no other control with it."""
    wanted = set(given.get("only", rules_of(catalog)))
    ruled = [control.id for control in catalog.controls if control.policy and control.id in wanted]
    answer = await _ask(rego, bundle, VERDICTS, given, wanted)
    if not ruled or not _failed(answer):
        return answer
    plain = wanted.difference(ruled)
    decided = await _ask(rego, bundle, VERDICTS, given | {"only": sorted(plain)}, plain) if plain else {}
    for name in ruled:
        decided |= await _ask(rego, bundle, VERDICTS, given | {"only": [name]}, {name})
    return decided


async def _ask(
    rego: RegoPool, bundle: PolicyBundle, query: str, given: Mapping[str, Any] | bytes, concerned: Collection[str]
) -> dict[str, Any]:
    """One evaluation; a failure of the engine is the answer for every control concerned."""
    try:
        value = await rego.evaluate(bundle, query, given if isinstance(given, bytes) else orjson.dumps(given))
    except Overloaded:
        raise
    except EvidenceError as fault:
        said = " ".join(fault.message.split())
        return {name: {"outcome": "error", "code": fault.code, "because": said} for name in concerned}
    return {} if value is None else dict(orjson.loads(value))


def _failed(answer: Mapping[str, Any]) -> bool:
    """Whether the evaluation as a whole failed (every control carries the engine's code)."""
    return any(
        isinstance(told, Mapping) and "code" in told and told.get("outcome") == "error" for told in answer.values()
    )
