"""Every shared case of every kind: its status, and exactly the paths that differ."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from evidence_api.cli.main import main
from tests.support.conformance import ROOT, show_table

pytestmark = pytest.mark.conformance


def _folder() -> Path:
    data = Path(os.environ.get("EVIDENCE_CONFORMANCE_DATA", ROOT.parent / "shared" / "data"))
    folder = data.parent / "vectors"
    if not any(folder.glob("*.json")):
        pytest.skip("the decision vectors are not here (set EVIDENCE_CONFORMANCE_DATA; they lie beside it)")
    return folder


def test_every_shared_case(capsys: pytest.CaptureFixture[str]) -> None:
    right: Counter[str] = Counter()
    wrong: list[str] = []
    for file in sorted(_folder().glob("*.json")):
        cases: list[dict[str, Any]] = json.loads(file.read_text())
        main(["reperform", str(file)])
        told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert len(told) == len(cases)
        for case, one in zip(cases, told, strict=True):
            found = {"status": one["status"], "differences": sorted(each["path"] for each in one["differences"])}
            expected = {**case["expect"], "differences": sorted(case["expect"]["differences"])}
            if found == expected:
                right[file.stem] += 1
            else:
                wrong.append(f"{case['case']}: expected {expected}, got {found}: {one['reason']}")
    show_table(capsys, "decision vectors", [f"{kind}: {count} right" for kind, count in sorted(right.items())])
    assert not wrong, "\n".join(wrong)
