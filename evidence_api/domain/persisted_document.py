"""A GraphQL document a tenant registered: clients name it by its digest instead of sending its text."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PersistedDocument:
    """`digest` is "sha256:<hex>" of the text in UTF-8; `registered_by` the kind and id of a principal."""

    digest: str
    text: str
    name: str
    registered_by: str
    registered_at: datetime
