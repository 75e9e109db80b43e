"""Any format, field level: whether some text is a CVSS vector of one version, metric by metric.

Sources: CVSS v2 guide section 2.4, CVSS v3.1 specification table 15, CVSS v4.0 specification table 23 (which fixes
the order and requires the base metrics).
"""

import itertools
from collections.abc import Mapping

_Values = Mapping[str, str | tuple[str, ...]]  # each letter of a text is one value

_V2: _Values = {
    "AV": "NAL",
    "AC": "LMH",
    "Au": "MSN",
    "C": "NPC",
    "I": "NPC",
    "A": "NPC",
    "E": ("U", "POC", "F", "H", "ND"),
    "RL": ("OF", "TF", "W", "U", "ND"),
    "RC": ("UC", "UR", "C", "ND"),
    "CDP": ("N", "L", "LM", "MH", "H", "ND"),
    "TD": ("N", "L", "M", "H", "ND"),
    **dict.fromkeys(("CR", "IR", "AR"), ("L", "M", "H", "ND")),
}
_V3_BASE: _Values = {
    "AV": "NALP",
    "AC": "LH",
    "PR": "NLH",
    "UI": "NR",
    "S": "UC",
    "C": "NLH",
    "I": "NLH",
    "A": "NLH",
}
_V3: _Values = {
    **_V3_BASE,
    **{f"M{name}": ("X", *values) for name, values in _V3_BASE.items()},
    "E": "XUPFH",
    "RL": "XOTWU",
    "RC": "XURC",
    "CR": "XLMH",
    "IR": "XLMH",
    "AR": "XLMH",
}
_V4_BASE: _Values = {
    "AV": "NALP",
    "AC": "LH",
    "AT": "NP",
    "PR": "NLH",
    "UI": "NPA",
    **dict.fromkeys(("VC", "VI", "VA", "SC", "SI", "SA"), "HLN"),
}
_V4: _Values = {  # in the order in which they must stand
    **_V4_BASE,
    "E": "XAPU",
    "CR": "XHML",
    "IR": "XHML",
    "AR": "XHML",
    "MAV": "XNALP",
    "MAC": "XLH",
    "MAT": "XNP",
    "MPR": "XNLH",
    "MUI": "XNPA",
    "MVC": "XNLH",
    "MVI": "XNLH",
    "MVA": "XNLH",
    "MSC": "XNLH",
    "MSI": "XNLHS",
    "MSA": "XNLHS",
    "S": "XNP",
    "AU": "XNY",
    "R": "XAUI",
    "V": "XDC",
    "RE": "XLMH",
    "U": ("X", "Clear", "Green", "Amber", "Red"),
}
_PLACES = {name: place for place, name in enumerate(_V4)}


def is_vector(version: int, text: str) -> bool:
    """Whether `text` is a vector of CVSS version 2, 3 (3.0 and 3.1) or 4."""
    if version == 2:  # noqa: PLR2004  the version itself
        return _fits(text, _V2)
    prefix, _, rest = text.partition("/")
    if version == 3:  # noqa: PLR2004  the version itself
        return prefix in {"CVSS:3.0", "CVSS:3.1"} and _fits(rest, _V3)
    names = [part.partition(":")[0] for part in rest.split("/")]
    places = [_PLACES.get(name, -1) for name in names]
    in_order = all(first < second for first, second in itertools.pairwise(places))
    return prefix == "CVSS:4.0" and names[: len(_V4_BASE)] == list(_V4_BASE) and in_order and _fits(rest, _V4)


def _fits(text: str, allowed: _Values) -> bool:
    """Whether every part is `metric:value` with a value the metric has."""
    parts = [part.partition(":") for part in text.split("/")]
    return all(value in tuple(allowed.get(name, ())) for name, _, value in parts)
