import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from evidence_api.domain.errors import Malformed
from evidence_api.formats.cyclonedx import read_bom
from tests.support.conformance import cases, suite

pytestmark = pytest.mark.conformance


def verdict_of(document: Any, version: str | None) -> str:  # noqa: ANN401  any JSON
    """valid or invalid, by our reader; a document of another version than the case says is invalid for it."""
    if not isinstance(document, dict):
        return "invalid"
    try:
        found = read_bom(document).spec_version
    except Malformed as refusal:
        assert refusal.fields["path"]  # noqa: PT017  a refusal is an outcome here
        return "invalid"
    return "valid" if version in (None, found) else "invalid"


def load(path: Path) -> Any:  # noqa: ANN401  any JSON
    return json.loads(path.read_bytes())


def table(name: str, counted: Counter[str]) -> None:
    print(  # noqa: T201  the table is what a conformance run is read for
        f"\n{name}: {counted['right']} right, {counted['wrong']} wrong, {counted['skipped']} skipped (XML, not binding)"
    )


def test_specification_suite() -> None:
    folder, counted, wrong = suite("cyclonedx-spec"), Counter[str](), []
    for case in cases("cyclonedx-spec"):
        if case["format"] != "json" or case["expect"] not in {"valid", "invalid"}:
            counted["skipped"] += 1
            continue
        path = folder / case["files"][0]
        before = hashlib.sha256(path.read_bytes()).digest()
        right = verdict_of(load(path), case["spec"]) == case["expect"]
        assert hashlib.sha256(path.read_bytes()).digest() == before
        counted["right" if right else "wrong"] += 1
        if not right:
            wrong.append(case["case"])
    table("cyclonedx-spec", counted)
    assert not wrong
    assert counted["right"] > 100


def test_bom_examples_and_their_counts() -> None:
    folder, counted, wrong = suite("cyclonedx-bom-examples"), Counter[str](), []
    for case in cases("cyclonedx-bom-examples"):
        if not case["files"][0].endswith(".json"):
            counted["skipped"] += 1
            continue
        document = load(folder / case["files"][0])
        right = verdict_of(document, case["specVersion"]) == case["expect"]
        if right and case["expect"] == "valid":
            bom = read_bom(document)
            right = len(bom.components or ()) == case["components"]
            right = right and len(bom.vulnerabilities or ()) == case["vulnerabilities"]
        counted["right" if right else "wrong"] += 1
        if not right:
            wrong.append(case["case"])
    table("cyclonedx-bom-examples", counted)
    assert not wrong
    assert counted["right"] > 10
