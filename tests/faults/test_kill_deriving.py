"""kill -9 while the server derives and indexes: whatever was uploaded is derived from in the end, each result once."""

import asyncio
import random
from pathlib import Path

import pytest

from evidence_api.domain.digest import digest_of
from evidence_api.engines.keys import EnvelopeSigner
from evidence_api.formats.dsse import IN_TOTO, encode_envelope
from tests.bench.components import store_of
from tests.support import statements
from tests.support.server import Server

RELEASES = 8
_TWICE = """
SELECT count(*) - count(DISTINCT (s.digest, e.facts)) FROM evidence e
JOIN evidence_subject s USING (tenant_id, leaf_index) WHERE e.kind = 'dependency_debt'
"""
_UNDONE = """
SELECT (SELECT count(*) FROM due) + (SELECT count(*) FROM evidence e WHERE e.kind = 'sbom' AND NOT EXISTS (
  SELECT FROM sbom_index i WHERE i.leaf_index = e.leaf_index AND i.components IS NOT NULL))
"""


@pytest.mark.slow  # leases have to run out
@pytest.mark.timeout(400)
async def test_what_was_uploaded_is_derived_from_once_whenever_the_server_dies(
    open_folder: Path, tmp_path: Path
) -> None:
    server, signer = Server(open_folder / "deriving"), EnvelopeSigner.generate(name="ci")
    key = tmp_path / "key.pem"
    key.write_text(signer.public_key.pem)
    server.make_tenant("acme", key)
    server.start()
    moments = random.Random(7)  # noqa: S311  moments, not secrets
    try:
        for number in range(RELEASES):
            digest = digest_of(b"release %d" % number)
            for statement in (
                statements.release(digest, version=str(number)),
                statements.sbom(digest, components=200 + number),
            ):
                body = encode_envelope(signer.sign(IN_TOTO, statements.statement_bytes(statement)))
                status, answer = await server.ask("POST", "/v1/evidence", body)
                assert status == 201, answer
            await asyncio.sleep(moments.uniform(0, 0.8))
            server.kill()
            server.start()
        store = await store_of(server)
        while await store.fetchval(_UNDONE):  # noqa: ASYNC110  another process does it, once leases have run out
            await asyncio.sleep(0.2)
        derived = await store.fetchval(
            "SELECT count(DISTINCT s.digest) FROM evidence e JOIN evidence_subject s USING (tenant_id, leaf_index) "
            "WHERE e.kind = 'sbom_drift'"
        )
        assert derived == RELEASES
        assert await store.fetchval(_TWICE) == 0
        assert await store.fetchval("SELECT count(*) FROM sbom_component") == sum(200 + n for n in range(RELEASES))
        await store.close()
    finally:
        server.stop()
