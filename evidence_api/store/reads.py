"""Reading evidence: pages of the log by keyset, single records, bodies; one statement per list level.

Which columns are read follows what was selected (`wants`, domain/reading.py, ON_REQUEST): facts, signatures and
subjects cost something, so nobody pays for them unasked.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import orjson

from evidence_api.domain.errors import Malformed
from evidence_api.domain.page import Page, Window, cut
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.reading import EvidenceFilter, EvidenceView, Listing, SubjectView
from evidence_api.formats.records import verification_from_json
from evidence_api.store import read_decisions
from evidence_api.store.owning import with_reach
from evidence_api.store.rows import id_text
from evidence_api.store.session import Connection

_PLAIN = (
    "e.leaf_index, e.id, e.received, e.kind, e.predicate_type, e.media_type, e.status, e.effective, e.collected, "
    "e.series, e.sources, e.decision_id, e.body_digest, e.body_size"
)
_ON_REQUEST = {
    "facts": "e.facts",
    "verification": "e.verification",
    "erased": "(SELECT b.content IS NULL FROM body b WHERE b.tenant_id = e.tenant_id AND b.digest = e.body_digest)"
    " AS erased",
    "subjects": "(SELECT json_agg(json_build_array(s.position, s.name, s.digest) ORDER BY s.position, s.digest)"
    " FROM evidence_subject s WHERE s.tenant_id = e.tenant_id AND s.leaf_index = e.leaf_index"
    " AND s.position < 100) AS subjects",
}

# In the text itself, for there is an index of those that are not verified. KeyError for a word that is none of them.
_STATUSES = {status: f"'{status}'" for status in ("verified", "unsupported", "unsigned")}


class Arguments(list[Any]):
    """The arguments of one statement; each is put in by number. The first is the tenant."""

    def __init__(self, scope: TenantScope) -> None:
        super().__init__([scope.id])

    def put(self, value: object) -> str:
        """Add a value; what stands for it in the text. Raises Malformed for text PostgreSQL cannot hold."""
        self.append([storable(one) for one in value] if isinstance(value, list) else storable(value))
        return f"${len(self)}"


def storable(value: Any) -> Any:  # noqa: ANN401  any argument
    """The value itself. Raises Malformed for a text with a NUL, which PostgreSQL cannot hold."""
    if isinstance(value, str) and "\0" in value:
        raise Malformed("a text with a NUL character matches nothing that is stored", code="bad_text")
    return value


def digest_bytes(digest: str) -> bytes:
    """The 32 bytes of "sha256:<hex>"; for anything else bytes that no row has."""
    name, _, digits = digest.partition(":")
    try:
        return bytes.fromhex(digits) if name == "sha256" else b""
    except ValueError:
        return b""


def leaf_position(text: str, argument: str) -> int:
    """The leaf index in a cursor's position. Raises Malformed `bad_cursor`."""
    if not text.isascii() or not text.isdecimal() or len(text) > 18:  # noqa: PLR2004  what a bigint surely holds
        raise Malformed("not a cursor this server gave out", code="bad_cursor", path=argument)
    return int(text)


async def evidence_page(
    connection: Connection, scope: TenantScope, chosen: EvidenceFilter, listing: Listing
) -> Page[EvidenceView]:
    """One page of the log, in log order."""
    arguments = Arguments(scope)
    where = page_conditions(arguments, chosen, listing)
    rows = await connection.fetch(
        f"SELECT {_columns(listing.wants)} FROM evidence e WHERE {' AND '.join(where)} "  # noqa: S608  constant texts, numbered arguments
        f"ORDER BY e.leaf_index {direction(listing.window)} LIMIT {listing.window.size + 1:d}",
        *arguments,
    )
    return cut([_row(row) for row in rows], listing.window)


