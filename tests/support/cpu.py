"""Processor time of process trees, from /proc: a measure that other work on the machine hardly moves."""

import os
from collections.abc import Iterator
from pathlib import Path

_TICK = 1 / os.sysconf("SC_CLK_TCK")
_USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM = 11, 12, 13, 14  # fields after the name, proc(5)


def seconds_of(pid: int) -> float:
    """User and system time of one process so far."""
    fields = _fields(pid)
    return (int(fields[_USER]) + int(fields[_SYSTEM])) * _TICK if fields else 0.0


def tree_seconds(pid: int) -> float:
    """The same of a process, its living descendants, and the children they have waited for."""
    fields = _fields(pid)
    if not fields:
        return 0.0
    own = sum(int(fields[at]) for at in (_USER, _SYSTEM, _CHILDREN_USER, _CHILDREN_SYSTEM)) * _TICK
    return own + sum(tree_seconds(child) for child in children_of(pid))


def children_of(pid: int) -> Iterator[int]:
    """The living children of a process."""
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        yield from map(int, task.read_text(encoding="ascii").split())


def _fields(pid: int) -> list[str]:
    """What proc(5) lists after the command's name; nothing when the process has gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
