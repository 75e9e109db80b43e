"""Profiles resolved: what include, exclude, patterns, merge and modify select and change; nothing missing is silent."""

from typing import Any

import pytest

from evidence_api.domain.errors import EvidenceError
from evidence_api.formats.oscal_catalog import OscalCatalog
from evidence_api.formats.oscal_profile import resolve
from tests.support.oscal import UUIDS, catalog, control, document, importing, profile, read

CHILD = control("a-1.1", controls=[control("a-1.1.1")])
BASE = catalog(
    groups=[
        {"title": "A", "controls": [control("a-1", controls=[CHILD]), control("a-2"), control("a-10")]},
        {"title": "B", "controls": [control("b-1")]},
    ],
    params=[{"id": "often", "label": "frequency"}],
)
WHOLE: dict[str, Any] = {"include-all": {}}
WITHOUT_A1: dict[str, Any] = {"exclude-controls": [{"with-ids": ["a-1"]}]}
ALL = ["a-1", "a-1.1", "a-1.1.1", "a-2", "a-10", "b-1"]


def resolved(made: dict[str, Any], **sources: dict[str, Any]) -> OscalCatalog:
    given = sources or {"catalog": BASE}
    return resolve(read(made), {f"{name}.json": read(source) for name, source in given.items()})


def ids(made: dict[str, Any], **sources: dict[str, Any]) -> list[str]:
    return [one.id for one in resolved(made, **sources).controls]


def refusal(made: dict[str, Any], **sources: dict[str, Any]) -> EvidenceError:
    with pytest.raises(EvidenceError) as caught:
        resolved(made, **sources)
    return caught.value


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (importing(), ALL),
        (importing(**WHOLE), ALL),
        (importing("b-1", "a-2"), ["a-2", "b-1"]),
        ({"include-controls": [{"with-ids": ["a-1"], "with-child-controls": "yes"}]}, ["a-1", "a-1.1"]),
        ({"include-controls": [{"with-ids": ["a-1"], "with-child-controls": "no"}]}, ["a-1"]),
        ({"include-controls": [{"matching": [{"pattern": "a-1*"}]}]}, ["a-1", "a-1.1", "a-1.1.1", "a-10"]),
        ({"include-controls": [{"matching": [{"pattern": "?-1"}]}]}, ["a-1", "b-1"]),
        ({"include-controls": [{"matching": [{"pattern": "[b]-1"}]}, {"with-ids": ["a-2"]}]}, ["a-2", "b-1"]),
        ({"exclude-controls": [{"with-ids": ["a-1"]}]}, ["a-1.1", "a-1.1.1", "a-2", "a-10", "b-1"]),
        (
            {"exclude-controls": [{"with-ids": ["a-1"], "with-child-controls": "yes"}]},
            ["a-1.1.1", "a-2", "a-10", "b-1"],
        ),
        ({"include-all": {}, "exclude-controls": [{"matching": [{"pattern": "a-*"}]}]}, ["b-1"]),
        (
            {"include-controls": [{"with-ids": ["a-1", "a-2"]}], "exclude-controls": [{"with-ids": ["a-1"]}]},
            ["a-2"],
        ),
    ],
)
def test_what_an_import_selects(one: dict[str, Any], expected: list[str]) -> None:
    assert ids(profile({"href": "#any", **one})) == expected


@pytest.mark.parametrize(
    ("one", "path", "value"),
    [
        (importing("a-1", "a-3", "a-4"), "include-controls[0].with-ids[1]", "a-3, a-4"),
        ({"include-controls": [{"matching": [{"pattern": "c-*"}]}]}, "include-controls[0].matching[0].pattern", "c-*"),
        ({"exclude-controls": [{"with-ids": ["a-3"]}]}, "exclude-controls[0].with-ids[0]", "a-3"),
    ],
)
def test_selecting_what_is_not_there_is_refused(one: dict[str, Any], path: str, value: str) -> None:
    fault = refusal(profile({"href": "c.json", **one}))
    assert (fault.code, fault.fields["path"], fault.fields["value"]) == (
        "unknown_control",
        f"$.profile.imports[0].{path}",
        value,
    )


def test_selecting_nothing_is_refused() -> None:
    one = importing("a-1", **WITHOUT_A1)
    assert refusal(profile(one)).fields["path"] == "$.profile.imports[0]"
    assert refusal(profile()).fields["path"] == "$.profile.imports"


