"""What may be changed of the schema: everything that breaks nobody, and what was announced a year before."""

import subprocess
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evidence_api.cli.schema import app
from evidence_api.domain.errors import InvalidSource
from evidence_api.graphql.evolution import evolve
from evidence_api.graphql.schema import schema_text

ROOT = Path(__file__).resolve().parents[2]
TODAY = date(2028, 1, 1)
NOTICE = '@deprecated(reason: "Use `name`. Deprecated 2026-12-01, removed after 2027-12-01.")'
LATE = '@deprecated(reason: "Use `name`. Deprecated 2027-12-01, removed after 2028-12-01.")'
OLD = """
type Query { thing(size: Int NOTICE, of: Kind): Thing  other: Other NOTICE }
type Thing { name: String!  label: String NOTICE }
type Other { part: Part! }
type Part { name: String! }
enum Kind { A B NOTICE }
"""


def old(notice: str) -> str:
    return OLD.replace("NOTICE", notice)


NEW = """
type Query { thing(of: Kind): Thing }
type Thing { name: String! }
enum Kind { A }
"""


def test_what_was_announced_may_go_with_all_that_only_it_led_to() -> None:
    change = evolve(old(NOTICE), NEW, TODAY)
    assert (change.allowed, change.breaking, change.dangerous) == (True, (), ())
    assert set(change.removed) == {
        *("Query.thing(size:)", "Query.other", "Thing.label", "Kind.B", "Other", "Part"),
    }


@pytest.mark.parametrize(("notice", "today"), [("", TODAY), (LATE, TODAY), (NOTICE, date(2027, 12, 1))])
def test_what_was_not_announced_or_is_not_due_may_not(notice: str, today: date) -> None:
    change = evolve(old(notice), NEW, today)
    assert not change.allowed
    assert len(change.breaking) == 6
    assert change.removed == ()


@pytest.mark.parametrize(
    ("proposed", "breaking", "dangerous"),
    [
        (NEW.replace("name: String!", "name: String"), ["Field Thing.name changed type from String! to String."], []),
        (NEW.replace("of: Kind", "of: Kind!"), ["Argument Query.thing(of:) has changed type from Kind to Kind!."], []),
        (NEW.replace("A }", "A C }"), [], ["Enum value Kind.C was added."]),
        (NEW.replace("name: String!", "name: String! more: Int"), [], []),
    ],
)
def test_changes_are_told_by_what_they_do(proposed: str, breaking: list[str], dangerous: list[str]) -> None:
    change = evolve(NEW, proposed, TODAY)
    assert (list(change.breaking), list(change.dangerous), change.allowed) == (breaking, dangerous, not breaking)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("Use `name`.", "without its dates"),
        ("Deprecated 2026-13-01, removed after 2028-12-01.", "without its dates"),
        ("Deprecated 2026-12-01, removed after 2027-11-30.", "less than twelve months"),
        ("Deprecated 2028-02-29, removed after 2029-02-28.", "less than twelve months"),
    ],
)
def test_deprecations_say_when_they_end(reason: str, said: str) -> None:
    proposed = NEW.replace("name: String!", f'name: String! @deprecated(reason: "{reason}")')
    (fault,) = evolve(NEW, proposed, TODAY).faults
    assert fault.startswith("Thing.name ")
    assert said in fault


def test_what_is_no_schema_is_refused() -> None:
    with pytest.raises(InvalidSource, match="released schema"):
        evolve("type {", NEW, TODAY)


def test_the_schema_breaks_nothing_of_the_last_release() -> None:
    tagged = subprocess.run(
        ["git", "describe", "--tags", "--abbrev=0", "--match", "v*"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    released = schema_text()
    if tagged.returncode == 0:
        shown = ["git", "show", f"{tagged.stdout.strip()}:schema.graphql"]
        released = subprocess.run(shown, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    change = evolve(released, schema_text(), datetime.now(UTC).date())
    assert (change.breaking, change.faults) == ((), ())


def test_the_command_refuses_a_breaking_change(tmp_path: Path) -> None:
    recorded, released = tmp_path / "schema.graphql", tmp_path / "released.graphql"
    recorded.write_text(schema_text())
    released.write_text(schema_text())
    same = CliRunner().invoke(app, ["check", str(recorded), "--against", str(released)])
    assert same.exit_code == 0, same.output
    released.write_text(schema_text() + "\nextend type Query {\n  formerly: Int\n}\n")
    broken = CliRunner().invoke(app, ["check", str(recorded), "--against", str(released), "--json"])
    assert broken.exit_code == 1
    assert "Field Query.formerly was removed." in broken.output
