"""YAML sources to a catalog: what loads, what every key means, and each fault with its place and nearest name."""

from datetime import date, timedelta

import pytest

from evidence_api.domain.control import Combine, Fresh, Per, Sample
from evidence_api.domain.digest import canonical, digest_of
from evidence_api.domain.errors import InvalidSource, SourceFault
from evidence_api.domain.evidence import Fact
from evidence_api.domain.where import And, Compare
from evidence_api.engines.files import read_texts
from evidence_api.formats.catalog import load_catalog
from tests.support.catalogs import CONTROLS, assess, catalog_of, row, shipped_catalog

# The two documents of the planning papers, unchanged.
CONTROL = """\
id: IG-SC-5
query:
  - kind: github_checks
    where: required==pass
  - kind: opa
    where: denies==0
  - kind: attest
    where: provenance==verified && sbom.criticals==0
"""
MAPPING = """\
external: SOC2-CC7.2
maps_to: [IG-AUT-1, IG-SC-5]
narrative: 'All merges pass policy & provenance; SBOM criticals=0; attest verify=pass'
"""
AUT = "id: IG-AUT-1\nquery: [{kind: opa, where: denies==0}]\n"
SMALL = "id: A\nquery: [{kind: opa, where: denies==0}]\n"


def faults(text: str, **files: str) -> tuple[SourceFault, ...]:
    with pytest.raises(InvalidSource) as caught:
        catalog_of(text, **files)
    return caught.value.faults


def test_the_planning_documents_load_unchanged_in_one_file_or_in_several() -> None:
    together = catalog_of(f"{CONTROL}---\n{MAPPING}---\n{AUT}")
    apart = load_catalog({"internal/a.yaml": CONTROL, "mappings/m.yaml": MAPPING, "internal/b.yaml": AUT})
    for catalog in (together, apart):
        control = next(control for control in catalog.controls if control.id == "IG-SC-5")
        assert [query.source for query in control.queries] == [
            "required==pass",
            "denies==0",
            "provenance==verified && sbom.criticals==0",
        ]
        assert control.queries[2].where == And(
            (Compare("provenance", "==", "verified"), Compare("sbom.criticals", "==", 0))
        )
        (mapping,) = catalog.mappings
        assert (mapping.framework, mapping.ref, mapping.maps_to) == ("aicpa-tsc", "CC7.2", ("IG-AUT-1", "IG-SC-5"))
        assert mapping.relation == "relates_to"
        assert "SBOM criticals=0" in mapping.narrative
        (framework,) = catalog.frameworks
        assert framework.shown(mapping.ref) == "AICPA TSC CC7.2"


ROWS: dict[str, dict[str, Fact]] = {
    "github_checks": {"required": "pass"},
    "opa": {"denies": 0},
    "attest": {"provenance": "verified", "sbom.criticals": 0},
}


@pytest.mark.parametrize(
    ("kind", "change", "outcome"),
    [
        ("opa", {}, "pass"),
        ("opa", {"denies": 1}, "fail"),
        ("github_checks", {"required": "pending"}, "fail"),
        ("attest", {"sbom.criticals": 2}, "fail"),
        ("attest", {"provenance": "unverified"}, "fail"),
    ],
)
def test_the_planning_documents_evaluate_as_written(kind: str, change: dict[str, Fact], outcome: str) -> None:
    catalog = catalog_of(f"{CONTROL}---\n{MAPPING}---\n{AUT}")
    rows = [row(name, facts | (change if name == kind else {})) for name, facts in ROWS.items()]
    found = assess(catalog, rows)
    assert {finding.control: finding.outcome for finding in found.findings}["IG-SC-5"] == outcome
    (criterion,) = found.criteria
    assert (criterion.ref, criterion.outcome) == ("CC7.2", outcome)
    absent = assess(catalog, [one for one in rows if one.kind != kind])
    assert {finding.control: finding.outcome for finding in absent.findings}["IG-SC-5"] == "missing"


