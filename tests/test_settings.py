import pytest

from evidence_api.domain.errors import InvalidSource
from evidence_api.settings import Settings


def test_all_faults_are_told_at_once_without_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVIDENCE_PORT", "99999")
    monkeypatch.setenv("EVIDENCE_REGO_WORKERS", "many")
    monkeypatch.setenv("EVIDENCE_DATABASE_URL", "mysql://user:hunter2@host/db")
    with pytest.raises(InvalidSource) as refused:
        Settings.from_environment()
    told = str(refused.value)
    assert {"EVIDENCE_PORT", "EVIDENCE_REGO_WORKERS", "EVIDENCE_DATABASE_URL"} <= set(told.replace(":", " ").split())
    assert len(refused.value.faults) == 3
    assert "hunter2" not in told


def test_secrets_hide_in_repr() -> None:
    settings = Settings.from_environment(database_url="postgresql://user:hunter2@host/db", log_key="PRIVATE")
    assert "hunter2" not in repr(settings)
    assert "PRIVATE" not in repr(settings)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings.from_environment().port = 1


def test_the_command_line_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVIDENCE_PORT", "1000")
    assert Settings.from_environment(port=2000, host=None).port == 2000
    assert Settings.from_environment().port == 1000