def test_patterns_are_bounded() -> None:
    fault = refusal(profile({"href": "c.json", "include-controls": [{"matching": [{"pattern": "*" * 257}]}]}))
    assert (fault.code, fault.fields["limit"], fault.fields["value"]) == ("too_large", 256, 257)
    many = [{"pattern": "a-*"}] * 257
    fault = refusal(profile({"href": "c.json", "include-controls": [{"matching": many}]}))
    assert (fault.code, fault.fields["limit"], fault.fields["value"]) == ("too_large", 256, 257)


def test_groups_are_kept_as_is_and_dropped_when_flat() -> None:
    kept = resolved(profile(importing("a-2", "b-1"), merge={"as-is": True})).controls
    assert [one.groups for one in kept] == [("A",), ("B",)]
    flat: tuple[dict[str, Any], ...] = ({}, {"flat": {}}, {"as-is": False})
    for merge in flat:
        assert {one.groups for one in resolved(profile(importing("a-2", "b-1"), merge=merge)).controls} == {()}


def test_a_custom_structure_places_what_it_inserts_and_leaves_out_the_rest() -> None:
    custom = {
        "insert-controls": [{"include-controls": [{"with-ids": ["b-1", "unknown"]}]}],
        "groups": [
            {
                "title": "New",
                "insert-controls": [{"order": "descending", "include-controls": [{"matching": [{"pattern": "a-?*"}]}]}],
                "groups": [{"title": "Inner", "insert-controls": [{"include-all": {}}]}],
            }
        ],
    }
    found = resolved(profile(importing("a-1", "a-2", "a-10", "b-1"), merge={"custom": custom})).controls
    assert [(one.id, one.groups) for one in found] == [
        ("b-1", ()),
        ("a-10", ("New",)),
        ("a-2", ("New",)),
        ("a-1", ("New",)),
    ]


def test_a_control_selected_twice() -> None:
    assert ids(profile(importing("a-1"), importing("a-1", "b-1"))) == ["a-1", "b-1"]
    other = catalog(control("a-1", "Another title"), control("c-1"), uuid=UUIDS[2])
    imports = (importing("a-1", href="base.json"), importing(href="other.json"))
    fault = refusal(profile(*imports), base=BASE, other=other)
    assert fault.fields["path"] == "$.profile.imports[1]"
    first = resolved(profile(*imports, merge={"combine": {"method": "use-first"}}), base=BASE, other=other)
    assert [(one.id, one.node.text("title")) for one in first.controls] == [
        ("a-1", "Title of a-1"),
        ("c-1", "Title of c-1"),
    ]
    fault = refusal(profile(importing("a-1"), merge={"combine": {"method": "best"}}))
    assert fault.fields["path"] == "$.profile.merge.combine.method"


def test_sources_are_found_by_the_name_of_the_reference() -> None:
    other = catalog(control("c-1"), uuid=UUIDS[2])
    resource = {"uuid": UUIDS[5], "rlinks": [{"href": "https://x.test/some%20dir/other.xml?raw=1"}]}
    back: dict[str, Any] = {"back-matter": {"resources": [resource]}}
    assert ids(profile(importing("c-1", href=f"#{UUIDS[5]}"), **back), base=BASE, other=other) == ["c-1"]
    fault = refusal(profile(importing("c-1", href="third.json")), base=BASE, other=other)
    assert (fault.code, fault.fields["path"]) == ("no_source", "$.profile.imports[0].href")
    assert refusal(profile(importing("a-1")), plan=document("assessment-plan")).code == "no_source"


def test_a_profile_of_a_profile() -> None:
    inner = profile(importing("a-1", "a-2", href="base.json"), uuid=UUIDS[3])
    outer = profile(importing(href="inner.json", **WITHOUT_A1))
    assert ids(outer, base=BASE, inner=inner) == ["a-2"]


def test_profiles_that_import_each_other_are_refused() -> None:
    one = profile(importing(href="two.json"), uuid=UUIDS[3])
    two = profile(importing(href="one.json"), uuid=UUIDS[4])
    fault = refusal(one, one=one, two=two)
    assert (fault.code, fault.fields["path"]) == ("malformed", "$.profile.imports[0].href")


