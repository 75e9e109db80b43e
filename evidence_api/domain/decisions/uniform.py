"""Chance that anybody can repeat: a number in (0, 1) that depends on words alone.

The parts joined by `:`, SHA-256 of them, its first 8 bytes big-endian, shifted right by 11 and
divided by 2^53, kept within [2^-53, 1 - 2^-53] so that an inverse distribution function has a finite value there.
"""

from hashlib import sha256

_STEPS = 2**53  # the doubles of one binade: every step is exact in any language with IEEE 754


def uniform(*parts: str) -> float:
    """The number that belongs to the parts, in their order.

    >>> uniform("seed-0", "pr-77", "a1")
    0.7328690358059539
    """
    digest = sha256(":".join(parts).encode()).digest()
    step = int.from_bytes(digest[:8], "big") >> 11
    return min(max(step, 1), _STEPS - 1) / _STEPS
