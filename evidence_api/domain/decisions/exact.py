"""Numbers of a predicate as they are written: the double nearest to 0.1 stands for one tenth, exactly.

Where a rule has a threshold ("worse by more than 0.3", "twice as fast"), a figure that meets it exactly must not fall
on either side by the rounding of a subtraction: 0.8 - 0.5 is more than 0.3 in doubles, and not in the document.
"""

from fractions import Fraction

__all__ = ["exact"]


def exact(number: float) -> Fraction:
    """The shortest decimal that reads as `number`, as a fraction; what JSON has shown to whoever signed it.

    >>> exact(0.8) - exact(0.5) > exact(0.3), 0.8 - 0.5 > 0.3
    (False, True)
    """
    return Fraction(number) if isinstance(number, int) else Fraction(repr(float(number)))
