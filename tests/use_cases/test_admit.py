"""Admission over the whole application: rules about certificates, keys, predicate types and subjects."""

import itertools
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from evidence_api.bootstrap import Application, open_application
from evidence_api.domain.errors import InvalidSource
from evidence_api.domain.principal import Principal
from evidence_api.domain.trust_rule import TrustRule
from evidence_api.settings import Settings
from evidence_api.store.migrate import Login, login_dsn
from tests.support import statements
from tests.support.checked import SteppingClock
from tests.support.sigstore_authorities import ISSUER
from tests.support.sigstore_factory import Sigstore
from tests.test_architecture import ROOT
from tests.web.conftest import Door, door, door_of

__all__ = ["door"]

WORLD = Sigstore()
REPOSITORY, REF, COMMIT, TRIGGER = 15, 14, 13, 20  # extensions of Fulcio's certificates
RULE = TrustRule(id=None, name="release", issuer=ISSUER, claims={"repository_id": "123", "ref": "refs/tags/*"})
_numbers = itertools.count()


@pytest.fixture
async def application(login: Login, tmp_path: Path, clock: SteppingClock) -> AsyncIterator[Application]:
    root = tmp_path / "root.json"
    root.write_bytes(WORLD.trusted_root())
    settings = Settings.from_environment(
        home=tmp_path, database_url=login_dsn(login.app_dsn, "postgres"), trusted_root=root
    )
    async with open_application(settings, clock) as opened:
        yield opened


def forget(door: Door) -> None:
    """What was kept for two seconds."""
    door.application.trust_rules._book._kept.clear()


async def trust(door: Door, *rules: TrustRule) -> None:
    """Make these the tenant's rules."""
    await door.application.trust_rules.apply(door.scope, rules, dry_run=False)
    forget(door)


def bundle(statement: dict[str, Any] | None = None, **claims: str) -> bytes:
    """Signed by a certificate with these claims; each of another run."""
    numbers = {"repository": REPOSITORY, "ref": REF, "trigger": TRIGGER}
    said = {REPOSITORY: "123", REF: "refs/tags/v1", COMMIT: f"{next(_numbers):040x}"}
    said |= {numbers[name]: value for name, value in claims.items()}
    payload = statements.statement_bytes(statement or statements.test_result())
    return orjson.dumps(WORLD.of_statement(payload, claims=said))


async def upload(door: Door, body: bytes) -> httpx.Response:
    return await door.http.post("/v1/evidence", content=body)


async def test_a_rule_takes_what_its_signer_signed(door: Door) -> None:
    refused = await upload(door, bundle())
    assert (refused.status_code, refused.json()["code"]) == (422, "identity_required")
    await trust(door, RULE)
    taken = await upload(door, bundle())
    assert taken.status_code == 201, taken.text


async def test_a_refusal_names_the_closest_rule_and_what_differed(door: Door) -> None:
    await trust(door, TrustRule(None, "far", issuer=ISSUER, claims={"repository_id": "1", "ref": "x"}), RULE)
    refused = await upload(door, bundle(repository="666"))
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (422, "untrusted_identity")
    assert problem["detail"] == (
        "admission denied: no trust rule names the signer; closest is rule 'release': "
        "repository_id: expected 123, got 666"
    )
    assert problem["rules"] == ["admission.untrusted_identity"]


async def test_an_issuer_no_rule_is_about_is_refused_by_the_verifier_itself(door: Door) -> None:
    other = TrustRule(None, "other", issuer="https://elsewhere.example", claims={"repository_id": "123"})
    exact = TrustRule(None, "exact", issuer=ISSUER, identity="https://ci.example/somebody-else")
    await trust(door, other)
    problem = (await upload(door, bundle())).json()
    assert problem["code"] == "untrusted_identity"
    assert "closest is rule 'other': issuer: expected https://elsewhere.example" in problem["detail"]
    await trust(door, other, exact)
    assert "closest is rule 'exact': identity: expected" in (await upload(door, bundle())).json()["detail"]


async def test_pull_request_target_needs_permission(door: Door) -> None:
    await trust(door, RULE)
    problem = (await upload(door, bundle(trigger="pull_request_target"))).json()
    assert "trigger: expected another trigger, or allow: [pull_request_target]" in problem["detail"]
    await trust(door, TrustRule(None, "release", issuer=ISSUER, claims=RULE.claims, allow=("pull_request_target",)))
    assert (await upload(door, bundle(trigger="pull_request_target"))).status_code == 201


def bound_key(door: Door, **members: Any) -> TrustRule:  # noqa: ANN401  any member
    return TrustRule(None, "bound", key_id=door.signer.public_key.key_id, **members)


async def test_a_key_without_rule_may_all_and_with_one_what_it_says(door: Door) -> None:
    assert (await door.upload(statements.test_result("sha256:" + "a" * 64))).status_code == 201
    await trust(door, bound_key(door, predicate_types=("https://cyclonedx.org/*",)))
    assert (await door.upload(statements.sbom("sha256:" + "a" * 64))).status_code == 201
    refused = (await door.upload(statements.test_result("sha256:" + "b" * 64))).json()
    assert (refused["code"], refused["rules"]) == ("inadmissible", ["admission.outside_rule"])
    assert (
        "rule 'bound' names the signer, but not for this: predicate_type: expected https://cyclonedx.org/*, got"
        in (refused["detail"])
    )
    await door.application.trust_rules.remove(door.scope, "bound")
    forget(door)
    assert (await door.upload(statements.test_result("sha256:" + "b" * 64))).status_code == 201


