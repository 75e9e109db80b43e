"""The facts of one release: the rows its catalog queries range over, as a pure function of its evidence.

Input is the release and the evidence it owns, in leaf order. Output is one `Row` per current piece of
evidence, plus the derived `attest` rows. What a row says is only ever a summary of signed bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from evidence_api.domain.evidence import Fact


@dataclass(frozen=True, slots=True)
class Row:
    """One row of one kind. `evidence` lists the evidence ids it rests on (one, or several for derived
    kinds); `facts` maps dotted paths to values, an absent path being unknown.
    `withheld` means the leaf is in the log but its body is gone (erased): it can never help to pass."""

    kind: str
    evidence: tuple[str, ...]
    subjects: tuple[str, ...]  # "algorithm:hex" of the release's subjects this row is about
    facts: Mapping[str, Fact]
    signer: str
    verified: bool
    predicate_type: str
    effective: datetime | None
    collected: datetime | None
    received: datetime
    withheld: bool = False
