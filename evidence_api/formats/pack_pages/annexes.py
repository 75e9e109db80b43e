"""The annexes: all evidence, the manifest of files, the trust used, how to verify, and the decisions recomputed."""

from evidence_api.domain.pack import PackedEvidence
from evidence_api.domain.verification import Verified
from evidence_api.formats.pack_artifacts import key_id_of, key_name
from evidence_api.formats.pack_pages import decisions
from evidence_api.formats.pack_pages.index import PageIndex
from evidence_api.formats.pack_pages.markup import Child, Markup, el, join
from evidence_api.formats.pack_pages.words import digest, hexadecimal, moment, remark, signed_by
from evidence_api.formats.pack_readme import README


def annexes(index: PageIndex) -> Markup:
    """Four annexes, each on a new page only if the text before it fills one; a fifth where there are decisions."""
    return join(_population(index), _manifest(index), _trust(index), _recipe(), decisions.annex(index))


def _population(index: PageIndex) -> Markup:
    """Every record the verdicts range over, with its whole digest."""
    heads = ("Leaf", "Evidence and signer", "SHA-256 of the bytes received; the three clocks (UTC)")
    records = index.contents.evidence
    return el(
        "section",
        el("h2", "Annex A: evidence register"),
        el(
            "p",
            f"All {len(records)} records of this release in the log, in the order they were received. "
            "Nothing is sampled out.",
            class_="lead",
        ),
        el(
            "table",
            el("colgroup", [el("col", style=f"width:{width}mm") for width in (12, 66, 94)]),
            el("thead", el("tr", [el("th", head, scope="col") for head in heads])),
            el("tbody", [_record(item) for item in records]),
            class_="grid population",
        ),
        id="evidence",
        class_="sheet",
    )


def _record(item: PackedEvidence) -> Markup:
    record = item.evidence
    steps = record.verification
    clocks = (
        f"effective {moment(record.effective)}, collected {moment(record.collected)}, "
        f"received {moment(record.received)}"
    )
    how = "verified" if isinstance(steps, Verified) else steps.status
    return el(
        "tr",
        el("td", str(record.leaf_index), class_="number"),
        el(
            "td",
            record.kind,
            remark(item),
            el("br"),
            el("span", f"{how}: {signed_by(steps)}" if how == "verified" else how, class_="quiet"),
        ),
        el("td", hexadecimal(record.body_digest), el("br"), el("span", clocks, class_="time quiet")),
        id=f"leaf-{record.leaf_index}",
    )


def _manifest(index: PageIndex) -> Markup:
    """Every file attached, with its size and SHA-256; and what is absent."""
    rows = [
        el(
            "tr",
            el("td", artifact.name, class_="mono"),
            el("td", f"{len(artifact.content):,}", class_="number"),
            el("td", hexadecimal(artifact.digest)),
        )
        for artifact in index.artifacts
    ]
    absent = [el("li", f"{item.name}: {item.reason}") for item in index.completeness.absent]
    return el(
        "section",
        el("h2", "Annex B: manifest of attached files"),
        el(
            "p",
            f"{index.completeness.line}. pack.json, the index, is attached too and holds these digests.",
            class_="lead",
        ),
        [el("p", el("b", "Absent"), class_="note"), el("ul", absent)] if absent else None,
        el(
            "table",
            el("colgroup", [el("col", style=f"width:{width}mm") for width in (70, 12, 90)]),
            el("thead", el("tr", [el("th", head, scope="col") for head in ("File", "Bytes", "SHA-256")])),
            el("tbody", rows),
            class_="grid manifest",
        ),
        id="manifest",
        class_="sheet",
    )


def _trust(index: PageIndex) -> Markup:
    """Keys, identities, subjects and software: what the verdicts were made with."""
    contents = index.contents
    rows: list[tuple[str, Child]] = [
        (f"Key {key.name}".strip(), [digest(key_id_of(key.pem)), el("br"), key_name(key.pem)])
        for key in contents.trust.keys
    ]
    rows += [("Identity", f"{rule.identity}, issued by {rule.issuer}") for rule in contents.trust.identities]
    rows.append(("Log key", [el("span", contents.log_key, class_="digest")]))
    rows += [(name, version) for name, version in sorted(contents.software.items())]
    subjects = [el("li", digest(value)) for value in contents.release.digests]
    return el(
        "section",
        el("h2", "Annex C: what it was made with"),
        el(
            "table",
            el("colgroup", el("col", style="width:48mm"), el("col")),
            el("tbody", [el("tr", el("th", name, scope="row"), el("td", value)) for name, value in rows]),
            class_="grid trust",
        ),
        el("h3", "Artifacts of the release", id="subjects"),
        el("ul", subjects, class_="plain"),
        id="trust",
        class_="sheet",
    )


def _recipe() -> Markup:
    return el(
        "section",
        el("h2", "Annex D: how to verify this pack offline"),
        el("pre", README.partition("\n\n")[2].rstrip()),
        id="verify",
        class_="sheet",
    )
