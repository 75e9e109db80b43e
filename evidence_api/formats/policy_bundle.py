"""Policy bundle: a folder of Rego modules and data, named by its content so that a decision can name its policy.

The digest is sha256 over the canonical JSON of {"modules": {path: sha256 of the text}, "data": sha256 of
the canonical data}. Test modules (`*_test.rego`) are no part of a bundle: they decide nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import orjson
import yaml

from evidence_api.domain.digest import canonical, digest_of, sha256_hex
from evidence_api.domain.errors import InvalidSource, SourceFault

MODULE_SUFFIX = ".rego"
TEST_SUFFIX = "_test.rego"
DATA_NAMES = ("data.yaml", "data.yml", "data.json")


@dataclass(frozen=True, slots=True)
class PolicyBundle:
    """Modules (relative path -> text) and data (JSON object bytes), immutable, with the digest of both."""

    digest: str
    modules: Mapping[str, str] = field(repr=False)
    data: bytes = field(repr=False, default=b"{}")


def policy_bundle(modules: Mapping[str, str], data: bytes = b"{}") -> PolicyBundle:
    """Name modules and data by their content. Raises InvalidSource when `data` is no JSON object."""
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as fault:
        raise InvalidSource([SourceFault("data.json", fault.lineno, fault.colno, "syntax", fault.msg)]) from fault
    if not isinstance(document, dict):
        raise InvalidSource([SourceFault("data.json", 1, 1, "data", "policy data must be an object")])
    ordered = {name: modules[name] for name in sorted(modules)}
    content = {
        "modules": {name: sha256_hex(text.encode()) for name, text in ordered.items()},
        "data": sha256_hex(canonical(document)),
    }
    return PolicyBundle(digest_of(canonical(content)), ordered, data)


def bundle_from_files(files: Mapping[str, str], *, tests: bool = False) -> PolicyBundle:
    """The bundle of a folder's texts (relative path with / -> text); `tests` keeps the test modules too.

    Data files stand at the root of the folder or beside the modules; all are merged into one document,
    and two files that give one key are refused. Raises InvalidSource with every fault found.
    """
    modules = {
        name: text
        for name, text in files.items()
        if name.endswith(MODULE_SUFFIX) and (tests or not name.endswith(TEST_SUFFIX))
    }
    faults: list[SourceFault] = []
    merged: dict[str, Any] = {}
    for name in sorted(files):
        if PurePosixPath(name).name in DATA_NAMES:
            _merge(merged, name, files[name], faults)
    if not modules:
        faults.append(SourceFault("policy", 1, 1, "empty", "no .rego module in the folder"))
    if faults:
        raise InvalidSource(faults)
    return policy_bundle(modules, orjson.dumps(merged, option=orjson.OPT_SORT_KEYS))


def _merge(merged: dict[str, Any], name: str, text: str, faults: list[SourceFault]) -> None:
    document = _document(name, text, faults)
    if document is None:
        return
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        faults.append(SourceFault(name, 1, 1, "data", "policy data must be a mapping with text keys"))
        return
    for key, value in document.items():
        if key in merged:
            faults.append(SourceFault(name, 1, 1, "duplicate_data", f"data.{key} is given by another file too"))
        merged[key] = value


def _document(name: str, text: str, faults: list[SourceFault]) -> object:
    """YAML (JSON is YAML) limited to what JSON can say; None stands for an empty or faulty file."""
    try:
        document = yaml.load(text, Loader=yaml.CSafeLoader)
        orjson.dumps(document)
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        faults.append(SourceFault(name, line, column, "syntax", fault.problem or "not YAML"))
        return None
    except (yaml.YAMLError, orjson.JSONEncodeError, RecursionError) as fault:
        faults.append(SourceFault(name, 1, 1, "data", f"not expressible as JSON: {fault}"))
        return None
    return document
