"""OSCAL documents as JSON-able dicts, small and valid; keyword arguments replace or add members."""

import json
from collections.abc import Mapping
from typing import Any

from evidence_api.formats.oscal_document import OscalDocument, read_document

UUIDS = tuple(f"{number:08x}-0000-4000-8000-000000000000" for number in range(1, 9))

Document = dict[str, Any]


def prop(name: str, value: str, **members: Any) -> Document:  # noqa: ANN401  any JSON
    """One property."""
    return {"name": name, "value": value, **members}


def control(name: str, title: str = "", **members: Any) -> Document:  # noqa: ANN401  any JSON
    """One control, titled after its id unless said otherwise."""
    return {"id": name, "title": title or f"Title of {name}", **members}


def statement(prose: str, *items: Document, **members: Any) -> list[Document]:  # noqa: ANN401  any JSON
    """The parts of a control: its statement and the items inside."""
    return [{"id": "s", "name": "statement", "prose": prose, "parts": list(items), **members}]


def document(model: str, uuid: str = UUIDS[0], **members: Any) -> Document:  # noqa: ANN401  any JSON
    """One document of a model."""
    metadata = {
        "title": f"Some {model}",
        "last-modified": "2026-01-02T03:04:05.000000-05:00",
        "version": "1.0",
        "oscal-version": "1.1.2",
    }
    return {model: {"uuid": uuid, "metadata": metadata, **members}}


def catalog(*controls: Document, uuid: str = UUIDS[0], **members: Any) -> Document:  # noqa: ANN401  any JSON
    """A catalog with controls at its top."""
    return document("catalog", uuid, **({"controls": list(controls)} if controls else {}), **members)


def profile(*imports: Document, uuid: str = UUIDS[1], **members: Any) -> Document:  # noqa: ANN401  any JSON
    """A profile with its imports."""
    return document("profile", uuid, imports=list(imports), **members)


def importing(*names: str, href: str = "catalog.json", **members: Any) -> Document:  # noqa: ANN401  any JSON
    """One import of controls by id."""
    return {"href": href, **({"include-controls": [{"with-ids": list(names)}]} if names else {}), **members}


def body(made: Mapping[str, Any]) -> bytes:
    """The file."""
    return json.dumps(made).encode()


def read(made: Mapping[str, Any]) -> OscalDocument:
    """The document as it is read."""
    return read_document(body(made))
