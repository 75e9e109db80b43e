"""Reading a release over GraphQL: the questions the commands ask, and their answers page by page.

An assessment is named once, by id, and read by that id from then on: one that is made meanwhile changes no answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from evidence_api.cli.client import Client
from evidence_api.domain.errors import NotFound

_PAGE = 50
_WAIVER = "waivedBy { id reason owner requester approver until daysLeft }"
_DECISION = """decision {
  kind method explanation
  reperformance { status sentence differences(first: 20) { path claimed recomputed } checkedBy { evidenceId } }
}"""
_SIGNER = "signer { ... on KeySigner { label } ... on CertificateSigner { label } }"

_LIST = """
query Releases($last: Int!, $before: String, $name: String) {
  releases(last: $last, before: $before, name: $name) {
    edges { node { evidenceId name version assessment { evaluatedAt treeSize counts { outcome count } } } }
    pageInfo { hasPreviousPage startCursor }
  }
}"""

_RELEASE = """
  id evidenceId name version digests(first: 100)
  assessment { id evaluatedAt treeSize catalogDigest policyDigest notes counts { outcome count } }
"""
_BY_ID = f"query Release($id: ID!) {{ release(id: $id) {{ {_RELEASE} }} }}"
_BY_NAME = f"""
query Release($whole: String!, $name: String!, $version: String) {{
  whole: release(name: $whole) {{ {_RELEASE} }}
  parted: release(name: $name, version: $version) {{ {_RELEASE} }}
}}"""

_FINDINGS = f"""
query Findings($id: ID!, $first: Int!, $after: String, $outcome: [Outcome!]) {{
  assessment(id: $id) {{
    findings(first: $first, after: $after, outcome: $outcome) {{
      edges {{ node {{
        id controlRef outcome raw because fix waiver code {_WAIVER}
        control {{ title severity tier owner criteria {{ shown title }} }}
        queries {{ failed(first: 20) unknown(first: 20) stale(first: 20) withheld(first: 20) }}
        evidence(first: 20) {{
          edges {{ node {{ evidenceId kind status verification {{ {_SIGNER} }} }} }}
          pageInfo {{ hasNextPage }}
        }}
      }} }}
      pageInfo {{ hasNextPage endCursor }}
    }}
  }}
}}"""

_CONTROLS = """
query Controls($id: ID!, $first: Int!, $after: String) {
  assessment(id: $id) {
    findings(first: $first, after: $after) {
      edges { node { id controlRef } }
      pageInfo { hasNextPage endCursor }
    }
  }
}"""

_FINDING = f"""
query Finding($id: ID!) {{
  finding(id: $id) {{
    controlRef outcome raw because fix waiver code facts {_WAIVER}
    control {{
      title statement severity tier owner frequency method criteria {{ shown title }} queries {{ population }}
    }}
    queries {{
      name kind where outcome population tested because absent lacking
      matched(first: 100) failed(first: 100) unknown(first: 100) stale(first: 100) withheld(first: 100)
      unverified(first: 100)
    }}
    evidence(first: 50) {{
      edges {{ node {{
        evidenceId kind status effective received erased
        subjects(first: 5) {{ name digests }} body {{ digest size mediaType }}
        verification {{ method {_SIGNER} }} {_DECISION}
      }} }}
      pageInfo {{ hasNextPage }}
    }}
  }}
}}"""

_EVIDENCE = f"""
query Evidence($id: ID!) {{
  evidenceRecord(id: $id) {{
    evidenceId leafIndex kind predicateType status effective collected received series sources erased facts
    subjects(first: 100) {{ name digests }} body {{ digest size mediaType }}
    verification {{ method checks trustRoot signedAt verifiedAt code message {_SIGNER} }}
    rechecks(first: 5) {{ checkedAt status trustRoot code message }} {_DECISION}
  }}
}}"""


def releases(client: Client, limit: int, name: str | None) -> list[dict[str, Any]]:
    """The newest releases, newest first: {"evidenceId", "name", "version", "assessment"}."""
    found: list[dict[str, Any]] = []
    before = None
    while len(found) < limit:
        asked = {"last": min(limit - len(found), _PAGE), "before": before, "name": name}
        page = client.graphql(_LIST, asked)["releases"]
        found.extend(reversed(_nodes(page)))
        if not page["pageInfo"]["hasPreviousPage"]:
            break
        before = page["pageInfo"]["startCursor"]
    return found


def release(client: Client, reference: str) -> dict[str, Any]:
    """A release by evidence id, name or name@version, with the head of its assessment. Raises NotFound."""
    if reference.startswith("sha256:"):
        found = client.graphql(_BY_ID, {"id": reference})["release"]
    else:
        name, _, version = reference.rpartition("@")
        asked = {"whole": reference, "name": name or reference, "version": version if name else None}
        answer = client.graphql(_BY_NAME, asked)
        found = answer["whole"] or (answer["parted"] if name else None)
    if found is None:
        raise NotFound(f"no release {reference[:200]!r}; `evidence-api release list` shows those there are")
    return dict(found)


def assessed(client: Client, reference: str) -> dict[str, Any]:
    """The same, of a release that was assessed. Raises NotFound, also where it was not."""
    found = release(client, reference)
    if found["assessment"] is None:
        raise NotFound(f"release {reference[:200]!r} is not assessed yet; the server does so within seconds")
    return found


def findings(client: Client, assessment: str, outcomes: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The findings of an assessment with one of these outcomes, by control; all without any."""
    yield from _pages(client, _FINDINGS, {"id": assessment, "first": _PAGE, "outcome": list(outcomes) or None})


def finding(client: Client, found: Mapping[str, Any], control: str) -> dict[str, Any]:
    """The whole finding of one control, by its reference in any case. Raises NotFound with the nearest."""
    listed = _pages(client, _CONTROLS, {"id": found["assessment"]["id"], "first": 100})
    ids = {node["controlRef"]: node["id"] for node in listed}
    named = next((ref for ref in ids if ref.casefold() == control.casefold()), None)
    if named is None:
        close = get_close_matches(control.upper(), ids, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise NotFound(f"release {found['name']}@{found['version']} has no control {control[:80]!r}{hint}")
    return dict(client.graphql(_FINDING, {"id": ids[named]})["finding"])


def evidence(client: Client, evidence_id: str) -> dict[str, Any]:
    """One record by its evidence id. Raises NotFound."""
    found = client.graphql(_EVIDENCE, {"id": evidence_id})["evidenceRecord"]
    if found is None:
        raise NotFound(f"no evidence {evidence_id[:80]}; an evidence id is sha256: and 64 hex digits")
    return dict(found)


def _pages(client: Client, query: str, variables: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    after = None
    while True:
        found = client.graphql(query, {**variables, "after": after})["assessment"]
        if found is None:
            raise NotFound("the assessment is gone")
        yield from _nodes(found["findings"])
        if not found["findings"]["pageInfo"]["hasNextPage"]:
            return
        after = found["findings"]["pageInfo"]["endCursor"]


def _nodes(connection: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [edge["node"] for edge in connection["edges"]]
