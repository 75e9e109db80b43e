"""What a tenant's bundle for Open Policy Agents holds, and of whom."""

import io
import json
import tarfile
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from evidence_api.domain.principal import TenantScope
from evidence_api.engines.pack_key import generate_pack_key
from evidence_api.formats.catalog import load_catalog
from evidence_api.formats.policy_bundle import policy_bundle
from evidence_api.use_cases.policy_bundles import PolicyBundles, ServedBundle

CONTROL = "id: A-1\nquery:\n  - kind: opa\n    where: denies==0\n"
DATA = {
    "model_call": {"tokens_per_call": 9, "tenants": {"acme": {"models": ["small"]}, "globex": {"models": ["large"]}}},
    "residency": {"regions": {"EU": ["eu-west"]}},
}


def bundles(data: dict[str, Any]) -> PolicyBundles:
    policy = policy_bundle({"a.rego": "package a\n"}, json.dumps(data).encode())
    return PolicyBundles(load_catalog({"a.yaml": CONTROL}), policy, generate_pack_key("t", now=datetime.now(UTC)))


def file_of(bundle: ServedBundle, name: str) -> dict[str, Any]:
    with tarfile.open(fileobj=io.BytesIO(bundle.content)) as opened:
        told: dict[str, Any] = json.load(opened.extractfile(name))  # type: ignore[arg-type]  # it is a file
        return told


async def test_a_tenant_is_not_told_the_limits_of_others() -> None:
    served = bundles(DATA)
    made = {name: await served.current(TenantScope(uuid4(), name)) for name in ("acme", "globex", "other", "more", "")}
    data = {name: file_of(one, "data.json") for name, one in made.items()}
    assert data["acme"] == {**DATA, "model_call": {"tokens_per_call": 9, "tenants": {"acme": {"models": ["small"]}}}}
    assert list(data["globex"]["model_call"]["tenants"]) == ["globex"]
    assert data["other"] == {**DATA, "model_call": {"tokens_per_call": 9, "tenants": {}}}
    assert made["other"] is made["more"] is made[""]  # made once
    assert len({one.digest for one in made.values()}) == 3
    manifests = [file_of(one, ".manifest") for one in made.values()]
    assert len({one["revision"] for one in manifests}) == 1  # the policy is one, as decisions name it
    assert len({one["metadata"]["bundle"] for one in manifests}) == 3


async def test_without_limits_by_tenant_there_is_one_bundle() -> None:
    served = bundles({"model_call": {"tenants": {}}})
    one, other = [await served.current(TenantScope(uuid4(), name)) for name in ("acme", "globex")]
    assert one is other
    assert file_of(one, "data.json") == {"model_call": {"tenants": {}}}
