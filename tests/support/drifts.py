"""Small inventories and advisories for tests of what is derived from SBOMs."""

from collections.abc import Sequence
from datetime import UTC, datetime

from evidence_api.domain.advisory import Advisory, AffectedPackage, AffectedRange, RangeEvent
from evidence_api.domain.digest import digest_of
from evidence_api.domain.drift import Inventory, StatedVulnerability
from evidence_api.domain.sbom import Sbom, SbomComponent, SbomVulnerability
from evidence_api.domain.vex import VexComponent, VexDocument, VexProduct, VexStatement, VexStatus

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SUBJECT = "sha256:" + "5" * 64


def evidence_id(name: str) -> str:
    return digest_of(name.encode())


def component(  # noqa: PLR0913  what a component may say
    name: str,
    version: str = "1.0.0",
    *,
    licence: str = "",
    supplier: str = "",
    hashes: tuple[str, ...] = (),
    kind: str = "npm",
) -> SbomComponent:
    return SbomComponent(
        ref=f"{name}@{version}",
        name=name,
        version=version,
        purl=f"pkg:{kind}/{name}@{version}" if kind else "",
        supplier=supplier,
        hashes=hashes,
        licence=licence,
    )


def sbom(
    *components: SbomComponent,
    vulnerabilities: tuple[SbomVulnerability, ...] | None = None,
    edges: tuple[tuple[str, str], ...] | None = None,
    subject: SbomComponent | None = None,
    serial: str = "",
) -> Sbom:
    return Sbom(
        format="cyclonedx",
        spec_version="1.6",
        serial=serial,
        timestamp=NOW,
        subject=subject,
        components=components,
        edges=edges,
        vulnerabilities=vulnerabilities,
    )


def inventory(
    *components: SbomComponent,
    name: str = "sbom",
    vulnerabilities: tuple[SbomVulnerability, ...] | None = None,
    stated: Sequence[StatedVulnerability] | None = None,
    vex: Sequence[VexStatement] = (),
) -> Inventory:
    """One SBOM; `stated` what one scan found (None: no scan)."""
    return Inventory(
        sboms=((evidence_id(name), sbom(*components, vulnerabilities=vulnerabilities)),),
        scans=() if stated is None else (evidence_id("scan"),),
        stated=tuple(stated or ()),
        vex=((evidence_id("vex"), VexDocument("https://example.org/vex", "us", 1, NOW, NOW, tuple(vex))),)
        if vex
        else (),
        subjects=(SUBJECT,),
    )


def advisory(  # noqa: PLR0913  what a record may say
    id_: str,
    package: str = "lib",
    *,
    fixed: str = "2.0.0",
    severity: str | None = "critical",
    aliases: tuple[str, ...] = (),
    upstream: tuple[str, ...] = (),
) -> Advisory:
    """Every npm version before `fixed` ("" for all) is affected."""
    events = (RangeEvent("introduced", "0"), *((RangeEvent("fixed", fixed),) if fixed else ()))
    affected = AffectedPackage("npm", package, ranges=(AffectedRange("SEMVER", events),))
    return Advisory(id_, NOW, aliases=aliases, upstream=upstream, severity=severity, affected=(affected,))


def statement(
    vulnerability: str, status: VexStatus, *, product: str = "", part: str = "", time: datetime = NOW
) -> VexStatement:
    """`product` is a purl or a digest, "" for the statement's own subjects; `part` a purl inside the product."""
    products: tuple[VexProduct, ...] = ()
    if product:
        hashes = (product,) if product.startswith("sha256:") else ()
        whole = VexComponent(product, () if hashes else (product,), hashes)
        products = (VexProduct(whole, (VexComponent(part, (part,)),) if part else ()),)
    return VexStatement(vulnerability, status, time, products=products)
