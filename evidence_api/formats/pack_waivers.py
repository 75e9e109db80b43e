"""The pack's waivers: those of its catalog and its override evidence that are about the release, as JSON and by id."""

from collections.abc import Mapping
from typing import Any

from evidence_api.domain.control import Waiver
from evidence_api.domain.facts import rows_of
from evidence_api.domain.pack import PackContents
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.domain.waiver import OVERRIDE, begins, ends, waivers_of


def waivers_in(contents: PackContents) -> Mapping[str, Waiver]:
    """Every waiver about the release by its id, of overrides the current ones, whether it counts or not."""
    overrides = [item.evidence for item in contents.evidence if item.evidence.kind == OVERRIDE]
    found = waivers_of(contents.catalog, contents.release, rows_of(contents.release, overrides))
    return {waiver.id: waiver for own in found.values() for waiver in own}


def waivers_document(contents: PackContents) -> list[dict[str, Any]]:
    """[{id, control, reason, owner, requester, approver, scope, from, until, evidence, applied}] by id; `until` is the
    first moment at which it no longer counts, `evidence` null for one of the catalog, `applied` whether a verdict rests
    on it."""
    applied = {finding.waiver for finding in contents.assessment.findings}
    return [
        {
            "id": waiver.id,
            "control": waiver.control,
            "reason": waiver.reason,
            "owner": waiver.owner,
            "requester": waiver.requester,
            "approver": waiver.approver,
            "scope": waiver.scope,
            "from": format_rfc3339(begins(waiver)),
            "until": format_rfc3339(ends(waiver)),
            "evidence": waiver.evidence or None,
            "applied": waiver.id in applied,
        }
        for _, waiver in sorted(waivers_in(contents).items())
    ]
