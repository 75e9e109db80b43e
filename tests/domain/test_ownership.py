from dataclasses import replace

from evidence_api.domain.digest import digest_of
from evidence_api.domain.evidence import Evidence
from evidence_api.domain.ownership import artifacts_of, owned_by
from evidence_api.domain.statement import Subject
from tests.support import statements
from tests.support.evidence import erased, evidence_of, release_of

HOPS = tuple(f"sha1:{number:040x}" for number in range(1, 6))


def chain(*, verified: bool = True) -> list[Evidence]:
    """A release, and provenance from it through five commits, each built from the next."""
    every = [evidence_of(statements.release(), 0)]
    for index, (built, source) in enumerate(zip((statements.ARTIFACT, *HOPS), HOPS, strict=False), start=1):
        every.append(evidence_of(statements.provenance(built, source), index, verified=verified))
    every.extend(evidence_of(statements.test_result(hop), 10 + index) for index, hop in enumerate(HOPS))
    return every


def leaves(owned: tuple[Evidence, ...]) -> list[int]:
    return [one.leaf_index for one in owned]


def test_links_are_followed_three_steps() -> None:
    every = chain()
    # steps: artifact -> hop 1 -> hop 2 -> hop 3; provenance *about* hop 3 is owned, what it leads to is not
    assert leaves(owned_by(release_of(every[0]), every)) == [0, 1, 2, 3, 4, 10, 11, 12]


def test_unverified_provenance_links_nothing() -> None:
    every = chain(verified=False)
    assert leaves(owned_by(release_of(every[0]), every)) == [0, 1]


def test_erased_provenance_still_links() -> None:
    every = chain()
    gone = [erased(one) if one.kind == "provenance" else one for one in every]
    assert leaves(owned_by(release_of(every[0]), gone)) == leaves(owned_by(release_of(every[0]), every))


def test_evidence_about_other_things_is_not_owned() -> None:
    release = evidence_of(statements.release(), 0)
    other = evidence_of(statements.sbom(digest_of(b"another artifact")), 1)
    assert owned_by(release_of(release), [release, other]) == (release,)


def test_sources_that_lead_back_end() -> None:
    release = evidence_of(statements.release(), 0)
    there = evidence_of(statements.provenance(statements.ARTIFACT, HOPS[0]), 1)
    back = evidence_of(statements.provenance(HOPS[0], statements.ARTIFACT), 2)
    assert leaves(owned_by(release_of(release), [release, there, back])) == [0, 1, 2]


def test_digests_of_one_subject_are_one_artifact() -> None:
    both = Subject("widget", {"sha256": "ab" * 32, "sha512": "cd" * 64})
    other = Subject("other", {"sha256": "ef" * 32})
    statement = replace(evidence_of(statements.release(), 0), subjects=(both, other))
    release = release_of(statement)
    assert artifacts_of(release, [statement]) == (
        (f"sha256:{'ab' * 32}", f"sha512:{'cd' * 64}"),
        (f"sha256:{'ef' * 32}",),
    )
    assert len(artifacts_of(release, [])) == 3
