"""The sample release, its bill of materials: the packages installed here, as a CycloneDX 1.6 document.

No vulnerabilities member is written: nothing was scanned, and an empty list would say that something was.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from evidence_api.engines.installed import Installed
from evidence_api.use_cases.sample_artifact import Artifact

_RECORD = "evidence-api:record-sha256"  # digest of the list of the package's files as installed here


def sbom_of(product: str, version: str, artifact: Artifact, packages: Sequence[Installed], at: datetime) -> Any:  # noqa: ANN401  a JSON document
    """The SBOM of `product`, whose dependencies are those of its installed package of the same name."""
    licences = LicenseFactory()
    components = {one.name: _component(one, licences) for one in packages if one.name != product}
    subject = Component(
        name=product,
        version=version,
        type=ComponentType.APPLICATION,
        bom_ref=product,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=artifact.digest)],
    )
    maker = Component(name=f"{product} quickstart", version=version, type=ComponentType.APPLICATION)
    bom = Bom(
        components=components.values(),
        metadata=BomMetaData(component=subject, timestamp=at, tools=ToolRepository(components=[maker])),
    )
    _register(bom, subject, components, packages)
    return orjson.loads(make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string())


def _component(one: Installed, licences: LicenseFactory) -> Component:
    return Component(
        name=one.name,
        version=one.version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{one.name}@{one.version}",
        purl=PackageURL("pypi", None, one.name, one.version),
        licenses=[licences.make_from_string(one.licence)] if one.licence else (),
        properties=[Property(name=_RECORD, value=one.record)] if one.record else (),
    )


def _register(bom: Bom, subject: Component, components: Mapping[str, Component], packages: Sequence[Installed]) -> None:
    """Write the dependency graph; a requirement that is not installed is nobody's dependency here."""
    for one in packages:
        dependent = components.get(one.name, subject)
        bom.register_dependency(dependent, [components[name] for name in one.requires if name in components])
