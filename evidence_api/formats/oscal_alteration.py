"""OSCAL, third step, last part: what a profile changes in a parameter or a control, made on a copy.

Source: set-parameters and alters of the profile model of OSCAL 1.x. Removals come before additions.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from evidence_api.formats.oscal_document import Node

_LISTS = ("params", "props", "links", "parts")
_ITEMS = ("param", "prop", "link", "part")
_REPLACED = ("label", "usage")
_APPENDED = ("props", "links", "constraints", "guidelines")
_BY = {"by-name": "name", "by-class": "class", "by-id": "id", "by-ns": "ns"}


def set_parameter(param: Node, setting: Node) -> Node:
    """The parameter with what a profile sets: values or a selection take the place of both. Raises Malformed."""
    members = dict(param.members)
    for name in _REPLACED:
        if value := setting.text(name):
            members[name] = value
    for name in _APPENDED:
        setting.nodes(name)  # objects, or refused where the profile has them
        if added := setting.items(name):
            members[name] = [*param.items(name), *added]
    values, select = setting.texts("values"), setting.node("select")
    if values or select is not None:
        members.pop("values", None)
        members.pop("select", None)
    if values:
        members["values"] = list(values)
    if select is not None:
        members["select"] = select.members
    return Node(param.path, members)


def alter(control: Node, alteration: Node) -> Node:
    """The control with removals and additions made. Raises Malformed: an addition names a part that is not there."""
    members = deepcopy(dict(control.members))
    for removal in alteration.nodes("removes"):
        _remove(members, removal)
    for addition in alteration.nodes("adds"):
        _add(members, addition)
    return Node(control.path, members)


def _remove(members: dict[str, Any], removal: Node) -> None:
    """Drop every parameter, property, link and part that all conditions of the removal fit."""
    wanted = {member: removal.text(condition) for condition, member in _BY.items() if removal.text(condition)}
    item = removal.text("by-item-name")
    if not wanted and not item:
        raise removal.bad("", f"says what to remove by one of {', '.join(_BY)} or by-item-name", dict(removal.members))

    def kept(found: Any, name: str) -> bool:  # noqa: ANN401  any JSON value
        fits = isinstance(found, dict) and all(found.get(member) == value for member, value in wanted.items())
        return not fits or (item not in {"", name})

    for holder in _holders(members):
        for key, name in zip(_LISTS, _ITEMS, strict=True):
            if isinstance(holder.get(key), list):
                holder[key] = [found for found in holder[key] if kept(found, name)]


def _add(members: dict[str, Any], addition: Node) -> None:
    """Put what is added at the start or the end of the control or part named, or before or after that part."""
    position = addition.one_of("position", ("before", "after", "starting", "ending"), "ending")
    target = addition.text("by-id")
    if target in {"", members.get("id")}:
        holder, at = members, {"before": "starting", "after": "ending"}.get(position, position)
        _title(members, addition)
        _insert(holder, addition, at)
        return
    for holder in _holders(members):
        for key in ("params", "parts"):
            for number, found in enumerate(Node(addition.path, holder).items(key)):
                if isinstance(found, dict) and found.get("id") == target:
                    if position in {"starting", "ending"}:
                        _title(found, addition)
                        _insert(found, addition, position)
                    else:
                        _beside(holder, key, number + (position == "after"), addition)
                    return
    raise addition.bad("by-id", "names a part or parameter of the control", target)


def _title(members: dict[str, Any], addition: Node) -> None:
    if title := addition.text("title"):
        members["title"] = title


def _insert(members: dict[str, Any], addition: Node, position: str) -> None:
    """Into the target: before or after what it has already."""
    for key in _LISTS:
        addition.nodes(key)  # objects, or refused where the profile has them
        if added := deepcopy(addition.items(key)):
            before = Node(addition.path, members).items(key)
            members[key] = [*added, *before] if position == "starting" else [*before, *added]


def _beside(holder: dict[str, Any], key: str, at: int, addition: Node) -> None:
    """Next to the target: what is of its own list at its place, everything else at the end of the others."""
    for name in _LISTS:
        addition.nodes(name)
        if added := deepcopy(addition.items(name)):
            before = Node(addition.path, holder).items(name)
            place = at if name == key else len(before)
            holder[name] = [*before[:place], *added, *before[place:]]


def _holders(members: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The control and every part of it, outermost first. Controls inside it are altered by their own ids."""
    yield members
    parts = members.get("parts")
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict):
            yield from _holders(part)
