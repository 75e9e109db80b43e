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
            {id(self.rule(override.descriptor)): override.configuration.level for override in invocation.overrides}
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
        rule = self.rule(reference_of(result))
        if rule is None:
            return "warning"
        invocation = result.provenance.invocation if result.provenance else -1
        overrides = self._overrides[invocation] if 0 <= invocation < len(self._overrides) else {}
        return overrides.get(id(rule)) or (rule.default.level if rule.default else "warning")

    def rule(self, reference: RuleReference) -> Rule | None:
        """3.52: the rule at the place, else with the guid, else with the id or with an id it refines (`CA1/sub`)."""
        component = self._place(reference.component)
        rules = self._components[component].rules
        if 0 <= reference.index < len(rules):
            return rules[reference.index]
        if reference.guid is not None and reference.guid in self._by_guid[component]:
            return self._by_guid[component][reference.guid]
        known = self._by_id[component]
        return next((known[name] for name in _ids(reference.id) if name in known), None)

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


def rule_name(result: Result, rule: Rule | None) -> str:
    """The id of the rule a result is about, "" if it does not say."""
    stated = result.rule_id or (result.rule.id if result.rule else None)
    return stated or (rule.id if rule else "")


def reference_of(result: Result) -> RuleReference:
    """The rule a result names in any of the three ways (3.27.5 to 3.27.7)."""
    stated = result.rule or RuleReference()
    index = stated.index if stated.index >= 0 else result.rule_index
    return stated.model_copy(update={"index": index, "id": stated.id or result.rule_id})


def _ids(name: str | None) -> Iterator[str]:
    """3.52.4: `a/b/c` may refine the rule `a/b`, and that `a`."""
    for _ in range(_MOST_REFINED):
        if not name:
            return
        yield name
        name = name.rpartition("/")[0]
