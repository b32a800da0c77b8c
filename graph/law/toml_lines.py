"""Where in a TOML text something stands: tomllib parses but tells no lines, and a reader needs one."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

_HEADER: Final = re.compile(r"^\s*(\[\[|\[)\s*([^\[\]]+?)\s*(\]\]|\])\s*(?:#.*)?$")
_KEY: Final = re.compile(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"))*)\s*=""")
_PART: Final = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")

Path = tuple[str, ...]


def line_of(text: str, place: Sequence[int | str]) -> int | None:
    """The line (from 1) of the nearest table or key on the way to `place`, as in ("rules", 2, "when")."""
    wanted = tuple(str(part) for part in place)
    lines = _places(text)
    for length in range(len(wanted), 0, -1):
        if wanted[:length] in lines:
            return lines[wanted[:length]]
    return None


@lru_cache(maxsize=2)
def _places(text: str) -> Mapping[Path, int]:
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    within = ""
    for number, line in enumerate(text.splitlines(), 1):
        if within:
            within = "" if within in line else within
            continue
        if header := _HEADER.match(line):
            table = _numbered(_parts(header.group(2)), counts, array=header.group(1) == "[[")
            found.setdefault(table, number)
            found.setdefault(table[:1], number)
        elif key := _KEY.match(line):
            path = table + _parts(key.group(1))
            for length in range(len(table) + 1, len(path) + 1):
                found.setdefault(path[:length], number)
            within = next((quote for quote in ('"""', "'''") if line.count(quote) == 1), "")
    return found


def _parts(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _numbered(name: Path, counts: dict[Path, int], *, array: bool) -> Path:
    """The path with the index of every array of tables on it."""
    path: Path = ()
    for depth, part in enumerate(name):
        path += (part,)
        last = depth == len(name) - 1
        if array and last:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path += (str(counts[path]),)
    return path
