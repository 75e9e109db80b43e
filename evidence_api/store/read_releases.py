"""Reading releases, assessments and findings: pages by keyset, and batches for the siblings of a list level."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from evidence_api.domain.errors import Malformed
from evidence_api.domain.page import Page, Window, cut, slice_of
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.reading import AssessmentView, FindingView, ReleaseView, assessment_position
from evidence_api.store.findings import StoredFindings, unpack_findings
from evidence_api.store.reads import Arguments, digest_bytes, leaf_position
from evidence_api.store.rows import id_text
from evidence_api.store.session import Connection

RELEASE_COLUMNS = (
    "r.id, r.leaf_index, r.name, r.version, ARRAY(SELECT o.digest FROM release_subject o "
    "WHERE o.tenant_id = r.tenant_id AND o.release_id = r.id ORDER BY o.digest LIMIT 100) AS digests"
)
ASSESSMENT_COLUMNS = (
    "a.id, a.release_id, a.tree_size, a.evaluated_at, a.catalog_digest, a.policy_digest, a.counts, a.notes"
)


async def release_page(
    connection: Connection, scope: TenantScope, name: str | None, window: Window, size: int
) -> Page[ReleaseView]:
    """One page of releases stated below `size`, in log order."""
    arguments = Arguments(scope)
    where = ["r.tenant_id = $1", f"r.leaf_index < {arguments.put(size)}"]
    if window.after is not None:
        where.append(f"r.leaf_index > {arguments.put(leaf_position(window.after, 'after'))}")
    if window.before is not None:
        where.append(f"r.leaf_index < {arguments.put(leaf_position(window.before, 'before'))}")
    if name is not None:
        where.append(f"r.name = {arguments.put(name)}")
    rows = await connection.fetch(
        f"SELECT {RELEASE_COLUMNS} FROM release r WHERE {' AND '.join(where)} "  # noqa: S608  constant texts, numbered arguments
        f"ORDER BY r.leaf_index {_direction(window)} LIMIT {arguments.put(window.size + 1)}",
        *arguments,
    )
    return cut([release_view(row) for row in rows], window)


async def releases_by_ids(
    connection: Connection, scope: TenantScope, ids: Sequence[str], size: int
) -> dict[str, ReleaseView]:
    """Releases by the evidence id of their statement."""
    rows = await connection.fetch(
        f"SELECT {RELEASE_COLUMNS} FROM release r "  # noqa: S608  constant texts
        "WHERE r.tenant_id = $1 AND r.leaf_index < $2 AND r.id = ANY ($3::bytea[])",
        *(scope.id, size, [digest_bytes(one) for one in ids]),
    )
    return {row.id: row for row in map(release_view, rows)}


async def release_named(
    connection: Connection, scope: TenantScope, name: str, version: str | None, size: int
) -> ReleaseView | None:
    """The newest release of that name (and version) stated below `size`."""
    arguments = Arguments(scope)
    where = f"r.leaf_index < {arguments.put(size)} AND r.name = {arguments.put(name)}"
    if version is not None:
        where += f" AND r.version = {arguments.put(version)}"
    row = await connection.fetchrow(
        f"SELECT {RELEASE_COLUMNS} FROM release r "  # noqa: S608  constant texts, numbered arguments
        f"WHERE r.tenant_id = $1 AND {where} ORDER BY r.leaf_index DESC LIMIT 1",
        *arguments,
    )
    return None if row is None else release_view(row)


async def assessments_in_force(
    connection: Connection, scope: TenantScope, releases: Sequence[str], size: int, *, pinned: bool
) -> dict[str, AssessmentView]:
    """Each release's assessment with the greatest tree size not over `size`.

    Of several at one tree size (another catalog, or time passed), `pinned` takes the first made, which no later
    one can change; otherwise the last made is the one in force.
    """
    order = "ASC" if pinned else "DESC"
    rows = await connection.fetch(
        f"SELECT newest.* FROM unnest($3::bytea[]) AS parent (id) CROSS JOIN LATERAL ("  # noqa: S608  constant texts
        f"SELECT {ASSESSMENT_COLUMNS} FROM assessment a WHERE a.tenant_id = $1 "
        f"AND a.release_id = parent.id AND a.tree_size <= $2 "
        f"ORDER BY a.tree_size DESC, a.evaluated_at {order}, a.id LIMIT 1) AS newest",
        *(scope.id, size, [digest_bytes(release) for release in releases]),
    )
    return {row.release: row for row in map(assessment_view, rows)}


async def assessment_pages(
    connection: Connection, scope: TenantScope, releases: Sequence[str], window: Window, size: int
) -> dict[str, Page[AssessmentView]]:
    """One page per release of its assessments up to `size`, oldest first, in one statement."""
    arguments = Arguments(scope)
    where = ["a.tenant_id = $1", "a.release_id = parent.id", f"a.tree_size <= {arguments.put(size)}"]
    where += assessment_range(arguments, window)
    parents = arguments.put([digest_bytes(release) for release in releases])
    order = f"a.tree_size {_direction(window)}, a.evaluated_at {_direction(window)}, a.id {_direction(window)}"
    rows = await connection.fetch(
        f"SELECT page.* FROM unnest({parents}::bytea[]) AS parent (id) CROSS JOIN LATERAL ("  # noqa: S608  constant texts, numbered arguments
        f"SELECT {ASSESSMENT_COLUMNS} FROM assessment a WHERE {' AND '.join(where)} "
        f"ORDER BY {order} LIMIT {arguments.put(window.size + 1)}) AS page",
        *arguments,
    )
    found: dict[str, list[AssessmentView]] = {}
    for row in map(assessment_view, rows):
        found.setdefault(row.release, []).append(row)
    return {release: cut(found.get(release, []), window) for release in releases}


def assessment_range(arguments: Arguments, window: Window) -> list[str]:
    """The conditions of a window of assessments, in the order of their trees. Raises Malformed `bad_cursor`."""
    where = []
    for position, argument, sign in ((window.after, "after", ">"), (window.before, "before", "<")):
        if position is not None:
            keys = ", ".join(arguments.put(key) for key in _assessment_position(position, argument))
            where.append(f"(a.tree_size, a.evaluated_at, a.id) {sign} ({keys})")
    return where


async def assessments_by_ids(
    connection: Connection, scope: TenantScope, ids: Sequence[UUID], size: int
) -> dict[UUID, AssessmentView]:
    """Assessments by id, of a tree size not over `size`."""
    rows = await connection.fetch(
        f"SELECT {ASSESSMENT_COLUMNS} FROM assessment a "  # noqa: S608  constant texts
        "WHERE a.tenant_id = $1 AND a.tree_size <= $2 AND a.id = ANY ($3::uuid[])",
        *(scope.id, size, ids),
    )
    return {row.id: row for row in map(assessment_view, rows)}


async def criteria_of(
    connection: Connection, scope: TenantScope, ids: Sequence[UUID]
) -> dict[UUID, Sequence[Mapping[str, Any]]]:
    """The criteria of these assessments, as formats/records.py writes them."""
    rows = await connection.fetch(
        "SELECT id, criteria FROM assessment WHERE tenant_id = $1 AND id = ANY ($2::uuid[])",
        *(scope.id, ids),
    )
    return {UUID(bytes=row["id"].bytes): orjson.loads(row["criteria"]) for row in rows}


async def finding_pages(
    connection: Connection, scope: TenantScope, assessments: Sequence[UUID], outcomes: Sequence[str], window: Window
) -> dict[UUID, Page[FindingView]]:
    """One page per assessment of its findings by control, in one statement. No `outcomes` means all."""
    unpacked = await _unpacked(connection, scope, assessments)
    return {one: _finding_page(one, unpacked[one], outcomes, window) for one in assessments if one in unpacked} | {
        one: Page((), more=False) for one in assessments if one not in unpacked
    }


def _finding_page(
    assessment: UUID, findings: StoredFindings, outcomes: Sequence[str], window: Window
) -> Page[FindingView]:
    """The page of one assessment; only the findings on it are read."""
    numbers = [at for at, (_, outcome, _) in enumerate(findings.index) if not outcomes or outcome in outcomes]
    listed = sorted((findings.index[at][0], at) for at in numbers)
    page = slice_of(listed, window, lambda one: one[0])
    return Page(tuple(finding_view(assessment, findings.document(at)) for _, at in page.items), page.more)


async def findings_of_controls(
    connection: Connection, scope: TenantScope, pairs: Sequence[tuple[UUID, str]]
) -> dict[tuple[UUID, str], FindingView]:
    """Findings by (assessment, control)."""
    unpacked = await _unpacked(connection, scope, list({assessment for assessment, _ in pairs}))
    found: dict[tuple[UUID, str], FindingView] = {}
    for assessment, findings in unpacked.items():
        places = {control: at for at, (control, _, _) in enumerate(findings.index)}
        for parent, control in pairs:
            if parent == assessment and control in places:
                found[parent, control] = finding_view(parent, findings.document(places[control]))
    return found


async def _unpacked(
    connection: Connection, scope: TenantScope, assessments: Sequence[UUID]
) -> dict[UUID, StoredFindings]:
    """The findings of assessments. Raises VerificationFailed `stored_findings`."""
    rows = await connection.fetch(
        "SELECT id, findings FROM assessment WHERE tenant_id = $1 AND id = ANY ($2::uuid[])",
        *(scope.id, list(assessments)),
    )
    return {UUID(bytes=row["id"].bytes): unpack_findings(row["findings"]) for row in rows}


def _direction(window: Window) -> str:
    return "DESC" if window.backward else "ASC"


def _assessment_position(text: str, argument: str) -> tuple[int, datetime, UUID]:
    """The sort key in a cursor's position. Raises Malformed `bad_cursor`."""
    try:
        return assessment_position(text)
    except (ValueError, OverflowError) as fault:
        raise Malformed("not a cursor this server gave out", code="bad_cursor", path=argument) from fault


