"""`evidence-api drift`: what changed in a release since the last green one, and what is known to be wrong with it."""

from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from evidence_api.bootstrap import Application
from evidence_api.cli import output
from evidence_api.cli.operating import AsJson, Tenant, operate
from evidence_api.domain.drift import AttributeChange, ComponentVulnerability, Drift
from evidence_api.formats.drift_predicate import drift_predicate, explain
from evidence_api.use_cases.derive import DerivedDrift

_SHOWN = 50  # rows of one table for people; --json has all


def drift(
    release: Annotated[str, typer.Argument(help="The release: name, name@version, or its evidence id.")],
    tenant: Tenant,
    json: AsJson = False,
) -> None:
    """Compare a release with its baseline: the last release of the product before it without a failing control.

    Derived now from the verified SBOMs, scans, VEX and advisories on record, as the server does for the signed
    `sbom_drift` evidence. Exit code 1 when a change is risky.
    """

    async def use(application: Application) -> DerivedDrift:
        return await application.deriver.show(await application.tenancy.named(tenant), release)

    found = operate(use)
    if json:
        output.print_json({"release": found.release, "baseline": found.baseline, "drift": drift_predicate(found.drift)})
    else:
        _show(found)
    if found.drift.status == "risky":
        raise typer.Exit(output.NO)


def _show(found: DerivedDrift) -> None:
    drift = found.drift
    output.say(f"{found.release}, compared with {found.baseline or 'nothing: no earlier release is green'}")
    output.say(explain(drift))
    _table("components", ("", "package", "before", "now"), list(_changes(drift)))
    _table("same version, but", ("", "package", "version", "before", "now"), list(_attributes(drift)))
    new = {(one.package, one.version, one.id) for one in drift.new}
    rows = [_vulnerability(one, new) for one in drift.vulnerabilities]
    _table("vulnerabilities", ("", "severity", "id", "package", "version", "component"), rows)
    _table(
        "ruled out by VEX",
        ("id", "package", "version", "status"),
        [(one.id, one.package, one.version, one.status) for one in drift.suppressed],
    )
    _table(
        "blocked",
        ("package", "before", "now", "why", "nearest unaffected"),
        [
            (
                *(one.package, one.before or "", one.after),
                ", ".join((*one.vulnerabilities, *(f"licence: {name}" for name in one.licences))),
                one.unaffected or "none known",
            )
            for one in drift.risky
        ],
    )


def _changes(drift: Drift) -> Iterator[Sequence[str]]:
    for word in ("added", "removed", "upgraded", "downgraded", "changed"):
        for one in getattr(drift, word):
            yield word, one.package, one.before or "", one.after or ""


def _attributes(drift: Drift) -> Iterator[Sequence[str]]:
    listed: tuple[tuple[str, Sequence[AttributeChange]], ...] = (
        ("other hash", drift.rehashed),
        ("other supplier", drift.supplier_changed),
        ("other licence", drift.licence_changed),
    )
    for word, changes in listed:
        for one in changes:
            yield word, one.package, one.version, ", ".join(one.before), ", ".join(one.after)


def _vulnerability(one: ComponentVulnerability, new: set[tuple[str, str, str]]) -> Sequence[str]:
    is_new = (one.package, one.version, one.id) in new
    return "new" if is_new else "", one.severity or "unrated", one.id, one.package, one.version, one.change


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if rows:
        output.say("")
        output.print_table(columns, rows[:_SHOWN], title=title)
        if len(rows) > _SHOWN:
            output.say(f"… and {len(rows) - _SHOWN:,} more; --json has all")