async def evidence_of_releases(
    connection: Connection,
    scope: TenantScope,
    releases: Sequence[str],
    chosen: EvidenceFilter,
    listing: Listing,
) -> dict[str, Page[EvidenceView]]:
    """One page per release of the evidence it owns at `size`, in one statement."""
    arguments = Arguments(scope)
    where = conditions(arguments, chosen, listing)
    where.append(f"e.leaf_index IN ({about_reach('parent.id')})")
    parents = arguments.put([digest_bytes(release) for release in releases])
    rows = await connection.fetch(
        f"SELECT parent.id AS parent, page.* FROM unnest({parents}::bytea[]) AS parent (id) "  # noqa: S608  the same
        f"CROSS JOIN LATERAL (SELECT {_columns(listing.wants)} FROM evidence e WHERE {' AND '.join(where)} "
        f"ORDER BY e.leaf_index {direction(listing.window)} LIMIT {arguments.put(listing.window.size + 1)}) AS page",
        *arguments,
    )
    found: dict[str, list[EvidenceView]] = {}
    for row in rows:
        found.setdefault(id_text(row["parent"]), []).append(_row(row))
    return {release: cut(found.get(release, []), listing.window) for release in releases}


async def evidence_among(
    connection: Connection, scope: TenantScope, sets: Sequence[Sequence[str]], listing: Listing
) -> list[Page[EvidenceView]]:
    """One page per set of evidence ids, each in log order, in one statement."""
    arguments = Arguments(scope)
    where = conditions(arguments, EvidenceFilter(statuses=()), listing)
    parents = arguments.put([number for number, ids in enumerate(sets) for _ in ids])
    members = arguments.put([digest_bytes(one) for ids in sets for one in ids])
    rows = await connection.fetch(
        "WITH page AS (SELECT * FROM (SELECT given.parent, e.leaf_index, row_number() OVER "  # noqa: S608  the same
        f"(PARTITION BY given.parent ORDER BY e.leaf_index {direction(listing.window)}) AS place "
        f"FROM unnest({parents}::bigint[], {members}::bytea[]) AS given (parent, id) "
        f"JOIN evidence e ON e.id = given.id WHERE {' AND '.join(where)}) AS every "
        f"WHERE place <= {arguments.put(listing.window.size + 1)}) "
        f"SELECT page.parent, {_columns(listing.wants)} FROM page "
        "JOIN evidence e ON e.tenant_id = $1 AND e.leaf_index = page.leaf_index "
        "ORDER BY page.parent, page.place",
        *arguments,
    )
    found: list[list[EvidenceView]] = [[] for _ in sets]
    for row in rows:
        found[row["parent"]].append(_row(row))
    return [cut(one, listing.window) for one in found]


async def evidence_by_ids(
    connection: Connection, scope: TenantScope, ids: Sequence[str], size: int, wants: frozenset[str]
) -> dict[str, EvidenceView]:
    """The records of these ids below `size`, of every status."""
    rows = await connection.fetch(
        f"SELECT {_columns(wants)} FROM evidence e "  # noqa: S608  constant texts
        "WHERE e.tenant_id = $1 AND e.leaf_index < $2 AND e.id = ANY ($3::bytea[])",
        *(scope.id, size, [digest_bytes(one) for one in ids]),
    )
    return {row.id: row for row in map(_row, rows)}


def page_conditions(arguments: Arguments, chosen: EvidenceFilter, listing: Listing) -> list[str]:
    """The conditions of one page of the log. Of several kinds each is read for itself, in its own order, and no further
    than a page: no order of all of them is anywhere, and rare ones would be looked for through the whole log."""
    of_many = len(set(chosen.kinds)) > 1
    where = conditions(arguments, replace(chosen, kinds=()) if of_many else chosen, listing)
    if chosen.release is not None:
        where.append(f"e.leaf_index IN ({about_reach(arguments.put(digest_bytes(chosen.release)))})")
    if not of_many:
        return where
    kinds, window = arguments.put(sorted(set(chosen.kinds))), listing.window
    of_each = (
        f"SELECT e.leaf_index FROM evidence e WHERE {' AND '.join(where)} AND e.kind = wanted.kind "  # noqa: S608  the same
        f"ORDER BY e.leaf_index {direction(window)} LIMIT {window.size + 1:d}"
    )
    leaves = f"SELECT of_kind.leaf_index FROM unnest({kinds}::text[]) AS wanted (kind), LATERAL ({of_each}) AS of_kind"  # noqa: S608  the same
    return ["e.tenant_id = $1", f"e.leaf_index = ANY (ARRAY({leaves}))"]


