import pytest

from evidence_api.formats.severity import Severity, severity_counts, severity_of_score, severity_of_word


@pytest.mark.parametrize(
    ("method", "score", "severity"),
    [
        ("CVSSv31", 10, Severity.CRITICAL),
        ("CVSSv3", 9.0, Severity.CRITICAL),
        ("cvss_score", 8.9, Severity.HIGH),
        ("CVSSv4", 4.0, Severity.MEDIUM),
        ("CVSSv31", 0.1, Severity.LOW),
        ("CVSSv31", 0, Severity.NONE),
        ("CVSSv2", 9.9, Severity.HIGH),
        ("epss", 0.97, None),
        ("CVSSv31", 11, None),
        ("CVSSv31", float("nan"), None),
    ],
)
def test_scores(method: str, score: float, severity: Severity | None) -> None:
    assert severity_of_score(method, score) == severity


def test_words_in_any_case_and_unknown_stays_unknown() -> None:
    assert severity_of_word(" Critical ") is Severity.CRITICAL
    assert severity_of_word("moderate") is Severity.MEDIUM
    assert severity_of_word("unknown") is None
    assert severity_of_word("5.2") is None


def test_counts_keep_the_unrated_apart() -> None:
    counted = severity_counts([Severity.CRITICAL, None, Severity.INFO, Severity.LOW, None])
    assert counted == {"criticals": 1, "highs": 0, "mediums": 0, "lows": 1, "unrated": 2}
