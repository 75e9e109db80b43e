"""Deriving, first step: which package a component is, whatever its version, and under which names advisories know it.

Sources: purl specification (parsing, per-type rules); PEP 503 (Python names); OSV schema, `affected.package`.
Case matters where the registry says so: Cargo, Maven, npm and RubyGems names are kept as they are.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

from evidence_api.domain.sbom import SbomComponent
from evidence_api.formats.osv_registry import CRATES

# Qualifiers that tell packages apart; the others (distribution, download place, checksum) describe one package.
_TELLING = ("arch", "channel", "classifier", "platform", "repository_url", "type", "user")
_CASELESS = frozenset(
    {
        *(
            "apk",
            "bitbucket",
            "bitnami",
            "brew",
            "composer",
            "deb",
            "github",
            "githubactions",
            "golang",
            "hex",
            "luarocks",
        ),
        *("nuget", "oci", "pub", "pypi", "rpm"),
    }
)
_PYTHON_SEPARATORS = re.compile(r"[-_.]+")
_NO_QUALIFIERS: Mapping[str, str] = {}
_QUALIFIER = re.compile(r"[a-zA-Z0-9._-]*(=|\Z)")
_TYPE = re.compile(r"[a-zA-Z][a-zA-Z0-9.+-]*\Z")

_ECOSYSTEMS: Mapping[str, str] = {
    "bioconductor": "Bioconductor",
    "bitnami": "Bitnami",
    "brew": "Homebrew",
    "cargo": CRATES,
    "composer": "Packagist",
    "conan": "ConanCenter",
    "cran": "CRAN",
    "gem": "RubyGems",
    "github": "GitHub Actions",
    "githubactions": "GitHub Actions",
    "golang": "Go",
    "hackage": "Hackage",
    "hex": "Hex",
    "julia": "Julia",
    "maven": "Maven",
    "npm": "npm",
    "nuget": "NuGet",
    "opam": "opam",
    "pub": "Pub",
    "pypi": "PyPI",
    "swift": "SwiftURL",
    "vcpkg": "vcpkg",
    "vscode-extension": "VSCode",
}
# Packages of distributions: purl type and namespace -> ecosystem.
_DISTRIBUTIONS: Mapping[tuple[str, str], str] = {
    ("apk", "alpaquita"): "Alpaquita",
    ("apk", "alpine"): "Alpine",
    ("apk", "chainguard"): "Chainguard",
    ("apk", "minimos"): "MinimOS",
    ("apk", "wolfi"): "Wolfi",
    ("deb", "debian"): "Debian",
    ("deb", "echo"): "Echo",
    ("deb", "ubuntu"): "Ubuntu",
    ("rpm", "almalinux"): "AlmaLinux",
    ("rpm", "azurelinux"): "Azure Linux",
    ("rpm", "mageia"): "Mageia",
    ("rpm", "openeuler"): "openEuler",
    ("rpm", "opensuse"): "openSUSE",
    ("rpm", "photon"): "Photon OS",
    ("rpm", "redhat"): "Red Hat",
    ("rpm", "rhel"): "Red Hat",
    ("rpm", "rocky"): "Rocky Linux",
    ("rpm", "rocky-linux"): "Rocky Linux",
    ("rpm", "sles"): "SUSE",
    ("rpm", "suse"): "SUSE",
}
_CASELESS_ECOSYSTEMS = frozenset({_ECOSYSTEMS[one] for one in _CASELESS if one in _ECOSYSTEMS})


class PackageUrl(NamedTuple):
    """A parsed purl, names in the form their type compares them in. `qualifiers` without empty ones."""

    type: str
    namespace: str
    name: str
    version: str
    qualifiers: Mapping[str, str]


class Package(NamedTuple):
    """A component's package: `key` is the same for all its versions and is what people read; `url` None without
    a readable purl. `version` is the purl's, or else the component's."""

    key: str
    version: str
    url: PackageUrl | None


def parse_purl(text: str) -> PackageUrl | None:
    """Parse a purl; None for what is none. The `@` of an npm scope may stand there unencoded."""
    scheme, _, rest = text.partition(":")
    if scheme not in {"pkg", "PKG"} or not rest:
        return None
    rest, _, query = rest.partition("#")[0].partition("?")
    kind, slash, path = rest.lstrip("/").partition("/")
    kind = kind.lower()
    folder, _, last = path.strip("/").rpartition("/")
    stem, at, version = last.rpartition("@")
    if not at:
        stem, version = last, ""
    if "%" in path:
        stem, version = unquote(stem), unquote(version)
        folder = "/".join(unquote(part) for part in folder.split("/") if part)
    elif "//" in path:
        folder = "/".join(filter(None, folder.split("/")))
    if not slash or not stem or not _TYPE.match(kind):
        return None
    if not all(map(_QUALIFIER.match, query.split("&") if query else ())):
        return None
    if kind in _CASELESS:
        stem, folder = _spelled(kind, stem), folder.lower()
    return PackageUrl(kind, folder, stem, version, _qualifiers(query) if query else _NO_QUALIFIERS)


def package_of(component: SbomComponent) -> Package:
    """Its package by purl, or where it has none by name and supplier."""
    url = parse_purl(component.purl) if component.purl else None
    if url is None:
        supplier = f" ({component.supplier})" if component.supplier else ""
        return Package(f"{component.name}{supplier}", component.version, None)
    return Package(package_key(url), _version(url) or component.version, url)


def package_key(url: PackageUrl) -> str:
    """`pkg:type/namespace/name`, and the qualifiers that tell packages of that name apart."""
    place = f"{url.namespace}/" if url.namespace else ""
    telling = [f"{one}={url.qualifiers[one]}" for one in _TELLING if one in url.qualifiers] if url.qualifiers else ()
    return f"pkg:{url.type}/{place}{url.name}" + (f"?{'&'.join(telling)}" if telling else "")


def advisory_name(ecosystem: str, name: str) -> str:
    """A package's name as advisories of the ecosystem are looked up: what differs only in spelling becomes one."""
    if ecosystem == "PyPI":
        return _spelled("pypi", name)
    return name.lower() if ecosystem in _CASELESS_ECOSYSTEMS else name


