"""A bundle as it is uploaded, verified: what a test of the verifier asks again and again."""

from dataclasses import dataclass

import orjson

from evidence_api.domain.verification import Verification
from evidence_api.engines.keys import PublicKey
from evidence_api.engines.sigstore import BundleVerifier, Identities
from evidence_api.formats.upload import BundleUpload, recognise
from tests.support.sigstore_factory import Document


@dataclass(frozen=True)
class Check:
    """By this verifier and for these identities, unless others are named."""

    verifier: BundleVerifier
    trusted: Identities

    def __call__(
        self,
        bundle: Document,
        verifier: BundleVerifier | None = None,
        *,
        identities: Identities | None = None,
        artifact_digest: str | None = None,
        key: PublicKey | None = None,
    ) -> Verification:
        upload = recognise(orjson.dumps(bundle))
        assert isinstance(upload, BundleUpload)
        return (self.verifier if verifier is None else verifier).verify(
            upload,
            identities=self.trusted if identities is None else identities,
            artifact_digest=artifact_digest,
            key=key,
        )
