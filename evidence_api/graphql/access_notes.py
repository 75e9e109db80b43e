"""GraphQL, for the audit of access: what of a call the web layer cannot know, left where it looks for it."""

from collections.abc import Mapping
from typing import Any

from evidence_api.domain.access_entry import AccessNotes
from evidence_api.formats.access_audit import asked_with
from evidence_api.graphql.call import Call


def note_access(call: Call, body: Mapping[str, Any]) -> None:
    """Note as far as the call came; `body` is what it is answered with. The code is that of the refusal, or of the
    first field that was not answered."""
    notes = call.request.scope.get("state", {}).get("access")
    if not isinstance(notes, AccessNotes):
        return
    if call.document is not None:
        notes.document = f"sha256:{call.document.digest}"
    if call.operation is not None and call.operation.name is not None:
        notes.operation = call.operation.name.value
    if call.parameters is not None:
        notes.variables = asked_with(call.parameters.variables)
    if call.ran is not None:
        notes.tree_size = call.ran.tree_size
        notes.cost = call.ran.cost
    if notes.cost is None and call.charge is not None:
        notes.cost = call.charge.requested
    errors = body.get("errors")
    if errors:
        notes.code = str(errors[0].get("extensions", {}).get("code", ""))
