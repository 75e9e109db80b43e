"""Every example in the docstrings of the decision kinds is run."""

import doctest
import pkgutil
from importlib import import_module

import pytest

from evidence_api.domain import decisions

MODULES = sorted(found.name for found in pkgutil.iter_modules(decisions.__path__))


@pytest.mark.parametrize("name", MODULES)
def test_examples_of(name: str) -> None:
    result = doctest.testmod(import_module(f"{decisions.__name__}.{name}"), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


def test_every_kind_has_an_example() -> None:
    without = []
    for name in MODULES:
        module = import_module(f"{decisions.__name__}.{name}")
        if hasattr(module, "KIND") and not any(test.examples for test in doctest.DocTestFinder().find(module)):
            without.append(name)
    assert not without
