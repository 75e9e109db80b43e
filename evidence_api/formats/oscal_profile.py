"""OSCAL, third step, for profiles: resolve one against catalogs (or other profiles) into the controls it selects.

Source: the profile model of OSCAL 1.x and NIST's profile resolution specification.

1. Import: each import selects controls of one source by include, less exclude; without an include it selects all.
2. Merge: a control selected twice is kept once if both are the same; otherwise keep refuses it, use-first and merge
   take the first. Controls stay in the order of their catalog; as-is keeps their groups, custom makes new ones, flat
   has none. An enhancement selected without its control does not bring it along.
3. Modify: parameters are set, controls are altered (oscal_alteration).

Stricter than the specification, which drops these: an import whose source was not given, a circular import, and an id
or pattern that selects nothing are refused, because a baseline that silently lacks controls passes too easily.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fnmatch import translate
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.formats.oscal_alteration import alter, set_parameter
from evidence_api.formats.oscal_catalog import OscalCatalog, OscalControl, identifier_of, read_catalog
from evidence_api.formats.oscal_document import Node, OscalDocument, one_line

MAX_IMPORTS = 64
MAX_PATTERNS = 256  # of one selection
MAX_PATTERN = 256  # characters of one
MAX_CHANGES = 20_000  # settings and alterations of one profile
_LISTED = 20
_DIGITS = re.compile(r"(\d+)")


def resolve(profile: OscalDocument, sources: Mapping[str, OscalDocument]) -> OscalCatalog:
    """The controls a profile selects. `sources` are documents by file name: one source serves every import, of
    several the one with the file name of the import's reference. Raises Malformed with the JSON path, TooLarge."""
    return _resolved(profile, sources, ())


def _resolved(profile: OscalDocument, sources: Mapping[str, OscalDocument], trail: tuple[str, ...]) -> OscalCatalog:
    root = profile.root
    imports = root.nodes("imports")
    if not imports:
        raise root.bad("imports", "names at least one catalog or profile", imports)
    if len(imports) > MAX_IMPORTS:
        path = f"{root.path}.imports"
        raise TooLarge(f"{path}: too many imports", limit=MAX_IMPORTS, value=len(imports), path=path)
    merge = root.node("merge") or Node(f"{root.path}.merge", {})
    keep = _combine(merge) == "keep"
    selected: dict[str, OscalControl] = {}
    params: dict[str, Node] = {}
    for one in imports:
        source = _source(one, root, sources)
        if source.uuid in (*trail, profile.uuid):
            raise one.bad("href", "imports a profile into itself", one.text("href"))
        read = (
            read_catalog
            if source.model == "catalog"
            else lambda found: _resolved(found, sources, (*trail, profile.uuid))
        )
        catalog = read(source)
        for control in _selection(one, catalog):
            first = selected.setdefault(control.id, control)
            if keep and first.node.members != control.node.members:
                raise one.bad("", f"selects another control '{control.id}' than an earlier import", control.node.path)
        params = {**catalog.params, **params}
    controls = _structured(merge, tuple(selected.values()))
    return _modified(root, OscalCatalog(controls, params))


def _combine(merge: Node) -> str:
    """What to do about a control that is selected twice: keep (refused if the two differ) or take the first."""
    combine = merge.node("combine")
    return combine.one_of("method", ("keep", "use-first", "merge"), "keep") if combine else "keep"


def _source(one: Node, root: Node, sources: Mapping[str, OscalDocument]) -> OscalDocument:
    """The document an import names: by the file name of its reference, or the only one there is."""
    href = one.text("href", required=True)
    by_stem = {PurePosixPath(name).stem: document for name, document in sources.items()}
    stems = [PurePosixPath(unquote(urlsplit(link).path)).stem for link in _links(href, root)]
    found = next((by_stem[stem] for stem in stems if stem in by_stem), None)
    if found is None and len(sources) == 1:
        found = next(iter(sources.values()))
    if found is None or found.model not in {"catalog", "profile"}:
        known = ", ".join(sources) or "none"
        raise one.bad("href", f"names no catalog or profile that was given (given: {known})", href, code="no_source")
    return found


def _links(href: str, root: Node) -> Iterator[str]:
    """Where a reference leads: itself, or the links of the resource it names in the back matter."""
    if not href.startswith("#"):
        yield href
    back = root.node("back-matter")
    for resource in back.nodes("resources") if back else ():
        if resource.text("uuid") == href[1:]:
            for link in resource.nodes("rlinks"):
                yield link.text("href")


def _selection(one: Node, catalog: OscalCatalog) -> Iterator[OscalControl]:
    """The controls one import selects, in the order of the catalog."""
    chosen = _included(one, catalog, strict=True)
    if not chosen:
        raise one.bad("", "selects no control", one.text("href"))
    return (control for control in catalog.controls if control.id in chosen)


