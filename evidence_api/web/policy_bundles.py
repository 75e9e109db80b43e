"""Routes for OPA agents: the signed policy bundle, fetched again only when it has changed, and the key that signs it.

services:  {evidence: {url: …, credentials: {bearer: {token: …}}}}
bundles:   {evidence: {service: evidence, resource: /v1/policy-bundles/<tenant>.tar.gz, signing: {keyid: KEY}}}
keys:      {KEY: {algorithm: ES256, key: <the text of key.pem>}}
"""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from evidence_api.web.parts import parts_of
from evidence_api.web.requests import OK, require

_KEY_ID = "X-Key-Id"


async def get_policy_bundle(request: Request) -> Response:
    """The bundle for a tenant; its own token alone is answered. 304 to who has it."""
    parts = parts_of(request)
    principal = await require(request, parts.access, "policy:read", tenant=request.path_params["tenant"])
    bundle = await parts.policy_bundles.current(principal.tenant)
    etag = f'"{bundle.digest}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if etag in [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(bundle.content, OK, headers, media_type="application/gzip")


async def get_policy_key(request: Request) -> Response:
    """The public key, PEM; the header has the id under which the signature names it."""
    parts = parts_of(request)
    await require(request, parts.access, "policy:read")
    headers = {_KEY_ID: parts.policy_bundles.key_id, "Cache-Control": "private, no-cache"}
    return PlainTextResponse(parts.policy_bundles.public_key, headers=headers)
