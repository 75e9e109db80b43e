"""Remediation: what is done next about a contract that is unmet, as an action ready to be signed.

  1. a table of the operator's says which action answers which condition, the first pattern that fits
  2. of several unmet conditions the gravest action is taken: what contains damage comes before what tries again
  3. tries are counted and bounded; when they are used up, people are called: `open_incident`
The result is the predicate of `urn:evidence-api:action:v1`, without `producer` and `decidedAt`.
"""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal, TypeAlias, get_args

from evidence_api.domain.decisions.contract_result import check, unmet_text
from evidence_api.domain.decisions.reperforming import out_of_domain

Action: TypeAlias = Literal[
    "quarantine",
    "rollback",
    "open_incident",
    "downshift",
    "raise_budget",
    "escalate_tests",
    "file_adr",
    "retry_alt_arm",
]
Table: TypeAlias = Sequence[tuple[str, Action]]

GRAVEST_FIRST: tuple[Action, ...] = get_args(Action)
DEFAULT_TABLE: Table = (
    ("vuln*", "quarantine"),
    ("secret*", "quarantine"),
    ("signature*", "quarantine"),
    ("error*", "rollback"),
    ("availability*", "rollback"),
    ("slo*", "rollback"),
    ("cost*", "downshift"),
    ("*_usd", "downshift"),
    ("budget*", "downshift"),
    ("risk*", "escalate_tests"),
    ("coverage*", "escalate_tests"),
    ("design*", "file_adr"),
    ("adr*", "file_adr"),
    ("*", "retry_alt_arm"),
)
MOST_ATTEMPTS = 3
_LONGEST = 1024  # characters of a justification


def remediate(  # noqa: PLR0913  the contract, what is known of it, and three choices of the operator's
    contract_id: str,
    post: Mapping[str, Any],
    measured: Mapping[str, Any],
    *,
    actor: str,
    attempts: int = 0,
    table: Table = DEFAULT_TABLE,
    most_attempts: int = MOST_ATTEMPTS,
) -> dict[str, str] | None:
    """The next action, or None when the contract is met. `attempts` is how many were made before.

    >>> post = {"tests": "pass", "risk": {"lt": 0.65}}
    >>> done = remediate("node-impl-42", post, {"tests": "pass", "risk": 0.9}, actor="maestro", attempts=1)
    >>> done["action"], done["target"]
    ('escalate_tests', 'node-impl-42')
    >>> done["justification"]
    'risk is 0.9 and should be lt 0.65; attempt 2 of 3'
    >>> remediate("node-impl-42", post, {"tests": "fail", "risk": 0.9}, actor="maestro", attempts=3)["action"]
    'open_incident'

    Raises Malformed `out_of_domain`: a condition or a measurement that cannot be compared at all, a negative number of
    attempts, an action nobody knows.
    """
    if attempts < 0:
        raise out_of_domain("attempts", "a count is needed", value=attempts)
    for index, (_, known) in enumerate(table):
        if known not in GRAVEST_FIRST:
            raise out_of_domain(f"table.{index}", f"no action is called {known!r}")
    unmet = check(post, measured)
    if not unmet:
        return None
    used_up = attempts >= most_attempts
    action: Action = "open_incident" if used_up else min((_answer(name, table) for name in unmet), key=_gravity)
    counted = f"unmet after {attempts} attempts" if used_up else f"attempt {attempts + 1} of {most_attempts}"
    told = "; ".join(unmet_text(post, measured, name) for name in unmet)
    room = _LONGEST - len(counted) - 2
    cut = told if len(told) <= room else f"{told[: room - 3]}..."
    return {"action": action, "actor": actor, "target": contract_id, "justification": f"{cut}; {counted}"}


def _answer(condition: str, table: Table) -> Action:
    """The table's first word on a condition; where it has none, it is tried again."""
    return next((action for pattern, action in table if fnmatchcase(condition, pattern)), "retry_alt_arm")


def _gravity(action: Action) -> int:
    return GRAVEST_FIRST.index(action)
