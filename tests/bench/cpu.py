"""How much CPU each process used, read from /proc: a figure that other people's load doesn't blur."""

import os
from collections import Counter
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def used(roots: dict[int, str]) -> Counter[str]:
    """CPU seconds so far by label; a process counts for its nearest labelled ancestor, `--role` splits a label."""
    parents, seconds, roles = {}, {}, {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            words = (entry / "cmdline").read_text().split("\0")
        except OSError:
            continue  # it has ended in the meantime
        pid = int(entry.name)
        parents[pid] = int(fields[1])
        # Of those that ended (PostgreSQL's backends, say) their parent keeps the account.
        seconds[pid] = sum(int(field) for field in fields[11:15]) / _TICK
        roles[pid] = words[words.index("--role") + 1] if "--role" in words else ""
    found: Counter[str] = Counter()
    for pid in seconds:
        label, at = roles[pid], pid
        while at and at not in roots:
            at = parents.get(at, 0)
        if at:
            found[label or roots[at]] += seconds[pid]
    return found
