"""A Sigstore of our own for tests: certificate authority, CT log, transparency log and timestamp authority.

Everything is signed with fresh keys, so tests need no network and no one else's material.
"""

import base64
import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import rfc8785
from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
START, END = AT - timedelta(days=365), AT + timedelta(days=365)
IDENTITY = "https://ci.example/acme/widget/.github/workflows/release.yml@refs/tags/v1"
ISSUER = "https://issuer.example"

_SHA256 = ec.ECDSA(hashes.SHA256())
_SCT_LIST = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_ISSUER_V1 = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_ISSUER_V2 = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "test"), x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    )


def _usage(**used: bool) -> x509.KeyUsage:
    names = (
        "digital_signature content_commitment key_encipherment data_encipherment "
        "key_agreement key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{name: used.get(name, False) for name in names.split()})


def _root(common_name: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    return _authority(common_name, key, common_name, key)


def _authority(
    common_name: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(START)
        .not_valid_after(END)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(above, critical=False)
        .sign(signer, hashes.SHA256())
    )


@dataclass
class CertificateTransparency:
    """Signs certificate timestamps (RFC 6962 section 3.2)."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)

    def sct_list(self, tbs: bytes, issuer: ec.EllipticCurvePrivateKey, at: datetime, *, broken: bool = False) -> bytes:
        """The extension's value: an OCTET STRING around the TLS list of one timestamp."""
        millis = int(at.timestamp() * 1000)
        entry = hashlib.sha256(spki(issuer)).digest() + len(tbs).to_bytes(3, "big") + tbs
        signed = struct.pack("!BBQH", 0, 0, millis, 1) + entry + struct.pack("!H", 0)
        signature = self.key.sign(signed + b"!" if broken else signed, _SHA256)
        log_id = hashlib.sha256(spki(self.key)).digest()
        sct = struct.pack("!B32sQH", 0, log_id, millis, 0) + struct.pack("!BBH", 4, 3, len(signature)) + signature
        listed = struct.pack("!HH", len(sct) + 2, len(sct)) + sct
        return bytes(core.OctetString(listed).dump())


@dataclass
class Fulcio:
    """Issues ten-minute certificates to identities; with `above`, under a root of that key."""

    ct: CertificateTransparency = field(default_factory=CertificateTransparency)
    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    above: ec.EllipticCurvePrivateKey | None = None
    root: x509.Certificate = field(init=False)
    chain: list[x509.Certificate] = field(init=False)  # issuing certificate first

    def __post_init__(self) -> None:
        self.root = _root("Test Fulcio", self.key)
        self.chain = [self.root]
        if self.above is not None:
            top = "Test Fulcio root"
            self.root = _authority("Test Fulcio", self.key, top, self.above)
            self.chain = [self.root, _root(top, self.above)]

    def issue(  # noqa: PLR0913  one argument a defect
        self,
        key: ec.EllipticCurvePrivateKey,
        *,
        identity: str = IDENTITY,
        issuer: str = ISSUER,
        at: datetime = AT,
        sct: str = "good",
        code_signing: bool = True,
        names: int = 1,
        claims: Mapping[int, str] = MappingProxyType({}),
    ) -> x509.Certificate:
        """A leaf certificate; `sct` is good, broken or missing; `claims` are extensions by their last number."""
        purpose = ExtendedKeyUsageOID.CODE_SIGNING if code_signing else ExtendedKeyUsageOID.SERVER_AUTH
        alternatives = [x509.UniformResourceIdentifier(f"{identity}{'#' * index}") for index in range(names)]
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self.root.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(at - timedelta(minutes=1))
            .not_valid_after(at + timedelta(minutes=9))
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=True)
            .add_extension(x509.UnrecognizedExtension(_ISSUER_V1, issuer.encode()), critical=False)
            .add_extension(x509.UnrecognizedExtension(_ISSUER_V2, core.UTF8String(issuer).dump()), critical=False)
        )
        for last, value in claims.items():
            oid = x509.ObjectIdentifier(f"1.3.6.1.4.1.57264.1.{last}")
            builder = builder.add_extension(
                x509.UnrecognizedExtension(oid, core.UTF8String(value).dump()), critical=False
            )
        if sct == "missing":
            return builder.sign(self.key, hashes.SHA256())
        tbs = builder.sign(self.key, hashes.SHA256()).tbs_certificate_bytes
        listed = self.ct.sct_list(tbs, self.key, at, broken=sct == "broken")
        return builder.add_extension(x509.UnrecognizedExtension(_SCT_LIST, listed), critical=False).sign(
            self.key, hashes.SHA256()
        )


