"""Quickstart, the middle: a tenant to try things with, a key it trusts, and the sample release as signed envelopes."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import orjson

from evidence_api.domain.errors import Conflict, NotFound
from evidence_api.domain.principal import TenantScope
from evidence_api.domain.token import RIGHTS
from evidence_api.engines.files import kept_secret
from evidence_api.engines.keys import EnvelopeSigner
from evidence_api.formats.dsse import IN_TOTO, encode_envelope
from evidence_api.use_cases.sample import Ask, Sample
from evidence_api.use_cases.tenancy import Tenancy

TENANT = "demo"
_KEY = "quickstart-signer.pem"
_KEY_NAME = "quickstart"
_LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Demo:
    """The tenant, the text of a token of its own, and the key that checks its log."""

    scope: TenantScope
    token: str = field(repr=False)
    log_verifier: str


def asks(output: str) -> tuple[Ask, ...]:
    """What the quickstart asks policy about itself. The last is a denial on purpose: writing `output`, a file
    outside the folders that may be written to without a person looking, needs one to look."""
    return (
        Ask(
            "authorisation",
            {"principal": {"kind": "token", "rights": sorted(RIGHTS), "tenant": TENANT}, "action": "evidence:write"},
        ),
        Ask("write_paths", {"action": "write", "path": output}),
    )


def signing_key(folder: Path) -> EnvelopeSigner:
    """The quickstart's own P-256 key, made the first time and kept beside the server's keys."""
    pem = kept_secret(folder / _KEY, lambda: EnvelopeSigner.generate("ecdsa-p256").to_pem())
    return EnvelopeSigner.from_pem(pem, _KEY_NAME)


async def prepare(tenancy: Tenancy, signer: EnvelopeSigner) -> Demo:
    """Make the tenant and register the key unless they are there; a token for a week, new each time."""
    try:
        scope = await tenancy.named(TENANT)
    except NotFound:
        scope = await tenancy.create(TENANT)
    with suppress(Conflict):  # registered by an earlier run, which is what is wanted
        await tenancy.add_key(scope, signer.public_key.pem.encode(), _KEY_NAME)
    made = await tenancy.create_token(scope, _KEY_NAME, list(RIGHTS), _LIFETIME)
    return Demo(scope, made.token, str(tenancy.log_verifier(scope)))


def envelopes(sample: Sample, signer: EnvelopeSigner) -> Sequence[tuple[str, bytes]]:
    """Each statement in a signed DSSE envelope, with its word for people."""
    return [
        (label, encode_envelope(signer.sign(IN_TOTO, orjson.dumps(statement))))
        for label, statement in sample.statements
    ]
