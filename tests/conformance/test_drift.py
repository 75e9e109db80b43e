"""Drift on other people's documents: purls are parsed as the specification says, advisories match what they list and
what they call introduced, and not what they call fixed; an SBOM has no drift from itself, and VEX is respected."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from evidence_api.domain.advisory import Advisory, AffectedPackage
from evidence_api.domain.drift import Inventory
from evidence_api.domain.errors import EvidenceError
from evidence_api.domain.sbom import Sbom
from evidence_api.formats.advisory_index import AdvisoryIndex, is_affected
from evidence_api.formats.drift_predicate import SBOM_DRIFT, drift_predicate, known_vulnerabilities
from evidence_api.formats.osv import read_advisory
from evidence_api.formats.osv_registry import CRATES
from evidence_api.formats.packages import Package, advisory_names, parse_purl
from evidence_api.formats.predicates import normalise
from evidence_api.formats.sbom_drift import derive_drift
from evidence_api.formats.sboms import read_sbom
from evidence_api.formats.statement import read_statement
from evidence_api.formats.versions import rule_of, version_key
from tests.support import statements
from tests.support.conformance import cases, suite
from tests.support.drifts import evidence_id

PURL_OF = {
    "npm": "pkg:npm/{}",
    "PyPI": "pkg:pypi/{}",
    "Maven": "pkg:maven/{}",
    "Go": "pkg:golang/{}",
    CRATES: "pkg:cargo/{}",
    "RubyGems": "pkg:gem/{}",
    "NuGet": "pkg:nuget/{}",
    "Packagist": "pkg:composer/{}",
    "Red Hat": "pkg:rpm/redhat/{}",
    "SUSE": "pkg:rpm/suse/{}",
    "openSUSE": "pkg:rpm/opensuse/{}",
    "Debian": "pkg:deb/debian/{}",
    "Alpine": "pkg:apk/alpine/{}",
}


def report(capsys: pytest.CaptureFixture[str], title: str, outcomes: Counter[str], wrong: list[str]) -> None:
    with capsys.disabled():
        told = ", ".join(f"{count} {word}" for word, count in sorted(outcomes.items()))
        sys.stdout.write("\n".join([f"\n{title}: {told}", *(f"  wrong {line}" for line in wrong), ""]))


@pytest.mark.conformance
def test_purls_are_parsed_as_the_specification_says(capsys: pytest.CaptureFixture[str]) -> None:
    """What must fail only for a rule of one type (cpan, swift …) may be read here: it names no other package."""
    outcomes, wrong = Counter[str](), []
    for case in cases("purl-spec"):
        for test in json.loads((suite("purl-spec") / case["files"][0]).read_text())["tests"]:
            expected = test.get("expected_output")
            if test["test_type"] != "parse" or (test["expected_failure"] and "spec" not in case["files"][0]):
                outcomes["skipped (building, or a rule of one type)"] += 1
                continue
            url = parse_purl(test["input"])
            right = (
                url is None
                if test["expected_failure"]
                else url is not None and _named(url._asdict()) == _named(expected)
            )
            outcomes["right" if right else "wrong"] += 1
            wrong += [] if right else [f"{test['input']}: {url}"]
    report(capsys, "purl-spec", outcomes, wrong)
    assert not wrong


def _named(purl: Mapping[str, Any]) -> tuple[object, ...]:
    """Which package and version; case and separators are our own affair, as is where the name of a path begins."""
    path = f"{purl['namespace'] or ''}/{purl['name']}".strip("/").lower()
    path = path.replace("_", "-").replace(".", "-") if purl["type"] == "pypi" else path
    return purl["type"], path, purl["version"] or None, dict(purl["qualifiers"] or {})


@pytest.mark.conformance
def test_advisories_match_what_they_say_is_affected(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes, wrong = Counter[str](), []
    for case in cases("osv"):
        try:
            record = read_advisory(json.loads((suite("osv") / case["files"][0]).read_text()))
        except EvidenceError:
            outcomes["skipped (no valid record)"] += 1
            continue
        index = AdvisoryIndex([record])
        for package in record.affected:
            for version, expected in _said(package):
                found = _found(index, package, version, record)
                right = found is expected or found is None
                outcomes["right" if found is expected else "no purl type" if found is None else "wrong"] += 1
                wrong += [] if right else [f"{record.id} {package.ecosystem} {package.name} {version}: {found}"]
    report(capsys, "osv", outcomes, wrong)
    assert not wrong
    assert outcomes["right"]


def _said(package: AffectedPackage) -> Iterator[tuple[str, bool]]:
    """Versions the record speaks of outright. One that is fixed in one range may still be listed, or in another."""
    yield from ((version, True) for version in package.versions)
    for one in package.ranges:
        rule = "semver" if one.type == "SEMVER" else rule_of(package.ecosystem)
        for event in one.events:
            if one.type == "GIT" or version_key(rule, event.version) is None:
                continue
            if event.type in {"introduced", "last_affected"} and event.version != "0":
                yield event.version, True
            elif event.type == "fixed" and len(package.ranges) == 1 and event.version not in package.versions:
                yield event.version, False


def _found(index: AdvisoryIndex, package: AffectedPackage, version: str, record: Advisory) -> bool | None:
    """By purl, as a component of an SBOM would be; None where its ecosystem has no purl type."""
    assert is_affected(package, version) is not None
    shape = PURL_OF.get(package.ecosystem)
    if shape is None or record.withdrawn is not None:
        return None
    name = package.name.replace(":", "/") if package.ecosystem == "Maven" else package.name
    url = parse_purl(f"{shape.format(name.replace('@', '%40'))}@{version}")
    assert url is not None
    assert advisory_names(url)[0][0] == package.ecosystem
    return any(match.affected for match in index.matches(Package("", version, url)))


def _sboms(folder: Path) -> Iterator[tuple[str, Sbom]]:
    for case in cases("cyclonedx-bom-examples"):
        file = folder / case["files"][0]
        if file.suffix in {".json", ".xml"}:
            kind = "https://cyclonedx.org/bom" if file.suffix == ".json" else "urn:evidence-api:document:v1"
            try:
                yield case["case"], read_sbom(kind, file.read_bytes())
            except EvidenceError:
                continue


@pytest.mark.conformance
def test_no_example_has_drift_from_itself_and_every_drift_is_read_back(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes, wrong = Counter[str](), []
    examples = list(_sboms(suite("cyclonedx-bom-examples")))
    for name, sbom in examples:
        release = Inventory(((evidence_id(name), sbom),))
        first = drift_predicate(derive_drift(None, release))
        again = derive_drift(release, release, known=known_vulnerabilities(first))
        right = again.status == "none"
        for _, other in examples:
            predicate = drift_predicate(derive_drift(Inventory(((evidence_id("other"), other),)), release))
            document = read_statement(statements.statement(SBOM_DRIFT, statements.ARTIFACT, predicate))
            right = right and normalise(document, 1).kind == "sbom_drift"
        outcomes["right" if right else "wrong"] += 1
        wrong += [] if right else [f"{name}: {again.status}"]
    report(capsys, "cyclonedx-bom-examples (drift)", outcomes, wrong)
    assert not wrong
    assert outcomes["right"]


@pytest.mark.conformance
def test_a_vex_document_rules_out_in_the_bom_it_links_to() -> None:
    """Wherever an example's BOM-Links lead into another example, its analysis decides there."""
    examples = list(_sboms(suite("cyclonedx-bom-examples")))
    together = Inventory(tuple((evidence_id(name), sbom) for name, sbom in examples))
    found = derive_drift(None, together)
    ruled_out = {one.id for one in found.suppressed}
    open_now = {one.id for one in found.vulnerabilities}
    stated = {one.id for _, sbom in examples for one in sbom.vulnerabilities or () if one.id}
    assert stated == ruled_out | open_now
    assert {one.id for _, sbom in examples for one in sbom.vulnerabilities or () if not one.counts} & ruled_out
