"""Policies for OPA agents elsewhere: the server's own, with the compiled catalog, as a bundle they fetch and verify.

Every tenant gets the operator's policies, so there is one bundle, made and signed once, at the first question for it.
"""

import asyncio
from dataclasses import dataclass, field

from evidence_api.domain.control import Catalog
from evidence_api.domain.digest import digest_of
from evidence_api.engines.pack_key import PackKey
from evidence_api.formats.opa_bundle import opa_bundle
from evidence_api.formats.policy_bundle import PolicyBundle
from evidence_api.use_cases.evaluate import catalog_bundle


@dataclass(frozen=True, slots=True)
class ServedBundle:
    """The archive, and the digest of its bytes (sha256:<hex>)."""

    content: bytes = field(repr=False)
    digest: str


class PolicyBundles:
    """Gives the bundle, and the key it is signed with: the one packs are signed with."""

    def __init__(self, catalog: Catalog, policy: PolicyBundle, key: PackKey) -> None:
        self._catalog = catalog
        self._policy = policy
        self._key = key
        self._made: asyncio.Task[ServedBundle] | None = None

    @property
    def public_key(self) -> str:
        """PEM of the public key (SubjectPublicKeyInfo, P-256)."""
        return self._key.public_pem

    @property
    def key_id(self) -> str:
        """`sha256:<hex>` of that key, by which the signature names it."""
        return self._key.key_id

    async def current(self) -> ServedBundle:
        """The bundle of the policies and the catalog in force."""
        if self._made is None:
            self._made = asyncio.create_task(asyncio.to_thread(self._make))
        return await asyncio.shield(self._made)

    def _make(self) -> ServedBundle:
        whole = catalog_bundle(self._catalog, self._policy)
        content = opa_bundle(
            whole,
            revision=self._policy.digest,  # what decisions name as their policy, here and in the agents' decision logs
            metadata={"bundle": whole.digest, "catalog": self._catalog.digest, "policy": self._policy.digest},
            key_id=self._key.key_id,
            sign=self._key.sign_raw,
        )
        return ServedBundle(content, digest_of(content))
