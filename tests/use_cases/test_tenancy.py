from datetime import timedelta

import pytest

from evidence_api.domain.errors import Conflict, Malformed, NotFound, TooLarge, Unauthenticated
from evidence_api.engines.keys import MAX_KEYS, EnvelopeSigner
from evidence_api.formats.checkpoint import verify_checkpoint
from tests.support.checked import SteppingClock
from tests.web.conftest import Door


async def test_a_new_tenant_has_an_empty_log_signed_by_its_key(door: Door) -> None:
    scope = await door.application.tenancy.create("fresh")
    note = await door.application.log.checkpoint(scope)
    checkpoint = verify_checkpoint(note, door.application.tenancy.log_verifier(scope))
    assert (checkpoint.origin, checkpoint.size) == ("evidence.local/fresh", 0)


@pytest.mark.parametrize("name", ["", "A", "-a", "a_b", "a" * 64, "ä"])
async def test_other_names_are_refused(door: Door, name: str) -> None:
    with pytest.raises(Malformed):
        await door.application.tenancy.create(name)


async def test_a_name_is_given_once(door: Door) -> None:
    with pytest.raises(Conflict):
        await door.application.tenancy.create("acme")
    with pytest.raises(NotFound):
        await door.application.tenancy.named("nobody")


async def test_no_more_keys_are_registered_than_an_upload_may_have_to_try(door: Door) -> None:
    tenancy = door.application.tenancy
    for _ in range(MAX_KEYS - 1):
        await tenancy.add_key(door.scope, EnvelopeSigner.generate().public_key.pem.encode(), "")
    with pytest.raises(TooLarge) as refused:
        await tenancy.add_key(door.scope, EnvelopeSigner.generate().public_key.pem.encode(), "")
    assert refused.value.fields == {"limit": MAX_KEYS, "value": MAX_KEYS + 1}


async def test_a_token_ends_when_it_expires(door: Door, clock: SteppingClock) -> None:
    made = await door.application.tenancy.create_token(door.scope, "short", ["evidence:read"], timedelta(minutes=1))
    clock.advance(timedelta(minutes=2))
    with pytest.raises(Unauthenticated):
        await door.application.access.authenticate(made.token)


@pytest.mark.parametrize("rights", [[], ["everything"], ["evidence:read", "root"]])
async def test_unknown_rights_are_refused_by_name(door: Door, rights: list[str]) -> None:
    with pytest.raises(Malformed):
        await door.application.tenancy.create_token(door.scope, "odd", rights, None)
