"""Use cases are tested through the same whole application as the HTTP edge."""

from tests.web.conftest import application, door, rival

__all__ = ["application", "door", "rival"]
