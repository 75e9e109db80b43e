"""The services of a test's own Sigstore on loopback: Fulcio's certificates and Rekor's entries."""

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import orjson
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support.sigstore_authorities import IDENTITY, ISSUER
from tests.support.sigstore_factory import Document, Sigstore, dsse_body


@dataclass
class _Requested:
    """Stands for the private key whose public half came in a request."""

    public: ec.EllipticCurvePublicKey

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self.public


def trust_config(world: Sigstore, url: str) -> bytes:
    """The client trust config of an instance whose services are all at that URL."""
    service = {"url": url, "majorApiVersion": 1, "operator": "test", "validFor": {"start": "2020-01-01T00:00:00Z"}}
    return orjson.dumps(
        {
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": orjson.loads(world.trusted_root()),
            "signingConfig": {
                "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
                "caUrls": [service],
                "oidcUrls": [service],
                "rekorTlogUrls": [service],
                "tsaUrls": [],
                "rekorTlogConfig": {"selector": "ANY"},
                "tsaConfig": {"selector": "ANY"},
            },
        }
    )


@contextmanager
def serving(world: Sigstore) -> Iterator[str]:
    """The URL of the running services."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answers = {"/api/v2/signingCert": _certificate, "/api/v1/log/entries": _entry}
            body = orjson.dumps(answers[self.path](world, asked))
            self.send_response(201)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _certificate(world: Sigstore, asked: Document) -> Document:
    request = x509.load_pem_x509_csr(base64.b64decode(asked["certificateSigningRequest"]))
    public = request.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    key = cast("ec.EllipticCurvePrivateKey", _Requested(public))
    leaf = world.fulcio.issue(key, identity=IDENTITY, issuer=ISSUER, at=_now())
    chain = [one.public_bytes(Encoding.PEM).decode() for one in (leaf, world.fulcio.root)]
    return {"signedCertificateEmbeddedSct": {"chain": {"certificates": chain}}}


def _entry(world: Sigstore, asked: Document) -> Document:
    content = asked["spec"]["proposedContent"]
    envelope = orjson.loads(content["envelope"])
    leaf = x509.load_pem_x509_certificate(base64.b64decode(content["verifiers"][0]))
    payload, signature = (base64.b64decode(one) for one in (envelope["payload"], envelope["signatures"][0]["sig"]))
    entry: dict[str, Any] = world.rekor.entry(dsse_body(payload, signature, leaf), at=_now())
    proof = entry["inclusionProof"]
    return {
        "0" * 64: {
            "body": entry["canonicalizedBody"],
            "integratedTime": int(entry["integratedTime"]),
            "logID": base64.b64decode(entry["logId"]["keyId"]).hex(),
            "logIndex": int(entry["logIndex"]),
            "verification": {
                "signedEntryTimestamp": entry["inclusionPromise"]["signedEntryTimestamp"],
                "inclusionProof": {
                    "checkpoint": proof["checkpoint"]["envelope"],
                    "hashes": [base64.b64decode(one).hex() for one in proof["hashes"]],
                    "logIndex": int(proof["logIndex"]),
                    "rootHash": base64.b64decode(proof["rootHash"]).hex(),
                    "treeSize": int(proof["treeSize"]),
                },
            },
        }
    }


def _now() -> datetime:
    """Signing reads the real clock."""
    return datetime.now(UTC).replace(microsecond=0)
