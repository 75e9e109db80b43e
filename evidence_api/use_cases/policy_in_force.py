"""The policy the server is loaded with, as readers are told of it: its digest, and the ids of its rules."""

from dataclasses import dataclass
from typing import Self

from evidence_api.engines.rego import PolicyBundle
from evidence_api.formats.policy_rules import rule_ids


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """`rules` are (area, rule id) of every rule a module can answer with; `digest` names the policy bundle."""

    digest: str
    rules: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, policy: PolicyBundle) -> Self:
        """Read its modules, once."""
        return cls(policy.digest, rule_ids(policy.modules))
