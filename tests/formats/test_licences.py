import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.formats.licences import LICENCE_CLASSES, MAX_EXPRESSION, licence_class, normal_licence

EQUAL = (
    ("MIT OR Apache-2.0", "Apache-2.0 OR MIT"),
    ("mit", "MIT"),
    ("MIT  or\nApache-2.0", "Apache-2.0 OR MIT"),
    ("GPL-2.0", "GPL-2.0-only"),
    ("GPL-2.0+", "GPL-2.0-or-later"),
    ("(MIT AND (BSD-3-Clause))", "BSD-3-Clause AND MIT"),
    ("MIT AND MIT", "MIT"),
    ("NOASSERTION", ""),
)
DIFFERENT = (
    ("GPL-2.0-only", "LGPL-2.0-only"),
    ("GPL-2.0-only", "GPL-2.0-or-later"),
    ("MIT OR Apache-2.0", "MIT AND Apache-2.0"),
    ("GPL-2.0-only", "GPL-2.0-only WITH Classpath-exception-2.0"),
    ("LicenseRef-MIT", "MIT"),
    ("LicenseRef-MIT-TC", "MIT"),
    ("Apache License 2.0", "Apache-2.0"),
)
CLASSES = (
    ("Unlicense", "public-domain"),
    ("MIT", "permissive"),
    ("LGPL-2.1-only", "weak-copyleft"),
    ("LGPL-3.0-or-later", "weak-copyleft"),
    ("MPL-2.0", "weak-copyleft"),
    ("GPL-3.0-only", "copyleft"),
    ("GPL-2.0", "copyleft"),
    ("GPL-2.0-only WITH Classpath-exception-2.0", "weak-copyleft"),
    ("AGPL-3.0-only", "network-copyleft"),
    ("SSPL-1.0", "network-copyleft"),
    ("BUSL-1.1", "restricted"),
    ("MIT OR GPL-2.0-only", "permissive"),
    ("MIT AND GPL-2.0-only", "copyleft"),
    ("LicenseRef-own OR MIT", "permissive"),
    ("LicenseRef-own AND MIT", "unknown"),
    ("LicenseRef-GPL-2.0", "unknown"),
    ("GNU General Public License", "unknown"),
    ("not (a licence", "unknown"),
    ("MIT AND", "unknown"),
    ("", "unknown"),
)


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_expressions_that_say_the_same_have_one_form(one: str, other: str) -> None:
    assert normal_licence(one) == normal_licence(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_other_licences_stay_other_licences(one: str, other: str) -> None:
    assert normal_licence(one) != normal_licence(other)


@pytest.mark.parametrize(("text", "expected"), CLASSES)
def test_classes_go_by_exact_spdx_id(text: str, expected: str) -> None:
    assert licence_class(text) == expected
    assert expected in LICENCE_CLASSES


def test_a_text_that_is_no_expression_or_too_long_or_too_deep_stays_text() -> None:
    assert normal_licence("See  the file\tLICENSE") == "See the file LICENSE"
    assert normal_licence("(" * 30 + "MIT" + ")" * 30) == "(" * 30 + "MIT" + ")" * 30
    long = " OR ".join(["MIT"] * MAX_EXPRESSION)
    assert normal_licence(long) == long


_IDS = st.sampled_from(["MIT", "Apache-2.0", "GPL-2.0-only", "LGPL-2.1+", "LicenseRef-x", "BSD-3-Clause", "odd"])
_EXPRESSIONS = st.recursive(
    _IDS,
    lambda inner: st.tuples(inner, st.sampled_from([" AND ", " OR "]), inner).map(lambda one: f"({''.join(one)})"),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(_EXPRESSIONS | st.text(max_size=40))
def test_the_one_form_is_its_own_one_form_and_of_the_same_class(text: str) -> None:
    once = normal_licence(text)
    assert normal_licence(once) == once
    assert licence_class(text) in LICENCE_CLASSES
