"""Any format, field level: the base score of a CVSS vector, as advisories state it instead of a number.

Sources: CVSS v2 guide section 3.2.1; CVSS v3.1 specification section 7.1 and appendix A (v3.0 differs only in how
it rounds). Temporal and environmental metrics are skipped: they are not the vulnerability's own.
"""

import math
from collections.abc import Mapping

_Weights = Mapping[str, Mapping[str, float]]

_V2: _Weights = {
    "AV": {"L": 0.395, "A": 0.646, "N": 1.0},
    "AC": {"H": 0.35, "M": 0.61, "L": 0.71},
    "Au": {"M": 0.45, "S": 0.56, "N": 0.704},
    "C": {"N": 0.0, "P": 0.275, "C": 0.660},
    "I": {"N": 0.0, "P": 0.275, "C": 0.660},
    "A": {"N": 0.0, "P": 0.275, "C": 0.660},
}
_V3: _Weights = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "PR": {"N": 0.85, "L": 0.62, "H": 0.27},
    "UI": {"N": 0.85, "R": 0.62},
    "S": {"U": 0.0, "C": 1.0},
    "C": {"H": 0.56, "L": 0.22, "N": 0.0},
    "I": {"H": 0.56, "L": 0.22, "N": 0.0},
    "A": {"H": 0.56, "L": 0.22, "N": 0.0},
}
_PRIVILEGES_CHANGED = {"N": 0.85, "L": 0.68, "H": 0.5}  # PR where the scope changes


def base_score(vector: str) -> float | None:
    """The base score 0..10 of a v2, v3.0 or v3.1 vector; None for other versions and incomplete vectors."""
    version, slash, rest = vector.partition("/")
    if version in {"CVSS:3.0", "CVSS:3.1"}:
        return _score_v3(_metrics(rest))
    if version.startswith("CVSS:"):
        return None
    return _score_v2(_metrics(vector if slash else ""))


def _metrics(text: str) -> dict[str, str]:
    """`AV:N/AC:L` -> {AV: N, AC: L}."""
    found = {}
    for part in text.split("/"):
        name, _, value = part.partition(":")
        found[name] = value
    return found


def _weigh(metrics: Mapping[str, str], table: _Weights) -> dict[str, float] | None:
    """Each base metric's weight; None if one is missing or has no such value."""
    weights = {}
    for name, values in table.items():
        weight = values.get(metrics.get(name, ""))
        if weight is None:
            return None
        weights[name] = weight
    return weights


def _score_v3(metrics: Mapping[str, str]) -> float | None:
    """CVSS v3.1 section 7.1."""
    weights = _weigh(metrics, _V3)
    if weights is None:
        return None
    changed = bool(weights["S"])
    privileges = _PRIVILEGES_CHANGED[metrics["PR"]] if changed else weights["PR"]
    missed = 1 - (1 - weights["C"]) * (1 - weights["I"]) * (1 - weights["A"])
    impact = 7.52 * (missed - 0.029) - 3.25 * (missed - 0.02) ** 15 if changed else 6.42 * missed
    if impact <= 0:
        return 0.0
    exploitability = 8.22 * weights["AV"] * weights["AC"] * privileges * weights["UI"]
    return _round_up(min((1.08 if changed else 1.0) * (impact + exploitability), 10))


def _round_up(score: float) -> float:
    """CVSS v3.1 appendix A: the smallest tenth not below, untouched by floating-point dust."""
    whole = round(score * 100_000)
    return whole / 100_000 if whole % 10_000 == 0 else (math.floor(whole / 10_000) + 1) / 10


def _score_v2(metrics: Mapping[str, str]) -> float | None:
    """CVSS v2 section 3.2.1."""
    weights = _weigh(metrics, _V2)
    if weights is None:
        return None
    impact = 10.41 * (1 - (1 - weights["C"]) * (1 - weights["I"]) * (1 - weights["A"]))
    if impact == 0:
        return 0.0
    exploitability = 20 * weights["AV"] * weights["AC"] * weights["Au"]
    return round((0.6 * impact + 0.4 * exploitability - 1.5) * 1.176, 1)
