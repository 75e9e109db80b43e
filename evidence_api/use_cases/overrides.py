"""Overrides at the door: after admission, and of this kind alone, two more questions.

1. the control it names is one of the catalog in force, and is run                  otherwise nothing would be waived
2. area `override` of the policy (Rego): who asked, approved and signed, and for how long
The decision is put on record with the evidence it let in, or with the refusal.
"""

from collections.abc import Mapping
from difflib import get_close_matches

from evidence_api.domain.control import Catalog, Control
from evidence_api.domain.decision import Decision
from evidence_api.domain.errors import Inadmissible
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.rfc3339 import format_rfc3339
from evidence_api.domain.verification import KeySigner, Verified
from evidence_api.domain.waiver import OVERRIDE
from evidence_api.engines.clock import Clock
from evidence_api.store.batch import Draft
from evidence_api.use_cases.decide import Gate

_NOT_RUN = frozenset({"draft", "retired"})
_COPIED = ("control", "rule", "reason", "owner", "requester", "approver", "from", "until")


class OverrideDenied(Inadmissible):
    """Area `override` said no; `decision` is its whole answer."""

    def __init__(self, decision: Decision) -> None:
        """Tell the reasons, and keep the decision for the record."""
        text = "; ".join(decision.reasons) or "policy gave no reason"
        super().__init__(
            f"override denied: {text}",
            rules=list(decision.rules),
            reasons=list(decision.reasons),
            decision=decision.id,
        )
        self.decision = decision


class Overrides:
    """Says of each override whether it may be recorded."""

    def __init__(self, gate: Gate, catalog: Catalog, clock: Clock) -> None:
        self._gate = gate
        self._controls = {control.id: control for control in catalog.controls}
        self._clock = clock

    async def admit(self, scope: TenantScope, made: Draft) -> tuple[Decision, ...]:
        """The decision that lets an override in; none for every other kind, which is not asked about.

        Raises Inadmissible `unknown_control`, `control_not_run`; OverrideDenied; Undecided.
        """
        if made.kind != OVERRIDE:
            return ()
        check_control(str(made.facts.get("control", "")), self._controls)
        at = format_rfc3339(self._clock.now())
        decision = await self._gate.decide("override", question(made, at), scope=scope)
        if not decision.allow:
            raise OverrideDenied(decision)
        return (decision,)


def check_control(named: str, controls: Mapping[str, Control]) -> None:
    """Refuse an override that waives nothing; "" is one of a policy rule. Raises Inadmissible `unknown_control` with
    the nearest name, `control_not_run` (a draft, or retired)."""
    if not named:
        return
    control = controls.get(named)
    if control is None:
        near = get_close_matches(named, controls, 1)
        hint = f"; the nearest is {near[0]}" if near else ""
        raise Inadmissible(
            f"the override matches nothing: there is no control {named[:200]!r}{hint}",
            code="unknown_control",
            path="predicate.control",
            value=named[:200],
            nearest=near[0] if near else None,
        )
    if control.state in _NOT_RUN:
        hint = f"; it was replaced by {control.replaced_by}" if control.replaced_by else ""
        raise Inadmissible(
            f"the override matches nothing: control {named} is {control.state}, so it is not run{hint}",
            code="control_not_run",
            path="predicate.control",
            value=named,
            nearest=control.replaced_by or None,
        )


def question(made: Draft, at: str) -> dict[str, str]:
    """The input of area `override` (policy/override/override.rego)."""
    facts, result = made.facts, made.verification
    signer = result.signer if isinstance(result, Verified) else None
    asked = {name: str(facts[name]) for name in _COPIED if name in facts}
    asked |= {"scope": str(facts.get("scope", "")), "at": at, "signer": signer.label if signer else ""}
    if isinstance(signer, KeySigner):
        asked["key_id"] = signer.key_id
    if made.effective is not None:
        asked["decided"] = format_rfc3339(made.effective)
    return asked
