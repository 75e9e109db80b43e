"""Checkpoints: a log's size and root as a C2SP tlog-checkpoint, signed as a C2SP signed note with Ed25519.

    example.com/acme          origin: the log's name
    42                        size, decimal
    CsUY…jxq2I=               root hash, base64
    (extension lines)
                              empty line
    — example.com/acme Az3g…  name, base64 of key id (4 bytes) and signature

Sources: c2sp.org/tlog-checkpoint, c2sp.org/signed-note. Reading is strict and bounded; nothing is repaired.
"""

import binascii
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from evidence_api.domain.errors import BadSignature, Malformed, TooLarge, UnknownKey
from evidence_api.domain.merkle import HASH_SIZE

MAX_BYTES = 16 * 1024
MAX_SIGNATURES = 64
_ED25519 = b"\x01"  # signature type of c2sp.org/signed-note
_KEY_ID_SIZE = 4
_KEY_SIZE = 32
_BODY_LINES = 3
_SIZE = re.compile(r"(?:0|[1-9][0-9]{0,18})\Z")
_NAME = re.compile(r"[^\s+\x00-\x1f\x7f]{1,256}\Z")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log `origin` at `size` leaves has this root (32 bytes)."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: who says so, the first four bytes of the key's hash, and the signature."""

    name: str
    key_id: bytes
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """An Ed25519 key (32 raw bytes) under the name it signs notes with."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """c2sp.org/signed-note: the first four bytes of SHA-256(name, newline, type, key)."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:_KEY_ID_SIZE]

    def __str__(self) -> str:
        """The verifier key, `name+<key id in hex>+<base64 of type and key>`."""
        return f"{self.name}+{self.key_id.hex()}+{b64encode(_ED25519 + self.public).decode()}"


def parse_verifier(text: str) -> NoteVerifier:
    """Read a verifier key string. Raises Malformed unless its key id is right for name and key."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3 or not _NAME.match(parts[0]):  # noqa: PLR2004  name, key id, key
        raise Malformed("not a note verifier key: the form is <name>+<key id>+<base64>", path="verifier")
    key = _base64(parts[2], "verifier key")
    if len(key) != 1 + _KEY_SIZE or key[:1] != _ED25519:
        raise Malformed("the note verifier key is not an Ed25519 key", path="verifier")
    verifier = NoteVerifier(parts[0], key[1:])
    if verifier.key_id.hex() != parts[1]:
        raise Malformed("the key id does not belong to this name and key", path="verifier", value=parts[1][:80])
    return verifier


def checkpoint_text(checkpoint: Checkpoint) -> bytes:
    """The text that is signed, with its final newline."""
    root = b64encode(checkpoint.root).decode()
    return "".join(f"{line}\n" for line in (checkpoint.origin, checkpoint.size, root, *checkpoint.extensions)).encode()


def format_note(text: bytes, verifier: NoteVerifier, signature: bytes) -> str:
    """A signed note of the text with one signature."""
    signed = b64encode(verifier.key_id + signature).decode()
    return f"{text.decode()}\n\u2014 {verifier.name} {signed}\n"


def parse_note(note: str | bytes) -> tuple[bytes, tuple[NoteSignature, ...]]:
    """Split a signed note into its text and signature lines, unverified. Raises Malformed, TooLarge."""
    raw = note.encode() if isinstance(note, str) else note
    if len(raw) > MAX_BYTES:
        raise TooLarge("the note is too long", limit=MAX_BYTES, value=len(raw))
    try:
        content = raw.decode()
    except UnicodeDecodeError as fault:
        raise Malformed("the note is not UTF-8", path="note") from fault
    if _CONTROL.search(content):
        raise Malformed("the note has control characters", path="note")
    text, mark, lines = content.rpartition("\n\n")
    if not mark or not lines.endswith("\n"):
        raise Malformed("the note has no signature lines after an empty line", path="note")
    signed = lines[:-1].split("\n")
    if len(signed) > MAX_SIGNATURES:
        raise TooLarge("the note has too many signatures", limit=MAX_SIGNATURES, value=len(signed))
    return f"{text}\n".encode(), tuple(map(_signature, signed))


def parse_checkpoint(note: str | bytes) -> Checkpoint:
    """Read the checkpoint inside a signed note; its signatures are looked at, not verified. Raises Malformed."""
    text, _ = parse_note(note)
    return _checkpoint(text)


def verify_checkpoint(note: str | bytes, verifier: NoteVerifier) -> Checkpoint:
    """Read a checkpoint that this key signed.

    Raises Malformed; UnknownKey when no line is of this key; BadSignature when a line claims to be and is not.
    """
    text, signatures = parse_note(note)
    checkpoint = _checkpoint(text)
    # 1. the note is of this log: the key's name is the origin (tlog-checkpoint, "Note text")
    if checkpoint.origin != verifier.name:
        raise UnknownKey(f"the checkpoint is of {checkpoint.origin!r}, the key of {verifier.name!r}")
    # 2. a line of this key exists (signed-note, "Verification": others are ignored)
    ours = [line for line in signatures if (line.name, line.key_id) == (verifier.name, verifier.key_id)]
    if not ours:
        raise UnknownKey("no signature of the log's key is on the checkpoint")
    # 3. every such line verifies
    try:
        key = Ed25519PublicKey.from_public_bytes(verifier.public)
        for line in ours:
            key.verify(line.signature, text)
    except (InvalidSignature, ValueError) as fault:
        raise BadSignature("the log's key did not sign this checkpoint") from fault
    return checkpoint


def _checkpoint(text: bytes) -> Checkpoint:
    lines = text.decode()[:-1].split("\n")
    if len(lines) < _BODY_LINES or not lines[0]:
        raise Malformed("a checkpoint has an origin, a size and a root line", path="checkpoint")
    origin, size, root, *extensions = lines
    if not _SIZE.match(size):
        raise Malformed("the checkpoint's size is not a decimal number", path="checkpoint", line=2, value=size[:80])
    if not all(extensions):
        raise Malformed("the checkpoint has an empty extension line", path="checkpoint")
    hashed = _base64(root, "root")
    if len(hashed) != HASH_SIZE:
        raise Malformed("the checkpoint's root is not 32 bytes", path="checkpoint", line=3, value=len(hashed))
    return Checkpoint(origin, int(size), hashed, tuple(extensions))


def _signature(line: str) -> NoteSignature:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "\u2014" or not _NAME.match(parts[1]):  # noqa: PLR2004  dash, name, signature
        raise Malformed("not a signature line of a note", path="note", value=line[:80])
    blob = _base64(parts[2], "signature")
    if len(blob) <= _KEY_ID_SIZE:
        raise Malformed("a note signature is too short", path="note", value=len(blob))
    return NoteSignature(parts[1], blob[:_KEY_ID_SIZE], blob[_KEY_ID_SIZE:])


def _base64(text: str, what: str) -> bytes:
    """Standard base64 with padding, and only the one encoding of its bytes."""
    try:
        decoded = b64decode(text, validate=True)
    except (binascii.Error, ValueError) as fault:
        raise Malformed(f"the note's {what} is not base64", path="note") from fault
    if b64encode(decoded).decode() != text:
        raise Malformed(f"the note's {what} is not canonical base64", path="note")
    return decoded
