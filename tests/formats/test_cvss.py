import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_api.formats.cvss import base_score
from evidence_api.formats.cvss_vector import is_vector


@pytest.mark.parametrize(
    ("vector", "score"),
    [
        # the examples of the CVSS v3.1 guide and of well-known records
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4),
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1),
        ("CVSS:3.1/AV:L/AC:H/PR:L/UI:N/S:U/C:H/I:N/A:N", 4.7),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N/E:P/RL:O", 7.5),
        ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N", 0.0),
        ("AV:N/AC:L/Au:N/C:P/I:P/A:P", 7.5),
        ("AV:N/AC:L/Au:N/C:C/I:C/A:C", 10.0),
        ("AV:N/AC:M/Au:N/C:N/I:P/A:N", 4.3),
        ("AV:L/AC:H/Au:N/C:C/I:C/A:C", 6.2),
        ("AV:L/AC:L/Au:N/C:N/I:N/A:N", 0.0),
        ("CVSS:3.1/AV:N/AC:L", None),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", None),
        ("9.8", None),
        ("", None),
    ],
)
def test_base_scores(vector: str, score: float | None) -> None:
    assert base_score(vector) == score


V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"


@pytest.mark.parametrize(
    ("version", "vector", "fits"),
    [
        (2, "AV:N/AC:L/Au:N/C:P/I:P/A:P/E:POC/RL:OF", True),
        (2, "AV:N/AC:L/Au:N/C:H/I:P/A:P", False),
        (3, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/MAV:X", True),
        (3, "CVSS:3.2/AV:N", False),
        (3, "AV:N/AC:L", False),
        (4, V4, True),
        (4, V4 + "/E:A/MSI:S/U:Amber", True),
        (4, V4 + "/U:Blue", False),
        (4, V4 + "/U:Red/E:A", False),
        (4, V4.replace("/SA:N", ""), False),
        (4, V4 + "/E:A/E:A", False),
    ],
)
def test_vectors_by_version(version: int, vector: str, fits: bool) -> None:  # noqa: FBT001  a parameter of the test
    assert is_vector(version, vector) is fits


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="CVSS:3.14/ANLPHURC", max_size=60))
def test_any_text_is_scored_or_not(text: str) -> None:
    score = base_score(text)
    assert score is None or 0 <= score <= 10


METRICS = {"AV": "NALP", "AC": "LH", "PR": "NLH", "UI": "NR", "S": "UC", "C": "HLN", "I": "HLN", "A": "HLN"}


@settings(max_examples=200, deadline=None)
@given(st.fixed_dictionaries({name: st.sampled_from(values) for name, values in METRICS.items()}))
def test_a_score_is_in_tenths_and_a_worse_impact_is_never_lower(metrics: dict[str, str]) -> None:
    def scored(chosen: dict[str, str]) -> float:
        score = base_score("CVSS:3.1/" + "/".join(f"{name}:{value}" for name, value in chosen.items()))
        assert score is not None
        return score

    score = scored(metrics)
    assert 0 <= score <= scored(metrics | {"C": "H", "I": "H", "A": "H"}) <= 10
    assert round(score, 1) == score
