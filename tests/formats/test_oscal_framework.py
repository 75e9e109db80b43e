"""OSCAL controls to a framework of ours: refs, text with parameters written out, YAML that loads as what it was."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.control import Criterion, Framework
from evidence_api.domain.errors import EvidenceError, InvalidSource, TooLarge
from evidence_api.formats import yaml_source
from evidence_api.formats.framework_yaml import framework_yaml, parse_framework
from evidence_api.formats.oscal_framework import ImportedFramework, import_framework
from tests.support.catalogs import catalog_of
from tests.support.fuzz_targets import TARGETS
from tests.support.fuzzing import mutated_bytes, mutated_json
from tests.support.oscal import catalog, control, importing, profile, prop, read, statement

CODES = {
    *("malformed", "too_large", "unsupported", "unsupported_version", "duplicate_id"),
    *("empty_catalog", "unknown_control", "no_source", "invalid_source"),
}
EMPTY = Framework("own-rules", "Own rules", "1", "by_permission", (), ("OWN",), "Us")


def imported(made: dict[str, Any], **options: Any) -> ImportedFramework:  # noqa: ANN401  options of import_framework
    return import_framework(read(made), {}, EMPTY, **options)


def text_of(parts: list[dict[str, Any]], *params: dict[str, Any]) -> str:
    found = imported(catalog(control("a", parts=parts, params=list(params))), text=True)
    return found.framework.criteria[0].text


def test_labels_name_criteria_where_every_control_has_one() -> None:
    labelled = [control(name, props=[prop("label", name.upper())]) for name in ("a-1", "a-2")]
    assert [one.ref for one in imported(catalog(*labelled)).framework.criteria] == ["A-1", "A-2"]
    assert [one.ref for one in imported(catalog(*labelled), refs="id").framework.criteria] == ["a-1", "a-2"]
    for odd in (control("a-3"), control("a-3", props=[prop("label", "A-1")])):
        assert [one.ref for one in imported(catalog(*labelled, odd)).framework.criteria] == ["a-1", "a-2", "a-3"]
        with pytest.raises(EvidenceError) as caught:
            imported(catalog(*labelled, odd), refs="label")
        assert caught.value.fields["path"] == "$.catalog.controls[2].props"


def test_withdrawn_controls_are_left_out_and_counted() -> None:
    gone = control("a-2", props=[prop("status", "withdrawn")])
    found = imported(catalog(control("a-1"), gone, control("a-3")))
    assert ([one.ref for one in found.framework.criteria], found.withdrawn) == (["a-1", "a-3"], 1)
    with pytest.raises(EvidenceError) as caught:
        imported(catalog(gone))
    assert caught.value.code == "empty_catalog"


def test_headings_stand_above_the_first_of_each_group() -> None:
    groups = [
        {
            "title": "One",
            "controls": [control("a"), control("b")],
            "groups": [{"title": "In", "controls": [control("c")]}],
        },
        {"title": "Two", "controls": [control("d")]},
    ]
    assert imported(catalog(groups=groups)).headings == {"a": "One", "c": "One / In", "d": "Two"}


def test_text_only_where_asked_for() -> None:
    made = catalog(control("a", parts=statement("Do it.")))
    assert imported(made).framework.criteria == (Criterion("a", "Title of a"),)
    assert imported(made, text=True).framework.criteria == (Criterion("a", "Title of a", "Do it."),)


def test_a_profile_needs_its_catalog() -> None:
    with pytest.raises(EvidenceError) as caught:
        imported(profile(importing("a")))
    assert caught.value.code == "no_source"


def test_items_are_lines_under_their_labels() -> None:
    inner = {"name": "item", "props": [prop("label", "1.")], "prose": "Doors;\n\nand windows."}
    item = {"name": "item", "props": [prop("label", "a.")], "prose": "Lock:", "parts": [inner]}
    titled = {"name": "item", "title": "Requirement:", "prose": "Twice."}
    guidance = {"name": "guidance", "prose": "Use keys."}
    assert text_of([*statement("", item, titled), guidance]) == (
        "a. Lock:\n  1. Doors;\n    and windows.\nRequirement: Twice."
    )


@pytest.mark.parametrize(
    ("prose", "params", "expected"),
    [
        ("Every {{ insert: param, p }}.", [{"id": "p", "label": "time  period"}], "Every [Assignment: time period]."),
        ("Every {{insert:param,p}} ; and", [{"id": "p", "label": "day"}], "Every [Assignment: day]; and"),
        ("Every {{ p }}.", [{"id": "p", "values": ["day", "night"]}], "Every day, night."),
        ("{{ insert: param, nobody }}", [], "[Assignment: nobody]"),
        ("{{ insert: param, p }}", [{"id": "p"}], "[Assignment: p]"),
        (
            "{{ insert: param, p }}",
            [
                {"id": "p", "select": {"how-many": "one-or-more", "choice": ["wait {{ insert: param, q }}", "stop"]}},
                {"id": "q", "label": "long"},
            ],
            "[Selection (one or more): wait [Assignment: long]; stop]",
        ),
        (
            "{{ insert: param, p }}",
            [{"id": "p", "label": "frequency", "constraints": [{"description": "at least yearly"}]}],
            "[Assignment: frequency: at least yearly]",
        ),
        ("{ {{ not one", [], "{ {{ not one"),
    ],
)
def test_parameters_are_written_out(prose: str, params: list[dict[str, Any]], expected: str) -> None:
    assert text_of(statement(prose), *params) == expected


def refusal(parts: list[dict[str, Any]], *params: dict[str, Any]) -> EvidenceError:
    with pytest.raises(EvidenceError) as caught:
        text_of(parts, *params)
    return caught.value


def test_parameters_that_insert_each_other_are_refused() -> None:
    around = [{"id": "p", "label": "{{ insert: param, q }}"}, {"id": "q", "label": "{{ insert: param, p }}"}]
    fault = refusal(statement("{{ insert: param, p }}"), *around)
    assert (fault.code, fault.fields["path"]) == ("malformed", "$.catalog.controls[0].params[1].label")
    chain = [{"id": f"p{n}", "label": f"{{{{ insert: param, p{n + 1} }}}}"} for n in range(40)]
    assert refusal(statement("{{ insert: param, p0 }}"), *chain).code == "malformed"


def test_text_that_grows_without_end_is_refused() -> None:
    bomb = [{"id": f"p{n}", "values": [f"{{{{ insert: param, p{n + 1} }}}}"] * 10} for n in range(9)]
    fault = refusal(statement("{{ insert: param, p0 }}"), *bomb, {"id": "p9", "label": "x"})
    assert isinstance(fault, TooLarge)
    assert (fault.fields["limit"], str(fault.fields["path"])[:22]) == (8192, "$.catalog.controls[0].")
    fault = refusal(statement("", *({"name": "item", "prose": "x" * 5000} for _ in range(2))))
    assert fault.fields["path"] == "$.catalog.controls[0].parts[0].parts[1].prose"


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
LINES = st.lists(WORDS.map(lambda text: " ".join(text.split())).filter(bool), max_size=4).map("\n".join)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(WORDS, LINES), min_size=1, max_size=4), WORDS)
def test_what_is_written_loads_as_what_it_was(rows: list[tuple[str, str]], heading: str) -> None:
    """Whatever the words are: as they stand, or refused with a code, never as something else."""
    criteria = tuple(Criterion(f"r-{n}", title.strip(), text.strip()) for n, (title, text) in enumerate(rows))
    framework = Framework("own", "Own", "1", "cc0", criteria, ("OWN",), heading.strip())
    try:
        written = framework_yaml(framework, {"r-0": heading}, heading)
    except EvidenceError as refused:
        assert refused.code == "invalid_source"  # noqa: PT017  an outcome here: an empty title
        assert not all(one.title for one in criteria)
        return
    assert parse_framework(written) == framework
    assert framework_yaml(framework, {"r-0": heading}, heading) == written


@pytest.mark.parametrize(
    "odd", ["yes", "Null", "a: b", "a, b", "# a", "- a", "a\tb", "\u2028", "\x85x", "1.1", "'", '"\\', "é"]
)
def test_words_that_yaml_would_take_for_something_else(odd: str) -> None:
    framework = Framework("own", f"x{odd}x", odd.strip() or "1", "own", (Criterion("1.1", f".{odd}."),))
    assert parse_framework(framework_yaml(framework, {})) == framework


def test_the_file_loads_in_a_catalog_and_can_be_mapped() -> None:
    made = catalog(control("ac-1.2", props=[prop("label", "AC-1(2)")]))
    written = framework_yaml(imported(made).framework, {})
    loaded = catalog_of(
        "id: A\nquery: [{kind: opa, where: denies==0}]\n---\nexternal: OWN-AC-1(2)\nmaps_to: [A]\nnarrative: n\n",
        frameworks=written,
    )
    assert (loaded.mappings[0].framework, loaded.mappings[0].ref) == ("own-rules", "AC-1(2)")
    assert loaded.frameworks[0].credit == "Us"


def test_a_framework_a_catalog_would_not_take_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = catalog(control("a", props=[prop("label", "A/1")]))
    with pytest.raises(InvalidSource) as caught:
        framework_yaml(imported(made).framework, {})
    assert [fault.code for fault in caught.value.faults] == ["bad_id"]
    monkeypatch.setattr(yaml_source, "MAX_CHARACTERS", 50)
    with pytest.raises(TooLarge) as large:
        framework_yaml(imported(catalog(control("a"))).framework, {})
    assert large.value.fields["limit"] == 50


_IMPORT, _EXAMPLES = TARGETS["oscal"]


@settings(max_examples=200, deadline=None)
@given(st.one_of(*map(mutated_json, _EXAMPLES), *map(mutated_bytes, _EXAMPLES)))
def test_hostile_documents_are_imported_or_refused_with_a_code(given_bytes: bytes) -> None:
    try:
        written = _IMPORT(given_bytes)
    except EvidenceError as refused:
        assert refused.code in CODES  # noqa: PT017  an outcome here
    else:
        assert parse_framework(str(written)).criteria
