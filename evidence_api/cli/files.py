"""Command line: bytes fetched from a server go to a file, whole or not at all, or to stdout as they are."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evidence_api.cli import output
from evidence_api.domain.digest import digest_of
from evidence_api.engines.files import write_file


def give(content: bytes, out: Path | None, told: Mapping[str, Any], *, as_json: bool) -> None:
    """Give fetched bytes: into `out`, saying so, or on stdout. With --json `told` is the answer, and the file."""
    if out is not None:
        write_file(out, content)
        if as_json:
            output.print_json({**told, "file": str(out), "size": len(content), "digest": digest_of(content)})
        else:
            output.say(f"{out}: {len(content):,} bytes, {digest_of(content)}")
    elif as_json:
        output.print_json(told)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        if sys.stdout.isatty():
            sys.stdout.write("\n")
