"""The table of builtins against the pinned engine: a new engine that differs fails here, not in a policy."""

import re

import orjson
import pytest
import regorus

from evidence_api.engines.rego_extensions import EXTENSIONS
from evidence_api.engines.rego_jwt import JWT
from evidence_api.engines.rego_worker import evaluate, examine, load
from evidence_api.formats.rego_builtins import ADDED, ARITY, BANNED, LACKING, REPLACED, objection


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


@pytest.mark.parametrize("name", sorted(REPLACED))
def test_replaced_builtin_takes_what_the_engines_own_does(name: str) -> None:
    assert engine_arity(name) == EXTENSIONS[name][0] == ARITY[name]


@pytest.mark.parametrize("name", sorted(ADDED))
def test_added_builtin_is_not_the_engines_own(name: str) -> None:
    assert engine_arity(name) is None
    assert objection(name) is None
    assert EXTENSIONS[name][0] == ADDED[name]


# As OPA answers; the digests are those of RFC 1321, FIPS 180 and RFC 2202/4231 implementations everywhere.
ANSWERS = {
    "array.flatten([])": [],
    'array.flatten([[1, [2]], "a", {"b": 1}, [3]])': [1, [2], "a", {"b": 1}, 3],
    'crypto.md5("é")': "66ddcd97cfdeabb2f6fb8a999b4bc76f",
    'crypto.sha1("")': "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    'crypto.sha256("abc")': "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    'crypto.hmac.md5("what do ya want for nothing?", "Jefe")': "750c783e6ab0b503eaa86e310a5db738",
    'crypto.hmac.sha1("what do ya want for nothing?", "Jefe")': "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
    'crypto.hmac.sha256("what do ya want for nothing?", "Jefe")': "5bdcc146bf60754e6a042426089575c7"
    "5a003f089d2739839dec58b964ec3843",
    'substring(crypto.hmac.sha512("what do ya want for nothing?", "Jefe"), 0, 16)': "164b7a7bfcf819e2",
    'crypto.hmac.equal("a", "a")': True,
    'crypto.hmac.equal("a", "b")': False,
    'strings.count("aaaa", "aa")': 2,
    'strings.count("é√", "")': 3,
    'graph.reachable_paths({"a": {"b", "c"}, "b": ["a"], "c": []}, {"a"})': [["a", "b"], ["a", "c"]],
    'graph.reachable_paths({"a": ["a"]}, ["a"])': [["a", "a"]],
    'graph.reachable_paths({"a": ["x"]}, ["a", "z"])': [["a"]],
}


@pytest.mark.parametrize("call", ANSWERS)
def test_added_builtin_answers_as_opa(call: str) -> None:
    engine = load({"modules": {"p.rego": f"package p\nr := {call}\n"}, "data": "{}"})
    status, body = evaluate(engine.clone(), "data.p.r", b"")
    assert (status.name, orjson.loads(body)) == ("VALUE", ANSWERS[call])


@pytest.mark.parametrize(
    "call", ["array.flatten(1)", "crypto.sha256(1)", 'crypto.hmac.sha1("a", null)', 'crypto.hmac.equal("a", 1)']
)
def test_added_builtin_refuses_other_types(call: str) -> None:
    engine = load({"modules": {"p.rego": f"package p\nr := {call}\n"}, "data": "{}"})
    with pytest.raises(RuntimeError, match="expects"):
        evaluate(engine.clone(), "data.p.r", b"")


def test_tables_do_not_overlap() -> None:
    assert not set(ARITY) & (set(BANNED) | LACKING)
    assert not set(ADDED) & (set(ARITY) | set(BANNED) | LACKING)
    assert set(ARITY) >= REPLACED
    assert {name: arity for name, arity in ADDED.items() if name.startswith("io.jwt.")} == {
        name: arity for name, (arity, _) in JWT.items()
    }
    assert set(ADDED) | REPLACED == set(EXTENSIONS)


HS = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLCJleHAiOjEwMH0"
SIGN = 'io.jwt.encode_sign({"alg": "HS256"}, {"iss": "joe", "exp": 100}, {"kty": "oct", "k": "c2VjcmV0"})'


@pytest.mark.parametrize(
    ("wanted", "valid"),
    [
        ('{"secret": "secret", "time": 99000000000}', True),
        ('{"secret": "secret", "time": 100000000000}', False),
        ('{"secret": "other", "time": 0}', False),
        ('{"secret": "secret", "time": 0, "iss": "joe"}', True),
        ('{"secret": "secret", "time": 0, "iss": "ann"}', False),
        ('{"secret": "secret", "time": 0, "aud": "us"}', False),
        ('{"secret": "secret", "time": 0, "alg": "HS512"}', False),
    ],
)
def test_token_is_verified_as_opa_does(wanted: str, valid: bool) -> None:  # noqa: FBT001  a table's column
    call = f"token := {SIGN}\nr := io.jwt.decode_verify(token, {wanted})"
    engine = load({"modules": {"p.rego": f"package p\n{call}\n"}, "data": "{}"})
    found = orjson.loads(evaluate(engine.clone(), "data.p.r", b"")[1])
    assert found == ([True, {"alg": "HS256"}, {"iss": "joe", "exp": 100}] if valid else [False, {}, {}])


def test_result_of_an_added_builtin_may_be_an_argument() -> None:
    text = (
        'package p\nr := [x, y] if {\n\tcrypto.md5("a", x)\n\tio.jwt.verify_hs256(\n\t\t"a.b.", "k",\n\t\ty,\n\t)\n}\n'
    )
    faults, views = examine({"modules": {"p.rego": text}, "data": "{}"}, "")
    assert faults == []
    assert views["p.rego"].count("\n") == text.count("\n")
    assert 'x = crypto.md5("a")' in views["p.rego"]
    assert "y = io.jwt.verify_hs256(" in views["p.rego"]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ('io.jwt.decode("a.b")', "3 sections"),
        (f'io.jwt.decode_verify("{HS}.", {{}})', "exactly one"),
        ('io.jwt.decode_verify("a.b.c", {"secret": "s", "nbf": 1})', "unknown token"),
        (f'io.jwt.decode_verify({SIGN}, {{"secret": "secret"}})', "no clock"),
        (f'io.jwt.verify_rs256("{HS}.AA", "{{}}")', "of a JWK"),
        ('io.jwt.encode_sign({"alg": "PS256"}, {}, {"kty": "oct", "k": "c2VjcmV0"})', "by chance"),
    ],
)
def test_token_builtin_errors(call: str, says: str) -> None:
    engine = load({"modules": {"p.rego": f"package p\nr := {call}\n"}, "data": "{}"})
    with pytest.raises(RuntimeError, match=says):
        evaluate(engine.clone(), "data.p.r", b"")