@dataclass
class Rekor:
    """A transparency log of four entries, ours the third."""

    origin: str = "log.example"
    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)

    @property
    def log_id(self) -> bytes:
        return hashlib.sha256(spki(self.key)).digest()

    def entry(self, body: dict[str, Any], *, at: datetime | None = AT, log_index: int = 1002) -> dict[str, Any]:
        """A log entry (protobuf JSON) with proof and checkpoint, and with a promise unless `at` is None."""
        canonical = rfc8785.dumps(body)
        entry: dict[str, Any] = {
            "logIndex": str(log_index),
            "logId": {"keyId": b64(self.log_id)},
            "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
            "canonicalizedBody": b64(canonical),
            "inclusionProof": self.proof(canonical),
        }
        if at is not None:
            seconds = int(at.timestamp())
            entry["integratedTime"] = str(seconds)
            entry["inclusionPromise"] = {"signedEntryTimestamp": b64(self._promise(canonical, seconds, log_index))}
        return entry

    def _promise(self, body: bytes, seconds: int, index: int) -> bytes:
        signed: dict[str, Any] = {
            "body": b64(body),
            "integratedTime": seconds,
            "logID": self.log_id.hex(),
            "logIndex": index,
        }
        return self.key.sign(rfc8785.dumps(signed), _SHA256)

    def proof(self, body: bytes) -> dict[str, Any]:
        """Inclusion of the third of four leaves (RFC 9162 section 2.1.3), and the signed tree head."""
        leaves = [hashlib.sha256(b"\0" + leaf).digest() for leaf in (b"zero", b"one", body, b"three")]
        left = hashlib.sha256(b"\1" + leaves[0] + leaves[1]).digest()
        right = hashlib.sha256(b"\1" + leaves[2] + leaves[3]).digest()
        root = hashlib.sha256(b"\1" + left + right).digest()
        return {
            "logIndex": "2",
            "treeSize": "4",
            "rootHash": b64(root),
            "hashes": [b64(leaves[3]), b64(left)],
            "checkpoint": {"envelope": self.checkpoint(root)},
        }

    def checkpoint(self, root: bytes) -> str:
        note = f"{self.origin}\n4\n{b64(root)}\n"
        signature = self.key.sign(note.encode(), _SHA256)
        return f"{note}\n\u2014 {self.origin} {b64(self.log_id[:4] + signature)}\n"


@dataclass
class TimestampAuthority:
    """Answers RFC 3161 requests."""

    root_key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    root: x509.Certificate = field(init=False)
    certificate: x509.Certificate = field(init=False)

    def __post_init__(self) -> None:
        self.root = _root("Test TSA root", self.root_key)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(_name("Test TSA"))
            .issuer_name(self.root.subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(START)
            .not_valid_after(END)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
            .sign(self.root_key, hashes.SHA256())
        )

    def token(self, signature: bytes, at: datetime = AT) -> bytes:
        """A time-stamp response over the signature's SHA-256 (RFC 3161 section 2.4.2)."""
        sha256 = algos.DigestAlgorithm({"algorithm": "sha256"})
        info = tsp.TSTInfo(
            {
                "version": "v1",
                "policy": "1.2.3.4",
                "message_imprint": {"hash_algorithm": sha256, "hashed_message": hashlib.sha256(signature).digest()},
                "serial_number": 7,
                "gen_time": at,
            }
        ).dump()
        own = asn1_x509.Certificate.load(der(self.certificate))
        essential = tsp.SigningCertificateV2(
            {"certs": [{"hash_algorithm": sha256, "cert_hash": hashlib.sha256(own.dump()).digest()}]}
        )
        attributes = cms.CMSAttributes(
            [
                cms.CMSAttribute({"type": "content_type", "values": ["tst_info"]}),
                cms.CMSAttribute({"type": "message_digest", "values": [hashlib.sha256(info).digest()]}),
                cms.CMSAttribute({"type": "signing_certificate_v2", "values": [essential]}),
            ]
        )
        signer = {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                {"issuer_and_serial_number": {"issuer": own.issuer, "serial_number": own.serial_number}}
            ),
            "digest_algorithm": sha256,
            "signed_attrs": attributes,
            "signature_algorithm": {"algorithm": "sha256_ecdsa"},
            "signature": self.key.sign(attributes.dump(), _SHA256),
        }
        signed = cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [sha256],
                "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(info)},
                "certificates": [own],
                "signer_infos": [signer],
            }
        )
        token = cms.ContentInfo({"content_type": "signed_data", "content": signed})
        return bytes(tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": token}).dump())
