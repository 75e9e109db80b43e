"""What a request says something is about: `?subject=<algorithm>:<hex>`, repeatable."""

from urllib.parse import parse_qsl

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.domain.statement import Subject
from evidence_api.formats.statement import read_resource

MAX_NAMED_SUBJECTS = 64


def named_subjects(query: bytes) -> tuple[Subject, ...]:
    """The subjects a query string names.

    Raises Malformed (another parameter, no digest), TooLarge (over 64).
    """
    given = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    if len(given) > MAX_NAMED_SUBJECTS:
        raise TooLarge("too many subjects are named", path="subject", limit=MAX_NAMED_SUBJECTS, value=len(given))
    subjects = []
    for index, (name, digest) in enumerate(given):
        if name != "subject":
            raise Malformed(f"no parameter {name[:80]!r} is known here, only subject", path="query", value=name[:80])
        algorithm, colon, value = digest.partition(":")
        if not colon:
            raise Malformed(f"subject is not <algorithm>:<hex>: {digest[:80]!r}", path="subject", value=digest[:80])
        subjects.append(read_resource({"digest": {algorithm: value}}, f"subject[{index}]"))
    return tuple(subjects)
