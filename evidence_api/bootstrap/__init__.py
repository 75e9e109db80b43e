"""Start: Settings -> engines + store -> use cases -> ASGI app."""

from evidence_api.bootstrap.application import Application, open_application
from evidence_api.bootstrap.edges import asgi_application
from evidence_api.bootstrap.places import open_database, open_nursery, open_rego

__all__ = ["Application", "asgi_application", "open_application", "open_database", "open_nursery", "open_rego"]
