"""Policies for OPA agents elsewhere: the server's own, with the compiled catalog, as a bundle they fetch and verify.

Every tenant gets the operator's policies and settings; of settings by tenant (`tenants` of an area) only its own.
Bundles are made and signed once, at the first question for them: one for each tenant with settings of its own, and one
for all others.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import orjson

from evidence_api.domain.control import Catalog
from evidence_api.domain.digest import digest_of
from evidence_api.domain.principal import TenantScope
from evidence_api.engines.pack_key import PackKey
from evidence_api.formats.opa_bundle import opa_bundle
from evidence_api.formats.policy_bundle import PolicyBundle, policy_bundle
from evidence_api.use_cases.evaluate import catalog_bundle

_BY_TENANT = "tenants"


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
        self._made: dict[str, asyncio.Task[ServedBundle]] = {}
        self._named = _named(orjson.loads(policy.data))

    @property
    def public_key(self) -> str:
        """PEM of the public key (SubjectPublicKeyInfo, P-256)."""
        return self._key.public_pem

    @property
    def key_id(self) -> str:
        """`sha256:<hex>` of that key, by which the signature names it."""
        return self._key.key_id

    async def current(self, scope: TenantScope) -> ServedBundle:
        """The tenant's bundle of the policies and the catalog in force."""
        tenant = scope.name if scope.name in self._named else ""
        if tenant not in self._made:
            self._made[tenant] = asyncio.create_task(asyncio.to_thread(self._make, tenant))
        return await asyncio.shield(self._made[tenant])

    def _make(self, tenant: str) -> ServedBundle:
        whole = catalog_bundle(self._catalog, self._policy)
        whole = policy_bundle(whole.modules, orjson.dumps(_own(orjson.loads(whole.data), tenant)))
        content = opa_bundle(
            whole,
            revision=self._policy.digest,  # what decisions name as their policy, here and in the agents' decision logs
            metadata={"bundle": whole.digest, "catalog": self._catalog.digest, "policy": self._policy.digest},
            key_id=self._key.key_id,
            sign=self._key.sign_raw,
        )
        return ServedBundle(content, digest_of(content))


def _by_tenant(settings: object) -> dict[str, Any]:
    """What an area's settings say of single tenants."""
    found = settings.get(_BY_TENANT) if isinstance(settings, dict) else None
    return found if isinstance(found, dict) else {}


def _named(data: dict[str, Any]) -> frozenset[str]:
    return frozenset(tenant for settings in data.values() for tenant in _by_tenant(settings))


def _own(data: dict[str, Any], tenant: str) -> dict[str, Any]:
    """The data without what it says of other tenants."""
    return {
        area: {**settings, _BY_TENANT: {name: one for name, one in _by_tenant(settings).items() if name == tenant}}
        if _by_tenant(settings)
        else settings
        for area, settings in data.items()
    }
