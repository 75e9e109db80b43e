"""What passes to the rendering process: a length, a JSON header, then the files' contents in its order."""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from evidence_api.domain.pack import Artifact

_LENGTH = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class RenderJob:
    """One document: the HTML, its attachments, the moment written into them (a PDF date, ISO 32000-1,
    7.9.4), the file identifier (hex), the name on the signature, and the process's memory limit in bytes."""

    page: str = field(repr=False)
    files: Sequence[Artifact] = field(repr=False)
    modified: str
    identifier: str
    signer: str
    memory: int


def encode_job(job: RenderJob) -> bytes:
    """The whole job as the process reads it."""
    files = [(file.name, file.media_type, file.description, file.relationship, len(file.content)) for file in job.files]
    header = {
        "page": job.page,
        "files": files,
        "modified": job.modified,
        "identifier": job.identifier,
        "signer": job.signer,
        "memory": job.memory,
    }
    written = json.dumps(header).encode()
    return b"".join([_LENGTH.pack(len(written)), written, *(file.content for file in job.files)])


def read_job(stream: BinaryIO) -> RenderJob:
    """The job back from its bytes."""
    (size,) = _LENGTH.unpack(stream.read(_LENGTH.size))
    header: dict[str, Any] = json.loads(stream.read(size))
    files = [
        Artifact(name, media_type, stream.read(length), description, relationship)
        for name, media_type, description, relationship, length in header["files"]
    ]
    return RenderJob(
        header["page"], files, header["modified"], header["identifier"], header["signer"], header["memory"]
    )
