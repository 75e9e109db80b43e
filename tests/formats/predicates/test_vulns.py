from typing import Any

import pytest

from evidence_api.domain.errors import Malformed
from evidence_api.domain.evidence import Normalised
from evidence_api.formats.predicates import normalise
from evidence_api.formats.statement import read_statement
from tests.support import statements

V01 = "https://in-toto.io/attestation/vulns/v0.1"
V02 = "https://in-toto.io/attestation/vulns/v0.2"


def read(predicate: dict[str, Any], predicate_type: str = V02) -> Normalised:
    return normalise(read_statement(statements.statement(predicate_type, statements.ARTIFACT, predicate)), 1)


def scan(*ratings: Any) -> Normalised:  # noqa: ANN401  any JSON
    return read({"scanner": {"uri": "s", "result": [{"id": "CVE-1", "severity": rating} for rating in ratings]}})


def test_counts_by_the_highest_rating() -> None:
    facts = scan(
        [{"method": "nvd", "score": "medium"}, {"method": "cvss_score", "score": "9.1"}],
        [{"method": "nvd", "score": "LOW"}],
        {"method": "CVSSv3", "score": 7},
        [{"method": "epss", "score": "0.99"}],
        [{"method": "cvss", "score": "CVSS:3.1/AV:N/AC:L"}],
        None,
    ).facts
    assert facts == {
        "scanner": "s",
        "total": 6,
        "criticals": 1,
        "highs": 1,
        "mediums": 0,
        "lows": 1,
        "unrated": 3,
    }


def test_no_result_is_no_count_and_an_empty_one_is_none_found() -> None:
    assert read({"scanner": {"uri": "s"}}).facts == {"scanner": "s"}
    assert read({"scanner": {"uri": "s", "result": []}}).facts["criticals"] == 0


def test_v01_in_both_its_forms() -> None:
    plain = {"id": "CVE-1", "severity": [{"method": "nvd", "score": "high"}]}
    for entry in (plain, {"vulnerability": plain}):
        assert read({"scanner": {"uri": "s", "result": [entry]}}, V01).facts["highs"] == 1


def test_the_series_is_the_scanner_whatever_its_version() -> None:
    first = read({"scanner": {"uri": "pkg:github/a/scanner@1"}})
    second = read({"scanner": {"uri": "pkg:github/a/scanner@2"}})
    assert first.series == second.series == "pkg:github/a/scanner"


@pytest.mark.parametrize(
    ("scanner", "path"),
    [
        ({}, "predicate.scanner.uri"),
        ({"uri": "s", "result": [{}]}, "predicate.scanner.result.0.id"),
        ({"uri": "s", "result": [{"id": "x", "severity": [{}]}]}, "predicate.scanner.result.0.severity.0.score"),
        ({"uri": "s", "result": {"id": "x"}}, "predicate.scanner.result"),
    ],
)
def test_refusals_say_where(scanner: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as caught:
        read({"scanner": scanner})
    assert caught.value.fields["path"] == path