def test_parameters_are_set() -> None:
    setting = {"param-id": "often", "constraints": [{"description": "at least yearly"}], "label": "how often"}
    found = resolved(profile(importing("a-1"), modify={"set-parameters": [setting, {"param-id": "nobody"}]})).params
    assert found["often"].members == {
        "id": "often",
        "label": "how often",
        "constraints": [{"description": "at least yearly"}],
    }
    chosen = {"param-id": "often", "values": ["daily"]}
    found = resolved(profile(importing("a-1"), modify={"set-parameters": [chosen]})).params
    assert found["often"].members["values"] == ["daily"]


PARTS = [
    {"id": "s", "name": "statement", "prose": "Do.", "parts": [{"id": "s.a", "name": "item", "prose": "First."}]},
    {"id": "g", "name": "guidance", "prose": "How.", "class": "long"},
]
ALTERED = catalog(control("x", parts=PARTS, props=[{"name": "label", "value": "X"}]))


def altered(alteration: dict[str, Any]) -> dict[str, Any]:
    made = profile(importing("x"), modify={"alters": [{"control-id": "x", **alteration}]})
    (found,) = resolved(made, catalog=ALTERED).controls
    return dict(found.node.members)


def names(parts: list[dict[str, Any]]) -> list[Any]:
    return [(part["id"], names(part["parts"])) if part.get("parts") else part["id"] for part in parts]


NEW = {"id": "n", "name": "item", "prose": "New."}


@pytest.mark.parametrize(
    ("addition", "expected"),
    [
        ({}, [("s", ["s.a"]), "g", "n"]),
        ({"position": "starting"}, ["n", ("s", ["s.a"]), "g"]),
        ({"position": "before", "by-id": "x"}, ["n", ("s", ["s.a"]), "g"]),
        ({"position": "after", "by-id": "s"}, [("s", ["s.a"]), "n", "g"]),
        ({"position": "before", "by-id": "g"}, [("s", ["s.a"]), "n", "g"]),
        ({"position": "starting", "by-id": "s"}, [("s", ["n", "s.a"]), "g"]),
        ({"position": "ending", "by-id": "s.a"}, [("s", [("s.a", ["n"])]), "g"]),
        ({"position": "after", "by-id": "s.a"}, [("s", ["s.a", "n"]), "g"]),
    ],
)
def test_parts_are_added_where_asked(addition: dict[str, Any], expected: list[Any]) -> None:
    assert names(altered({"adds": [{**addition, "parts": [NEW]}]})["parts"]) == expected
    assert names(ALTERED["catalog"]["controls"][0]["parts"]) == [("s", ["s.a"]), "g"]


@pytest.mark.parametrize(
    ("removal", "expected"),
    [
        ({"by-id": "s.a"}, ["s", "g"]),
        ({"by-name": "guidance"}, [("s", ["s.a"])]),
        ({"by-class": "long", "by-name": "statement"}, [("s", ["s.a"]), "g"]),
        ({"by-item-name": "part"}, []),
        ({"by-item-name": "prop", "by-name": "guidance"}, [("s", ["s.a"]), "g"]),
    ],
)
def test_parts_are_removed_when_all_conditions_fit(removal: dict[str, Any], expected: list[Any]) -> None:
    assert names(altered({"removes": [removal]})["parts"]) == expected


def test_titles_and_properties_are_changed_and_what_is_not_there_is_refused() -> None:
    changed = altered(
        {
            "removes": [{"by-item-name": "prop"}],
            "adds": [{"title": "Other", "props": [{"name": "label", "value": "Y"}]}],
        }
    )
    assert (changed["title"], changed["props"]) == ("Other", [{"name": "label", "value": "Y"}])
    for alteration, path in (
        ({"adds": [{"by-id": "zz", "parts": [NEW]}]}, "adds[0].by-id"),
        ({"adds": [{"position": "inside"}]}, "adds[0].position"),
        ({"adds": [{"parts": ["no object"]}]}, "adds[0].parts[0]"),
        ({"removes": [{}]}, "removes[0]"),
    ):
        made = profile(importing("x"), modify={"alters": [{"control-id": "x", **alteration}]})
        assert refusal(made, catalog=ALTERED).fields["path"] == f"$.profile.modify.alters[0].{path}"
