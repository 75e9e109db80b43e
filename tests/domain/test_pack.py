"""Completeness in a word and a line."""

from evidence_api.domain.pack import Absent, Completeness, PackStatus

GONE = Absent("evidence/000003-sbom-0123456789ab.json", "erased", vital=False)
LOST = Absent("log/checkpoint.txt", "not recorded", vital=True)


def test_one_word_for_what_is_absent() -> None:
    assert Completeness(4, ()).status is PackStatus.COMPLETE
    assert Completeness(4, (GONE,)).status is PackStatus.PARTIAL
    assert Completeness(4, (GONE, LOST)).status is PackStatus.REFUSED


def test_the_line_counts_what_is_absent_too() -> None:
    assert Completeness(4, (GONE,)).line == "4 of 5 artifacts present and verified"
