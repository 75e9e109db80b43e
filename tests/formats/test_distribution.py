"""Names of Python distributions compare in their normal form."""

import pytest

from evidence_api.formats.distribution import normal_name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("My.Package-1.0-py3-none-any.whl", "my_package-1.0-py3-none-any.whl"),
        ("a-1-cp310-cp310-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",) * 2,
        (
            "a-1-cp310-cp310-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
            "a-1-cp310-cp310-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        ),
        ("some-thing-2.0.tar.gz", "some_thing-2.0.tar.gz"),
    ],
)
def test_spellings_of_one_name(one: str, other: str) -> None:
    assert normal_name(one) == normal_name(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a-1.0-py3-none-any.whl", "a-1.1-py3-none-any.whl"),
        ("a-1.0-py3-none-any.whl", "a-1.0-py2-none-any.whl"),
        ("a-1.0.tar.gz", "a-1.0.zip"),
        ("a-1.0.tar.gz", "b-1.0.tar.gz"),
        ("a", "A"),
        ("x.whl", "y.whl"),
    ],
)
def test_different_files_stay_different(one: str, other: str) -> None:
    assert normal_name(one) != normal_name(other)
