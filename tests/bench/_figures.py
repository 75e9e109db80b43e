"""What the commands of the benchmarks share: the option --json, and how figures are printed."""

import argparse
import json
import sys
from collections.abc import Mapping


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """A parser that knows --json."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true")
    return parser


def show(figures: Mapping[str, object], *, as_json: bool) -> None:
    """One JSON document, or a figure a line."""
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")
    else:
        sys.stdout.writelines(f"{name:22} {value}\n" for name, value in figures.items())
