"""YAML as editors read it: the core schema of YAML 1.2, where `no` and `on` are words and a date is text."""

import re
from typing import Any

import yaml


class _Core(yaml.SafeLoader):
    """SafeLoader without the resolvers of YAML 1.1."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  the base class's shape


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+0123456789."),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
):
    _Core.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), list(_first))


def plain_documents(text: str) -> list[Any]:
    """The documents of a YAML text as JSON values. Raises yaml.YAMLError."""
    return list(yaml.load_all(text, Loader=_Core))
