"""Reading, beside PEP 740: the normal form of a Python distribution's file name, so that two spellings compare.

Sources: PEP 503 (names), PEP 427 and 425 (wheels: name-version[-build]-tags, compressed tag sets), PEP 625 (sdists).
"""

import re

_SEPARATORS = re.compile(r"[-_.]+")
_SDIST = (".tar.gz", ".zip")
_WHEEL_PARTS = (5, 6)


def normal_name(file_name: str) -> str:
    """The name in lower case with one separator, the tags of a wheel sorted; any other file name as it is."""
    if file_name.endswith(".whl"):
        parts = file_name.removesuffix(".whl").split("-")
        if len(parts) in _WHEEL_PARTS:
            tags = [".".join(sorted(tag.split("."))) for tag in parts[-3:]]
            return "-".join([_normal(parts[0]), *(part.lower() for part in parts[1:-3]), *tags]) + ".whl"
    for ending in _SDIST:
        name, dash, version = file_name.removesuffix(ending).rpartition("-")
        if file_name.endswith(ending) and dash:
            return f"{_normal(name)}-{version.lower()}{ending}"
    return file_name


def _normal(name: str) -> str:
    return _SEPARATORS.sub("_", name).lower()
