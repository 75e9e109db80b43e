"""Reading the log itself: its leaves, and proofs that it only grew. No proof leaves that does not hold."""

from evidence_api.domain.errors import Refused
from evidence_api.domain.log_reading import Consistency, LeafView
from evidence_api.domain.merkle import verify_consistency
from evidence_api.domain.page import Page, Window
from evidence_api.store import read_leaves, read_log
from evidence_api.use_cases.read_session import ReadSession


async def leaves_page(session: ReadSession, window: Window, size: int) -> Page[LeafView]:
    """One page of the leaves of the tree of `size` leaves."""
    return await session.run(read_leaves.leaves, window, size)


async def prove_consistency(session: ReadSession, old_size: int, new_size: int) -> Consistency:
    """Proof that the tree of `new_size` leaves begins with that of `old_size`; both are within the log.

    Raises Refused `consistency_sizes` (from 0 there is none, and no tree shrinks), VerificationFailed.
    """
    if not 0 < old_size <= new_size:
        raise Refused(
            f"a proof leads from a size of 1 or more to one not smaller, not from {old_size} to {new_size}",
            code="consistency_sizes",
            path="from",
            limit=new_size,
            value=old_size,
        )
    found = await session.run(read_log.consistency, old_size, new_size)
    verify_consistency(old_size, new_size, found.old_root, found.new_root, found.proof)
    return found
