"""Trust material: recognised by shape, loaded whole or refused."""

import orjson
import pytest

from evidence_api.domain.errors import Malformed
from evidence_api.engines import trust_material
from tests.support.sigstore_factory import Document, Sigstore

ROOT: Document = orjson.loads(Sigstore().trusted_root())
AUTHORITY: Document = ROOT["certificateAuthorities"][0]
SERVICE = {
    "url": "https://x.example",
    "majorApiVersion": 1,
    "operator": "x",
    "validFor": {"start": "2020-01-01T00:00:00Z"},
}
SIGNING: Document = {
    "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
    "caUrls": [SERVICE],
    "oidcUrls": [SERVICE],
    "rekorTlogUrls": [SERVICE],
    "tsaUrls": [SERVICE],
    "rekorTlogConfig": {"selector": "ANY"},
    "tsaConfig": {"selector": "ANY"},
}
CONFIG: Document = {
    "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
    "trustedRoot": ROOT,
    "signingConfig": SIGNING,
}


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (ROOT, "trusted root"),
        (AUTHORITY, "certificate authority"),
        (SIGNING, "signing config"),
        (CONFIG, "client trust config"),
    ],
)
def test_each_kind_is_recognised_and_loads(document: Document, kind: str) -> None:
    assert trust_material.kind_of(document) == kind
    trust_material.load(kind, orjson.dumps(document))


@pytest.mark.parametrize(
    "document",
    [
        ROOT | {"mediaType": "x"},
        AUTHORITY | {"certChain": {"certificates": []}},
        AUTHORITY | {"certChain": {"certificates": [{"rawBytes": "AAAA"}]}},
        SIGNING | {"mediaType": "x"},
        SIGNING | {"rekorTlogUrls": []},
        CONFIG | {"mediaType": "x"},
        CONFIG | {"trustedRoot": ROOT | {"tlogs": []}},
    ],
)
def test_broken_material_is_malformed(document: Document) -> None:
    with pytest.raises(Malformed):
        trust_material.load(trust_material.kind_of(document), orjson.dumps(document))


def test_other_documents_are_none() -> None:
    assert trust_material.kind_of({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"}) == ""