def test_every_optional_key() -> None:
    catalog = catalog_of("""\
id: X-1
title: A title
statement: >
  Several
  lines
combine: any
tier: 2
severity: high
owner: no
frequency: per_release
method: [inspection, reperformance]
fix: do this
passed_because: "{n} of {population}, {{really}}"
state: deprecated
replaced_by: X-2
query:
  - name: first
    kind: opa
    where: denies == 0
    expect: {at_least: 3}
    per: subject
    fresh: {max_age: P30D, clock: received}
    on_empty: {outcome: not_applicable, reason: nothing to decide}
    population: {sample: {size: 25, seed: release}}
  - kind: sbom
    where: true
    on_empty: missing
    population: {sample: all}
---
id: X-2
policy: data.ig.sc5.decision
""")
    control, ruled = catalog.controls
    assert (control.combine, control.tier, control.severity, control.owner) == (Combine.ANY, 2, "high", "no")
    assert (control.statement, control.method) == ("Several lines", ("inspection", "reperformance"))
    assert (control.state, control.replaced_by) == ("deprecated", "X-2")
    first, second = control.queries
    assert (first.name, first.at_least, first.per) == ("first", 3, Per.SUBJECT)
    assert first.fresh == Fresh(timedelta(days=30), "received")
    assert (first.on_empty, first.on_empty_reason) == ("not_applicable", "nothing to decide")
    assert first.sample == Sample(25, "release")
    assert (second.sample, second.on_empty, second.at_least, second.per) == (Sample(), "missing", 1, Per.RELEASE)
    assert ruled.policy == "data.ig.sc5.decision"
    assert "attest" in ruled.kinds()


def test_a_waiver_a_framework_and_wrapped_lists() -> None:
    catalog = catalog_of("""\
controls:
  - {id: A, query: [{kind: opa, where: denies==0}]}
  - {id: B, query: [{kind: opa, where: denies==0}]}
waivers:
  - {id: W-1, control: A, reason: r, owner: x, approver: y, from: 2026-09-01, until: 2026-10-01, scope: {release: pay}}
mappings:
  - {external: own-1.1, maps_to: [A, {control: B, coverage: partial, note: n}], narrative: n, relation: supports}
---
framework: own-rules
title: Own
edition: "1"
aliases: [own]
criteria: [{ref: "1.1", title: t}]
""")
    (waiver,) = catalog.waivers
    assert (waiver.starts, waiver.until, waiver.scope) == (date(2026, 9, 1), date(2026, 10, 1), "pay")
    (mapping,) = catalog.mappings
    assert (mapping.framework, mapping.ref, mapping.partial) == ("own-rules", "1.1", frozenset({"B"}))
    assert mapping.relation == "supports"


@pytest.mark.parametrize(
    ("external", "framework", "ref", "shown"),
    [
        ("SOC2-CC7.2", "aicpa-tsc", "CC7.2", "AICPA TSC CC7.2"),
        ("ISO27001-A.8.28", "iso-27001", "A.8.28", "ISO/IEC 27001 A.8.28"),
        ("NIST-800-53-SA-11", "nist-800-53", "SA-11", "NIST SP 800-53 SA-11"),
        ("nist-800-53-SA-11", "nist-800-53", "SA-11", "NIST SP 800-53 SA-11"),
    ],
)
def test_external_ids(external: str, framework: str, ref: str, shown: str) -> None:
    catalog = catalog_of(f"{SMALL}---\nexternal: {external}\nmaps_to: [A]\nnarrative: n\n")
    assert (catalog.mappings[0].framework, catalog.mappings[0].ref) == (framework, ref)
    assert catalog.frameworks[0].shown(ref) == shown


def test_the_digest_covers_every_source_as_given() -> None:
    sources = {"a.yaml": SMALL, "b.yaml": "# nothing\n"}
    catalog = load_catalog(sources)
    assert catalog.digest == digest_of(canonical(sources))
    assert catalog.digest != load_catalog({**sources, "b.yaml": "# something\n"}).digest
    assert dict(catalog.sources) == sources


