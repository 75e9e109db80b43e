"""Policy bundle as Open Policy Agent fetches it: one gzipped tar, signed, byte for byte the same for the same policies.

    .manifest          revision (the policy's digest), roots, rego_version, metadata
    .signatures.json   one JWT over the digests of all other files
    data.json          the operator's data
    <path>.rego        every module under its own path

Digests of JSON files are of the value, not of the bytes: keys sorted, no white space, text as Go's encoder writes it
(which escapes U+2028 and U+2029). The files here are written just so, and both come to the same.

Sources: openpolicyagent.org, "Bundles", Bundle File Format and Signing; RFC 7515 (JWS compact serialization).
"""

import base64
import gzip
import io
import json
import re
import tarfile
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from evidence_api.domain.digest import sha256_hex
from evidence_api.formats.policy_bundle import PolicyBundle

MANIFEST, SIGNATURES, DATA = ".manifest", ".signatures.json", "data.json"
ALGORITHM = "ES256"
_PACKAGE = re.compile(r"\A(?:\s|#[^\n]*)*package\s+([A-Za-z_]\w*)")


def opa_bundle(
    bundle: PolicyBundle,
    *,
    revision: str,
    metadata: Mapping[str, str],
    key_id: str,
    sign: Callable[[bytes], bytes],
) -> bytes:
    """The archive. `sign` gives the 64 bytes r || s of ES256 (RFC 7518 section 3.4); OPA knows the key by `key_id`."""
    data = orjson.loads(bundle.data)
    manifest = {
        "revision": revision,
        "roots": roots_of(bundle.modules, data),
        "rego_version": 1,
        "metadata": dict(metadata),
    }
    files = {MANIFEST: _json(manifest), DATA: _json(data)}
    files |= {name: text.encode() for name, text in bundle.modules.items()}
    listed = [{"name": name, "hash": sha256_hex(files[name]), "algorithm": "SHA-256"} for name in sorted(files)]
    token = _token({"alg": ALGORITHM, "kid": key_id, "typ": "JWT"}, {"files": listed}, sign)
    return _archive(files | {SIGNATURES: _json({"signatures": [token]})})


def roots_of(modules: Mapping[str, str], data: Mapping[str, Any]) -> list[str]:
    """The parts of `data` that are the bundle's alone: the first step of every package and of the operator's data, so
    that OPA may have other bundles beside it. All of `data` where a name does not fit into a path."""
    packages = (found[1] for text in modules.values() if (found := _PACKAGE.match(text)))
    names = sorted({*packages, *data})
    return [""] if any(not name or "/" in name for name in names) else names


def _json(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()


def _token(header: Mapping[str, str], payload: Mapping[str, Any], sign: Callable[[bytes], bytes]) -> str:
    signed = b".".join((_encoded(_json(header)), _encoded(_json(payload))))
    return b".".join((signed, _encoded(sign(signed)))).decode()


def _encoded(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")


def _archive(files: Mapping[str, bytes]) -> bytes:
    """In the order of the names, without times or owners."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size = len(files[name])
            archive.addfile(entry, io.BytesIO(files[name]))
    return gzip.compress(written.getvalue(), mtime=0)
