from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.domain.digest import digest_of
from evidence_api.domain.evidence import Evidence, Release
from evidence_api.domain.facts import Row, current, owned_by, rows_of
from evidence_api.domain.kinds import kinds_touched_by
from evidence_api.domain.ownership import digests_of
from evidence_api.domain.ownership import owned_by as owned_by_itself
from tests.support import statements
from tests.support.evidence import EPOCH, erased, evidence_of, release_of
from tests.support.facts import assert_facts_fit

OTHER = digest_of(b"widget-1.0.0.whl")
EARLY, LATE = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"

RELEASE = evidence_of(statements.release([statements.ARTIFACT, OTHER]), 0)
DOCUMENTS: tuple[statements.Statement, ...] = (
    statements.provenance(),
    statements.provenance(finished=LATE),
    statements.provenance(OTHER, builder="https://example.org/other-builder"),
    statements.provenance_v02(),
    statements.sbom(),
    statements.sbom(criticals=2, timestamp=LATE),
    statements.sbom(OTHER, criticals=None),
    statements.sbom(criticals=1, components=5, tool="syft"),
    statements.vulns(severities=("critical",)),
    statements.vulns(severities=(), finished=LATE),
    statements.vulns(severities=("high",), scanner="grype"),
    statements.test_result(),
    statements.test_result(result="FAILED"),
    statements.github_checks(conclusions=("failure",), decided=EARLY),
    statements.github_checks(decided=LATE),
    statements.policy_decision(),
    statements.statement("https://example.org/x", OTHER, {}),
)


def rows(*evidence: Evidence) -> tuple[Row, ...]:
    return rows_of(release_of(RELEASE), (RELEASE, *evidence))


def numbered(documents: Sequence[statements.Statement], *, verified: bool = True) -> list[Evidence]:
    return [evidence_of(document, index, verified=verified) for index, document in enumerate(documents, start=1)]


def of_kind(kind: str, found: Sequence[Row]) -> list[Row]:
    return [row for row in found if row.kind == kind]


def attest(found: Sequence[Row], digest: str = statements.ARTIFACT) -> Row:
    (row,) = [row for row in of_kind("attest", found) if digest in row.subjects]
    return row


def test_one_row_for_each_piece_and_one_attest_row_for_each_artifact() -> None:
    found = rows(*numbered([statements.sbom(), statements.test_result()]))
    assert [row.kind for row in found] == ["release", "sbom", "test_result", "attest", "attest"]
    sbom = found[1]
    assert (sbom.signer, sbom.verified, sbom.withheld) == ("key ci", True, False)
    assert sbom.subjects == (statements.ARTIFACT,)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_later_effective_time_supersedes_whatever_the_leaf(order: tuple[int, int]) -> None:
    documents = [
        statements.github_checks(conclusions=("failure",), decided=EARLY),
        statements.github_checks(decided=LATE),
    ]
    (row,) = of_kind("github_checks", rows(*numbered([documents[index] for index in order])))
    assert row.facts["required"] == "pass"


def test_the_later_leaf_decides_where_times_are_equal() -> None:
    documents = [statements.policy_decision(result="deny"), statements.policy_decision(result="allow")]
    (row,) = of_kind("opa", rows(*numbered(documents)))
    assert row.facts["result"] == "allow"


def test_other_subjects_or_series_do_not_supersede() -> None:
    documents = [statements.sbom(), statements.sbom(OTHER), statements.sbom(tool="syft")]
    assert len(of_kind("sbom", rows(*numbered(documents)))) == 3


def test_unverified_evidence_supersedes_nothing_verified() -> None:
    good = evidence_of(statements.sbom(timestamp=EARLY), 1)
    later = evidence_of(statements.sbom(timestamp=LATE, components=9), 2, verified=False)
    found = of_kind("sbom", rows(good, later))
    assert [(row.verified, row.signer) for row in found] == [(True, "key ci"), (False, "")]


def test_evidence_about_the_commit_belongs_to_the_artifacts_built_from_it() -> None:
    built = evidence_of(statements.provenance(statements.ARTIFACT), 1)
    checks = evidence_of(statements.github_checks(), 2)
    (row,) = of_kind("github_checks", rows(built, checks))
    assert row.subjects == (statements.ARTIFACT,)
    (row,) = of_kind("github_checks", rows(checks))  # no link: about the whole release
    assert row.subjects == (statements.ARTIFACT, OTHER)
    found = rows_of(release_of(RELEASE), (RELEASE, checks), {checks.id: (OTHER,)})
    assert of_kind("github_checks", found)[0].subjects == (OTHER,)


def test_attest_says_verified_unverified_or_nothing() -> None:
    assert "provenance" not in attest(rows()).facts
    unverified = evidence_of(statements.provenance(), 1, verified=False)
    assert attest(rows(unverified)).facts["provenance"] == "unverified"
    assert "builder" not in attest(rows(unverified)).facts
    verified = evidence_of(statements.provenance(), 2)
    row = attest(rows(unverified, verified))
    assert row.facts["provenance"] == "verified"
    assert row.facts["builder"] == statements.BUILDER
    assert row.facts["source.digest"] == statements.COMMIT
    assert "provenance" not in attest(rows(verified), OTHER).facts


def test_attest_of_an_artifact_without_evidence_is_there_and_weighs_in() -> None:
    alone = Release("sha256:" + "00" * 32, "widget", "1", (OTHER,), 0)
    (row,) = rows_of(alone, ())
    assert (row.kind, row.verified, row.facts, row.withheld) == ("attest", True, {"subject": OTHER}, False)


