"""Agents fetch the policies: signed, once, and each with the token of its own tenant."""

import io
import json
import tarfile

import jwt

from evidence_api.use_cases.evaluate import CATALOG_MODULE
from tests.web.conftest import Door

BUNDLE, KEY = "/v1/policy-bundles/acme.tar.gz", "/v1/policy-bundles/key.pem"


async def test_the_bundle_holds_the_policies_in_force_and_verifies_with_the_key_served(door: Door) -> None:
    answer = await door.http.get(BUNDLE)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/gzip")
    assert "private" in answer.headers["cache-control"]
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as opened:
        files = {one.name: opened.extractfile(one).read() for one in opened}  # type: ignore[union-attr]  # all are files
    policy = door.application.policy
    assert json.loads(files[".manifest"])["revision"] == policy.digest
    assert {name: files[name].decode() for name in policy.modules} == policy.modules
    assert CATALOG_MODULE in files
    key = await door.http.get(KEY)
    (token,) = json.loads(files[".signatures.json"])["signatures"]
    assert jwt.get_unverified_header(token)["kid"] == key.headers["x-key-id"]
    signed = jwt.decode(token, key.text, algorithms=["ES256"])["files"]
    assert {one["name"] for one in signed} == files.keys() - {".signatures.json"}


async def test_who_has_it_is_told_so(door: Door) -> None:
    first = await door.http.get(BUNDLE)
    tag = first.headers["etag"]
    for sent in (tag, f'"other", {tag}', f"W/{tag}"):
        again = await door.http.get(BUNDLE, headers={"If-None-Match": sent})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = await door.http.get(BUNDLE, headers={"If-None-Match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)


async def test_another_tenant_s_bundle_is_one_that_does_not_exist(door: Door, rival: Door) -> None:
    for path in ("/v1/policy-bundles/rival.tar.gz", "/v1/policy-bundles/nobody.tar.gz"):
        answer = await door.http.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await rival.http.get("/v1/policy-bundles/rival.tar.gz")).status_code == 200


async def test_fetching_needs_its_right(door: Door) -> None:
    made = await door.application.tenancy.create_token(door.scope, "ci", ["evidence:read", "decide"], None)
    for path in (BUNDLE, KEY):
        answer = await door.http.get(path, headers={"Authorization": f"Bearer {made.token}"})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert (await door.http.get(BUNDLE, headers={"Authorization": ""})).status_code == 401