OPA = "id: A\nquery:\n  - kind: opa\n    "
MAPPED = SMALL + "---\nexternal: SOC2-CC7.2\n"
FRAMEWORK = SMALL + "---\nframework: f\ntitle: t\nedition: e\n"
QUERY = "id: A\nquery:\n  - kind: opa\n    where: denies==0\n"


@pytest.mark.parametrize(
    ("text", "place", "code", "hint"),
    [
        ("id: A\nquery:\n  - kind: opaa\n    where: denies==0\n", (3, 11), "unknown_kind", "'opa'"),
        ("id: A\nquery:\n  - kind: opa\n    where: denis==0\n", (4, 12), "unknown_path", "'denies'"),
        ('id: A\nquery:\n  - kind: opa\n    where: "denis==0"\n', (4, 13), "unknown_path", "'denies'"),
        (OPA + "where: >\n      denies==0 &&\n      denis==0\n", (6, 7), "unknown_path", "'denies'"),
        ("id: A\nquery:\n  - kind: opa\n    where: 'rule==''x'' && denies==x'\n", (4, 36), "type_mismatch", ""),
        ("id: A\nquery:\n  - kind: opa\n    where: [denies]\n", (4, 12), "wrong_shape", "quote"),
        ("id: A\nquery:\n  - kind: opa\n", (3, 5), "missing_key", ""),
        ("id: A\nquery:\n  - kind: opa\n    were: denies==0\n", (3, 5), "missing_key", "'were'"),
        (QUERY + "    expct: {at_least: 1}\n", (5, 5), "unknown_key", "'expect'"),
        (QUERY + "    expect: {at_least: 0}\n", (5, 24), "unknown_value", ""),
        (QUERY + "    expect: {atleast: 2}\n", (5, 14), "unknown_key", "'at_least'"),
        (QUERY + "    per: releas\n", (5, 10), "unknown_value", "'release'"),
        (QUERY + "    fresh: {max_age: 30 days}\n", (5, 22), "unknown_value", "P30D"),
        (QUERY + "    fresh: {max_age: P1M}\n", (5, 22), "unknown_value", "P30D"),
        (QUERY + "    fresh: {max_age: P1D, clock: effectiv}\n", (5, 34), "unknown_value", "'effective'"),
        (QUERY + "    fresh: {clock: effective}\n", (5, 12), "missing_key", ""),
        (QUERY + "    on_empty: pass\n", (5, 15), "unknown_value", ""),
        (QUERY + "    on_empty: not_applicable\n", (5, 15), "missing_key", "reason"),
        (QUERY + "    population: {sample: some}\n", (5, 26), "unknown_value", "all"),
        (QUERY + "    population: {sample: {seed: x}}\n", (5, 26), "missing_key", ""),
        (QUERY + "    population: {sample: {size: 5}}\n", (5, 26), "missing_key", ""),
        (QUERY + "    population: {where: denis==0}\n", (5, 25), "unknown_path", "'denies'"),
        (QUERY + "    population: {where: denies==0, sample: {size: 5, seed: x}}\n", (5, 18), "wrong_shape", "either"),
        (QUERY + "combin: all\n", (5, 1), "unknown_key", "'combine'"),
        (QUERY + "combine: both\n", (5, 10), "unknown_value", ""),
        (QUERY + "tier: first\n", (5, 7), "unknown_value", "" ),
        (QUERY + "tier: 1\ntier: 2\n", (6, 1), "duplicate_key", ""),
        (QUERY + "method: [inspection, reperform]\n", (5, 22), "unknown_value", "'reperformance'"),
        (QUERY + "passed_because: '{m} rows'\n", (5, 17), "unknown_value", "n"),
        (QUERY + "passed_because: '{n'\n", (5, 17), "unknown_value", "{{"),
        (QUERY + "passed_because: '{n!r}'\n", (5, 17), "unknown_value", "{{"),
        (QUERY + "replaced_by: B\n", (5, 14), "unknown_control", ""),
        (QUERY + "replaced_by: A\n", (5, 14), "unknown_control", ""),
        (QUERY + "policy: data.x.y\n", (5, 1), "wrong_shape", ""),
        ("id: A\npolicy: x.y\n", (2, 9), "unknown_value", "data."),
        ("id: A\npolicy: data.evidence.catalog.verdicts\n", (2, 9), "unknown_value", ""),
        ("id: A\nquery: []\n", (2, 8), "empty_value", ""),
        ("id: A\nquery: {kind: opa}\n", (2, 8), "wrong_shape", ""),
        ("id: A B\nquery: [{kind: opa, where: true}]\n", (1, 5), "bad_id", ""),
        ("query: [{kind: opa, where: true}]\n", (1, 1), "missing_key", ""),
        ("qury: [{kind: opa, where: true}]\n", (1, 1), "unknown_document", "'query'"),
        ("- id: A\n", (1, 1), "wrong_shape", ""),
        ("just words\n", (1, 1), "wrong_shape", ""),
        ("# nothing\n", (1, 1), "empty_catalog", ""),
        (SMALL + "---\n" + SMALL, (4, 5), "duplicate_id", ""),
        (MAPPED + "maps_to: [AA]\nnarrative: n\n", (5, 11), "unknown_control", "'A'"),
        (SMALL + "---\nexternal: SOC3-CC7.2\nmaps_to: [A]\nnarrative: n\n", (4, 11), "unknown_framework", "'SOC2'"),
        (MAPPED + "maps_to: [A]\n", (4, 1), "missing_key", ""),
        (MAPPED + "maps_to: [A]\nnarrative: ''\n", (6, 12), "empty_value", ""),
        (MAPPED + "maps_to: [A]\nnarrative: n\nrelation: satisfies\n", (7, 11), "unknown_value", ""),
        (MAPPED + "maps_to: [{control: A, coverage: half}]\nnarrative: n\n", (5, 34), "unknown_value", ""),
        (FRAMEWORK + "criteria: [{ref: r, title: t}, {ref: r, title: t}]\n", (7, 32), "duplicate_id", ""),
        (FRAMEWORK + "criteria: [{ref: r}]\n", (7, 12), "missing_key", ""),
        (
            FRAMEWORK
            + "criteria: [{ref: r-1, title: t}]\n---\nexternal: f-r-2\nmaps_to: [A]\nnarrative: n\n",
            (9, 11),
            "unknown_criterion",
            "'r-1'",
        ),
    ],
)  # fmt: skip
def test_one_defect_one_fault(text: str, place: tuple[int, int], code: str, hint: str) -> None:
    found = faults(text)
    assert [((fault.line, fault.column), fault.code) for fault in found if fault.code == code] == [(place, code)], found
    assert all(fault.hint for fault in found)
    assert hint in next(fault for fault in found if fault.code == code).hint


