"""The server's own keys: each the one an operator gave, or made once in the folder of keys and kept there."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson
from pydantic import SecretStr

from evidence_api.domain.errors import InvalidSource, SourceFault
from evidence_api.engines.files import kept_secret
from evidence_api.engines.http_signatures import MessageSigner
from evidence_api.engines.keys import EnvelopeSigner, NoteSigner
from evidence_api.engines.pack_key import PackKey, generate_pack_key, load_pack_key

_PACK_SIGNER = "Evidence server"


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """The keys in one folder, readable by their owner alone."""

    folder: Path

    def log(self, given: SecretStr | None) -> NoteSigner:
        """The Ed25519 key that signs checkpoints. Raises Malformed."""
        return NoteSigner.from_pem(self._secret(given, "log-key.pem", lambda: NoteSigner.generate().to_pem()))

    def pack(self, given: SecretStr | None, now: datetime) -> PackKey:
        """The P-256 key that signs packs, with the certificate made for it at `now` when there was none."""

        def make() -> bytes:
            return generate_pack_key(_PACK_SIGNER, now=now).to_pem()

        return load_pack_key(self._secret(given, "pack-key.pem", make))

    def evidence(self, given: SecretStr | None, name: str) -> EnvelopeSigner:
        """The Ed25519 key that signs derived evidence: it signs the same statement the same way each time.

        Raises InvalidSource for a key of another type.
        """
        secret = self._secret(given, "evidence-key.pem", lambda: EnvelopeSigner.generate().to_pem())
        signer = EnvelopeSigner.from_pem(secret, name)
        if signer.public_key.algorithm != "ed25519":
            said = f"EVIDENCE_EVIDENCE_KEY: {signer.public_key.algorithm} is not ed25519"
            raise InvalidSource([SourceFault("environment", 1, 1, "invalid_setting", said)])
        return signer

    def federation(self, given: SecretStr | None) -> MessageSigner:
        """The Ed25519 key that signs messages between organisations. Raises Malformed."""
        return MessageSigner.from_pem(
            self._secret(given, "federation-key.pem", lambda: MessageSigner.generate().to_pem())
        )

    def database_passwords(self) -> dict[str, str]:
        """The passwords of the two roles in an operator's PostgreSQL: owner and app."""
        kept: dict[str, str] = orjson.loads(kept_secret(self.folder / "database-passwords.json", _new_passwords))
        return kept

    def _secret(self, given: SecretStr | None, file: str, make: Callable[[], bytes]) -> bytes:
        return given.get_secret_value().encode() if given is not None else kept_secret(self.folder / file, make)


def _new_passwords() -> bytes:
    return orjson.dumps({"owner": secrets.token_urlsafe(32), "app": secrets.token_urlsafe(32)})
