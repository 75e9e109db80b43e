"""HTTP message signatures, the base: which components a signature covers, with which parameters, and what is signed.

    Signature-Input: peer=("@method" "content-digest");created=1618884473;keyid="…"
    Signature: peer=:base64:

    "@method": POST                        the base: one line a component, then the parameters as they were given
    "content-digest": sha-256=:…:
    "@signature-params": ("@method" "content-digest");created=1618884473;keyid="…"

Sources: RFC 9421 sections 2.3 (parameters), 2.5 (the base), 4.1 and 4.2 (the two fields), 5.1 (Accept-Signature).
What a key did with the base is checked in engines/http_signatures.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.formats import structured_fields
from evidence_api.formats.http_message import Fields, Message, component_value

INPUT, SIGNATURE = "signature-input", "signature"
MAX_COMPONENTS = 64
MAX_SIGNATURES = 16
_INTEGERS, _STRINGS = ("created", "expires"), ("nonce", "alg", "keyid", "tag")


@dataclass(frozen=True, slots=True)
class Component:
    """A component identifier: a field's lower-case name or @name, with its parameters in their order."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """As it stands in the base: `"content-digest";req`."""
        return structured_fields.serialise((self.name, dict(self.parameters)))


@dataclass(frozen=True, slots=True)
class SignatureInput:
    """One member of Signature-Input: what is covered, and created, expires, nonce, alg, keyid, tag as they were given,
    in their order, for the order is signed."""

    components: tuple[Component, ...]
    parameters: Mapping[str, Any]

    def __str__(self) -> str:
        """The value of @signature-params (section 2.3)."""
        covered = [(one.name, dict(one.parameters)) for one in self.components]
        return structured_fields.serialise((covered, dict(self.parameters)))

    def text(self, name: str) -> str | None:
        """A parameter that is a string."""
        value = self.parameters.get(name)
        return value if isinstance(value, str) else None

    def seconds(self, name: str) -> int | None:
        """A parameter that is a time, in seconds since 1970."""
        value = self.parameters.get(name)
        return value if type(value) is int else None


@dataclass(frozen=True, slots=True)
class Signed:
    """One signature of a message."""

    label: str
    input: SignatureInput
    signature: bytes = field(repr=False)


def covering(*names: str) -> tuple[Component, ...]:
    """Components without parameters."""
    return tuple(Component(name) for name in names)


def signatures(message: Message, *, once: bool = False) -> tuple[Signed, ...]:
    """The signatures a message carries, in the order of Signature-Input; () for none.

    Raises Malformed `signature_malformed` if the two fields are not of that form or do not name the same labels,
    TooLarge. `once` refuses keys that stand twice.
    """
    described, given = message.field(INPUT), message.field(SIGNATURE)
    if described is None and given is None:
        return ()
    try:
        inputs = structured_fields.parse(described or "", "dictionary", name=INPUT, once=once)
        made = structured_fields.parse(given or "", "dictionary", name=SIGNATURE, once=once)
    except Malformed as fault:
        raise _malformed(fault.message) from fault
    if inputs.keys() != made.keys():
        raise _malformed("Signature-Input and Signature do not have the same labels")
    if len(inputs) > MAX_SIGNATURES:
        raise TooLarge("too many signatures", code="signature_malformed", limit=MAX_SIGNATURES, value=len(inputs))
    return tuple(_signed(label, inputs[label], made[label]) for label in inputs)


def signature_base(message: Message, described: SignatureInput) -> bytes:
    """The bytes that are signed (section 2.5). Raises Malformed `component`."""
    lines: list[str] = []
    seen = set()
    for one in described.components:
        if one.name == "@signature-params":
            raise Malformed("@signature-params covers itself", code="component", path=one.name)
        identity = (one.name, frozenset(one.parameters.items()))
        if identity in seen:
            raise Malformed(f"{one} is covered twice", code="component", path=one.name)
        seen.add(identity)
        lines.append(f"{one}: {component_value(message, one.name, one.parameters)}")
    lines.append(f'"@signature-params": {described}')
    return "\n".join(lines).encode("ascii")


def time_fault(described: SignatureInput, at: float, skew: float = 0) -> str:
    """Why a signature is not of the moment `at` (seconds since 1970), as a code; "" if it is (section 7.2.2).

    Clocks may be `skew` seconds apart. What says neither created nor expires is of any moment.
    """
    created, expires = described.seconds("created"), described.seconds("expires")
    if created is not None and created > at + skew:
        return "signature_in_future"
    if expires is not None and expires < at - skew:
        return "signature_expired"
    return ""


def signature_fields(label: str, described: SignatureInput, signature: bytes) -> Fields:
    """The two fields of one signature."""
    return (
        ("Signature-Input", f"{label}={described}"),
        ("Signature", structured_fields.serialise({label: (signature, {})})),
    )


def accept_signature(label: str, described: SignatureInput) -> str:
    """The value of Accept-Signature (section 5.1) that asks for a signature like this one."""
    return f"{label}={described}"


def _signed(label: str, described: object, made: object) -> Signed:
    if not (isinstance(described, tuple) and isinstance(described[0], list)):
        raise _malformed(f"the input of {label!r} is not a list of components")
    if not (isinstance(made, tuple) and isinstance(made[0], bytes)):
        raise _malformed(f"the signature {label!r} is not bytes")
    covered, parameters = described
    if len(covered) > MAX_COMPONENTS:
        raise TooLarge("too many components", code="signature_malformed", limit=MAX_COMPONENTS, value=len(covered))
    if not all(isinstance(name, str) for name, _ in covered):
        raise _malformed(f"a component of {label!r} is not a string")
    _check(parameters, label)
    components = tuple(Component(name, of_it) for name, of_it in covered)
    return Signed(label, SignatureInput(components, parameters), made[0])


def _check(parameters: Mapping[str, Any], label: str) -> None:
    """Section 2.3: times are integers, everything else that is known is a string."""
    faults: Sequence[str] = [
        *(name for name in _INTEGERS if name in parameters and type(parameters[name]) is not int),
        *(name for name in _STRINGS if name in parameters and not isinstance(parameters[name], str)),
    ]
    if faults:
        raise _malformed(f"parameter {faults[0]} of {label!r} is of another type")


def _malformed(why: str) -> Malformed:
    return Malformed(why, code="signature_malformed", path=INPUT)
