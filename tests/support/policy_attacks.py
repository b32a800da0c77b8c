"""The mistakes of the `policy_file` cases as somebody would make them in TOML.

`# wrong` marks the line that the refusal has to name; `{tier}` and `{rest}` are where a mistake goes.
"""

from dataclasses import dataclass
from typing import Final

BASE: Final = """
format = 1
[tiers.1]
channel = "#c1"
reviewers = ["UALICE"]
{tier}
[[thresholds]]
action = "*"
review = 0.6
{rest}
"""


@dataclass(frozen=True)
class Mistake:
    """A document and what is said of it: the place (or None where it is no TOML at all) and some words."""

    tier: str = ""
    rest: str = ""
    place: str | None = None
    words: str = ""

    @property
    def text(self) -> str:
        return BASE.format(tier=self.tier, rest=self.rest)

    @property
    def line(self) -> int:
        return next(number for number, line in enumerate(self.text.splitlines(), 1) if "# wrong" in line)


def _tier(line: str, place: str | None, words: str) -> Mistake:
    return Mistake(tier=f"{line} # wrong", place=place and f"tiers.1.{place}", words=words)


def _row(lines: str, place: str, words: str) -> Mistake:
    return Mistake(rest=lines, place=place, words=words)


DURATION: Final = 'write a duration as "30s", "15m", "4h" or "7d"'
MISTAKES: Final[dict[str, list[Mistake]]] = {
    "PF-03": [
        Mistake(tier='[tiers.1] # wrong\nreviewers = ["UEXT"]', words="Cannot declare ('tiers', '1') twice"),
        _tier('reviewers = ["UEXT"]', None, "Cannot overwrite a value"),
        Mistake(
            tier='[tiers.01] # wrong\nchannel = "#c2"\nreviewers = ["UEXT"]',
            place="tiers.01.[key]",
            words="without leading zeros",
        ),
        _row('[[thresholds]] # wrong\naction = "*"', "thresholds.1", "two thresholds have the same action"),
    ],
    "PF-04": [
        _row(
            '[[thresholds]]\naction = "payments.refund"\naproval_required = false # wrong',
            "thresholds.1.aproval_required",
            "unknown key; check its spelling",
        ),
    ],
    "PF-05": [
        Mistake(
            rest='[tiers.2]\nchannel = "#c2"\nreviewers = [] # wrong',
            place="tiers.2.reviewers",
            words="at least 1 item",
        ),
        Mistake(rest='[tiers.2] # wrong\nchannel = "#c2"', place="tiers.2.reviewers", words="Field required"),
    ],
    "PF-06": [
        _tier("next_tier = 2", "next_tier", "unknown key"),
        Mistake(
            rest='[tiers.2]\nchannel = "#c2"\nreviewers = ["UCARA"]\nnext_tier = 1 # wrong',
            place="tiers.2.next_tier",
            words="unknown key",
        ),
    ],
    "PF-07": [
        _row(
            '[[thresholds]] # wrong\naction = "payments.refund"\nauto = 0.5\nreview = 0.8',
            "thresholds.1",
            "auto must not be lower than review",
        ),
    ],
    "PF-10": [
        *(
            _tier(f"sla = {value}", "sla", DURATION)
            for value in ("0", "-1", '"15m "', "1e9", "nan", '"0m"', '"-1m"', "inf", '"15"', '"١٥m"')
        ),
        _tier('sla = "999999d"', "sla", "at most 366d"),
        Mistake(tier='expires = "9000h" # wrong', place="tiers.1.expires", words="at most 366d"),
    ],
    "PF-11": [
        _tier("sla = 1:30", None, "Expected newline or end of document"),
        _tier("country = no", None, "Invalid value"),
        _tier("registered = off", None, "Invalid value"),
        _tier('registered = "off"', "registered", "valid boolean"),
        _tier("approvals = 1e3", "approvals", "valid integer"),
        _tier("approvals = true", "approvals", "a number is wanted here"),
        _tier('approvals = "2"', "approvals", "a number is wanted here"),
        _tier('sla = "1:30"', "sla", DURATION),
        _row('[[thresholds]]\naction = "a.b"\nauto = "0.9" # wrong', "thresholds.1.auto", "a number is wanted here"),
        _row("[[lifts]]\nabove = nan # wrong\ntier = 1", "lifts.0.above", "finite number"),
    ],
    "PF-14": [
        _row('[[autonomy]] # wrong\naction = "*"\nlevel = "gated"', "autonomy.0", 'can\'t be given to "*"'),
        _row(
            '[[autonomy]] # wrong\naction = "payments.*"\nlevel = "full_audit"',
            "autonomy.0",
            'can\'t be given to "payments.*"',
        ),
        _row('[[thresholds]]\naction = "payments.*"\nroute = "auto" # wrong', "thresholds.1.route", "unknown key"),
    ],
}
"""By case: every document has to be refused, naming place and line."""

RULE: Final = '\n[[rules]]\nname = "r{n}"\nbasis = "an incident"\nactions = ["a.b"]\nwhen = "total > {n}.0"\n'
REGEX: Final = """
[[rules]]
name = "catastrophic"
basis = "an incident"
actions = ["shell.run"]
when = '''args.cmd.matches("{regex}")'''
then = "reject"
"""


def good(rest: str = "", reviewers: str = '"UALICE"') -> str:
    """A policy without a mistake."""
    return BASE.format(tier="", rest=rest).replace('"UALICE"', reviewers)
