from typing import Any

import pytest

from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Normalised
from evidence_api.formats.predicates import COSIGN_VULN_TYPES, normalise
from evidence_api.formats.statement import read_statement
from tests.support.documents import GRYPE, TRIVY, cosign_vuln
from tests.support.statements import ARTIFACT, statement


def read(predicate: dict[str, Any], predicate_type: str = COSIGN_VULN_TYPES[0]) -> Normalised:
    return normalise(read_statement(statement(predicate_type, ARTIFACT, predicate)), 1)


@pytest.mark.parametrize("predicate_type", COSIGN_VULN_TYPES)
def test_a_scan_under_either_name(predicate_type: str) -> None:
    normalised = read(cosign_vuln(), predicate_type)
    assert normalised.kind == "vulns"
    assert normalised.series == "pkg:github/example/scanner"
    assert normalised.facts["database"] == "https://example.org/db"


@pytest.mark.parametrize(
    ("result", "counts"),
    [
        (TRIVY, {"total": 2, "criticals": 1, "unrated": 1}),
        (TRIVY["Results"], {"total": 2, "criticals": 1, "unrated": 1}),
        (GRYPE, {"total": 2, "highs": 1, "unrated": 0}),
        ({"Results": None}, {"total": 0}),
        ({"matches": []}, {"total": 0}),
        ([], {"total": 0}),
        (
            [{"id": "CVE-1", "severity": [{"method": "a", "score": "low"}, {"method": "b", "score": "high"}]}],
            {"total": 1, "highs": 1, "lows": 0},
        ),
        ([{"id": "CVE-1"}], {"total": 1, "unrated": 1}),
    ],
)
def test_the_scanners_forms(result: object, counts: dict[str, int]) -> None:
    facts = read(cosign_vuln(result)).facts
    assert {name: facts[name] for name in counts} == counts


def test_one_vulnerability_of_one_package_counts_once() -> None:
    twice = {"matches": GRYPE["matches"] * 2}
    assert read(cosign_vuln(twice)).facts["total"] == 2


@pytest.mark.parametrize(
    "result", [None, {}, "text", 7, [7], {"runs": []}, {"matches": 7}, {"Results": [{"Target": 1}]}, {"matches": [{}]}]
)
def test_a_form_we_do_not_know_has_no_counts(result: object) -> None:
    facts = read(cosign_vuln(result)).facts
    assert set(facts) == {"scanner", "database"}


@pytest.mark.parametrize(
    ("predicate", "path"),
    [
        ({"metadata": {}}, "predicate.scanner"),
        ({"scanner": {"uri": "s"}}, "predicate.metadata"),
        ({"scanner": {"uri": ""}, "metadata": {}}, "predicate.scanner.uri"),
        ({"scanner": {"uri": "s"}, "metadata": {"scanStartedOn": "then"}}, "predicate.metadata.scanStartedOn"),
    ],
)
def test_refusals_say_where(predicate: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as caught:
        read(predicate)
    assert caught.value.fields["path"] == path