def release_view(row: asyncpg.Record) -> ReleaseView:
    """A row with RELEASE_COLUMNS."""
    return ReleaseView(id_text(row["id"]), row["leaf_index"], row["name"], row["version"], tuple(row["digests"]))


def assessment_view(row: asyncpg.Record) -> AssessmentView:
    """A row with ASSESSMENT_COLUMNS."""
    return AssessmentView(
        id=UUID(bytes=row["id"].bytes),
        release=id_text(row["release_id"]),
        tree_size=row["tree_size"],
        evaluated_at=row["evaluated_at"],
        catalog_digest=row["catalog_digest"],
        policy_digest=row["policy_digest"],
        counts=orjson.loads(row["counts"]),
        notes=tuple(row["notes"]),
    )


def finding_view(assessment: UUID, document: Mapping[str, Any]) -> FindingView:
    """A finding as formats/records.py writes it."""
    return FindingView(
        assessment=assessment,
        facts=dict(sorted(document["facts"].items(), key=_as_stored)),
        queries=document["queries"],
        evidence=tuple(document["evidence"]),
        **{name: document[name] for name in ("control", "outcome", "raw", "because", "fix", "waiver", "code")},
    )


def _as_stored(fact: tuple[str, Any]) -> tuple[int, bytes]:
    """Facts are told in the order in which PostgreSQL would keep them: the shorter name first."""
    name = fact[0].encode()
    return len(name), name
