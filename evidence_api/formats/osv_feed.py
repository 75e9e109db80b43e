"""Records of an advisory feed: bytes found in a file become what the register keeps of each record."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from evidence_api.domain.digest import canonical, sha256_hex
from evidence_api.domain.errors import Malformed
from evidence_api.formats import strict_json
from evidence_api.formats.osv import read_advisory
from evidence_api.formats.packages import advisory_name


@dataclass(frozen=True, slots=True)
class FeedRecord:
    """One OSV record. `content` is its canonical JSON, `digest` the 32 bytes of that's SHA-256, `packages` the
    (ecosystem without release, name as looked up) pairs it is about, sorted; none once it is withdrawn."""

    id: str
    digest: bytes
    modified: datetime
    withdrawn: datetime | None
    content: bytes
    packages: tuple[tuple[str, str], ...]


def feed_records(content: bytes) -> Iterator[FeedRecord]:
    """The record, or the records of a JSON list, that the bytes hold.

    Raises Malformed, TooLarge (formats/osv.py): the whole of these bytes is refused.
    """
    document = strict_json.load(content, what="record")
    for one in document if isinstance(document, list) else [document]:
        if not isinstance(one, dict):
            raise Malformed("the record is not a JSON object", path="$")
        yield feed_record(one)


def feed_record(document: dict[str, Any]) -> FeedRecord:
    """One record. Raises Malformed, TooLarge."""
    advisory = read_advisory(document)
    kept = canonical(document)
    stated = ((one.ecosystem, one.name) for one in advisory.affected if one.ecosystem and one.name)
    named = {(ecosystem, advisory_name(ecosystem, name)) for ecosystem, name in stated}
    return FeedRecord(
        id=advisory.id,
        digest=bytes.fromhex(sha256_hex(kept)),
        modified=advisory.modified,
        withdrawn=advisory.withdrawn,
        content=kept,
        packages=() if advisory.withdrawn else tuple(sorted(named)),
    )