WAIVER = {
    "id": "W-1", "control": "A", "reason": "r", "owner": "x", "approver": "y",
    "from": "2026-09-01", "until": "2026-10-01",
}  # fmt: skip


@pytest.mark.parametrize("key", sorted(WAIVER))
def test_a_waiver_needs_every_key(key: str) -> None:
    given = {name: value for name, value in WAIVER.items() if name != key}
    text = SMALL + "---\n" + "".join(f"{name}: {value}\n" for name, value in given.items())
    assert [fault.code for fault in faults(text)] == ["missing_key"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"control": "B"}, "unknown_control"),
        ({"approver": "x"}, "self_approved"),
        ({"from": "2026-13-01"}, "unknown_value"),
        ({"until": "2026-08-01"}, "unknown_value"),
        ({"until": "soon"}, "unknown_value"),
        ({"forever": "yes"}, "unknown_key"),
        ({"scope": "{}"}, "empty_value"),  # not every release by a slip
        ({"scope": "{release: ''}"}, "empty_value"),
        ({"scope": "{relase: a}"}, "unknown_key"),
    ],
)
def test_a_waiver_that_does_not_hold_is_refused(change: dict[str, str], code: str) -> None:
    text = SMALL + "---\n" + "".join(f"{name}: {value}\n" for name, value in (WAIVER | change).items())
    assert [fault.code for fault in faults(text)] == [code]


