"""The bundle OPA fetches: what is in it, how it is signed, and that its digests are those OPA would compute."""

import gzip
import io
import json
import tarfile
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import jwt
import pytest

from evidence_api.engines.pack_key import PackKey, generate_pack_key
from evidence_api.formats.opa_bundle import opa_bundle, roots_of
from evidence_api.formats.policy_bundle import PolicyBundle, policy_bundle

KEY = generate_pack_key("test", now=datetime(2026, 1, 1, tzinfo=UTC))
MODULES = {"b/b.rego": "# package not\n\npackage lib.b\n", "a/a.rego": "package evidence.policy.a\n"}
# What encoders write differently: order of keys beyond the basic plane, separators, control characters, numbers.
ODD = '{"z": 1.50, "a": {"\\ud83d\\ude00": 1, "\\uffee": [1e3, -0.0, 9007199254740993]}, "t": "\\u2028<&>\\u0001\\t"}'
CANONICAL = '{"a":{"\uffee":[1000.0,-0.0,9007199254740993],"😀":1},"t":"\\u2028<&>\\u0001\\t","z":1.5}'


def archive(bundle: PolicyBundle, key: PackKey = KEY) -> bytes:
    metadata = {"policy": bundle.digest}
    return opa_bundle(bundle, revision="r1", metadata=metadata, key_id=key.key_id, sign=key.sign_raw)


def files_of(content: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as opened:
        return {entry.name: opened.extractfile(entry).read() for entry in opened}  # type: ignore[union-attr]  # all are files


def payload_of(files: dict[str, bytes], key: PackKey = KEY) -> dict[str, Any]:
    (token,) = json.loads(files[".signatures.json"])["signatures"]
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "kid": key.key_id, "typ": "JWT"}
    return jwt.decode(token, key.public_pem, algorithms=["ES256"])


@pytest.fixture
def bundle() -> PolicyBundle:
    return PolicyBundle("sha256:" + "0" * 64, MODULES, ODD.encode())


def test_it_holds_the_modules_the_data_and_a_manifest(bundle: PolicyBundle) -> None:
    files = files_of(archive(bundle))
    assert sorted(files) == [".manifest", ".signatures.json", "a/a.rego", "b/b.rego", "data.json"]
    assert {name: files[name].decode() for name in MODULES} == MODULES
    assert json.loads(files["data.json"]) == json.loads(ODD)
    assert json.loads(files[".manifest"]) == {
        "revision": "r1",
        "roots": ["a", "evidence", "lib", "t", "z"],
        "rego_version": 1,
        "metadata": {"policy": bundle.digest},
    }


def test_every_file_is_signed_by_the_digest_opa_computes(bundle: PolicyBundle) -> None:
    files = files_of(archive(bundle))
    listed = {one["name"]: one for one in payload_of(files)["files"]}
    assert set(listed) == set(files) - {".signatures.json"}
    assert {one["algorithm"] for one in listed.values()} == {"SHA-256"}
    for name in MODULES:  # bytes as they are
        assert listed[name]["hash"] == sha256(files[name]).hexdigest()
    assert listed["data.json"]["hash"] == sha256(CANONICAL.encode()).hexdigest()  # the value, in Go's form
    manifest = json.dumps(json.loads(files[".manifest"]), sort_keys=True, separators=(",", ":"))
    assert listed[".manifest"]["hash"] == sha256(manifest.encode()).hexdigest()


def test_the_same_policies_are_the_same_bytes(bundle: PolicyBundle) -> None:
    turned = PolicyBundle(bundle.digest, dict(reversed(MODULES.items())), bundle.data)
    content = archive(bundle)
    assert content == archive(turned)
    assert content != archive(PolicyBundle(bundle.digest, MODULES, b"{}"))
    assert content[4:8] == bytes(4)  # no time in gzip's header
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(content))) as opened:
        assert {(one.mtime, one.uid, one.uname, one.mode) for one in opened} == {(0, 0, "", 0o644)}


def test_another_key_did_not_sign_it(bundle: PolicyBundle) -> None:
    other = generate_pack_key("other", now=datetime(2026, 1, 1, tzinfo=UTC))
    (token,) = json.loads(files_of(archive(bundle))[".signatures.json"])["signatures"]
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, other.public_pem, algorithms=["ES256"])


def test_roots_are_first_steps_or_all_there_is() -> None:
    assert roots_of({"a": 'package a["b.c"].d\n', "b": "package a.z"}, {"k": 1}) == ["a", "k"]
    assert roots_of({"a": "package a"}, {"with/slash": 1}) == [""]
    assert roots_of({"a": "package a"}, {"": 1}) == [""]
    assert roots_of(policy_bundle({"m.rego": "\n# package x\n  # y\npackage\tm\n"}).modules, {}) == ["m"]
