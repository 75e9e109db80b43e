"""Peers: organisations whose clients may ask a tenant signed questions, with keys that somebody compared."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from evidence_api.domain.principal import ReadGrant

MAX_KEYS = 8  # of one peer in force at once: rotation needs two
MAX_BURST = 60  # seconds of its rate that a peer's bucket holds


@dataclass(frozen=True, slots=True)
class PinnedKey:
    """An Ed25519 key (32 bytes) under its RFC 7638 thumbprint."""

    key_id: str
    public: bytes
    pinned: datetime
    revoked: datetime | None = None


@dataclass(frozen=True, slots=True)
class PeerGrant:
    """What a peer may read (`reading`) and the cost units a second it may spend; None: as any client of the tenant."""

    reading: ReadGrant
    cost_rate: int | None = None


@dataclass(frozen=True, slots=True)
class Peer:
    """One peer. `source` is the URL its keys came from, "" for a file. Without a grant it may ask nothing."""

    id: UUID
    name: str
    source: str
    created: datetime
    revoked: datetime | None = None
    keys: tuple[PinnedKey, ...] = ()
    grant: PeerGrant | None = None


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """A key a message names, and whose it is. `revoked` covers the key and its peer; `in_debt` is seconds until the
    peer's bucket is not."""

    peer_id: UUID
    peer: str
    public: bytes
    revoked: bool
    grant: PeerGrant | None
    in_debt: float = 0.0