def test_all_faults_of_all_files_are_told_at_once_in_order() -> None:
    found = faults(
        "id: A\nquery: [{kind: opa, where: x==1}]\n",
        b="id: A\nquery: [{kind: nope, where: 'true'}]\nowner: x\nonwer: y\n",
    )
    assert [(fault.file, fault.line, fault.code) for fault in found] == [
        ("b.yaml", 2, "unknown_kind"),
        ("b.yaml", 4, "unknown_key"),
        ("controls.yaml", 1, "duplicate_id"),
        ("controls.yaml", 2, "unknown_path"),
    ]


def test_a_catalog_too_large_for_the_engine_does_not_load() -> None:
    many = "---\n".join(
        f"id: A-{number}\nquery: [{{kind: opa, where: denies=={number} && rule==r{number}}}]\n"
        for number in range(2500)
    )
    (fault,) = faults(many)
    assert (fault.code, "bytes of Rego" in fault.message) == ("too_large", True)


def test_places_are_kept() -> None:
    catalog = catalog_of(f"{SMALL}---\n{MAPPING.replace('IG-AUT-1, IG-SC-5', 'A')}")
    assert (catalog.places["A"].line, catalog.places["SOC2-CC7.2"].line) == (1, 4)


def test_the_shipped_catalog_asks_what_the_planning_papers_ask() -> None:
    sources = read_texts(CONTROLS, (".yaml",))
    planned = catalog_of(f"{CONTROL}---\n{AUT}").controls[0]
    shipped = next(control for control in shipped_catalog().controls if control.id == planned.id)
    assert [(query.kind, query.where) for query in shipped.queries] == [
        (query.kind, query.where) for query in planned.queries
    ]
    assert MAPPING in sources["mappings/aicpa-tsc.yaml"]


RETIRED = SMALL + "---\nid: B\nstate: retired\nreplaced_by: A\nquery: [{kind: vulns, where: criticals==0}]\n"
ROUND = SMALL + "".join(
    f"---\nid: {name}\nstate: deprecated\nreplaced_by: {by}\nquery: [{{kind: vulns, where: highs=={name[1]}}}]\n"
    for name, by in (("R1", "R2"), ("R2", "R3"), ("R3", "R1"))
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            RETIRED + "---\n" + "".join(f"{k}: {v}\n" for k, v in (WAIVER | {"control": "B"}).items()),
            "waiver_unmatched",
        ),
        (ROUND, "replacement_cycle"),
    ],
)
def test_what_was_in_force_once_still_loads(text: str, code: str) -> None:
    assert [fault.code for fault in faults(text)] == [code]
    assert load_catalog({"controls.yaml": text}, recorded=True).digest


def test_a_mapping_may_name_its_criterion_outright() -> None:
    own = '---\nframework: own\ntitle: t\nedition: "2"\ncriteria: [{ref: r-1, title: t}]\n'
    mapping = "---\nexternal: POL-7\nmaps_to: [A]\nnarrative: n\nframework: {id: %s, ref: r-1%s}\n"
    (found,) = catalog_of(SMALL + own + mapping % ("own", ", edition: 2")).mappings
    assert (found.external, found.framework, found.ref) == ("POL-7", "own", "r-1")
    assert [fault.code for fault in faults(SMALL + own + mapping % ("owm", ""))] == ["unknown_framework"]
    assert [fault.code for fault in faults(SMALL + own + mapping % ("own", ", edition: 1"))] == ["unknown_edition"]
    (told,) = faults(SMALL + own + mapping.replace("r-1", "r-2") % ("own", ""))
    assert (told.code, told.line, told.column, told.hint) == ("unknown_criterion", 12, 12, "did you mean 'r-1'?")
