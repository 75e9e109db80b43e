import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from license_expression import get_spdx_licensing

from evidence_api.formats.spdx_expression import is_licence_expression

LICENSING = get_spdx_licensing()
NAMES = st.sampled_from(["MIT", "Apache-2.0", "GPL-2.0+", "LicenseRef-ours", "DocumentRef-x:LicenseRef-1.0"])
EXPRESSIONS = st.recursive(
    NAMES | st.just("GPL-2.0-only WITH Classpath-exception-2.0"),
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["AND", "OR"]), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "text",
    [
        "MIT",
        "NONE",
        "NOASSERTION",
        "GPL-2.0+",
        "(MIT)",
        " MIT AND (ISC OR 0BSD) ",
        "GPLv2+ and LGPLv2+",
        "GPL-2.0-or-later WITH Classpath-exception-2.0 AND MIT",
        "(GPL-2.0-only WITH GCC-exception-2.0)",
        "DocumentRef-spdx-tool-1.2:LicenseRef-MIT-Style-2",
    ],
)
def test_expressions(text: str) -> None:
    assert is_licence_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "()", "(MIT", "MIT)", ")MIT(", "MIT AND", "AND MIT", "MIT MIT", "Public Domain", "MIT, ISC"),
        *(
            "MIT (ISC)",
            "(MIT) ISC",
            "MIT AND OR ISC",
            "MIT WITH",
            "WITH MIT",
            "(MIT) WITH x",
            "MIT WITH (x)",
            "MIT WITH a+",
        ),
        *("MIT WITH a WITH b", "GPL+2", "+", "a:b", "LicenseRef-", "MIT\x00", "MIT/ISC", "https://example.org"),
    ],
)
def test_other_texts(text: str) -> None:
    assert not is_licence_expression(text)


@settings(deadline=None, max_examples=80)
@given(EXPRESSIONS)
def test_whatever_the_grammar_makes_is_one_and_the_comparing_library_agrees(text: str) -> None:
    assert is_licence_expression(text)
    assert LICENSING.parse(text) is not None


@given(st.text("MITANDORWITH()+-. ", max_size=40))
def test_any_text_has_an_answer(text: str) -> None:
    assert is_licence_expression(text) in {True, False}


def test_parentheses_without_end_take_no_recursion() -> None:
    begun = time.perf_counter()
    assert is_licence_expression("(" * 4_000 + "MIT" + ")" * 4_000)
    assert not is_licence_expression("(" * 8_000)
    assert time.perf_counter() - begun < 5