async def test_subjects_are_bound_by_name_or_digest(door: Door) -> None:
    mine, other = "sha256:" + "a" * 64, "sha256:" + "b" * 64
    await trust(door, bound_key(door, subjects=("sha256:aaaa*",)))
    assert (await door.upload(statements.test_result(mine))).status_code == 201
    for subjects in (other, [mine, other]):
        refused = (await door.upload(statements.test_result(subjects))).json()
        assert refused["code"] == "inadmissible"
        assert "subject: expected sha256:aaaa*" in refused["detail"]


async def test_what_differs_per_upload_is_no_part_of_the_question(door: Door) -> None:
    await trust(door, RULE, TrustRule(None, "elsewhere", issuer="https://e", identity="x", subjects=("app",)))
    asked = door.application.gate._kept
    for body in (bundle(), door.envelope(statements.test_result("sha256:" + "0" * 64))):
        assert (await upload(door, body)).status_code == 201
    before = len(asked)
    for number in range(5):
        digest = f"sha256:{number:064x}"
        assert (await upload(door, bundle(statements.test_result(digest)))).status_code == 201
        assert (await door.upload(statements.test_result(digest, passed=[f"test {number}"]))).status_code == 201
    assert len(asked) == before


async def test_the_decision_says_which_rule_let_it_in(door: Door) -> None:
    await trust(door, RULE)
    rule = await door.application.trust_rules.named(door.scope, "release")
    told = await door.application.trust_rules.explain(door.scope, bundle())
    assert (told.decision.allow, told.decision.rules) == (True, (f"trust:{rule.id}",))
    assert told.decision.reasons == ("rule 'release' names the signer",)
    question = orjson.loads(told.decision.input)
    assert question["by"]["claims"] == {"ref": "refs/tags/v1", "repository_id": "123"}  # and not the commit
    strange = await door.application.trust_rules.explain(door.scope, bundle(ref="refs/heads/x"))
    assert not strange.decision.allow
    assert "ref: expected refs/tags/*, got refs/heads/x" in strange.decision.reasons[0]


async def test_a_policy_of_before_trust_rules_is_not_started(
    login: Login, tmp_path: Path, clock: SteppingClock
) -> None:
    folder = tmp_path / "policy" / "admission"
    folder.mkdir(parents=True)
    (folder / "admission.rego").write_text(
        "package evidence.policy.admission\n\nimport rego.v1\n\n"
        'decision := {"allow": input.status == "verified", "rules": [], "reasons": []}\n'
    )
    dsn = login_dsn(login.app_dsn, "postgres")
    settings = Settings.from_environment(home=tmp_path, database_url=dsn, policy=tmp_path / "policy")
    with pytest.raises(InvalidSource) as refused:
        async with open_application(settings, clock):
            pass
    assert [fault.code for fault in refused.value.faults] == ["trust_rules_ignored"]


async def test_answers_are_shared_between_equal_questions_alone(door: Door) -> None:
    admission = door.application.trust_rules._admission
    explained = await door.application.trust_rules.explain(
        door.scope, door.envelope(statements.test_result("sha256:" + "a" * 64))
    )
    writer = Principal("token", "t", door.scope, frozenset({"evidence:write"}))
    reader = Principal("token", "t", door.scope, frozenset({"evidence:read"}))
    assert (await admission.decide(writer, explained.checked)).allow
    assert not (await admission.decide(reader, explained.checked)).allow


@pytest.fixture
async def strict(login: Login, tmp_path: Path, clock: SteppingClock) -> AsyncIterator[Door]:
    """A door whose operator turns secrets away."""
    folder = tmp_path / "policy"
    shutil.copytree(ROOT / "policy", folder)
    settings_of_it = folder / "data.yaml"
    text = settings_of_it.read_text(encoding="utf-8")
    assert "refuse_found: []" in text
    settings_of_it.write_text(text.replace("refuse_found: []", "refuse_found: [secret]"), encoding="utf-8")
    settings = Settings.from_environment(
        home=tmp_path, database_url=login_dsn(login.app_dsn, "postgres"), policy=folder
    )
    async with open_application(settings, clock) as opened:
        made = await door_of(opened, "acme")
        async with made.http:
            yield made


async def test_secrets_are_turned_away_where_the_operator_says_so(strict: Door) -> None:
    statement = statements.test_result()
    assert (await strict.upload(statement)).status_code == 201
    statement["predicate"]["url"] = "https://ci.example/run?key=AKIAIOSFODNN7EXAMPLQ"
    refused = await strict.upload(statement)
    assert (refused.status_code, refused.json()["code"]) == (422, "inadmissible")
    assert refused.json()["rules"] == ["admission.personal_data"]
    assert refused.json()["places"] == ["predicate.url: secret (AWS Access Key)"]
    lines = b"\n".join([strict.envelope(statement), strict.envelope(statements.sbom())])
    batch = await strict.http.post("/v1/evidence", content=lines, headers={"Content-Type": "application/x-ndjson"})
    assert [orjson.loads(line)["status"] for line in batch.content.splitlines()] == [422, 201]
