"""The OpenAPI description of the REST surface; a test holds it against the routes."""

from typing import Any

from evidence_api import __version__
from evidence_api.formats.svr import SVR_MEDIA_TYPE
from evidence_api.formats.vsa import VSA_MEDIA_TYPE
from evidence_api.web.openapi_documents import document_paths
from evidence_api.web.openapi_events import event_paths
from evidence_api.web.openapi_federation import federation_paths
from evidence_api.web.openapi_graphql import graphql_paths
from evidence_api.web.openapi_schemas import DIGEST, TEXT, schemas

_PROBLEM = {
    "description": "Refused: the code says why, the fields give the limit and the value",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_FREE: dict[str, Any] = {"application/json": {"schema": {"type": "object"}}}
_UPLOADS: dict[str, Any] = {
    "application/json": {"schema": {"type": "object"}},
    "application/x-ndjson": {"schema": {"type": "string"}},
    "application/xml": {"schema": {"type": "string"}},
}
_UPLOAD = (
    "One of: DSSE envelope; Sigstore bundle, alone or in a container of one ({bundle}, {attestations: [{bundle}]}, "
    "PEP 740 provenance); PEP 740 attestation; in-toto statement without signature; raw document (CycloneDX, SPDX, "
    "SARIF, JUnit, OpenVEX, OSV, cosign-vuln, GitHub check runs, OPA decision). What nobody signed is kept as unsigned "
    "and counts for no control. A batch (application/x-ndjson) has one upload on each line, at most 1,000 and 32 MiB; "
    "its answer has one line for each, and what one is refused for stops none of the others."
)
_DECISIONS = {"type": "array", "items": {"type": "object", "required": ["decision_id"]}}
_SUBJECT = {
    "name": "subject",
    "in": "query",
    "description": "What a raw document is about, <algorithm>:<hex>; repeatable, at most 64",
    "schema": {"type": "array", "maxItems": 64, "items": {"type": "string"}},
}
_DECIDE = (
    "The body is the area's input, at most 64 KiB; GET /v1/decide gives the schema of each. Members the server gives "
    "itself (the moment, its own evidence about a digest) may not be sent. The same question under the same policy has "
    "the same decision id; each time it is asked is evidence of its own. 503: not decided, which allows nothing."
)
_SUBJECT_OF_DECISION = {
    **_SUBJECT,
    "description": "What the decision is about, <algorithm>:<hex>; repeatable, at most 64. Without one: the digest the "
    "area takes evidence for, else the digest of the input",
}
_ENCODING = {"name": "Content-Encoding", "in": "header", "schema": {"enum": ["gzip", "identity"]}}
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


_HAVE_THEM = {"description": "You have them"}


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _answer(description: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": content}


def _json(reference: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{reference}"}}}


def _operation(summary: str, answers: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401  OpenAPI members
    return {"summary": summary, "responses": {**answers, "default": _PROBLEM}, **more}


def _public_paths() -> dict[str, Any]:
    """What anybody may ask: links, health, metrics, this document."""
    text = {"text/plain": {"schema": {"type": "string"}}}
    told = {
        "/": ("Where things are", "Links", _FREE),
        "/healthz": ("The process is alive", "Alive", _FREE),
        "/readyz": ("Database and policy engine answer", "Ready", _FREE),
        "/metrics": ("Prometheus metrics", "Text format", text),
        "/openapi.json": ("This document", "OpenAPI 3.1", _FREE),
    }
    return {
        path: {"get": _operation(summary, {"200": _answer(answer, content)}, security=[])}
        for path, (summary, answer, content) in told.items()
    }


def _exchange_paths() -> dict[str, Any]:
    return {
        "/v1/token-exchange": {
            "post": _operation(
                "Exchange the OIDC token of a CI job, once, for an upload token of fifteen minutes",
                {"201": _answer("A rule names the job: its upload token, shown this once", _json("UploadToken"))},
                requestBody={"required": True, "content": _json("TokenExchange")},
                security=[],
            )
        }
    }


def _evidence_paths() -> dict[str, Any]:
    receipt = _json("Receipt")
    return {
        "/v1/evidence": {
            "post": _operation(
                "Upload one document or a batch; each is verified before it is stored",
                {
                    "201": _answer("New: durable, included in the log, provable", receipt),
                    "200": _answer(
                        "Already there: the original leaf. To a batch: one result a line, in order",
                        {**receipt, "application/x-ndjson": {"schema": {"$ref": "#/components/schemas/LineResult"}}},
                    ),
                },
                description=_UPLOAD,
                parameters=[_SUBJECT, _ENCODING],
                requestBody={"required": True, "content": _UPLOADS},
            )
        },
        "/v1/evidence/{evidence_id}/receipt": {
            "get": _operation(
                "The receipt of stored evidence against the newest checkpoint",
                {"200": _answer("Receipt", receipt)},
                parameters=[_parameter("evidence_id", DIGEST)],
            )
        },
        "/v1/blobs/{digest}": {
            "get": _operation(
                "The bytes received, unchanged",
                {"200": _answer("Bytes", _BYTES), "304": _HAVE_THEM},
                parameters=[_parameter("digest", DIGEST)],
            )
        },
    }


def _decision_log_paths() -> dict[str, Any]:
    """One route; its second path has the partition an OPA may be set up with."""

    def post(*parameters: dict[str, Any]) -> dict[str, Any]:
        return _operation(
            "Upload a chunk of a decision log, as the decision_logs plugin of OPA sends it",
            {"200": _answer("How many decisions were new, known and refused", _json("DecisionLogResult"))},
            description="A JSON array, gzip if Content-Encoding says so; at most 10,000 decisions and 32 MiB unpacked.",
            parameters=[*parameters, _ENCODING],
            requestBody={"required": True, "content": {"application/json": {"schema": _DECISIONS}}},
        )

    return {
        "/v1/decision-logs": {"post": post()},
        "/v1/decision-logs/{partition}": {"post": post(_parameter("partition", {"type": "string", "minLength": 1}))},
    }


def _decide_paths() -> dict[str, Any]:
    return {
        "/v1/decide": {"get": _operation("The policy areas that may be asked", {"200": _answer("List", _FREE)})},
        "/v1/decide/{area}": {
            "post": _operation(
                "Ask a policy area; the answer is recorded as evidence",
                {"200": _answer("Decided: look at `allow`, a denial is no error", _json("Decision"))},
                description=_DECIDE,
                parameters=[_parameter("area", {"type": "string", "minLength": 1}), _SUBJECT_OF_DECISION, _ENCODING],
                requestBody={"required": True, "content": _FREE},
            )
        },
    }


def _pack_paths() -> dict[str, Any]:
    return {
        "/v1/packs": {
            "get": _operation("The newest packs", {"200": _answer("List", _FREE)}),
            "post": _operation(
                "Build the audit pack of a release",
                {"201": _answer("Built and signed", _json("BuiltPack"))},
                requestBody={"required": True, "content": _json("PackRequest")},
            ),
        },
        "/v1/packs/{digest}": {
            "get": _operation(
                "One pack, exactly as signed",
                {"200": _answer("JSON or PDF", _BYTES)},
                parameters=[_parameter("digest", DIGEST)],
            )
        },
    }


def _release_paths() -> dict[str, Any]:
    """What other tools read of a release."""
    release = {
        "name": "release",
        "in": "path",
        "required": True,
        "description": "The evidence id of its statement, its name (the newest of that name), or name@version",
        "schema": TEXT,
    }
    envelope = {"type": "object", "required": ["payloadType", "payload", "signatures"]}
    told = {
        "vsa": ("SLSA verification summary: PASSED or FAILED, the levels that are stated and held", VSA_MEDIA_TYPE),
        "svr": ("in-toto simple verification result: the controls that passed", SVR_MEDIA_TYPE),
    }
    paths: dict[str, Any] = {
        f"/v1/releases/{{release}}/{form}": {
            "get": _operation(
                f"The verdict in force as {summary}",
                {"200": _answer("DSSE envelope", {media_type: {"schema": envelope}})},
                description="Signed with the key of /v1/evidence-key. It is made from the newest assessment and is in "
                "no log unless somebody uploads it.",
                parameters=[release],
            )
        }
        for form, (summary, media_type) in told.items()
    }
    pem = {"application/x-pem-file": {"schema": TEXT}}
    paths["/v1/evidence-key"] = {
        "get": _operation("The public key of the server's own evidence", {"200": _answer("PEM", pem)})
    }
    return paths


def _policy_bundle_paths() -> dict[str, Any]:
    archive = {"application/gzip": {"schema": {"type": "string", "format": "binary"}}}
    return {
        "/v1/policy-bundles/{tenant}.tar.gz": {
            "get": _operation(
                "The policies and the compiled catalog as a signed bundle of Open Policy Agent",
                {"200": _answer("Bundle; the same bytes for the same policies", archive), "304": _HAVE_THEM},
                parameters=[_parameter("tenant", TEXT)],
            )
        },
        "/v1/policy-bundles/key.pem": {
            "get": _operation(
                "The public key of that signature (ES256); X-Key-Id is the id the signature names it by",
                {"200": _answer("PEM", {"text/plain": {"schema": {"type": "string"}}})},
            )
        },
    }


def _artifact_paths() -> dict[str, Any]:
    digest = _parameter("digest", DIGEST)
    return {
        "/v1/artifacts/{digest}": {
            "put": _operation(
                "Upload a raw file under its digest, streamed; after a broken upload send it again",
                {"201": _answer("New and durable", _FREE), "200": _answer("Already there", _FREE)},
                parameters=[digest],
                requestBody={"required": True, "content": _BYTES},
            ),
            "get": _operation(
                "A raw file; HEAD says whether it is there",
                {"200": _answer("Bytes", _BYTES), "304": _HAVE_THEM},
                parameters=[digest],
            ),
        }
    }


def _archivista_paths() -> dict[str, Any]:
    """What Archivista's clients call, with a bearer token; `/v1` as newer ones have it."""
    tenant = _parameter("tenant", TEXT)
    gitoid = _parameter("gitoid", {"type": "string", "pattern": "^[0-9a-f]{64}$"})
    paths: dict[str, Any] = {}
    for version in ("", "/v1"):
        base = f"/compat/archivista/{{tenant}}{version}"
        body = {"required": True, "content": _FREE}
        paths[f"{base}/upload"] = {
            "post": _operation(
                "Archivista's upload: one DSSE envelope",
                {"200": _answer("Its gitoid", _FREE)},
                parameters=[tenant],
                requestBody=body,
            )
        }
        paths[f"{base}/download/{{gitoid}}"] = {
            "get": _operation(
                "Archivista's download: the bytes received",
                {"200": _answer("Envelope", _FREE)},
                parameters=[tenant, gitoid],
            )
        }
        paths[f"{base}/query"] = {
            "post": _operation(
                "Archivista's GraphQL, as far as its clients ask it",
                {"200": _answer("GraphQL response", _FREE)},
                parameters=[tenant],
                requestBody=body,
            )
        }
    return paths


def _query_paths() -> dict[str, Any]:
    return {
        "/v1/log/{tenant}/checkpoint": {
            "get": _operation(
                "The newest checkpoint as a signed note",
                {"200": _answer("C2SP tlog-checkpoint", {"text/plain": {"schema": {"type": "string"}}})},
                parameters=[_parameter("tenant", {"type": "string"})],
            )
        },
        **graphql_paths("/graphql", _PROBLEM, "GraphQL over HTTP; the schema is in schema.graphql"),
    }


def openapi_document(*, subgraph: bool = False) -> dict[str, Any]:
    """OpenAPI 3.1 of every REST route, that of the subgraph where it answers."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Evidence server",
            "version": __version__,
            "description": "Upload signed evidence, read it back with proofs, build audit packs that verify offline.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"token": []}],
        "paths": {
            **_public_paths(),
            **_exchange_paths(),
            **_evidence_paths(),
            **_decide_paths(),
            **_decision_log_paths(),
            **_artifact_paths(),
            **document_paths(_PROBLEM),
            **event_paths(_PROBLEM),
            **federation_paths(_PROBLEM),
            **_pack_paths(),
            **_policy_bundle_paths(),
            **_release_paths(),
            **_archivista_paths(),
            **_query_paths(),
            **(graphql_paths("/subgraph", _PROBLEM, "Apollo Federation subgraph", get=False) if subgraph else {}),
        },
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "API token, evs_<kind>_<36 characters>"}
            },
            "schemas": schemas(),
        },
    }
