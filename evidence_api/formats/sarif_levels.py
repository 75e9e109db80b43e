"""Reading static analysis, what a result weighs: its level, and whether it still counts.

Source: OASIS SARIF 2.1.0 sections 3.27.10 (level), 3.27.23 (suppressions), 3.27.24 (baselineState), 3.52 (which rule).
"""

from collections.abc import Iterator

from evidence_api.formats.sarif import ComponentReference, Level, Result, Rule, RuleReference, Run

_MOST_REFINED = 8  # parts of a hierarchical rule id


class Levels:
    """The rules of one run, looked up by place, guid and id; every look-up takes constant time."""

    def __init__(self, run: Run) -> None:
        """Index the rules of the tool and its extensions, and how the invocations set them differently."""
        self._components = (run.tool.driver, *run.tool.extensions)
        self._by_id = [{rule.id: rule for rule in component.rules} for component in self._components]
        self._by_guid = [{rule.guid: rule for rule in component.rules if rule.guid} for component in self._components]
        self._places = {key: place for place, one in enumerate(self._components) for key in (one.name, one.guid) if key}
        self._overrides = [
            {
                id(self._described(override.descriptor)): override.configuration.level
                for override in invocation.overrides
            }
            for invocation in run.invocations
        ]

    def level(self, result: Result) -> Level:
        """3.27.10: what the result says; `none` unless it is a failure; what the rule is set to; `warning`.

        A result that is no failure and yet states a level contradicts itself: the level is taken, as the worse.
        """
        if result.level is not None:
            return result.level
        if result.kind != "fail":
            return "none"
        rule = self.rule_of(result)
        if rule is None:
            return "warning"
        invocation = result.provenance.invocation if result.provenance else -1
        overrides = self._overrides[invocation] if 0 <= invocation < len(self._overrides) else {}
        return overrides.get(id(rule)) or (rule.default.level if rule.default else "warning")

    def rule_of(self, result: Result) -> Rule | None:
        """The rule a result names in any of the three ways (3.27.5 to 3.27.7)."""
        stated = result.rule
        if stated is None:
            return self._find(0, result.rule_index, None, result.rule_id)
        index = stated.index if stated.index >= 0 else result.rule_index
        return self._find(self._place(stated.component), index, stated.guid, stated.id or result.rule_id)

    def _find(self, component: int, index: int, guid: str | None, name: str | None) -> Rule | None:
        """3.52: the rule at the place, else with the guid, else with the id or with an id it refines (`CA1/sub`)."""
        rules = self._components[component].rules
        if 0 <= index < len(rules):
            return rules[index]
        if guid is not None and guid in self._by_guid[component]:
            return self._by_guid[component][guid]
        known = self._by_id[component]
        return next((known[one] for one in _ids(name) if one in known), None)

    def _described(self, reference: RuleReference) -> Rule | None:
        """The rule an override is for."""
        return self._find(self._place(reference.component), reference.index, reference.guid, reference.id)

    def _place(self, reference: ComponentReference | None) -> int:
        """3.54: the place of the component meant; the driver unless another is named."""
        if reference is None:
            return 0
        if 0 <= reference.index < len(self._components) - 1:
            return reference.index + 1
        return self._places.get(reference.guid or reference.name or "", 0)


def suppressed(result: Result) -> bool:
    """3.27.23: there is a suppression, and none that is under review or was rejected."""
    return bool(result.suppressions) and all(one.status == "accepted" for one in result.suppressions or ())


def rule_name(result: Result, rules: Levels) -> str:
    """The id of the rule a result is about, "" if it does not say."""
    stated = result.rule_id or (result.rule.id if result.rule else None)
    if stated:
        return stated
    rule = rules.rule_of(result)
    return rule.id if rule else ""


def _ids(name: str | None) -> Iterator[str]:
    """3.52.4: `a/b/c` may refine the rule `a/b`, and that `a`."""
    for _ in range(_MOST_REFINED):
        if not name:
            return
        yield name
        name = name.rpartition("/")[0]
