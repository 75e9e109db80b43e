"""Trust rules as people keep them: YAML to rules with every fault's place, and rules to YAML again.

A file is one mapping with the key `rules`, a list. A rule has a name, an `issuer` or a `key`, the claims of
domain/trust_rule.py beside them, and `predicate_types`, `subjects` and `allow` as lists.
"""

from collections.abc import Iterable
from typing import Any

import yaml

from evidence_api.domain.errors import InvalidSource, Malformed, SourceFault
from evidence_api.domain.trust_rule import CLAIMS, MAX_RULES, MISLEADING, PERMISSIONS, SPELLINGS, TrustRule, faults
from evidence_api.formats.catalog_fields import Fields, Sink
from evidence_api.formats.where_types import nearest
from evidence_api.formats.yaml_source import Node, documents

_CLAIM_KEYS = (*CLAIMS, *SPELLINGS)


def parse_rules(text: str, file: str) -> tuple[TrustRule, ...]:
    """The rules of one file, in its order, names all different. Raises InvalidSource with every fault."""
    found: list[SourceFault] = []
    sink = Sink(file, found)
    rules: list[TrustRule] = []
    for document in documents(text, file, found):
        top = Fields(document, sink, "file of trust rules")
        items = top.items("rules")
        top.close()
        for item in items[: MAX_RULES + 1]:
            rules.append(_rule(item, sink, {rule.name for rule in rules}))
    if len(rules) > MAX_RULES:
        found.append(SourceFault(file, 1, 1, "too_large", f"more than {MAX_RULES} rules"))
    if found:
        raise InvalidSource(found)
    return tuple(rules)


def claim_named(name: str) -> str:
    """A claim under the name rules use. Raises Malformed (with the nearest) for one there is not."""
    if name in MISLEADING:
        raise Malformed(f"{name} names the fork when a merge request comes from one; use {MISLEADING[name]}", path=name)
    if name not in _CLAIM_KEYS:
        raise Malformed(f"there is no claim {name[:60]!r}; {nearest(name, _CLAIM_KEYS) or 'see --help'}", path=name)
    return SPELLINGS.get(name, name)


def format_rules(rules: Iterable[TrustRule]) -> str:
    """The file that `parse_rules` reads these rules from."""
    return yaml.safe_dump({"rules": [_written(rule) for rule in rules]}, sort_keys=False, allow_unicode=True, width=110)


def _rule(node: Node, sink: Sink, names: set[str]) -> TrustRule:
    fields = Fields(node, sink, "trust rule")
    claims = {}
    for spelled in [key for key in fields.values if key in _CLAIM_KEYS]:
        name = SPELLINGS.get(spelled, spelled)
        if name in claims:
            sink.at(fields.values[spelled][0], "duplicate_key", f"'{spelled}' is {name}, which is said already")
        claims[name] = fields.text(spelled, required=True)
    rule = TrustRule(
        id=None,
        name=fields.text("name", required=True),
        issuer=fields.text("issuer"),
        identity=fields.text("identity"),
        claims=claims,
        key_id=fields.text("key"),
        predicate_types=fields.words("predicate_types"),
        subjects=fields.words("subjects"),
        allow=fields.words("allow", PERMISSIONS),
    )
    for name, better in MISLEADING.items():
        if fields.node_of(name) is not None:
            message = f"'{name}' names the fork when a merge request comes from one"
            sink.at(fields.values[name][0], "misleading_claim", message, f"use {better}")
    fields.asked.extend(_CLAIM_KEYS)  # so that a misspelt one is told the nearest
    fields.close()
    _judge(fields, sink, rule, names)
    return rule


def _judge(fields: Fields, sink: Sink, rule: TrustRule, names: set[str]) -> None:
    """Faults of the rule as a whole, each at its key where it has one."""
    if rule.name and rule.name in names:
        sink.at(fields.values["name"][1], "duplicate_name", f"two rules are called '{rule.name[:80]}'")
    for key, message in faults(rule):
        spelled = next((one for one in fields.values if SPELLINGS.get(one, one) == key), None)
        sink.at(fields.values[spelled][1] if spelled else fields.node, "bad_rule", message)


def _written(rule: TrustRule) -> dict[str, Any]:
    """The keys of a rule that say something, in the order people write them."""
    lists = {"predicate_types": rule.predicate_types, "subjects": rule.subjects, "allow": rule.allow}
    texts = {"name": rule.label, "issuer": rule.issuer, "key": rule.key_id, "identity": rule.identity, **rule.claims}
    return {key: value for key, value in texts.items() if value} | {key: list(one) for key, one in lists.items() if one}
