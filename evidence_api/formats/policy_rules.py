"""The rule ids a policy can answer with: what is written in its modules as text, so that silence can be told.

A rule id is a string of the form <area>.<name> in a module of the package evidence.policy.<area>, or of one below it.
Ids that a policy makes while it decides (of a trust rule, say) are not among them.
"""

import re
from collections.abc import Mapping

# What may hold a string that is none (comments, raw strings), or is one.
_TOKEN = re.compile(r'"((?:[^"\\\n]|\\.)*)"|`[^`]*`|#[^\n]*')
_PACKAGE = re.compile(r"\A(?:\s|#[^\n]*)*package\s+evidence\.policy\.(\w+)")
_NAME = r"\.[a-z0-9_]+(?:\.[a-z0-9_]+)*"


def rule_ids(modules: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    """(area, rule id) of every rule id in the modules (path -> text)."""
    found: set[tuple[str, str]] = set()
    for text in modules.values():
        package = _PACKAGE.match(text)
        if package is not None:
            area = package[1]
            form = re.compile(re.escape(area) + _NAME)
            said = (token[1] for token in _TOKEN.finditer(text) if token[1] is not None)
            found.update((area, one) for one in said if form.fullmatch(one))
    return frozenset(found)