def conditions(arguments: Arguments, chosen: EvidenceFilter, listing: Listing) -> list[str]:
    """The conditions every list shares; the tenant is argument 1, the size always argument 2."""
    where = ["e.tenant_id = $1", f"e.leaf_index < {arguments.put(listing.size)}"]
    window = listing.window
    if window.after is not None:
        where.append(f"e.leaf_index > {arguments.put(leaf_position(window.after, 'after'))}")
    if window.before is not None:
        where.append(f"e.leaf_index < {arguments.put(leaf_position(window.before, 'before'))}")
    kinds = sorted(set(chosen.kinds))
    if len(kinds) == 1:  # said so, its index gives them in order
        where.append(f"e.kind = {arguments.put(kinds[0])}")
    elif kinds:
        where.append(f"e.kind = ANY ({arguments.put(kinds)}::text[])")
    if chosen.predicate_type is not None:
        where.append(f"e.predicate_type = {arguments.put(chosen.predicate_type)}")
    statuses = [_STATUSES[status] for status in sorted(set(chosen.statuses))]
    if statuses:
        where.append(f"e.status = {statuses[0]}" if len(statuses) == 1 else f"e.status IN ({', '.join(statuses)})")
    if chosen.subject is not None:
        where.append(
            "e.leaf_index IN (SELECT s.leaf_index FROM evidence_subject s "  # noqa: S608  a numbered argument
            f"WHERE s.tenant_id = $1 AND s.digest = {arguments.put(chosen.subject)})"
        )
    return where + read_decisions.conditions(arguments.put, chosen)


def whole_list(arguments: Arguments, chosen: EvidenceFilter, size: int, owner: str | None = None) -> list[str]:
    """The conditions of a list without a window, which counting it shares with reading it; `owner` is the SQL of the
    release whose evidence it is. The first argument put in is the size."""
    where = conditions(arguments, chosen, Listing(Window(1), size, frozenset()))
    return where if owner is None else [*where, f"e.leaf_index IN ({about_reach(owner)})"]


def about_reach(release: str) -> str:
    """The leaves about what a release reaches at the tree size, which `conditions` narrows down to that size."""
    about = "SELECT s.leaf_index FROM reach JOIN evidence_subject s ON s.tenant_id = $1 AND s.digest = reach.digest"
    return f"{with_reach(release, '$2')} {about}"


def _columns(wants: frozenset[str]) -> str:
    return ", ".join([_PLAIN, *(column for name, column in _ON_REQUEST.items() if name in wants)])


def direction(window: Window) -> str:
    """The order in which a window is read."""
    return "DESC" if window.backward else "ASC"


def _row(row: asyncpg.Record) -> EvidenceView:
    verification = row.get("verification")
    facts = row.get("facts")
    return EvidenceView(
        id=id_text(row["id"]),
        leaf_index=row["leaf_index"],
        received=row["received"],
        kind=row["kind"],
        predicate_type=row["predicate_type"],
        media_type=row["media_type"],
        status=row["status"],
        effective=row["effective"],
        collected=row["collected"],
        series=row["series"],
        sources=tuple(row["sources"]),
        decision_id=row["decision_id"],
        body_digest=id_text(row["body_digest"]),
        body_size=row["body_size"],
        facts=None if facts is None else orjson.loads(facts),
        verification=None if verification is None else verification_from_json(orjson.loads(verification)),
        erased=row.get("erased"),
        subjects=_subjects(row["subjects"]) if "subjects" in row else None,
    )


def _subjects(encoded: str | None) -> tuple[SubjectView, ...]:
    """[[position, name, digest], …] in order, one row per subject."""
    grouped: dict[int, tuple[str, list[str]]] = {}
    for position, name, digest in orjson.loads(encoded or "[]"):
        grouped.setdefault(position, (name, []))[1].append(digest)
    return tuple(SubjectView(name, tuple(digests)) for name, digests in grouped.values())
