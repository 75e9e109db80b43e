"""How much memory this process has held at most."""

import re
from pathlib import Path


def peak_mebibytes() -> float:
    """The high-water mark of the resident set. Not `ru_maxrss`: a child begins with the mark of what started it."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    if found is None:
        raise AssertionError("the kernel tells no high-water mark")
    return round(int(found[1]) / 1024, 1)
