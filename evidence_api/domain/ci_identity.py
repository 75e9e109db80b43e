"""Who a CI job is, whichever way it says so: the claims of its OIDC token, or of the certificate it signed with, under
the names trust rules use (domain/trust_rule.py).

Sources: GitHub, "OpenID Connect reference"; GitLab, "ID token authentication"; Fulcio, docs/oid-info.md. GitLab's
`project_*` claims name the fork when a merge request comes from one, `job_project_*` the project the job runs in, so
the latter say who it is and a difference between them is the claim `fork`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

_GITHUB_TOKENS = "token.actions."  # the host of issuers on github.com and ghe.com begins with it
_GITHUB_SHARED = "githubusercontent.com"
_MAX_TEXT = 1024
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")  # neither UTF-8 nor PostgreSQL has them

# claim of engines/sigstore_claims.py -> name in rules
CERTIFICATE: Mapping[str, str] = {
    "source_repository": "repository",
    "source_repository_id": "repository_id",
    "source_repository_owner_id": "owner_id",
    "build_signer_uri": "workflow",
    "build_config_uri": "entry_workflow",
    "source_ref": "ref",
    "source_digest": "commit",
    "deployment_environment": "environment",
    "runner_environment": "runner",
    "build_trigger": "trigger",
    "source_visibility": "visibility",
}
_GITHUB: Mapping[str, str] = {
    "repository_id": "repository_id",
    "repository_owner_id": "owner_id",
    "ref": "ref",
    "sha": "commit",
    "environment": "environment",
    "ref_protected": "protected",
    "runner_environment": "runner",
    "event_name": "trigger",
    "repository_visibility": "visibility",
    "sub": "subject",
}
_GITLAB: Mapping[str, str] = {
    "job_project_id": "repository_id",
    "job_namespace_id": "owner_id",
    "sha": "commit",
    "environment": "environment",
    "ref_protected": "protected",
    "runner_environment": "runner",
    "pipeline_source": "trigger",
    "project_visibility": "visibility",
    "sub": "subject",
}
_GITLAB_REFS: Mapping[str, str] = {"branch": "refs/heads/", "tag": "refs/tags/"}


@dataclass(frozen=True, slots=True)
class CiIdentity:
    """A CI job as its issuer vouches for it. `identity` is what a certificate for it would have as its SAN: the URL
    of the workflow; elsewhere than on GitHub and GitLab the token's subject."""

    issuer: str
    identity: str
    claims: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "claims", MappingProxyType(dict(self.claims)))


def audience(server: str, tenant: str) -> str:
    """What a CI token must be for, and for nothing else, to be exchanged: the server's public URL and the tenant,
    e.g. https://evidence.example.org/acme."""
    return f"{server.rstrip('/')}/{tenant}"


def of_certificate(claims: Mapping[str, str]) -> dict[str, str]:
    """A certificate's claims under the names of rules."""
    return {CERTIFICATE[name]: value for name, value in claims.items() if name in CERTIFICATE}


def of_token(issuer: str, claims: Mapping[str, Any]) -> CiIdentity:
    """A verified OIDC token's claims. What is no short text, number or truth value is left out."""
    said = {name: text for name, value in claims.items() if (text := _text(value))}
    if "job_project_id" in said or "project_id" in said:
        found = _named(said, _GITLAB) | _gitlab(said)
    elif "repository_id" in said:
        found = _named(said, _GITHUB) | _github(issuer, said)
    else:
        found = _named(said, {"sub": "subject"})
    return CiIdentity(issuer, found.get("workflow") or found.get("subject", ""), found)


def _named(said: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    return {names[name]: value for name, value in said.items() if name in names}


def _github(issuer: str, said: Mapping[str, str]) -> dict[str, str]:
    host = (urlsplit(issuer).hostname or "").removeprefix(_GITHUB_TOKENS)
    server = f"https://{'github.com' if host == _GITHUB_SHARED else host}/"
    paths = {"repository": "repository", "job_workflow_ref": "workflow", "workflow_ref": "entry_workflow"}
    return {name: server + said[claim] for claim, name in paths.items() if claim in said}


def _gitlab(said: Mapping[str, str]) -> dict[str, str]:
    """GitLab's tokens name the configuration as host/path//file@ref, and give the kind of a ref beside it."""
    found = {}
    if "ci_config_ref_uri" in said:
        found["workflow"] = "https://" + said["ci_config_ref_uri"]
        host = said["ci_config_ref_uri"].partition("/")[0]
        if "job_project_path" in said:
            found["repository"] = f"https://{host}/{said['job_project_path']}"
    prefix = _GITLAB_REFS.get(said.get("ref_type", ""))
    if prefix and "ref" in said:
        found["ref"] = prefix + said["ref"]
    if said.get("project_id") != said.get("job_project_id"):
        found["fork"] = "true"
    return found


def _text(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case str() if len(value) <= _MAX_TEXT and not _UNSTORABLE.search(value):
            return value
        case _:
            return ""