def test_builders_that_disagree_leave_the_builder_unknown() -> None:
    documents = [statements.provenance(), statements.provenance(builder="https://example.org/b")]
    row = attest(rows(*numbered(documents)))
    assert row.facts["provenance"] == "verified"
    assert "builder" not in row.facts
    assert row.facts["source.digest"] == statements.COMMIT


def test_attest_takes_the_worst_of_the_documents() -> None:
    row = attest(
        rows(
            *numbered(
                [
                    statements.sbom(components=9, criticals=1),
                    statements.sbom(components=4, criticals=3, tool="syft"),
                    statements.vulns(severities=("critical", "high")),
                    statements.vulns(severities=("high", "high"), scanner="grype"),
                ]
            )
        )
    )
    assert row.facts["sbom.present"] is True
    assert row.facts["sbom.components"] == 4
    assert row.facts["sbom.criticals"] == 3
    assert (row.facts["vulns.criticals"], row.facts["vulns.highs"]) == (1, 2)
    assert row.facts["signers"] == ("key ci",)


def test_a_bom_that_was_not_analysed_counts_no_criticals() -> None:
    row = attest(rows(evidence_of(statements.sbom(criticals=None), 1)))
    assert row.facts["sbom.present"] is True
    assert "sbom.criticals" not in row.facts


def test_a_vex_document_is_no_bom() -> None:
    document = statements.sbom(criticals=0)
    del document["predicate"]["components"]
    row = attest(rows(evidence_of(document, 1)))
    assert "sbom.present" not in row.facts
    assert "sbom.criticals" not in row.facts


def test_unverified_evidence_never_helps() -> None:
    documents = [statements.sbom(), statements.vulns(), statements.provenance()]
    row = attest(rows(*numbered(documents, verified=False)))
    assert row.facts.keys() == {"subject", "provenance", "signers"}  # the release statement's signer
    assert row.facts["provenance"] == "unverified"


def test_attest_times_are_the_oldest() -> None:
    documents = [statements.provenance(finished=LATE), statements.sbom(timestamp=EARLY)]
    row = attest(rows(*numbered(documents)))
    assert row.effective == EPOCH
    assert row.evidence == tuple(one.id for one in numbered(documents))


@pytest.mark.parametrize("document", [statements.provenance(), statements.sbom(), statements.vulns()])
def test_erasing_withholds_the_row_and_the_attest_row(document: statements.Statement) -> None:
    one = evidence_of(document, 1)
    found = rows(erased(one))
    (row,) = of_kind(one.kind, found)
    assert (row.withheld, row.facts, row.verified) == (True, {}, True)
    assert attest(found).withheld is True
    assert attest(found, OTHER).withheld is False
    assert "provenance" not in attest(found).facts
    assert "sbom.criticals" not in attest(found).facts


def test_owned_by_is_reexported() -> None:
    assert owned_by is owned_by_itself


EVIDENCE = st.lists(st.tuples(st.integers(0, len(DOCUMENTS) - 1), st.booleans(), st.booleans()), max_size=8).map(
    lambda picks: [
        replace(evidence_of(DOCUMENTS[pick], index, verified=verified), erased=gone)
        for index, (pick, verified, gone) in enumerate(picks, start=1)
    ]
)


@settings(deadline=None, max_examples=80)
@given(EVIDENCE, st.randoms(use_true_random=False))
def test_rows_fit_the_table_and_do_not_depend_on_the_order(evidence: list[Evidence], random: st.DrawFn) -> None:
    found = rows(*evidence)
    for row in found:
        assert_facts_fit(row.kind, row.facts)
        assert set(row.subjects) <= {statements.ARTIFACT, OTHER}
    mixed = list(evidence)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert rows(*mixed) == found


@settings(deadline=None, max_examples=80)
@given(EVIDENCE)
def test_nothing_current_is_later_superseded_and_everything_is_represented(evidence: list[Evidence]) -> None:
    standing = current(evidence)
    assert current(standing) == standing
    keys = {(one.kind, one.series, digests_of(one), one.verification.status) for one in evidence}
    assert len(standing) == len(keys)


@settings(deadline=None, max_examples=120)
@given(EVIDENCE, st.data())
def test_erasing_moves_no_other_row(evidence: list[Evidence], data: st.DataObject) -> None:
    """What erasure takes away is facts; which rows stand, and what the others say, stays."""
    if not evidence:
        return
    chosen = data.draw(st.integers(0, len(evidence) - 1))
    before = rows(*evidence)
    after = rows(*(erased(one) if index == chosen else one for index, one in enumerate(evidence)))
    assert [(row.kind, row.evidence, row.subjects) for row in after] == [
        (row.kind, row.evidence, row.subjects) for row in before
    ]
    gone = evidence[chosen].id
    for was, now in zip(before, after, strict=True):
        if gone in now.evidence:
            assert now.withheld
        elif was.kind == "attest":
            assert {**now.facts, "signers": ()} == {**was.facts, "signers": ()}
        else:
            assert now == was


@settings(deadline=None, max_examples=80)
@given(EVIDENCE, st.integers(0, len(DOCUMENTS) - 1), st.booleans())
def test_one_more_piece_changes_only_the_kinds_it_touches(evidence: list[Evidence], pick: int, verified: bool) -> None:  # noqa: FBT001  drawn
    more = evidence_of(DOCUMENTS[pick], 100, verified=verified)
    before, after = rows(*evidence), rows(*evidence, more)
    for kind in {row.kind for row in (*before, *after)} - kinds_touched_by(more.kind):
        assert of_kind(kind, before) == of_kind(kind, after)
