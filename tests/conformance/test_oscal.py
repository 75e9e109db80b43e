"""OSCAL content of NIST: every document is read for what it is, catalogs become frameworks, profiles are resolved."""

from collections.abc import Mapping
from typing import Any

import pytest

from evidence_api.domain.control import Framework
from evidence_api.domain.errors import EvidenceError
from evidence_api.formats.framework_yaml import framework_yaml, parse_framework
from evidence_api.formats.oscal_catalog import OscalCatalog, read_catalog
from evidence_api.formats.oscal_document import OscalDocument, read_document
from evidence_api.formats.oscal_framework import import_framework
from evidence_api.formats.oscal_profile import resolve
from tests.support import oscal
from tests.support.conformance import cases, show_table, suite

SUITE = "oscal"
FRAMEWORK = Framework("imported", "Imported", "1", "public_domain", ())

Case = dict[str, Any]


def document_of(case: Case) -> OscalDocument:
    return read_document((suite(SUITE) / case["files"][0]).read_bytes())


def catalogs() -> list[OscalDocument]:
    """The catalogs of the suite, the largest first."""
    found = [document_of(case) for case in cases(SUITE) if case.get("model") == "catalog"]
    return sorted(found, key=lambda document: -len(read_catalog(document).controls))


def wrong_with(case: Case, known: list[OscalDocument]) -> str:
    """What is wrong with how a case was read; "" where nothing is."""
    try:
        document = document_of(case)
        said = {"model": document.model, "uuid": document.uuid, "oscal_version": document.oscal_version}
        if differing := [name for name, value in said.items() if value != case.get(name, value)]:
            return f"read with another {', '.join(differing)}"
        wrong = wrong_contents(document, case, known)
    except EvidenceError as refused:
        return "" if case["expect"] != "accept" else f"{refused.code}: {refused.message}"
    return wrong if case["expect"] == "accept" else f"accepted, not {case['expect']}"


def wrong_contents(document: OscalDocument, case: Case, known: list[OscalDocument]) -> str:
    """The same of what is inside."""
    match document.model:
        case "catalog":
            return wrong_catalog(document, case)
        case "profile":
            return wrong_profile(document, known)
        case _:
            return wrong_refusal(document)


def wrong_catalog(document: OscalDocument, case: Case) -> str:
    """As many controls as counted, and a framework with and without text that loads."""
    catalog = read_catalog(document)
    if len(catalog.controls) != case["controls"]:
        return f"{len(catalog.controls)} controls, not {case['controls']}"
    withdrawn = sum(control.withdrawn for control in catalog.controls)
    for text in (False, True):
        found = import_framework(document, {}, FRAMEWORK, text=text)
        if len(found.framework.criteria) != case["controls"] - withdrawn or found.withdrawn != withdrawn:
            return f"{len(found.framework.criteria)} criteria of {case['controls']} controls, {withdrawn} withdrawn"
        if parse_framework(framework_yaml(found.framework, found.headings)) != found.framework:
            return "the framework does not load as what it was"
        if any("{{" in criterion.text + criterion.title for criterion in found.framework.criteria):
            return "a parameter was left as it is written in OSCAL"
    return ""


def wrong_profile(document: OscalDocument, known: list[OscalDocument]) -> str:
    """Exactly the controls it names; where the same baseline is here resolved, that has them too."""
    named = {name for item in document.root.nodes("imports") for name in called(item.members)}
    if not named:
        return "" if held_by(document, named, known) else "selects no controls by id, and resolves against no catalog"
    made = oscal.read(oscal.catalog(*(oscal.control(name) for name in sorted(named))))
    selected = [resolve(document, {"made": made}), *held_by(document, named, known)]
    for catalog in selected:
        if {control.id for control in catalog.controls} != named:
            return f"{len(catalog.controls)} controls, not the {len(named)} it names"
    for resolved in (read_catalog(one) for one in known if one.title == document.title):
        ids = {control.id for control in resolved.controls}
        around = {control.parent for control in resolved.controls}
        if named - ids or ids - named - around:
            return f"differs from the resolved baseline by {len(named ^ ids)} controls"
    return ""


def held_by(document: OscalDocument, named: set[str], known: list[OscalDocument]) -> list[OscalCatalog]:
    """The profile resolved against each catalog that holds all it names; the others refuse it by name."""
    found: list[OscalCatalog] = []
    for one in known:
        absent = named - {control.id for control in read_catalog(one).controls}
        try:
            found.append(resolve(document, {"one": one}))
            assert not absent, "controls that are not there were taken"
        except EvidenceError as refused:
            assert refused.code == "unknown_control"  # noqa: PT017  an outcome here
            assert absent
    return found


def called(item: Mapping[str, Any]) -> set[str]:
    """The ids an import includes by name."""
    return {name for include in item.get("include-controls", ()) for name in include.get("with-ids", ())}


def wrong_refusal(document: OscalDocument) -> str:
    """Other models are read, and hold nothing a framework could be made of."""
    try:
        import_framework(document, {}, FRAMEWORK)
    except EvidenceError as refused:
        return "" if refused.code == "unsupported" else f"{refused.code}: {refused.message}"
    return "a framework was made of it"


@pytest.mark.conformance
def test_every_shared_document_is_read_for_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    right, wrong, skipped = dict[str, int](), list[str](), list[str]()
    known = catalogs()
    for case in cases(SUITE):
        if case.get("model") is None:
            skipped.append(f"{case['case']}: no model is stated")
            continue
        if why := wrong_with(case, known):
            wrong.append(f"{case['case']}: {why}")
        else:
            right[case["model"]] = right.get(case["model"], 0) + 1
    title = f"{SUITE}: right {sum(right.values())}, wrong {len(wrong)}, skipped {len(skipped)}"
    show_table(capsys, title, (*(f"{model}: {count}" for model, count in sorted(right.items())), *wrong, *skipped))
    assert not wrong
    assert right
