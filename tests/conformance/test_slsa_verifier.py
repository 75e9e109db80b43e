"""Real SLSA provenance: what is a bundle verifies, what is a bare envelope does not, what is broken never does."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest

from evidence_api.domain.errors import Refused
from evidence_api.engines.keys import PublicKey, load_public_key
from evidence_api.engines.sigstore import AnyIdentity, BundleVerifier
from evidence_api.formats import upload as uploads
from evidence_api.formats.upload import BundleUpload
from evidence_api.use_cases.check import Trust, read_checked, verify
from tests.support.conformance import cases, suite

SUITE = "slsa-verifier"
_ORDER = ("failed", "unsigned", "unsupported", "verified")


def envelopes(body: bytes) -> tuple[Sequence[bytes], Callable[..., tuple[str, str]]]:
    """The signed documents in a file, and whether the file is as good as its worst or its best: Google Cloud Build
    lists the same provenance in several versions in a summary of its own, and one that verifies is enough."""
    try:
        document = orjson.loads(body)
        wrapped = document["provenance_summary"].get("provenance", [])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return uploads.members(body), min
    return [orjson.dumps(one.get("envelope")) for one in wrapped], max


def answer_one(body: bytes, trust: Trust) -> tuple[str, str]:
    try:
        upload = uploads.recognise(body)
        result = verify(upload, trust, identities=AnyIdentity())
        read_checked(body, upload, result)
    except Refused as fault:
        return "failed", fault.code
    if result.status == "failed" and isinstance(upload, BundleUpload) and upload.managed_key is not None:
        return "unsupported", "managed key not given"
    return result.status, getattr(result, "code", result.status)


def answer(body: bytes, trust: Trust) -> tuple[str, str]:
    """The (status, code) of a file."""
    try:
        members, pick = envelopes(body)
    except Refused as fault:
        return "failed", fault.code
    found = [answer_one(member, trust) for member in members]
    return pick(found, key=lambda one: _ORDER.index(one[0]), default=("failed", "nothing signed"))


def keys() -> tuple[PublicKey, ...]:
    return tuple(
        load_public_key(path.read_bytes(), path.stem) for path in sorted((suite(SUITE) / "gcb-keys").iterdir())
    )


def is_right(case: dict[str, Any], status: str, code: str) -> str:
    """right | wrong | skipped, by the notes of the suite's index."""
    expected = case["expect"]
    if expected == "parse only":
        return "right"
    if expected == "unverified":
        return "right" if (status, code) == ("failed", "unknown_key") else "wrong"
    if expected == "reject":
        return "wrong" if status == "verified" else "right"
    if status == "verified":
        return "right"
    if status == "unsupported":
        return "skipped"  # intoto 0.0.2, said so
    over_raw_payload = "raw payload" in case["note"]
    return "right" if over_raw_payload and (status, code) == ("failed", "bad_signature") else "wrong"


@pytest.mark.conformance
def test_nothing_is_verified_that_must_not_be(capsys: pytest.CaptureFixture[str]) -> None:
    root = (suite("sigstore-conformance") / "trusted_root.production.json").read_bytes()
    trust = Trust(keys=keys(), verifier=BundleVerifier(root))
    counts: Counter[str] = Counter()
    wrong = []
    for case in cases(SUITE):
        status, code = answer((suite(SUITE) / case["files"][0]).read_bytes(), trust)
        verdict = is_right(case, status, code)
        counts[verdict] += 1
        counts[f"{case['expect']}: {status}"] += 1
        if verdict == "wrong":
            wrong.append((case["case"], case["expect"], status, code))
    with capsys.disabled():
        lines = [f"{SUITE}: right {counts['right']}, wrong {len(wrong)}, skipped {counts['skipped']} (intoto 0.0.2)"]
        lines += [f"  {name} {count}" for name, count in sorted(counts.items()) if ":" in name]
        print("", *lines, *(f"  wrong: {line}" for line in wrong), sep="\n")  # noqa: T201  the suite's table
    assert not wrong
