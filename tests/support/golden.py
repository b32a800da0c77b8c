"""The golden files, and which JSON each picture beside them was drawn from."""

import hashlib
import re
from pathlib import Path

GOLDEN = Path(__file__).parents[1] / "unit" / "golden"
DRAWN_FROM = "golden"
"""The keyword under which a PNG carries the digest of its JSON."""
_CARRIED = re.compile(rb"tEXt" + DRAWN_FROM.encode() + rb"\x00([0-9a-f]{64})")


def names(ending: str = "json") -> set[str]:
    """Every card's and modal's name with a file of this kind."""
    return {path.stem for path in GOLDEN.glob(f"*.{ending}")}


def digest(name: str) -> str:
    """What a picture has to carry to show that it was drawn from this JSON."""
    return hashlib.sha256((GOLDEN / f"{name}.json").read_bytes()).hexdigest()


def drawn_from(name: str) -> str:
    """The digest that the picture carries; empty when there is no picture."""
    path = GOLDEN / f"{name}.png"
    found = _CARRIED.search(path.read_bytes()[:1000]) if path.exists() else None
    return found[1].decode() if found else ""
