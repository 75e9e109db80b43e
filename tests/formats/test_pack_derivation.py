"""Holds the derivation of verdicts still: whoever changes it is told to take the next number."""

import re

import pytest

from evidence_api.domain.assessment import DERIVATION
from evidence_api.domain.digest import canonical, digest_of
from evidence_api.engines.rego import RegoPool
from evidence_api.formats.catalog import load_catalog
from evidence_api.formats.catalog_rego import compile_catalog
from evidence_api.formats.records import assessment_to_json
from tests.support.packs import build_world

_DIGEST = re.compile("sha256:[0-9a-f]+")  # of envelopes signed afresh each time

CATALOG = """\
id: IG-ONE
title: Everything a query can say
combine: any
query:
  - {kind: github_checks, where: required==pass, per: occurrence, fresh: {max_age: P30D, clock: received}}
  - {kind: attest, where: 'provenance==verified && (sbom.criticals==0 || !sbom.present)', per: subject}
  - {kind: test_result, where: 'result in [passed, warned]', expect: {at_least: 2},
     population: {sample: {size: 3, seed: release}}}
  - {kind: vulns, where: criticals <= 1, on_empty: {outcome: not_applicable, reason: nothing to scan}}
"""
# Changed on purpose? Then domain/verdict.py's DERIVATION takes the next number, and these digests the new ones.
# Number 2 says more of waivers, which stand in no digest here (tests/domain/test_waiving.py), and asks ages otherwise.
_SENTENCES = "sha256:495b292d9a217d108a084ff2f90f70b68599d19ea4b7cbe3b27a76243b0e1edc"
PINNED = {
    1: ("sha256:d3bb6b98865fdfe3b2c820fe89b6fd421c4bed5889d0412aefaae71ea670ba2f", _SENTENCES),
    2: ("sha256:8474ca65f947313713aa22ad1f0658063d1543a79778b4dc1c8ea86394038bd8", _SENTENCES),
}


async def test_the_generated_rego_and_the_sentences_are_those_of_this_derivation() -> None:
    rego = compile_catalog(load_catalog({"one.yaml": CATALOG}))
    async with RegoPool() as pool:
        world = await build_world(pool)
    verdicts = [
        {key: _DIGEST.sub("sha256:", finding[key]) for key in ("control", "outcome", "raw", "because")}
        for finding in assessment_to_json(world.contents.assessment)["findings"]
    ]
    assert (digest_of(rego.encode()), digest_of(canonical(verdicts))) == PINNED[DERIVATION]


@pytest.mark.parametrize("derivation", sorted(PINNED))
def test_what_packs_of_before_hold_is_still_compiled_to_the_letter(derivation: int) -> None:
    rego = compile_catalog(load_catalog({"one.yaml": CATALOG}), derivation)
    assert digest_of(rego.encode()) == PINNED[derivation][0]
