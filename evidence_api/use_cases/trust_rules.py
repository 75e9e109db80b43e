"""What an operator does with trust rules: add, list and end them, bring them to what a file says, ask what they mean.

Ending is for the future: what a rule let in stays, and the row stays on record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from evidence_api.domain.decision import Decision
from evidence_api.domain.errors import Conflict, Malformed, NotFound, TooLarge
from evidence_api.domain.evidence import Checked
from evidence_api.domain.principal import Principal, TenantScope
from evidence_api.domain.registry import RegisteredRule
from evidence_api.domain.trust_rule import MAX_RULES, TrustRule, faults
from evidence_api.engines.clock import Clock
from evidence_api.engines.sigstore import AnyIdentity
from evidence_api.formats import upload as uploads
from evidence_api.store import trust, trust_rules
from evidence_api.store.session import Connection, Database
from evidence_api.use_cases.admit import Admission
from evidence_api.use_cases.check import read_checked, verify
from evidence_api.use_cases.trust import TrustBook

_OPERATOR_RIGHTS = frozenset({"evidence:write"})


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One step from the rules in force to those of a file. `note` warns of what it does besides."""

    change: Literal["add", "change", "remove", "keep"]
    name: str
    before: TrustRule | None
    after: TrustRule | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What admission would say of a document, and of whom."""

    checked: Checked
    decision: Decision


class TrustRules:
    """A tenant's trust rules, for its administrators."""

    def __init__(self, database: Database, book: TrustBook, admission: Admission, clock: Clock) -> None:
        self._database = database
        self._book = book
        self._admission = admission
        self._clock = clock

    async def every(self, scope: TenantScope) -> tuple[RegisteredRule, ...]:
        """All rules, ended ones too, oldest first."""
        async with self._database.tenant(scope) as connection:
            return await trust_rules.every(connection, scope)

    async def named(self, scope: TenantScope, name: str) -> TrustRule:
        """The active rule of a name (or id). Raises NotFound, Conflict when several rules have no other name."""
        async with self._database.tenant(scope) as connection:
            return _named(await trust_rules.active(connection, scope), name)

    async def add(self, scope: TenantScope, rule: TrustRule) -> TrustRule:
        """Put a rule into force. Raises Malformed, NotFound (its key is not registered), Conflict, TooLarge."""
        async with self._database.tenant(scope) as connection:
            active = await trust_rules.active(connection, scope)
            if len(active) >= MAX_RULES:
                raise TooLarge("the tenant has as many trust rules as may be", limit=MAX_RULES, value=len(active) + 1)
            await _check(connection, scope, [rule])
            return replace(rule, id=await trust_rules.add(connection, scope, rule, at=self._clock.now()))

    async def remove(self, scope: TenantScope, name: str) -> RuleChange:
        """End an active rule, named by name or id. Raises NotFound, Conflict."""
        async with self._database.tenant(scope) as connection:
            active = await trust_rules.active(connection, scope)
            rule = _named(active, name)
            await trust_rules.revoke(connection, scope, _id(rule), self._clock.now())
        left = [one for one in active if one is not rule]
        return RuleChange("remove", rule.label, rule, None, _freed(rule, left))

    async def apply(self, scope: TenantScope, wanted: Sequence[TrustRule], *, dry_run: bool) -> tuple[RuleChange, ...]:
        """Make these the rules in force: new ones are added, others changed or ended. Gives the steps, also of a dry
        run, which does none. Raises as `add` does; then nothing has changed.

        Commit point: all steps in one transaction. A changed rule is ended and added anew, so its past stays on record.
        """
        async with self._database.tenant(scope) as connection:
            await _check(connection, scope, wanted)
            steps = _steps(await trust_rules.active(connection, scope), wanted)
            now = self._clock.now()
            for step in steps if not dry_run else ():
                if step.before is not None and step.change != "keep":
                    await trust_rules.revoke(connection, scope, _id(step.before), now)
            for step in steps if not dry_run else ():
                if step.after is not None and step.change != "keep":
                    await trust_rules.add(connection, scope, step.after, at=now)
        return steps

    async def explain(self, scope: TenantScope, body: bytes) -> Explanation:
        """What admission would say of this document, whoever signed it. Raises Refused for what cannot be read."""
        trusted = await self._book.of(scope)
        upload = uploads.recognise(body)
        checked = read_checked(body, upload, verify(upload, trusted, identities=AnyIdentity()))
        asking = Principal("operator", "operator", scope, _OPERATOR_RIGHTS)
        return Explanation(checked, await self._admission.decide(asking, checked))


def _steps(active: Sequence[TrustRule], wanted: Sequence[TrustRule]) -> tuple[RuleChange, ...]:
    """What is to be done, in the order of the file, then what it no longer has."""
    known: Mapping[str, TrustRule] = {rule.label: rule for rule in reversed(active)}
    names = {rule.name for rule in wanted}
    steps = []
    for rule in wanted:
        before = known.get(rule.name)
        if before is None:
            steps.append(RuleChange("add", rule.name, None, rule, _bound(rule, active)))
        else:
            same = before.content() == rule.content()
            note = "" if same else _freed(before, wanted)
            steps.append(RuleChange("keep" if same else "change", rule.name, before, rule, note))
    kept = {step.before.id for step in steps if step.before is not None}
    gone = [rule for rule in active if rule.label not in names or rule.id not in kept]
    steps += [RuleChange("remove", rule.label, rule, None, _freed(rule, wanted)) for rule in gone]
    return tuple(steps)


def _freed(ended: TrustRule, left: Sequence[TrustRule]) -> str:
    """A warning where a key is left without any rule: it is trusted for everything then."""
    if not ended.key_id or any(rule.key_id == ended.key_id for rule in left):
        return ""
    return f"no rule names key {ended.key_id} any more: while it is registered it is trusted for everything"


def _bound(new: TrustRule, active: Sequence[TrustRule]) -> str:
    if not new.key_id or any(rule.key_id == new.key_id for rule in active):
        return ""
    return f"key {new.key_id} was trusted for everything, and is now for what its rules say"


async def _check(connection: Connection, scope: TenantScope, rules: Sequence[TrustRule]) -> None:
    """Raises Malformed, and NotFound for a key that is not registered: a rule about a misspelt key would leave the real
    one trusted for everything."""
    for rule in rules:
        for key, message in faults(rule):
            raise Malformed(f"rule {rule.label[:80]!r}: {message}", path=key)
    registered = {key.key_id for key in await trust.active_keys(connection, scope)}
    for rule in rules:
        if rule.key_id and rule.key_id not in registered:
            raise NotFound(f"rule {rule.label[:80]!r} is about key {rule.key_id[:80]}, which is not registered")


def _named(active: Sequence[TrustRule], name: str) -> TrustRule:
    found = [rule for rule in active if name in {rule.label, str(rule.id)}]
    if not found:
        raise NotFound(f"no active trust rule {name[:80]!r}")
    if len(found) > 1:
        raise Conflict(f"{len(found)} rules are called {name[:80]!r}; name one by its id", value=len(found), limit=1)
    return found[0]


def _id(rule: TrustRule) -> UUID:
    if rule.id is None:
        raise NotFound(f"trust rule {rule.label!r} is not stored")
    return rule.id