def _included(one: Node, catalog: OscalCatalog, *, strict: bool) -> set[str]:
    """Ids by include-all or include-controls, less exclude-controls; all of them where nothing is included."""
    everything = {control.id for control in catalog.controls}
    included = one.nodes("include-controls")
    whole = one.node("include-all") is not None or not included
    chosen = set(everything) if whole else _called(included, catalog, strict=strict)
    return chosen - _called(one.nodes("exclude-controls"), catalog, strict=strict)


def _called(selectors: Iterable[Node], catalog: OscalCatalog, *, strict: bool) -> set[str]:
    """Ids named or matched. A strict selector that finds nothing is refused, all such ids at once."""
    known = [control.id for control in catalog.controls]
    existing, found, unknown = set(known), set[str](), list[str]()
    place, patterns = "", 0
    for selector in selectors:
        named: set[str] = set()
        for number, name in enumerate(selector.texts("with-ids")):
            named.add(name)
            if name not in existing:
                unknown.append(name)
                place = place or f"{selector.path}.with-ids[{number}]"
        for matching in selector.nodes("matching"):
            patterns += 1
            matched = _matched(matching, known, patterns)
            if not matched:
                unknown.append(matching.text("pattern"))
                place = place or f"{matching.path}.pattern"
            named |= matched
        if selector.one_of("with-child-controls", ("yes", "no"), "no") == "yes":
            named |= {control.id for control in catalog.controls if control.parent in named}
        found |= named
    if strict and unknown:
        shown = ", ".join(name[:80] for name in unknown[:_LISTED])
        more = f" and {len(unknown) - _LISTED} more" if len(unknown) > _LISTED else ""
        message = f"{place}: the catalog has no control {shown}{more}"
        raise Malformed(message, code="unknown_control", path=place, value=shown)
    return found & existing


def _matched(matching: Node, known: Iterable[str], count: int) -> set[str]:
    """Ids that fit a glob pattern."""
    pattern = matching.text("pattern", required=True)
    if count > MAX_PATTERNS or len(pattern) > MAX_PATTERN:
        limit, value = (MAX_PATTERNS, count) if count > MAX_PATTERNS else (MAX_PATTERN, len(pattern))
        path = f"{matching.path}.pattern"
        raise TooLarge(f"{path}: too many patterns, or too long a one", limit=limit, value=value, path=path)
    fits = re.compile(translate(pattern)).match
    return {name for name in known if fits(name)}


def _structured(merge: Node, controls: tuple[OscalControl, ...]) -> tuple[OscalControl, ...]:
    """Controls with the groups the merge gives them."""
    custom = merge.node("custom")
    if custom is not None:
        placed: dict[str, OscalControl] = {}
        for control in _customised(custom, (), OscalCatalog(controls, {})):
            placed.setdefault(control.id, control)
        return tuple(placed.values())
    if merge.members.get("as-is") is True:
        return controls
    return tuple(replace(control, groups=()) for control in controls)


def _customised(node: Node, groups: tuple[str, ...], catalog: OscalCatalog) -> Iterator[OscalControl]:
    """Controls where the custom structure inserts them; what it does not insert is left out."""
    for insert in node.nodes("insert-controls"):
        chosen = _included(insert, catalog, strict=False)
        found = [replace(control, groups=groups) for control in catalog.controls if control.id in chosen]
        order = insert.one_of("order", ("keep", "ascending", "descending"), "keep")
        yield from found if order == "keep" else sorted(found, key=_natural, reverse=order == "descending")
    for group in node.nodes("groups"):
        yield from _customised(group, (*groups, one_line(group.text("title", required=True))), catalog)


def _natural(control: OscalControl) -> list[tuple[int, str]]:
    """ac-2 before ac-10."""
    pieces = _DIGITS.split(control.id)
    return [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in pieces]


def _modified(root: Node, catalog: OscalCatalog) -> OscalCatalog:
    """Parameters set and controls altered. What is not selected needs no change."""
    modify = root.node("modify")
    if modify is None:
        return catalog
    settings, alterations = modify.nodes("set-parameters"), modify.nodes("alters")
    if len(settings) + len(alterations) > MAX_CHANGES:
        value = len(settings) + len(alterations)
        raise TooLarge(f"{modify.path}: too many changes", limit=MAX_CHANGES, value=value, path=modify.path)
    params = dict(catalog.params)
    for setting in settings:
        name = identifier_of(setting, "param-id")
        if name in params:
            params[name] = set_parameter(params[name], setting)
    controls = {control.id: control for control in catalog.controls}
    for alteration in alterations:
        name = identifier_of(alteration, "control-id")
        if name in controls:
            node = alter(controls[name].node, alteration)
            controls[name] = replace(controls[name], node=node)
            params |= {identifier_of(param): param for param in node.nodes("params") if param.text("id") not in params}
    return OscalCatalog(tuple(controls.values()), params)
