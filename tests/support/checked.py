"""Checked evidence made by hand, for tests of what happens after verification."""

import os
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evidence_api.domain.decision import Decision
from evidence_api.domain.digest import digest_of
from evidence_api.domain.evidence import Checked, Fact, Normalised
from evidence_api.domain.statement import Subject
from evidence_api.domain.verification import KeySigner, Verification, Verified

VERIFIED = Verified(
    signer=KeySigner(digest_of(b"key"), "ecdsa-p256", "ci"), trust_root=digest_of(b"root"), checks=("signature",)
)
ADMITTED = Decision.of(
    "admission", b'{"kind":"test_result"}', digest_of(b"policy"), {"allow": True, "rules": [], "reasons": []}
)


class SteppingClock:
    """Starts at a fixed moment and moves a microsecond each time it is read."""

    def __init__(self, start: datetime = datetime(2026, 1, 31, 12, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        self._now += timedelta(microseconds=1)
        return self._now

    def advance(self, by: timedelta) -> None:
        self._now += by


class TestSigner:
    """An Ed25519 note signer with a fixed key."""

    __test__ = False

    def __init__(self, seed: bytes = b"\x07" * 32) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._key.public_key().public_bytes_raw()

    def sign(self, data: bytes, /) -> bytes:
        return self._key.sign(data)


def sha256_of(name: str) -> str:
    """The hex digest that stands for an artifact or commit of that name."""
    return digest_of(name.encode()).removeprefix("sha256:")


def checked(  # noqa: PLR0913  one argument for each thing a test may vary
    name: str,
    *,
    kind: str = "test_result",
    subjects: tuple[str, ...] = ("artifact",),
    facts: dict[str, Fact] | None = None,
    sources: tuple[str, ...] = (),
    verification: Verification = VERIFIED,
    body: bytes | None = None,
) -> Checked:
    """Evidence called `name`: the same name is the same evidence. Subjects and sources are names of artifacts."""
    return Checked(
        id=digest_of(f"evidence {name}".encode()),
        body=f'{{"body": "{name}"}}'.encode() if body is None else body,
        media_type="application/vnd.dsse.envelope.v1+json",
        predicate_type=f"urn:example:{kind}",
        subjects=tuple(Subject(one, {"sha256": sha256_of(one)}) for one in subjects),
        verification=verification,
        normalised=Normalised(
            kind=kind,
            facts={"result": "passed"} if facts is None else facts,
            sources=tuple(f"sha256:{sha256_of(one)}" for one in sources),
        ),
    )


def release(name: str, *subjects: str, version: str = "1.0") -> Checked:
    """A release statement over these artifacts."""
    return checked(
        f"release {name} {version}",
        kind="release",
        subjects=subjects,
        facts={"name": name, "version": version, "subjects": len(subjects)},
    )


def envelope_body(size: int = 4096) -> bytes:
    """Bytes that compress like a signed envelope: mostly base64 of JSON, with random parts."""
    filler = os.urandom(size // 4).hex()
    repeated = '{"name":"pkg:pypi/example","digest":{"sha256":"' * (size // 64)
    return (filler + repeated)[:size].encode()
