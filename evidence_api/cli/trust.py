"""`evidence-api trust`: a tenant's trust rules, that is, whose evidence it takes, for what, and whose CI may upload."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from evidence_api.bootstrap import Application
from evidence_api.cli import output
from evidence_api.cli.operating import AsJson, Tenant, operate, show
from evidence_api.domain.errors import Malformed
from evidence_api.domain.registry import RegisteredRule
from evidence_api.domain.trust_rule import CLAIMS, PERMISSIONS, TrustRule
from evidence_api.domain.verification import Verified
from evidence_api.formats.trust_rules import claim_named, format_rules, parse_rules
from evidence_api.use_cases.trust_rules import Explanation, RuleChange

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Whose evidence a tenant takes. In patterns, * stands for any run of characters, / included, and everything "
    "else for itself. A registered key that no rule names is trusted for everything.",
)

Named = Annotated[str, typer.Argument(help="The rule's name, or its id.")]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="What people will read in refusals.")],
    tenant: Tenant,
    *,
    issuer: Annotated[str, typer.Option(help="OIDC issuer of the certificate or CI token, exactly.")] = "",
    identity: Annotated[str, typer.Option(help="Identity in the certificate (SAN), exactly.")] = "",
    claim: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=PATTERN", help=f"Repeat it. NAME is of {', '.join(CLAIMS)}."),
    ] = None,
    key: Annotated[str, typer.Option(help="Instead of an issuer: a registered key's id, sha256:<hex>.")] = "",
    predicate_type: Annotated[list[str] | None, typer.Option(help="Pattern; repeat it. Default: all.")] = None,
    subject: Annotated[
        list[str] | None, typer.Option(help="Pattern for names or digests; repeat it. Default: all.")
    ] = None,
    allow: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(PERMISSIONS)}; repeat it.")] = None,
    json: AsJson = False,
) -> None:
    """Put a rule into force."""
    rule = TrustRule(
        id=None,
        name=name,
        issuer=issuer,
        identity=identity,
        claims=dict(map(_claim, claim or ())),
        key_id=key,
        predicate_types=tuple(predicate_type or ()),
        subjects=tuple(subject or ()),
        allow=tuple(allow or ()),
    )

    async def use(application: Application) -> TrustRule:
        return await application.trust_rules.add(await application.tenancy.named(tenant), rule)

    made = operate(use)
    if json:
        output.print_json(made.asked())
    else:
        output.say(f"{made.id}\n{format_rules([made])}".rstrip())


@app.command("list")
def list_rules(
    tenant: Tenant,
    ended: Annotated[bool, typer.Option("--ended", help="Show those too that are no longer in force.")] = False,
    json: AsJson = False,
) -> None:
    """List the rules in force."""

    async def use(application: Application) -> tuple[RegisteredRule, ...]:
        return await application.trust_rules.every(await application.tenancy.named(tenant))

    found = [one for one in operate(use) if ended or one.revoked is None]
    if json:
        records = [one.rule.asked() | {"added": one.created, "ended": one.revoked} for one in found]
        output.print_json({"rules": records})
    else:
        show([_line(one) for one in found], under="rules", as_json=False)


@app.command("show")
def show_rules(
    tenant: Tenant,
    name: Annotated[str | None, typer.Argument(help="The rule's name or id; all rules if left out.")] = None,
    json: AsJson = False,
) -> None:
    """Print one rule, or all in force, as the file that `trust apply` takes."""

    async def use(application: Application) -> list[TrustRule]:
        scope = await application.tenancy.named(tenant)
        if name is not None:
            return [await application.trust_rules.named(scope, name)]
        return [one.rule for one in await application.trust_rules.every(scope) if one.revoked is None]

    rules = operate(use)
    if json:
        output.print_json({"rules": [rule.asked() for rule in rules]})
    else:
        typer.echo(format_rules(rules), nl=False)  # as it is, to be read again


@app.command("remove")
def remove(name: Named, tenant: Tenant, json: AsJson = False) -> None:
    """End a rule from now on; what it let in stays."""

    async def use(application: Application) -> RuleChange:
        return await application.trust_rules.remove(await application.tenancy.named(tenant), name)

    _show_changes([operate(use)], done=True, as_json=json)


@app.command("apply")
def apply(
    file: Annotated[Path, typer.Argument(help="YAML file with all the rules there shall be.")],
    tenant: Tenant,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    json: AsJson = False,
) -> None:
    """Make the rules of a file the rules in force: those it does not have are ended.

    A file, all of whose keys but the name, and an issuer or a key, may be left out:

    \b
    rules:
      - name: release builds
        issuer: https://token.actions.githubusercontent.com
        repository_id: 123456        # GitLab: job_project_id
        owner_id: 98765              # GitLab: job_namespace_id
        workflow: https://github.com/acme/app/.github/workflows/release.yml@*
        ref: refs/tags/*
        environment: production
        predicate_types: [https://slsa.dev/provenance/*]
        subjects: [app-*]            # names, or digests: sha256:…
        allow: [any_signer]          # also pull_request_target, fork
      - name: uploads from GitLab
        issuer: https://gitlab.example.org
        job_project_id: 7
        protected: true              # said by CI tokens only, so that no certificate fits this rule
      - name: nightly key
        key: sha256:…
        predicate_types: [https://cyclonedx.org/bom]
    """  # noqa: D301  the backspace asks for the lines to be kept as they are
    wanted = parse_rules(file.read_text(encoding="utf-8"), str(file))

    async def use(application: Application) -> tuple[RuleChange, ...]:
        scope = await application.tenancy.named(tenant)
        return await application.trust_rules.apply(scope, wanted, dry_run=dry_run)

    _show_changes(operate(use), done=not dry_run, as_json=json)


@app.command("explain")
def explain(
    file: Annotated[Path, typer.Argument(help="DSSE envelope, Sigstore bundle or document.")],
    tenant: Tenant,
    json: AsJson = False,
) -> None:
    """Say which rule would let a document in, or which came closest and why not. Exit code 1 when none would."""
    body = file.read_bytes()

    async def use(application: Application) -> Explanation:
        return await application.trust_rules.explain(await application.tenancy.named(tenant), body)

    told = _told(operate(use))
    if json:
        output.print_json(told)
    else:
        output.say("\n".join(f"{key}: {_flat(value)}" for key, value in told.items() if value not in ("", [], {})))
    if not told["allow"]:
        raise typer.Exit(output.NO)


def _told(explanation: Explanation) -> dict[str, Any]:
    """What was found, of whom, and what admission says of it."""
    checked, decision = explanation.checked, explanation.decision
    result = checked.verification
    signer = result.signer if isinstance(result, Verified) else None
    return {
        "allow": decision.allow,
        "status": result.status,
        "code": "" if isinstance(result, Verified) else result.code,
        "signer": "" if signer is None else signer.label,
        "issuer": getattr(signer, "issuer", ""),
        "claims": dict(getattr(signer, "claims", {})),
        "predicateType": checked.predicate_type,
        "rules": list(decision.rules),
        "reasons": list(decision.reasons),
    }


def _flat(value: object) -> str:
    match value:
        case list():
            return "; ".join(map(str, value))
        case dict():
            return ", ".join(f"{name}={one}" for name, one in value.items())
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)


def _claim(text: str) -> tuple[str, str]:
    name, sign, pattern = text.partition("=")
    if not sign:
        raise Malformed(f"a claim is NAME=PATTERN, not {text[:80]!r}", path="claim")
    return claim_named(name), pattern


def _line(one: RegisteredRule) -> dict[str, Any]:
    rule = one.rule
    who = [rule.key_id, rule.issuer, rule.identity, *(f"{name}={value}" for name, value in rule.claims.items())]
    covers = [*rule.predicate_types, *rule.subjects]
    return {
        "name": rule.label,
        "who": " ".join(filter(None, who)),
        "what": " ".join(covers) or "everything",
        "allows": " ".join(rule.allow),
        "ended": one.revoked,
    }


def _show_changes(changes: tuple[RuleChange, ...] | list[RuleChange], *, done: bool, as_json: bool) -> None:
    """Each step, with what it changes and what it warns of."""
    if as_json:
        records = [
            {"change": one.change, "name": one.name, "differs": _differs(one), "note": one.note} for one in changes
        ]
        output.print_json({"applied": done, "changes": records})
        return
    for one in changes:
        output.say(f"{one.change:6} {one.name}")
        for line in _differs(one):
            output.say(f"       {line}")
        if one.note:
            output.note(f"note: {one.note}")
    steps = sum(one.change != "keep" for one in changes)
    output.note(f"{steps} changes{'' if done else ', none made'}")


def _differs(one: RuleChange) -> list[str]:
    """Of a changed rule, each member that is another now."""
    if one.before is None or one.after is None:
        return []
    before, after = one.before.content(), replace(one.after, id=one.before.id).content()
    return [f"{key}: {_flat(before[key])} -> {_flat(after[key])}" for key in before if before[key] != after[key]]
