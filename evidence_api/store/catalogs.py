"""Catalogs and policy bundles that were used, by content: what a verdict names by digest can be had again."""

from collections.abc import Mapping
from datetime import datetime

import orjson

from evidence_api.domain.errors import NotFound
from evidence_api.store.session import Connection


async def keep_catalog(
    connection: Connection, digest: str, sources: Mapping[str, str], rego: str, at: datetime
) -> None:
    """Record a catalog: its files (name -> text) and the Rego generated from them. The same digest is kept once."""
    await connection.execute(
        "INSERT INTO catalog_version (digest, sources, rego, first_used) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT DO NOTHING",
        *(digest, orjson.dumps(dict(sources)).decode(), rego, at),
    )


async def keep_policy(
    connection: Connection, digest: str, modules: Mapping[str, str], data: bytes, at: datetime
) -> None:
    """Record a policy bundle: its modules (file name -> text) and its data (JSON). The same digest is kept once."""
    await connection.execute(
        "INSERT INTO policy_version (digest, modules, data, first_used) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        *(digest, orjson.dumps(dict(modules)).decode(), data.decode(), at),
    )


async def catalog_sources(connection: Connection, digest: str) -> tuple[dict[str, str], str]:
    """The files of a catalog and its generated Rego. Raises NotFound."""
    row = await connection.fetchrow("SELECT sources, rego FROM catalog_version WHERE digest = $1", digest)
    if row is None:
        raise NotFound(f"no catalog {digest[:80]}")
    return orjson.loads(row["sources"]), row["rego"]


async def policy_modules(connection: Connection, digest: str) -> tuple[dict[str, str], bytes]:
    """The modules and the data (JSON equal to the original) of a policy bundle. Raises NotFound."""
    row = await connection.fetchrow("SELECT modules, data FROM policy_version WHERE digest = $1", digest)
    if row is None:
        raise NotFound(f"no policy bundle {digest[:80]}")
    return orjson.loads(row["modules"]), row["data"].encode()
