import json
from collections import Counter

import pytest

from evidence_api.domain.errors import EvidenceError
from evidence_api.formats.cyclonedx import read_bom
from evidence_api.formats.predicates import normalise
from evidence_api.formats.statement import parse_statement
from tests.support.conformance import cases, suite

pytestmark = pytest.mark.conformance


def test_documents_a_collector_meets_are_read_or_refused_with_a_code() -> None:
    """CycloneDX JSON and in-toto statements; the suite's other formats are read elsewhere."""
    folder, counted = suite("guac"), Counter[str]()
    for case in cases("guac"):
        content = (folder / case["files"][0]).read_bytes()
        try:
            document = json.loads(content)
        except ValueError:
            counted["skipped"] += 1
            continue
        try:
            if isinstance(document, dict) and document.get("bomFormat") == "CycloneDX":
                read_bom(document)
                counted["CycloneDX read"] += 1
            elif isinstance(document, dict) and "predicateType" in document:
                kind = normalise(parse_statement(content), len(content)).kind
                counted[f"statement read as {kind}"] += 1
            else:
                counted["skipped"] += 1
        except EvidenceError as refusal:
            assert refusal.code in {"malformed", "too_large"}  # noqa: PT017  a refusal is an outcome here
            counted["refused with a code"] += 1
    print("\nguac:", ", ".join(f"{count} {name}" for name, count in sorted(counted.items())))  # noqa: T201  the table is the report
    assert counted["CycloneDX read"] > 5
