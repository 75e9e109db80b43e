from typing import Any

import pytest

from evidence_api.domain.errors import Malformed
from evidence_api.formats.cyclonedx import validate_bom

MANY = 3_000  # more values than are explained at once


def refusal(**members: Any) -> Malformed:  # noqa: ANN401  any JSON
    with pytest.raises(Malformed) as caught:
        validate_bom({"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, **members})
    return caught.value


def parts(count: int) -> list[dict[str, Any]]:
    return [{"type": "library", "name": f"part-{number}"} for number in range(count)]


@pytest.mark.parametrize("place", [0, 1, 1_234, MANY])
def test_the_item_of_a_large_list_is_found(place: int) -> None:
    components = parts(MANY)
    components.insert(place, {"type": "foo", "name": "odd"})
    fault = refusal(components=components, metadata={"timestamp": "2026-01-31T12:00:00Z"})
    assert fault.fields["path"] == f"components.{place}.type"
    assert "foo" in str(fault.fields["value"])


def test_an_item_given_twice_far_apart_is_a_fault_of_the_list() -> None:
    fault = refusal(components=[*parts(MANY), *parts(1)])
    assert fault.fields["path"] == "components"
    assert len(fault.message) < 600


def test_another_member_beside_a_large_list_is_found() -> None:
    assert refusal(components=parts(MANY), serialNumber="x").fields["path"] == "serialNumber"
    assert refusal(components=parts(MANY), surprise=1).fields["path"] in {"$", "surprise"}
    assert refusal(components=parts(MANY), version="1").fields["path"] == "version"


def test_what_is_large_inside_one_item_is_told_without_explaining_it() -> None:
    names = [{"license": {"name": f"licence {number}"}} for number in range(20_000)]
    component = {"type": "library", "name": "a", "licenses": [*names, {"expression": "MIT"}]}
    fault = refusal(components=[*parts(5), component])
    assert fault.fields["path"] == "components.5"
    assert "too large to say why" in fault.message
    assert len(fault.message) < 600
