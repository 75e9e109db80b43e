"""Reading evidence as JSON: one statement gives a page, ready to be sent, and the head it was read under.

PostgreSQL writes every value as the general way through graphql/evidence.py does, byte by byte: times in UTC with six
digits of a fraction or none, ids and cursors in base64url without padding, statuses by their names, no spaces. Fields
whose JSON it would write otherwise (facts: numbers) are not here. One statement is one snapshot, so head and page
agree; rows at or above the head's tree size do not exist in it.
"""

from functools import lru_cache

from evidence_api.domain.page import Window
from evidence_api.domain.page_shape import EdgeShape, Member, PageAsked, PageText
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.reading import Listing
from evidence_api.store.reads import Arguments, direction, page_conditions
from evidence_api.store.session import Connection

# JSON never holds a line feed of its own, so this parts the items of a page.
_BETWEEN = "\n"
_NEWEST = 2**63 - 1
_UNPADDED = "E'+/=\\n', '-_'"
_ID_PREFIX = "MTpFdmlkZW5jZTpzaGEyNTY6"  # base64 of "1:Evidence:sha256:", which has no remainder
_COLUMNS = {
    "id": f"'{_ID_PREFIX}' || translate(encode(encode(e.id, 'hex')::bytea, 'base64'), {_UNPADDED})",
    "evidenceId": "'sha256:' || encode(e.id, 'hex')",
    "leafIndex": "e.leaf_index",
    "kind": "e.kind",
    "predicateType": "e.predicate_type",
    "mediaType": "e.media_type",
    "status": "upper(e.status)",
    "series": "e.series",
    "sources": "e.sources",
    "admissionDecision": "e.decision_id",
    "digest": "'sha256:' || encode(e.body_digest, 'hex')",
    "size": "e.body_size",
    "erased": "coalesce((SELECT b.content IS NULL FROM body b "
    "WHERE b.tenant_id = e.tenant_id AND b.digest = e.body_digest), false)",
} | {
    name: f"replace(to_char(e.{name} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), '.000000Z', 'Z')"
    for name in ("effective", "collected", "received")
}
_OBJECTS = frozenset({"node", "body"})
_SUBJECT = {"name": "s.name", "digests": "array_agg(s.digest ORDER BY s.digest)"}
# The first part of a cursor has a length that leaves no remainder either (graphql/cursors.py): the caller has it ready.
_CURSOR = "{prefix}::text || translate(encode(('.' || e.leaf_index)::bytea, 'base64'), " + _UNPADDED + ")"


def supported(field: str) -> bool:
    """Whether a plain field of evidence, or of its body, is among those this writes."""
    return field in _COLUMNS


async def evidence_page_text(connection: Connection, scope: TenantScope, asked: PageAsked) -> PageText | None:
    """One page of the log, in log order; None where there is no head, or it has not come to `as_of`."""
    arguments = Arguments(scope)
    window, as_of = asked.window, asked.as_of
    listing = Listing(window, _NEWEST if as_of is None else as_of, frozenset())
    where = page_conditions(arguments, asked.chosen, listing)
    prefix = arguments.put(asked.cursor_prefix) if _with_cursors(asked.shape) else ""
    order = f"ORDER BY e.leaf_index {direction(window)}"
    leaves = f"(array_agg(e.leaf_index {order}))"
    row = await connection.fetchrow(
        "SELECT (SELECT h.tree_size FROM log_head h WHERE h.tenant_id = $1), count(*), "  # noqa: S608  constant texts, numbered arguments
        f"{leaves}[1], {leaves}[least(count(*), {window.size:d})], string_agg(e.edge, E'\\n' {order}) "
        f"FROM (SELECT e.leaf_index, {_edge_text(asked.shape, prefix)} AS edge FROM evidence e "
        f"WHERE {' AND '.join(where)} {order} LIMIT {window.size + 1:d}) AS e",
        *arguments,
    )
    if row is None or row[0] is None or (as_of is not None and as_of > row[0]):
        return None
    return _page(window, *row)


def _page(  # noqa: PLR0913, PLR0917  a row
    window: Window, tree_size: int, count: int, first: int | None, last: int | None, joined: str | None
) -> PageText:
    """What was read in reading order, with one item more than asked for if there is one, becomes the page."""
    edges, more = joined or "", count > window.size
    if more:
        edges = edges[: edges.rindex(_BETWEEN)]
    if not window.backward:
        return PageText(tree_size, edges.replace(_BETWEEN, ","), count - more, first, last, more)
    return PageText(tree_size, ",".join(reversed(edges.split(_BETWEEN))), count - more, last, first, more)


def _with_cursors(shape: EdgeShape) -> bool:
    return any(member.field == "cursor" for member in shape.members)


@lru_cache(maxsize=1024)
def _edge_text(shape: EdgeShape, prefix: str) -> str:
    return f"{_object(shape.members, prefix)}::text"


def _object(members: tuple[Member, ...], prefix: str) -> str:
    """A JSON object of one row, as an expression."""
    columns = ", ".join(f'{_expression(member, prefix)} AS "{member.key}"' for member in members)
    return f"(SELECT row_to_json(o) FROM (SELECT {columns}) AS o)"  # noqa: S608  constant texts, checked names


def _expression(member: Member, prefix: str) -> str:
    if member.typename:
        return f"'{member.typename}'::text"
    if member.field in _OBJECTS:
        return _object(member.members, prefix)
    if member.field == "subjects":
        return _subjects(member)
    return _CURSOR.format(prefix=prefix) if member.field == "cursor" else _COLUMNS[member.field]


def _subjects(member: Member) -> str:
    """The first subjects in the statement's order, each with its digests in order."""
    columns = ", ".join(
        f"""{f"'{one.typename}'::text" if one.typename else _SUBJECT[one.field]} AS "{one.key}\""""
        for one in member.members
    )
    return (
        f"ARRAY(SELECT row_to_json(o) FROM (SELECT {columns} FROM evidence_subject s "  # noqa: S608  constant texts
        "WHERE s.tenant_id = e.tenant_id AND s.leaf_index = e.leaf_index AND s.position < 100 "
        f"GROUP BY s.position, s.name ORDER BY s.position LIMIT {member.first:d}) AS o)"
    )
