"""What a worker remembers of one release is never taken for another's."""

import orjson

from evidence_api.engines.worker_wire import Plain
from evidence_api.formats.records import verification_to_json
from evidence_api.use_cases.assess_worker import ASK, AssessWorker
from tests.support.checked import checked

CATALOG = {"controls.yaml": "id: C-1\nquery:\n  - kind: vulns\n    where: highs == 0\n"}
ABOUT = ("sha256:" + "1" * 64, "app", "1", ("sha256:" + "a" * 64,), 0)
SCAN = {
    "id": "sha256:" + "2" * 64,
    "leaf": 1,
    "received": "2026-01-31T12:00:00+00:00",
    "kind": "vulns",
    "type": "",
    "media": "application/json",
    "body": "sha256:" + "3" * 64,
    "size": 2,
    "verification": orjson.dumps(verification_to_json(checked("scan").verification)).decode(),
    "facts": {"highs": 7},
    "effective": None,
    "collected": None,
    "series": "",
    "sources": [],
    "erased": False,
    "subjects": [[0, "", "sha256:" + "a" * 64]],
}


def ask(worker: AssessWorker, evidence: list[object]) -> Plain:
    question = ("rules", ABOUT, orjson.dumps(evidence).decode(), 2, "2026-01-31T12:00:00+00:00", None, None, None, ())
    (answer,) = worker([("rules", (CATALOG, "sha256:" + "0" * 64, 0))] if not worker._rules else [], [question])
    assert answer[0] == ASK, answer
    return orjson.loads(answer[1])["rows"]


def test_two_tenants_with_the_same_release_at_the_same_moment() -> None:
    worker = AssessWorker()
    assert ask(worker, [SCAN])["vulns"][0]["facts"]["highs"] == 7
    assert not ask(worker, []).get("vulns")
