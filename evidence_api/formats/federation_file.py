"""federation.yaml: the organisations that are asked together.

    members:
      - name: north
        url: https://evidence.north.example
        tenant: acme
        fingerprint: poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U
        log_key: evidence.north.example/acme+a1b2c3d4+AZ…     (left out: the checkpoint is not checked by itself)

The fingerprint is what `evidence-api peer fingerprint` prints there.
"""

import re

from evidence_api.domain.errors import InvalidSource, SourceFault
from evidence_api.domain.federated import Member
from evidence_api.formats.yaml_source import Mapping, Node, Scalar, Sequence, documents

MAX_MEMBERS = 64
_REQUIRED, _OPTIONAL = ("name", "url", "tenant", "fingerprint"), ("log_key",)
_FINGERPRINT = re.compile(r"[A-Za-z0-9_-]{43}\Z")


def parse_members(text: str, file: str) -> tuple[Member, ...]:
    """The members, in their order. Raises InvalidSource with every fault."""
    faults: list[SourceFault] = []
    nodes = documents(text, file, faults)
    members: list[Member] = []
    for node in _listed(nodes, file, faults):
        found = _member(node, file, faults)
        if found is not None and any(one.name == found.name for one in members):
            faults.append(
                SourceFault(file, node.line, node.column, "duplicate_member", f"{found.name} is listed twice")
            )
        elif found is not None:
            members.append(found)
    if faults:
        raise InvalidSource(faults)
    return tuple(members)


def _listed(nodes: tuple[Node, ...], file: str, faults: list[SourceFault]) -> tuple[Node, ...]:
    if len(nodes) == 1 and isinstance(nodes[0], Mapping):
        entries = {key.text: (key, value) for key, value in nodes[0].entries}
        for name, (key, _) in entries.items():
            if name != "members":
                faults.append(SourceFault(file, key.line, key.column, "unknown_key", f"there is no key {name[:60]!r}"))
        listed = entries.get("members")
        if listed is not None and isinstance(listed[1], Sequence) and 0 < len(listed[1].items) <= MAX_MEMBERS:
            return listed[1].items
    if not faults:
        said = f"the file holds `members:`, a list of 1 to {MAX_MEMBERS}"
        faults.append(SourceFault(file, 1, 1, "no_members", said))
    return ()


def _member(node: Node, file: str, faults: list[SourceFault]) -> Member | None:
    if not isinstance(node, Mapping):
        faults.append(
            SourceFault(file, node.line, node.column, "member", "a member has name, url, tenant, fingerprint")
        )
        return None
    before = len(faults)
    given: dict[str, str] = {}
    for key, value in node.entries:
        if key.text not in (*_REQUIRED, *_OPTIONAL):
            faults.append(SourceFault(file, key.line, key.column, "unknown_key", f"there is no key {key.text[:60]!r}"))
        elif not isinstance(value, Scalar) or not value.text:
            faults.append(SourceFault(file, value.line, value.column, "member", f"{key.text} is a text"))
        elif key.text == "fingerprint" and not _FINGERPRINT.match(value.text):
            said = "a fingerprint is 43 characters of base64url"
            faults.append(SourceFault(file, value.line, value.column, "fingerprint", said))
        else:
            given[key.text] = value.text
    missing = [name for name in _REQUIRED if name not in given]
    if missing and len(faults) == before:
        faults.append(SourceFault(file, node.line, node.column, "member", f"{missing[0]} is missing"))
    return Member(**given) if len(faults) == before else None
