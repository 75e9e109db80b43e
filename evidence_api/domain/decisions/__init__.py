"""The closed table of decision kinds: predicate type -> everything the rest of the house knows of it.

A new kind is one file beside this one, its line here, its test, and its line in the documentation.
"""

from collections.abc import Mapping
from typing import Any

from evidence_api.domain.decisions import drift_watch
from evidence_api.domain.decisions.reperforming import DecisionKind

__all__ = ["DECISIONS"]

_KINDS: tuple[DecisionKind[Any], ...] = (drift_watch.KIND,)

DECISIONS: Mapping[str, DecisionKind[Any]] = {kind.predicate_type: kind for kind in _KINDS}
