"""Flows run through the whole application over a fresh database."""

from tests.web.conftest import application, door, rival

__all__ = ["application", "door", "rival"]
