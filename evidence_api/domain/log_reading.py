"""What a reader is shown of the log itself: flat read models, filled by the store."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LeafView:
    """One leaf. `leaf` and `leaf_hash` are what proofs are about; `erased` says that the body is gone."""

    leaf_index: int
    evidence_id: str
    kind: str
    received: datetime
    erased: bool
    leaf: bytes = field(repr=False)
    leaf_hash: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Consistency:
    """What proves that the tree of `new_size` leaves begins with that of `old_size`. Hashes are 32 raw bytes."""

    old_size: int
    new_size: int
    old_root: bytes
    new_root: bytes
    proof: tuple[bytes, ...]
