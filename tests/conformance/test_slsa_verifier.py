"""Real SLSA provenance: what is a bundle verifies, what is a bare envelope does not, what is broken never does."""

from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
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
# The key with which a package registry says "published", by the digest of its SubjectPublicKeyInfo.
PUBLICATION_KEY = "sha256:1e908a55459fe6ddac1ccbc137ea8631ee837032fec2a2ccc528b38d81f17108"
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
    """The build service's keys, and the registry's that signs publications: its id is known, and the log has it."""
    built = [load_public_key(path.read_bytes(), path.stem) for path in sorted((suite(SUITE) / "gcb-keys").iterdir())]
    logged = {key.key_id: key for case in cases(SUITE) for key in logged_keys(suite(SUITE) / case["files"][0])}
    return (*built, *(key for key_id, key in logged.items() if key_id == PUBLICATION_KEY))


def logged_keys(file: Path) -> Iterator[PublicKey]:
    """The bare keys that the log entries in a file name."""
    for member in _members(file.read_bytes()):
        with suppress(Refused):
            upload = uploads.recognise(member)
            if isinstance(upload, BundleUpload) and upload.managed_key is not None:
                entry = upload.document["verificationMaterial"]["tlogEntries"][0]
                body = orjson.loads(b64decode(entry["canonicalizedBody"]))
                (only,) = body["spec"]["content"]["envelope"]["signatures"]
                yield load_public_key(b64decode(only["publicKey"]), "publication")


def _members(body: bytes) -> Sequence[bytes]:
    try:
        return uploads.members(body)
    except Refused:
        return ()


def is_right(case: dict[str, Any], status: str, code: str) -> str:
    """right | wrong, by the notes of the suite's index."""
    expected = case["expect"]
    if expected == "parse only":
        return "right"
    if expected == "unverified":
        return "right" if (status, code) == ("failed", "unknown_key") else "wrong"
    if expected == "reject":
        return "wrong" if status == "verified" else "right"
    if status == "verified":
        return "right"
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
        counts[f"{case['expect']}: {status if status == code else f'{status} ({code})'}"] += 1
        if verdict == "wrong":
            wrong.append((case["case"], case["expect"], status, code))
    with capsys.disabled():
        lines = [f"{SUITE}: right {counts['right']}, wrong {len(wrong)}, skipped 0"]
        lines += [f"  {name} {count}" for name, count in sorted(counts.items()) if ":" in name]
        print("", *lines, *(f"  wrong: {line}" for line in wrong), sep="\n")  # noqa: T201  the suite's table
    assert not wrong
