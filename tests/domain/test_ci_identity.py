"""Who a job is, as GitHub, GitLab and others say it."""

from evidence_api.domain.ci_identity import audience, of_certificate, of_token

GITHUB = "https://token.actions.githubusercontent.com"
GITHUB_JOB = {
    "iss": GITHUB,
    "sub": "repo:acme/app:environment:production",
    "repository": "acme/app",
    "repository_id": "123",
    "repository_owner_id": "9",
    "repository_visibility": "private",
    "job_workflow_ref": "acme/flows/.github/workflows/release.yml@refs/heads/main",
    "workflow_ref": "acme/app/.github/workflows/ci.yml@refs/tags/v1",
    "ref": "refs/tags/v1",
    "ref_protected": "true",
    "sha": "abc",
    "event_name": "push",
    "environment": "production",
    "runner_environment": "github-hosted",
    "exp": 1,
}
GITLAB_JOB = {
    "iss": "https://gitlab.example",
    "sub": "project_path:acme/app:ref_type:branch:ref:main",
    "project_id": "7",
    "job_project_id": "7",
    "job_namespace_id": "3",
    "namespace_id": "3",
    "job_project_path": "acme/app",
    "ci_config_ref_uri": "gitlab.example/acme/app//.gitlab-ci.yml@refs/heads/main",
    "ref": "main",
    "ref_type": "branch",
    "ref_protected": True,
    "pipeline_source": "merge_request_event",
    "environment": None,
}


def test_a_job_of_github() -> None:
    found = of_token(GITHUB, GITHUB_JOB)
    assert found.identity == "https://github.com/acme/flows/.github/workflows/release.yml@refs/heads/main"
    assert dict(found.claims) == {
        "repository": "https://github.com/acme/app",
        "repository_id": "123",
        "owner_id": "9",
        "workflow": found.identity,
        "entry_workflow": "https://github.com/acme/app/.github/workflows/ci.yml@refs/tags/v1",
        "ref": "refs/tags/v1",
        "commit": "abc",
        "environment": "production",
        "protected": "true",
        "runner": "github-hosted",
        "trigger": "push",
        "visibility": "private",
        "subject": "repo:acme/app:environment:production",
    }


def test_the_same_job_by_its_certificate() -> None:
    claims = {
        "source_repository": "https://github.com/acme/app",
        "source_repository_id": "123",
        "source_repository_owner_id": "9",
        "build_signer_uri": "https://github.com/acme/flows/.github/workflows/release.yml@refs/heads/main",
        "build_config_uri": "https://github.com/acme/app/.github/workflows/ci.yml@refs/tags/v1",
        "source_ref": "refs/tags/v1",
        "source_digest": "abc",
        "deployment_environment": "production",
        "runner_environment": "github-hosted",
        "build_trigger": "push",
        "source_visibility": "private",
        "run_uri": "https://github.com/acme/app/actions/runs/1",
    }
    by_token = dict(of_token(GITHUB, GITHUB_JOB).claims)
    assert of_certificate(claims) == {
        name: value for name, value in by_token.items() if name not in {"protected", "subject"}
    }


def test_a_server_of_ones_own() -> None:
    for issuer, host in (
        ("https://github.acme.example/_services/token", "github.acme.example"),
        ("https://token.actions.acme.ghe.com", "acme.ghe.com"),
        (f"{GITHUB}/acme", "github.com"),
    ):
        assert of_token(issuer, GITHUB_JOB).claims["repository"] == f"https://{host}/acme/app"


def test_a_job_of_gitlab() -> None:
    found = of_token("https://gitlab.example", GITLAB_JOB)
    assert found.identity == "https://gitlab.example/acme/app//.gitlab-ci.yml@refs/heads/main"
    assert found.claims["repository"] == "https://gitlab.example/acme/app"
    assert (found.claims["repository_id"], found.claims["owner_id"], found.claims["ref"]) == (
        "7",
        "3",
        "refs/heads/main",
    )
    assert (found.claims["protected"], found.claims["trigger"]) == ("true", "merge_request_event")
    assert "fork" not in found.claims
    assert "environment" not in found.claims


def test_a_merge_request_from_a_fork_is_the_project_it_runs_in_and_a_fork() -> None:
    found = of_token("https://gitlab.example", GITLAB_JOB | {"project_id": "666", "namespace_id": "66"})
    assert (found.claims["repository_id"], found.claims["owner_id"], found.claims["fork"]) == ("7", "3", "true")


def test_a_gitlab_that_does_not_say_where_the_job_runs() -> None:
    older = {name: value for name, value in GITLAB_JOB.items() if not name.startswith("job_")}
    found = of_token("https://gitlab.example", older)
    assert "repository_id" not in found.claims
    assert found.claims["fork"] == "true"


def test_any_other_issuer_has_a_subject() -> None:
    found = of_token("https://accounts.example", {"sub": "robot@acme", "email": "x", "deep": {"a": 1}})
    assert (found.identity, dict(found.claims)) == ("robot@acme", {"subject": "robot@acme"})


def test_odd_values_are_left_out() -> None:
    found = of_token(
        GITHUB,
        {"repository_id": 123, "ref": ["a"], "environment": "", "sha": "x" * 2000, "sub": {}, "event_name": "\0"},
    )
    assert dict(found.claims) == {"repository_id": "123"}


def test_a_token_is_for_one_tenant_of_one_server() -> None:
    assert audience("https://evidence.example/", "acme") == "https://evidence.example/acme"
    assert audience("https://evidence.example/path", "acme") == "https://evidence.example/path/acme"
