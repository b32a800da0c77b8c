"""What somebody asks to see of the queue, in words: `mine overdue tier 2 payments.refund`."""

import re
from dataclasses import dataclass, replace
from typing import Any, Final

MAX_WORDS: Final = 160
_TIER: Final = re.compile(r"tier[=:]?([0-9]{0,3})", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,3}", re.ASCII)
_TYPE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,119}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """All that is set has to hold. `type`: a workflow, `workflow.action`, or an action's name.

    `mine`: only what this person may decide now.
    """

    mine: bool = False
    overdue: bool = False
    tier: int | None = None
    type: str = ""

    def words(self) -> str:
        """As `parse` reads them; "" for everything."""
        tier = "" if self.tier is None else f"tier {self.tier}"
        kind = f"type {self.type}" if self.type else ""
        parts = ("mine" if self.mine else "", "overdue" if self.overdue else "", tier, kind)
        return " ".join(part for part in parts if part)


def parse(words: str) -> Filter | None:
    """What these words ask for, each thing at most once; None when they can't be understood."""
    found, left = Filter(), words.replace("`", " ").split()
    if len(words) > MAX_WORDS:
        return None
    while left:
        taken = _one(left)
        if taken is None:
            return None
        if any(getattr(found, name) not in (None, False, "") for name in taken):
            return None
        found = replace(found, **taken)
    return found


def _one(left: list[str]) -> dict[str, Any] | None:
    """The next thing asked for, taken from the front of the list."""
    word = left.pop(0)
    if word.lower() in ("mine", "overdue"):
        return {word.lower(): True}
    if match := _TIER.fullmatch(word.lower()):
        number = match.group(1) or (left.pop(0) if left else "")
        return {"tier": int(number)} if _NUMBER.fullmatch(number) else None
    if word.lower() == "type":
        word = left.pop(0) if left else ""
    return {"type": word} if _TYPE.fullmatch(word) else None
