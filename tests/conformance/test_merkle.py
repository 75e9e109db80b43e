import base64
import json
from typing import Any

import pytest

from evidence_api.domain import merkle
from evidence_api.domain.errors import VerificationFailed
from tests.support.conformance import cases, suite

SUITE = "merkle-proofs"


def decide(family: str, probe: dict[str, Any]) -> str:
    proof = [base64.b64decode(step) for step in probe["proof"] or []]
    roots = {key: base64.b64decode(probe[key]) for key in ("root", "root1", "root2", "leafHash") if key in probe}
    try:
        if family == "inclusion":
            merkle.verify_inclusion(roots["leafHash"], probe["leafIdx"], probe["treeSize"], proof, roots["root"])
        elif family == "consistency":
            merkle.verify_consistency(probe["size1"], probe["size2"], roots["root1"], roots["root2"], proof)
        elif family == "subtreeinclusion":
            merkle.verify_subtree_inclusion(
                roots["leafHash"], probe["leafIdx"], probe["start"], probe["end"], proof, roots["root"]
            )
        elif family == "subtreeconsistency":
            merkle.verify_subtree_consistency(
                probe["start"], probe["end"], probe["size"], roots["root1"], roots["root2"], proof
            )
        else:
            return "skipped"
    except VerificationFailed:
        return "reject"
    return "accept"


@pytest.mark.conformance
def test_every_shared_probe_is_decided_as_expected(capsys: pytest.CaptureFixture[str]) -> None:
    folder = suite(SUITE)
    wrong, counts = [], dict.fromkeys(("right", "wrong", "skipped"), 0)
    for case in cases(SUITE):
        probe = json.loads((folder / case["files"][0]).read_text())
        answer = decide(case["files"][0].split("/")[0], probe)
        verdict = "skipped" if answer == "skipped" else "right" if answer == case["expect"] else "wrong"
        counts[verdict] += 1
        if verdict == "wrong":
            wrong.append((case["case"], case["expect"], answer))
    with capsys.disabled():
        print(f"\n{SUITE}: right {counts['right']}, wrong {counts['wrong']}, skipped {counts['skipped']}")  # noqa: T201  the suite's table
    assert not wrong
    assert counts["right"] > 0
