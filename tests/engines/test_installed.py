"""What is installed, as its own metadata says."""

from importlib.metadata import version

from evidence_api.engines.installed import installed_packages


def test_every_package_once_with_its_version_licence_and_requirements() -> None:
    packages = {one.name: one for one in installed_packages()}
    assert packages["httpx"].version == version("httpx")
    assert "BSD" in packages["httpx"].licence
    assert "httpcore" in packages["httpx"].requires
    assert len(packages["httpx"].record) == 64
    assert len(packages) == len(installed_packages())
    assert list(packages) == sorted(packages)


def test_requirements_of_extras_and_of_other_systems_are_left_out() -> None:
    packages = {one.name: one for one in installed_packages()}
    ours = packages["evidence-api"].requires
    assert "httpx" in ours
    assert "asyncpg" not in ours  # behind the extra `server`
    assert "colorama" not in packages["pytest"].requires  # Windows alone
