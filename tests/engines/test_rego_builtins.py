"""The table of builtins against the pinned engine: a new engine that differs fails here, not in a policy."""

import re

import pytest
import regorus

from evidence_api.formats.rego_builtins import ARITY, BANNED, LACKING, WRONG, objection


def engine_arity(name: str) -> int | None:
    """How many arguments the engine says a builtin takes; None when it has none of that name."""
    engine = regorus.Engine()
    try:
        engine.add_policy("p.rego", f"package p\nr := {name}(1, 1, 1, 1, 1, 1, 1)\n")
        engine.eval_rule_as_json("data.p.r")
    except RuntimeError as fault:
        found = re.search(r"expects (\d+) argument", str(fault))
        return int(found[1]) if found else None
    return 0


@pytest.mark.parametrize("name", sorted(ARITY))
def test_allowed_builtin_is_there(name: str) -> None:
    assert engine_arity(name) == ARITY[name]
    assert objection(name) is None


@pytest.mark.parametrize("name", sorted(LACKING))
def test_lacking_builtin_is_not_there(name: str) -> None:
    assert engine_arity(name) is None
    assert objection(name) is not None


@pytest.mark.parametrize("name", sorted(BANNED))
def test_banned_builtin_is_refused(name: str) -> None:
    refused = objection(name)
    assert refused is not None
    assert refused[0] == "banned_builtin"


@pytest.mark.parametrize("name", sorted(WRONG))
def test_wrong_builtin_is_there_and_refused(name: str) -> None:
    assert engine_arity(name) is not None
    refused = objection(name)
    assert refused is not None
    assert refused[0] == "wrong_builtin"


def test_tables_do_not_overlap() -> None:
    assert not set(ARITY) & (set(BANNED) | set(WRONG) | LACKING)
