"""The rules of the house as data, and the tests that read the tree and hold it to them."""

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "evidence_api"

# What may lie at the top level; anything else starting with a dot is allowed too.
TOP_LEVEL = {
    "evidence_api", "controls", "policy", "schema.graphql", "migrations", "tests", "deploy",
    "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md",
}  # fmt: skip

LINES_OF_A_MODULE = 400
LINES_OF_A_FUNCTION = 40
MEDIAN_LINES = 115

# The command table loads what is asked for, and the token builtins when a policy calls one: cryptography would double
# the time in which a killed worker is there again. Everything else is imported where it can be seen.
MAY_IMPORT_LATER = {"evidence_api/cli/main.py", "evidence_api/engines/rego_extensions.py"}

# Words that say nothing about what a thing is.
EMPTY_NAMES = re.compile(r"(Manager|Helper|Utils?|Service|Data|Info)$")
STANDARD_NAMES = {"PageInfo", "Info"}  # Relay's, and the GraphQL library's
EMPTY_MODULES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "service", "data", "info"}

# Each is written in pieces, so that this file holds none of them.
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|NotImplemented" + r"Error|mark\.x" + r"fail)\b")
HOSTS = tuple(
    ".".join(labels)
    for labels in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("crates", "io"),
        ("proxy", "golang", "org"),
        ("maven", "org"),
        ("maven", "apache", "org"),
        ("deb", "debian", "org"),
    )
)
# An identifier that contains a host's name without addressing it: the PEP 740 predicate type.
NOT_A_HOST = "docs." + HOSTS[0]
MACHINE_PATHS = re.compile(r"(?<![\w./:-])/(?:wo" + r"rk|ro" + r"ot|home/\w+|tmp/scratch)/")
NOQA = re.compile(r"#\s*no" + r"qa(?::\s*[A-Z0-9]+(?:,\s*[A-Z0-9]+)*)?\s*$")
BINARY = {".pdf", ".png", ".ttf", ".otf", ".woff2", ".icc", ".gz", ".zst", ".whl"}


def tracked() -> list[Path]:
    """Every file of the project: what git tracks, or, in an unpacked archive, what is there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    found = chain.from_iterable(
        (ROOT / name).rglob("*") if (ROOT / name).is_dir() else [ROOT / name] for name in TOP_LEVEL
    )
    return [path for path in found if path.is_file() and "__pycache__" not in path.parts]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


FILES = tracked()
MODULES = [path for path in FILES if path.suffix == ".py" and path.is_relative_to(PACKAGE) and path.stat().st_size]
TREES = {path: ast.parse(path.read_text()) for path in MODULES}


def assert_none(found: Iterable[str]) -> None:
    """Fail with every place, one a line."""
    places = list(found)
    assert not places, "\n".join(["", *places])


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines_with(pattern: re.Pattern[str], *, only: str = "") -> list[str]:
    """`file:line: text` of every match in a tracked text file."""
    found = []
    for path in FILES:
        if path.suffix in BINARY or (only and path.suffix != only):
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{name_of(path)}:{number}: {line.strip()[:100]}")
    return found


def test_the_imports_run_one_way() -> None:
    command = Path(sys.executable).parent / "lint-imports"
    ran = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-1000:]


def test_the_top_level_holds_only_what_it_may() -> None:
    entries = {path.relative_to(ROOT).parts[0] for path in FILES}
    assert {entry for entry in entries if not entry.startswith(".")} <= TOP_LEVEL


def test_no_module_is_too_long(record_property: Callable[[str, object], None]) -> None:
    sizes = {name_of(path): len(path.read_text().splitlines()) for path in MODULES}
    median = statistics.median(sizes.values())
    record_property("median lines of a module", median)
    assert_none(f"{name}: {size} lines" for name, size in sizes.items() if size > LINES_OF_A_MODULE)
    assert median <= MEDIAN_LINES


def test_no_function_is_too_long() -> None:
    long = {
        f"{name_of(path)}:{node.lineno} {node.name}": lines
        for path, tree in TREES.items()
        for node in functions(tree)
        if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) >= LINES_OF_A_FUNCTION
    }
    assert_none(f"{where}: {lines} lines" for where, lines in long.items())


def test_every_module_class_and_public_function_says_what_it_is() -> None:
    silent = [name_of(path) for path, tree in TREES.items() if not ast.get_docstring(tree)]
    silent += [
        f"{name_of(path)}:{node.lineno} {node.name}"
        for path, tree in TREES.items()
        for node in public(tree)
        if not ast.get_docstring(node)
    ]
    assert_none(silent)


def public(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Classes and functions a reader of the module may use, with the public methods of such classes."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        yield node
        if isinstance(node, ast.ClassDef) and not is_protocol(node):
            yield from public(node)


def is_protocol(node: ast.ClassDef) -> bool:
    """A protocol's docstring speaks for its members, which have no body of their own."""
    return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)


def test_no_import_hides_inside_a_function() -> None:
    hidden = [
        f"{name_of(path)}:{inner.lineno}"
        for path, tree in TREES.items()
        if name_of(path) not in MAY_IMPORT_LATER
        for node in functions(tree)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom | ast.Call) and imports(inner)
    ]
    assert_none(hidden)


def imports(node: ast.Import | ast.ImportFrom | ast.Call) -> bool:
    """An import statement, or a call of import_module or __import__."""
    if not isinstance(node, ast.Call):
        return True
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return called in {"import_module", "__import__"}


def test_names_say_something() -> None:
    classes = [
        f"{name_of(path)}:{node.lineno} {node.name}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and EMPTY_NAMES.search(node.name) and node.name not in STANDARD_NAMES
    ]
    modules = [name_of(path) for path in MODULES if path.stem in EMPTY_MODULES]
    assert_none(classes + modules)


def test_nothing_is_left_unfinished() -> None:
    assert_none(lines_with(UNFINISHED, only=".py"))


def test_every_exception_to_the_linter_says_why() -> None:
    assert_none(lines_with(NOQA, only=".py"))


@pytest.mark.parametrize("host", HOSTS)
def test_no_file_names_a_package_registry(host: str) -> None:
    pattern = re.compile(rf"(?<![\w-])(?:\w[\w-]*\.)*{re.escape(host)}(?![\w-])")
    assert_none(line for line in lines_with(pattern) if NOT_A_HOST not in line)


def test_no_file_names_a_path_of_one_machine() -> None:
    assert_none(lines_with(MACHINE_PATHS))


def test_every_shell_script_can_be_run_and_stops_at_faults() -> None:
    scripts = [path for path in FILES if path.is_relative_to(ROOT / "deploy") and path.suffix in {"", ".sh"}]
    scripts = [path for path in scripts if path.read_text().startswith("#!")]
    assert {"quickstart", "test"} <= {path.name for path in scripts}
    for path in scripts:
        assert path.stat().st_mode & 0o111, f"{name_of(path)} is not executable"
        assert re.search(r"^set -e?uo pipefail$", path.read_text(), re.MULTILINE), name_of(path)
        assert subprocess.run(["bash", "-n", path], check=False).returncode == 0