def advisory_names(url: PackageUrl) -> tuple[tuple[str, str, str], ...]:
    """Where advisories about a package are found: (ecosystem, name, version), the package's own and, for packages of
    distributions, the source package it was built from (qualifier `upstream`), whose version may be another."""
    version = _version(url)
    ecosystem = _ECOSYSTEMS.get(url.type)
    if ecosystem is not None:
        separator = ":" if url.type == "maven" else "/"
        name = f"{url.namespace}{separator}{url.name}" if url.namespace else url.name
        return ((ecosystem, advisory_name(ecosystem, name), version),)
    distribution = _DISTRIBUTIONS.get((url.type, url.namespace.partition(".")[0]))
    if distribution is None:
        return ()
    found = {(distribution, url.name, version)}
    if upstream := url.qualifiers.get("upstream", ""):
        source, _, other = upstream.removesuffix(".src.rpm").partition("@")
        if upstream.endswith(".src.rpm"):  # name-version-release
            source = source.rsplit("-", 2)[0]
        found.add((distribution, source.lower(), other or version))
    return tuple(sorted(found))


def _version(url: PackageUrl) -> str:
    if url.type != "rpm" or ":" in url.version:
        return url.version
    epoch = url.qualifiers.get("epoch", "")
    return f"{epoch}:{url.version}" if epoch.isdigit() else url.version


def _spelled(kind: str, name: str) -> str:
    if kind == "pypi":
        return _PYTHON_SEPARATORS.sub("-", name).lower()
    return name.lower() if kind in _CASELESS else name


def _qualifiers(query: str) -> Mapping[str, str]:
    pairs = (part.partition("=") for part in query.split("&"))
    return {key.lower(): unquote(value) for key, _, value in pairs if key and value}
