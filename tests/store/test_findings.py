import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.digest import canonical, digest_of, sha256_hex
from evidence_api.domain.errors import VerificationFailed
from evidence_api.domain.verdict import Assessment, Finding, Outcome, QueryResult
from evidence_api.formats.records import assessment_to_json
from evidence_api.store.assessments import assessment_of, identity, stored
from evidence_api.store.findings import finding_text, pack_findings, unpack_findings
from tests.support.catalogs import AT

_FACTS = st.dictionaries(
    st.text(max_size=5), st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
_IDS = st.lists(st.sampled_from([digest_of(b"a"), digest_of(b"b")]), max_size=2).map(tuple)


@st.composite
def findings(draw: st.DrawFn) -> tuple[Finding, ...]:
    query = st.builds(
        QueryResult,
        *(st.text(max_size=4), st.just("sbom"), st.text(max_size=9), st.sampled_from(Outcome)),
        *(st.integers(0, 9), st.integers(0, 9), _IDS, _IDS, _IDS, _IDS),
    )
    one = st.builds(
        Finding,
        control=st.just(""),
        outcome=st.sampled_from(Outcome),
        raw=st.sampled_from(Outcome),
        because=st.text(),
        fix=st.text(max_size=5),
        queries=st.lists(query, max_size=2).map(tuple),
        evidence=_IDS,
        facts=_FACTS.filter(lambda facts: all(abs(x) < 2**53 for x in facts.values() if type(x) is int)),
    )
    listed = draw(st.lists(one, max_size=4))
    return tuple(Finding(f"C-{n}", *(getattr(f, name) for name in Finding.__slots__[1:])) for n, f in enumerate(listed))


@settings(max_examples=30, deadline=None)
@given(findings())
def test_findings_come_back_as_they_were_and_name_the_assessment_as_ever(given_findings: tuple[Finding, ...]) -> None:
    made = Assessment(
        *(digest_of(b"release"), 7, AT, digest_of(b"catalog"), digest_of(b"policy"), given_findings, ()),
        {Outcome.PASS: 1, Outcome.FAIL: 0},
        ("a note with \u2028",),
    )
    row = stored(made)
    assert assessment_of(row) == made
    kept = assessment_of(row).findings
    for before, after in zip(given_findings, kept, strict=True):
        assert {name: type(value) for name, value in after.facts.items()} == {
            name: type(value) for name, value in before.facts.items()
        }
    assert row.id == identity(made)
    assert row.id.hex == sha256_hex(canonical(assessment_to_json(made)))[:32]


def test_one_finding_is_read_without_the_others() -> None:
    made = tuple(Finding(f"C-{n}", Outcome.PASS, Outcome.PASS, f"because {n}", "", (), ()) for n in range(3))
    kept = unpack_findings(pack_findings(made, map(finding_text, made)))
    assert [(control, outcome) for control, outcome, _ in kept.index] == [(f"C-{n}", "pass") for n in range(3)]
    assert kept.document(1)["because"] == "because 1"


@pytest.mark.parametrize(
    "changed",
    [
        b"not zstd",
        zstandard.compress(b"no index"),
        zstandard.compress(b'[["C-1","pass",9]]\nshort'),
        zstandard.compress(b"[1]\n"),
    ],
)
def test_what_is_not_what_was_stored_is_said(changed: bytes) -> None:
    with pytest.raises(VerificationFailed) as refused:
        unpack_findings(changed)
    assert refused.value.code == "stored_findings"
