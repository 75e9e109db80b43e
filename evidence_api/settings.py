"""Settings: one frozen object read from the environment at the start, every fault reported at once.

Only bootstrap and the command line read this module. Each setting is the variable EVIDENCE_<NAME>.
"""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from evidence_api.domain.errors import InvalidSource, SourceFault

_DIALECTS = ("postgresql://", "postgres://")


class Settings(BaseSettings):
    """Everything an operator can set. Sizes are bytes, times seconds. Secrets hide in repr."""

    model_config = SettingsConfigDict(env_prefix="EVIDENCE_", frozen=True, extra="ignore", env_ignore_empty=True)

    home: Path = Field(
        default_factory=lambda: Path.home() / ".local" / "share" / "evidence-api",
        description="Folder for the embedded database and generated keys.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL 16 or newer, as a role that may create roles and tables. "
        "Unset: an embedded PostgreSQL 18 in the home folder.",
    )
    host: str = Field(default="127.0.0.1", description="Address the server listens on.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port the server listens on; 0 picks a free one.")
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://[A-Za-z0-9.:\[\]-]{1,200}(/[A-Za-z0-9._~/-]{0,200})?$",
        description="What clients call this server. CI tokens are exchanged for upload tokens when it is set, if their "
        "audience is <public_url>/<tenant>.",
    )
    oidc_loopback: bool = Field(
        default=False, description="Let OIDC issuers be http on this machine. For tests: anybody here could be one."
    )
    webhook_loopback: bool = Field(
        default=False, description="Let webhooks be http on this machine. For tests: whoever listens here is told."
    )
    log_origin: str = Field(
        default="evidence.local",
        pattern=r"^[A-Za-z0-9.-]{1,200}$",
        description="First part of every log's origin line: <log_origin>/<tenant>. Fixed once a log exists.",
    )
    log_key: SecretStr | None = Field(
        default=None, description="PEM of the Ed25519 key that signs checkpoints. Unset: made once in the home folder."
    )
    pack_key: SecretStr | None = Field(
        default=None, description="PEM of the P-256 key that signs packs. Unset: made once in the home folder."
    )
    evidence_key: SecretStr | None = Field(
        default=None,
        description="PEM of the Ed25519 key that signs derived evidence. Unset: made once in the home folder.",
    )
    federation_key: SecretStr | None = Field(
        default=None,
        description="PEM of the Ed25519 key that signs answers to peers, and questions to them. Unset: made once in "
        "the home folder.",
    )
    federation_loopback: bool = Field(
        default=False, description="Let peers' key sets be http on this machine. For tests: anybody here could be one."
    )
    trusted_root: Path | None = Field(
        default=None, description="Sigstore trusted root (JSON). Unset: the public-good root shipped with sigstore."
    )
    catalog: Path | None = Field(default=None, description="Folder of the catalog. Unset: the one shipped.")
    policy: Path | None = Field(default=None, description="Folder of the policies. Unset: the ones shipped.")
    max_body: int = Field(default=64 * 2**20, ge=1024, le=2**31, description="Largest body of an upload, bytes.")
    max_artifact: int = Field(
        default=4 * 2**30, ge=1024, le=2**40, description="Largest raw artifact, bytes (PUT /v1/artifacts)."
    )
    blobs: str | None = Field(
        default=None,
        description="Where large artifacts are kept: a folder, or an fsspec URL (s3://bucket/prefix, extra s3). "
        "Unset: the folder blobs in the home folder.",
    )
    rego_workers: int = Field(default=2, ge=2, le=64, description="Processes that evaluate policies.")
    rego_timeout: float = Field(default=1.0, gt=0, le=60, description="Wall-clock limit of one evaluation, seconds.")
    rego_memory: int = Field(
        default=512 * 2**20, ge=64 * 2**20, description="Memory limit of one policy process, bytes."
    )
    query_deadline: float = Field(
        default=10.0,
        gt=0,
        le=25,
        description="How long one GraphQL operation may run, seconds. Then it is stopped, and its SQL with it.",
    )
    subgraph: bool = Field(
        default=False, description="Answer as a subgraph of Apollo Federation at /subgraph, for a router to reach."
    )
    pool_size: int = Field(default=10, ge=2, le=100, description="Connections to PostgreSQL.")
    rate_capacity: int = Field(
        default=50_000,
        ge=1,
        le=1_000_000_000,
        description="Cost units a tenant without a limit of its own may spend at once.",
    )
    rate_restore: int = Field(
        default=5_000, ge=1, le=100_000_000, description="Cost units that come back to such a tenant in a second."
    )
    rate_patience: float = Field(
        default=0.05,
        gt=0,
        le=60,
        description="How long the buckets in the database may take before the server decides by itself, seconds.",
    )
    rate_mode: Literal["enforce", "measure"] = Field(
        default="enforce", description="Whether such a tenant is refused what is over it, or that is only counted."
    )
    assess_interval: float = Field(
        default=0.5, gt=0, le=60, description="How often the server looks for assessments that are due, seconds."
    )

    access_interval: float = Field(
        default=60.0,
        ge=1,
        le=86_400,
        description="How long what was read may wait until the tenant's log commits to it, seconds.",
    )
    access_rows: int = Field(
        default=10_000, ge=1, le=10_000, description="As many reads are committed to in the log without waiting."
    )

    @field_validator("database_url")
    @classmethod
    def _postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        """Refuse other databases early, without repeating the secret."""
        if value is not None and not value.get_secret_value().startswith(_DIALECTS):
            msg = "must start with postgresql://"
            raise ValueError(msg)
        return value

    @classmethod
    def from_environment(cls, **overrides: Any) -> Self:  # noqa: ANN401  any setting
        """Read the environment; `overrides` (from the command line) win. Raises InvalidSource with every fault."""
        try:
            return cls(**{name: value for name, value in overrides.items() if value is not None})
        except ValidationError as fault:
            raise InvalidSource(_faults(fault)) from None  # the cause would repeat secret values


def _faults(fault: ValidationError) -> list[SourceFault]:
    return [
        SourceFault(
            file="environment",
            line=1,
            column=1,
            code="invalid_setting",
            message=f"EVIDENCE_{str(error['loc'][0]).upper() if error['loc'] else ''}: {error['msg']}",
        )
        for error in fault.errors(include_input=False, include_url=False)
    ]
