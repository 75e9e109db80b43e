"""Policy bundles are named by content, and a folder's faults are named all at once."""

import orjson
import pytest

from evidence_api.domain.errors import InvalidSource
from evidence_api.formats.policy_bundle import bundle_from_files, policy_bundle

A, TEST = "package a\n", "package a_test\n"


def faults(files: dict[str, str]) -> list[tuple[str, int, str]]:
    with pytest.raises(InvalidSource) as caught:
        bundle_from_files(files)
    return [(fault.file, fault.line, fault.code) for fault in caught.value.faults]


def test_digest_is_of_the_content_alone() -> None:
    one = policy_bundle({"a.rego": A, "b.rego": TEST}, b'{"x": 1, "y": [2]}')
    assert one == policy_bundle({"b.rego": TEST, "a.rego": A}, b'{"x": 1, "y": [2]}')
    assert one.digest == policy_bundle({"b.rego": TEST, "a.rego": A}, b'{"y":[2],"x":1}').digest
    others = [
        policy_bundle({"a.rego": A, "b.rego": TEST}, b'{"x": 2, "y": [2]}'),
        policy_bundle({"a.rego": A, "c.rego": TEST}, b'{"x": 1, "y": [2]}'),
        policy_bundle({"a.rego": A, "b.rego": TEST + "\n"}, b'{"x": 1, "y": [2]}'),
        policy_bundle({"a.rego": A}, b'{"x": 1, "y": [2]}'),
    ]
    assert len({one.digest, *(other.digest for other in others)}) == 5


def test_folder_keeps_its_tests_apart() -> None:
    files = {"a/a.rego": A, "a/a_test.rego": TEST, "data.yaml": "a:\n  on: true\n", "notes.yaml": "b: 1"}
    bundle = bundle_from_files(files)
    assert list(bundle.modules) == ["a/a.rego"]
    assert orjson.loads(bundle.data) == {"a": {"on": True}}
    tested = bundle_from_files(files, tests=True)
    assert list(tested.modules) == ["a/a.rego", "a/a_test.rego"]
    assert tested.digest != bundle.digest


def test_data_files_are_merged() -> None:
    bundle = bundle_from_files({"a.rego": A, "data.yaml": "a: 1", "b/data.json": '{"b": 2}', "c/data.yaml": ""})
    assert orjson.loads(bundle.data) == {"a": 1, "b": 2}


def test_faults_come_together() -> None:
    files = {"a/data.yaml": "x: 1", "b/data.yaml": "x: 2", "c/data.yaml": "- 1", "d/data.yaml": "a:\n b\nc: 1"}
    assert faults(files | {"e/data.json": "{"}) == [
        ("b/data.yaml", 1, "duplicate_data"),
        ("c/data.yaml", 1, "data"),
        ("e/data.json", 1, "syntax"),
        ("policy", 1, "empty"),
    ]


def test_words_of_yaml_stay_words() -> None:
    text = 'places: [NO, on, "1", 1, 2.5, true, null, 2026-01-01, 0x10, nan]\n"yes": no\n'
    bundle = bundle_from_files({"a.rego": A, "data.yaml": text})
    places = ["NO", "on", "1", 1, 2.5, True, None, "2026-01-01", "0x10", "nan"]
    assert orjson.loads(bundle.data) == {"places": places, "yes": "no"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: &x [1]\nb: *x", "yaml_alias"),
        ("a: !!python/object:x {}", "yaml_tag"),
        ("a: 1\na: 2", "duplicate_key"),
        ("a: 1\n---\nb: 1", "data"),
        ("a: [", "yaml_syntax"),
        ("a: 1152921504606846976", "data"),
    ],
)
def test_traps_of_yaml_are_refused(text: str, code: str) -> None:
    assert [fault[2] for fault in faults({"a.rego": A, "data.yaml": text})] == [code]


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'"x"'])
def test_data_must_be_an_object(data: bytes) -> None:
    with pytest.raises(InvalidSource):
        policy_bundle({"a.rego": A}, data)
