"""A pattern means the same in policy as in the code beside it."""

import random

import orjson

from evidence_api.domain.trust_rule import matches
from evidence_api.engines.files import read_texts, shipped
from evidence_api.engines.rego import RegoPool, policy_bundle

_ASKING = """\
package asking

import data.evidence.policy.trust
import rego.v1

fitting := [number |
	some number, pair in input
	trust.matches(pair[0], pair[1])
]
"""
_CHARACTERS = "aab**..\\\\[](){}+?^$|-/\n\tdwé€😀 "


async def test_policy_and_code_agree_on_what_fits() -> None:
    source = random.Random(20261120)  # noqa: S311  the same cases each time
    pairs = []
    for _ in range(1500):
        text = "".join(source.choices(_CHARACTERS, k=source.randrange(9)))
        starred = "".join("*" if source.random() < 0.3 else one for one in text)
        pairs += [[starred, text], ["".join(source.choices(_CHARACTERS, k=source.randrange(6))), text], [text, text]]
    trust = read_texts(shipped("policy"), (".rego",))["trust/trust.rego"]
    async with RegoPool(timeout=20) as rego:
        bundle = policy_bundle({"trust.rego": trust, "asking.rego": _ASKING})
        answer = await rego.evaluate(bundle, "data.asking.fitting", orjson.dumps(pairs))
    expected = [number for number, (pattern, text) in enumerate(pairs) if matches(pattern, text)]
    assert answer is not None
    assert orjson.loads(answer) == expected
    assert 1500 < len(expected) < len(pairs)
