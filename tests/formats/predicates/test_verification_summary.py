from typing import Any

import pytest

from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Normalised
from evidence_api.formats.predicates import normalise
from evidence_api.formats.statement import read_statement
from tests.support.documents import SUMMARY
from tests.support.facts import assert_facts_fit
from tests.support.statements import ARTIFACT, WHEN, statement

V1, V02 = "https://slsa.dev/verification_summary/v1", "https://slsa.dev/verification_summary/v0.2"
SVR = "https://in-toto.io/attestation/svr/v0.1"


def read(predicate: dict[str, Any], predicate_type: str = V1) -> Normalised:
    normalised = normalise(read_statement(statement(predicate_type, ARTIFACT, predicate)), 1)
    assert_facts_fit("vsa", normalised.facts)
    return normalised


def test_a_summary_is_read_whole() -> None:
    assert read(SUMMARY).facts == {
        "verifier": "https://example.org/verifier",
        "resource": "https://example.org/widget",
        "result": "passed",
        "levels": ("SLSA_BUILD_LEVEL_3",),
        "policy": "https://example.org/policy",
        "policy_digest": "sha256:" + "a" * 64,
    }
    assert read(SUMMARY | {"verificationResult": "FAILED"}).facts["result"] == "failed"


def test_the_names_before_version_1() -> None:
    older = {
        "verifier": {"id": "v"},
        "time_verified": WHEN,
        "resource_uri": "r",
        "policy": {"uri": "p"},
        "verification_result": "PASSED",
        "policy_level": "SLSA_LEVEL_2",
    }
    normalised = read(older, V02)
    assert normalised.facts["levels"] == ("SLSA_LEVEL_2",)
    assert normalised.effective == read(SUMMARY).effective


def test_a_simple_result_lists_what_was_verified_and_states_no_verdict() -> None:
    normalised = read({"verifier": {"id": "v"}, "timeCreated": WHEN, "properties": ["REVIEWED"]}, SVR)
    assert normalised.facts == {"verifier": "v", "levels": ("REVIEWED",)}


def test_another_policy_or_verifier_stands_beside_it() -> None:
    assert len({read(SUMMARY | {"policy": {"uri": uri}}).series for uri in "ab"}) == 2
    assert read(SUMMARY | {"verifier": {"id": "other"}}).series != read(SUMMARY).series


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"verificationResult": "OK"}, "predicate.verificationResult"),
        ({"verifier": {}}, "predicate.verifier.id"),
        ({"policy": {"digest": {"sha256": "ab"}}}, "predicate.policy.digest.sha256"),
        ({"verifiedLevels": [7]}, "predicate.verifiedLevels.0"),
    ],
)
def test_refusals_say_where(members: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(SUMMARY | members)
    assert caught.value.fields["path"] == path
