"""Policy bundle: a folder of Rego modules and data, named by its content so that a decision can name its policy.

The digest is sha256 over the canonical JSON of {"modules": {path: sha256 of the text}, "data": sha256 of
the canonical data}. Test modules (`*_test.rego`) and invariants (`*_invariant.rego`) are no part of a bundle,
nor are the schemas beside them: they decide nothing.
"""

import re
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import orjson

from evidence_api.domain.digest import canonical, digest_of, sha256_hex
from evidence_api.domain.errors import InvalidSource, Malformed, SourceFault
from evidence_api.formats.policy_settings import settings_faults
from evidence_api.formats.yaml_source import Mapping, Node, Sequence, documents

MODULE_SUFFIX = ".rego"
TEST_SUFFIX = "_test.rego"
INVARIANT_SUFFIX = "_invariant.rego"
SCHEMA_NAME = "input.schema.json"
DATA_NAMES = ("data.yaml", "data.json")

_PLAIN = {"true": True, "false": False, "null": None, "~": None, "": None}
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class PolicyBundle:
    """Modules (relative path -> text) and data (JSON object bytes), immutable, with the digest of both.

    `as_written`: the engine reads it as it did before it read negations as OPA does (formats/rego_negation.py).
    Verdicts of derivation 1 were made so, and only so do they follow again.
    """

    digest: str
    modules: MappingOf[str, str] = field(repr=False)
    data: bytes = field(repr=False, default=b"{}")
    as_written: bool = False


def policy_bundle(modules: MappingOf[str, str], data: bytes = b"{}") -> PolicyBundle:
    """Name modules and data by their content. Raises InvalidSource when `data` is no JSON object."""
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as fault:
        raise InvalidSource([SourceFault("data.json", fault.lineno, fault.colno, "syntax", fault.msg)]) from fault
    if not isinstance(document, dict):
        raise InvalidSource([SourceFault("data.json", 1, 1, "data", "policy data must be an object")])
    ordered = {name: modules[name] for name in sorted(modules)}
    try:
        data_digest = sha256_hex(canonical(document))
    except Malformed as fault:
        raise InvalidSource([SourceFault("data.json", 1, 1, "data", fault.message)]) from fault
    content = {"modules": {name: sha256_hex(text.encode()) for name, text in ordered.items()}, "data": data_digest}
    return PolicyBundle(digest_of(canonical(content)), ordered, data)


def bundle_from_files(files: MappingOf[str, str], *, tests: bool = False) -> PolicyBundle:
    """The bundle of a folder's texts (relative path with / -> text); `tests` keeps tests and invariants too.

    Data files stand at the root of the folder or beside the modules; all are merged into one document,
    and two files that give one key are refused, as is a setting that the schema does not know. Raises InvalidSource
    with every fault found.
    """
    modules = {name: text for name, text in files.items() if name.endswith(MODULE_SUFFIX) and (tests or decides(name))}
    faults: list[SourceFault] = []
    merged: dict[str, tuple[str, Any]] = {}
    for name in sorted(files):
        if PurePosixPath(name).name in DATA_NAMES:
            _merge(merged, name, files[name], faults)
    data = {key: value for key, (_, value) in merged.items()}
    faults += settings_faults(files, data, {key: file for key, (file, _) in merged.items()})
    if not modules:
        faults.append(SourceFault("policy", 1, 1, "empty", "no .rego module in the folder"))
    if faults:
        raise InvalidSource(faults)
    return policy_bundle(modules, orjson.dumps(data, option=orjson.OPT_SORT_KEYS))


def decides(name: str) -> bool:
    """Whether a file of this name is a module that a bundle holds: no test, no invariant."""
    return name.endswith(MODULE_SUFFIX) and not name.endswith((TEST_SUFFIX, INVARIANT_SUFFIX))


def _merge(merged: dict[str, tuple[str, Any]], name: str, text: str, faults: list[SourceFault]) -> None:
    known = len(faults)
    document = _json(name, text, faults) if name.endswith(".json") else _yaml(name, text, faults)
    if len(faults) > known or document is None:
        return
    if not isinstance(document, dict):
        faults.append(SourceFault(name, 1, 1, "data", "policy data must be a mapping"))
        return
    for key, value in document.items():
        if key in merged:
            faults.append(SourceFault(name, 1, 1, "duplicate_data", f"data.{key} is given by another file too"))
        merged[key] = name, value


def _json(name: str, text: str, faults: list[SourceFault]) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as fault:
        faults.append(SourceFault(name, fault.lineno, fault.colno, "syntax", fault.msg))
        return None


def _yaml(name: str, text: str, faults: list[SourceFault]) -> object:
    """One document; None stands for an empty file."""
    nodes = documents(text, name, faults)
    if len(nodes) > 1:
        faults.append(SourceFault(name, nodes[1].line, nodes[1].column, "data", "policy data is one document"))
    return _value(nodes[0]) if nodes else None


def _value(node: Node) -> object:
    """A node as JSON. Plain scalars are read as YAML 1.2 does: `no` and `on` are words (NO is a country)."""
    if isinstance(node, Mapping):
        return {key.text: _value(value) for key, value in node.entries}
    if isinstance(node, Sequence):
        return [_value(item) for item in node.items]
    if node.style:
        return node.text
    if node.text in _PLAIN:
        return _PLAIN[node.text]
    return orjson.loads(node.text) if _NUMBER.fullmatch(node.text) else node.text
