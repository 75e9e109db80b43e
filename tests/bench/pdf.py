"""What a pack's PDF costs over weasyprint alone: `python -m tests.bench.pdf --json`.

The same HTML and style sheet, in turns: our renderer (process, fonts unpacked, files attached, room for the
signature) and then signing it; and a fresh process that only imports weasyprint and writes the PDF. Both tagged
PDF/A-3b. The ratio of the best wall times must stay under 1.2 (other work on the machine only ever adds time).
Building the HTML is timed apart.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from evidence_api.domain.pack import Artifact
from evidence_api.engines import pdf as pdf_engine
from evidence_api.engines.pades import sign_pdf
from evidence_api.engines.pdf import PdfRenderer
from evidence_api.engines.pdf_reading import read_pages
from evidence_api.engines.rego import RegoPool
from evidence_api.formats.pack_file import INDEX_NAME, encode_index, signed_message
from evidence_api.formats.pack_pages.document import document
from evidence_api.use_cases.verify_pack import verify_pack
from tests.support import statements
from tests.support.packs import AT, PackWorld, build_world

ROOT = Path(__file__).resolve().parents[2]
_STYLE = Path(pdf_engine.__file__).parent / "pdf_assets" / "pack.css"
_ALONE = """
import sys, weasyprint
weasyprint.HTML(filename=sys.argv[1]).write_pdf(
    sys.argv[2], stylesheets=[sys.argv[3]], pdf_variant="pdf/a-3b", pdf_tags=True)
"""


async def _world(rego: RegoPool, controls: int, records: int) -> PackWorld:
    """A release with so many controls, and so many records of tests that all of them read."""
    written = [
        f"id: IG-{number:03}\n"
        f"title: Control {number} of the catalog is met by every release\n"
        "statement: Every change is reviewed by somebody else before it is released, and the record of it is kept.\n"
        "owner: platform team\nfrequency: per_release\nfix: Run the suite again and upload what it says.\n"
        f"query:\n  - kind: test_result\n    where: result == passed && passed >= {number % 3}\n"
        "  - kind: provenance\n    where: builder != nobody\n"
        for number in range(controls)
    ]
    tests = [statements.test_result(configuration=f"suite-{number}.yml") for number in range(records)]
    return await build_world(
        rego, [statements.release(), statements.provenance(), *tests], {"controls.yaml": "---\n".join(written)}
    )


def _fonts(folder: Path) -> dict[str, str]:
    """The environment in which weasyprint alone finds our fonts, as our renderer does."""
    from evidence_api.engines.pdf_worker import unpack_fonts  # noqa: PLC0415  weasyprint is loaded for this alone

    for name in ("fonts", "cache"):
        (folder / name).mkdir()
    unpack_fonts(folder / "fonts")
    configuration = folder / "fonts.conf"
    configuration.write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">'
        f"<fontconfig><dir>{folder}/fonts</dir><cachedir>{folder}/cache</cachedir></fontconfig>"
    )
    return {**os.environ, "FONTCONFIG_FILE": str(configuration)}


async def measure(controls: int, records: int, rounds: int) -> dict[str, float]:
    """Seconds of each, their ratio, and what checking the result takes."""
    async with RegoPool(workers=1, timeout=60) as rego:
        world = await _world(rego, controls, records)
        started = perf_counter()
        page = document(world.contents, signer=world.key.fingerprint)
        html_seconds = perf_counter() - started
        index = world.index()
        attached = Artifact(
            INDEX_NAME, "application/json", encode_index(index, world.key.sign(signed_message(index))), ""
        )
        files = [*world.files(), attached]
        ours, alone = [], []
        signed = b""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            environment = _fonts(folder)
            (folder / "page.html").write_text(page, "utf-8")
            command = [sys.executable, "-c", _ALONE, str(folder / "page.html"), str(folder / "out.pdf"), str(_STYLE)]
            for _ in range(rounds):
                started = perf_counter()
                signed = await sign_pdf(
                    await PdfRenderer(timeout=600).render(page, files, at=AT, signer="bench"), world.key
                )
                ours.append(perf_counter() - started)
                started = perf_counter()
                await asyncio.to_thread(subprocess.run, command, env=environment, check=True, capture_output=True)
                alone.append(perf_counter() - started)
        started = perf_counter()
        report = await verify_pack(signed, rego=rego)
        verify_seconds = perf_counter() - started
    if not report.ok:
        raise SystemExit(f"the pack does not verify: {report.codes}")
    return {
        "controls": controls,
        "records": len(world.contents.evidence),
        "pages": len(read_pages(signed)),
        "bytes": len(signed),
        "html_seconds": round(html_seconds, 3),
        "pack_seconds": round(statistics.median(ours), 3),
        "weasyprint_seconds": round(statistics.median(alone), 3),
        "ratio": round(min(ours) / min(alone), 3),
        "verify_seconds": round(verify_seconds, 3),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--controls", type=int, default=200)
    parser.add_argument("--records", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args(arguments)
    figures = asyncio.run(measure(asked.controls, asked.records, asked.rounds))
    if asked.json:
        print(json.dumps(figures, indent=2))  # noqa: T201  a benchmark prints
        return
    for name, value in figures.items():
        print(f"{name:20} {value}")  # noqa: T201  a benchmark prints


if __name__ == "__main__":
    main()
