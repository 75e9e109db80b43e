"""The official CycloneDX suites, JSON and XML, and larger real BOMs with the counts they are known to have."""

import json
from collections import Counter
from pathlib import Path

import pytest

from evidence_api.domain.errors import Refused
from evidence_api.domain.sbom import Sbom
from evidence_api.formats.cyclonedx import read_bom
from evidence_api.formats.cyclonedx_xml import read_bom_xml
from evidence_api.formats.documents import document_type
from tests.support.conformance import cases, suite

pytestmark = pytest.mark.conformance


def read(path: Path) -> Sbom:
    """By its spelling. Raises Refused."""
    body = path.read_bytes()
    if path.suffix == ".xml":
        return read_bom_xml(body)
    document = json.loads(body)
    return read_bom(document if isinstance(document, dict) else {})


def verdict_of(path: Path, version: str | None) -> str:
    """valid or invalid, by our reader; a document of another version than the case says is invalid for it."""
    try:
        found = read(path).spec_version
    except Refused as refusal:
        assert refusal.code == "malformed"  # noqa: PT017  a refusal is an outcome here
        assert refusal.fields["path"]  # noqa: PT017  the same
        return "invalid"
    return "valid" if version in (None, found) else "invalid"


def table(name: str, rows: dict[str, Counter[str]]) -> None:
    print(f"\n{name}")  # noqa: T201  the table is what a conformance run is read for
    for row, counted in sorted(rows.items()):
        skipped = [f"{count} {what}" for what, count in sorted(counted.items()) if what.startswith("skipped")]
        figures = f"{counted['right']:4} right {counted['wrong']:3} wrong  {', '.join(skipped) or '0 skipped'}"
        print(f"  {row:12}{figures}")  # noqa: T201  the same


def test_specification_suite() -> None:
    folder, wrong = suite("cyclonedx-spec"), []
    rows: dict[str, Counter[str]] = {}
    for case in cases("cyclonedx-spec"):
        counted = rows.setdefault(f"{case['format']} {case['spec']}", Counter())
        if case["expect"] not in {"valid", "invalid"}:
            counted["skipped: the suite binds nobody to it"] += 1
            continue
        right = verdict_of(folder / case["files"][0], case["spec"]) == case["expect"]
        counted["right" if right else "wrong"] += 1
        if not right:
            wrong.append(case["case"])
    table("cyclonedx-spec", rows)
    assert not wrong
    assert sum(counted["right"] for counted in rows.values()) > 100


def test_a_file_says_the_same_raw_as_in_a_statement() -> None:
    """What is valid is taken as a raw document too, with the facts it has as a predicate."""
    folder = suite("cyclonedx-spec")
    counted: Counter[str] = Counter()
    for case in cases("cyclonedx-spec"):
        if case["expect"] != "valid":
            continue
        kind = document_type("cyclonedx-xml" if case["format"] == "xml" else "cyclonedx")
        normalised = kind.read((folder / case["files"][0]).read_bytes()).normalised
        counted[normalised.kind] += 1
        assert normalised.facts["spec_version"] == case["spec"]
    assert set(counted) == {"sbom"}


def test_bom_examples_and_their_counts() -> None:
    folder, wrong = suite("cyclonedx-bom-examples"), []
    rows: dict[str, Counter[str]] = {}
    for case in cases("cyclonedx-bom-examples"):
        path = folder / case["files"][0]
        counted = rows.setdefault(path.suffix.removeprefix("."), Counter())
        if path.suffix not in {".json", ".xml"}:
            counted[f"skipped: no reader for {path.suffix}"] += 1
            continue
        right = verdict_of(path, case.get("specVersion")) == case["expect"]
        if right and case["expect"] == "valid":
            sbom = read(path)
            right = (sbom.top_level or 0) == case["components"]
            right = right and len(sbom.vulnerabilities or ()) == case["vulnerabilities"]
        counted["right" if right else "wrong"] += 1
        if not right:
            wrong.append(case["case"])
    table("cyclonedx-bom-examples", rows)
    assert not wrong
    assert sum(counted["right"] for counted in rows.values()) > 10
