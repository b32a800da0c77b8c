"""What counts for an action: the file's named row, then the domain's, then `*`; parts stay with their own."""

from decimal import Decimal

import pytest

from graph.law.facts import Facts
from graph.law.policy import BadPolicy, Policy, parse_part, parse_policy
from graph.law.policy_rows import Level
from graph.law.request import Risk
from graph.law.routing import RouteKind, route
from tests.support.policy_attacks import good


def row(action: str, review: float, **more: object) -> str:
    fields = {"action": f'"{action}"', "review": review} | {
        key: f'"{value}"' if isinstance(value, str) else value for key, value in more.items()
    }
    return "[[thresholds]]\n" + "\n".join(f"{key} = {value}" for key, value in fields.items()) + "\n"


FILE = row("pay.refund", 0.10) + row("pay.*", 0.20) + row("pay.refund", 0.11, up_to=20) + row("*", 0.61, impact="high")
PART = row("mail.send", 0.30) + row("mail.*", 0.40) + row("mail.send", 0.31, impact="high") + row("pay.hold", 0.32)
LOW, HIGH = Risk.LOW, Risk.HIGH


def policy() -> Policy:
    part = row("mail.send", 0.30) + row("mail.*", 0.40) + row("mail.send", 0.31, impact="high")
    pay = row("pay.hold", 0.32) + row("pay.refund", 0.33) + row("pay.refund", 0.34, up_to=50, impact="high")
    return parse_policy(good(FILE), {"mail": part, "pay": pay})


@pytest.mark.parametrize(
    ("sentence", "action", "impact", "value", "review"),
    [
        ("the file's row for the action", "pay.refund", LOW, "100", 0.10),
        ("the tightest up_to that covers the amount comes first", "pay.refund", LOW, "20", 0.11),
        ("an amount above up_to falls through to the row without one", "pay.refund", LOW, "20.01", 0.10),
        ("no amount at all is not within any up_to", "pay.refund", LOW, None, 0.10),
        ("the file's row for the action beats the part's, impact and up_to or not", "pay.refund", HIGH, "50", 0.10),
        ("the file's row for the workflow beats the part's row for the action", "pay.hold", LOW, None, 0.20),
        ("the part's row for the action beats the file's *", "mail.send", LOW, None, 0.30),
        ("the part's row for the impact comes first", "mail.send", HIGH, None, 0.31),
        ("the part's row for its workflow beats the file's *", "mail.read", HIGH, None, 0.40),
        ("* for the impact beats * for any", "fs.delete", HIGH, None, 0.61),
        ("* is last", "fs.delete", LOW, None, 0.60),
    ],
)
def test_the_row_that_counts(sentence: str, action: str, impact: Risk, value: str | None, review: float) -> None:
    assert policy().threshold(action, impact, Decimal(value) if value else None).review == review, sentence


LEVELS = '[[autonomy]]\naction = "pay.hold"\nlevel = "gated"\n[[autonomy]]\naction = "*"\nlevel = "full_control"\n'


@pytest.mark.parametrize(
    ("sentence", "rows", "action", "level"),
    [
        ("nothing said is full control", "", "pay.hold", Level.FULL_CONTROL),
        ("the named action has what was given", LEVELS, "pay.hold", Level.GATED),
        ("its neighbour has nothing", LEVELS, "pay.refund", Level.FULL_CONTROL),
        (
            "full control of a workflow leaves a named action free",
            LEVELS.replace('"*"', '"pay.*"'),
            "pay.hold",
            Level.GATED,
        ),
    ],
)
def test_autonomy_is_given_by_name(sentence: str, rows: str, action: str, level: Level) -> None:
    assert parse_policy(good(rows)).book(action).level is level, sentence


@pytest.mark.parametrize("level", ["gated", "exception_only", "full_audit"])
@pytest.mark.parametrize("pattern", ["*", "pay.*"])
def test_autonomy_cannot_be_given_to_a_pattern(level: str, pattern: str) -> None:
    with pytest.raises(BadPolicy, match=r"autonomy\.0 \(line .*name each action that may run alone"):
        parse_policy(good(f'[[autonomy]]\naction = "{pattern}"\nlevel = "{level}"'))


@pytest.mark.parametrize(
    "part",
    [
        row("pay.refund", 0.1),
        row("*", 0.1),
        row("mailer.send", 0.1),
        '[[rules]]\nname = "r"\nbasis = "an incident"\nactions = ["mail.send", "pay.*"]\nwhen = "unusual"',
        '[[totals]]\nname = "t"\nactions = ["*"]',
        "[confidence]\nprecedents = 1",
        '[[autonomy]]\naction = "mail.send"\nlevel = "gated"',
        '[[weights]]\nactions = ["pay.*"]\nweights = { model = 1.0 }',
        '[[checkpoints]]\nworkflow = "pay"\nevery_steps = 3',
    ],
)
def test_a_part_speaks_of_its_own_workflow_only_and_grants_nothing(part: str) -> None:
    with pytest.raises(BadPolicy, match=r"may speak of mail|unknown key"):
        parse_part("mail", part)


def test_a_parts_rule_is_for_its_own_actions_where_it_names_none() -> None:
    part = parse_part("mail", '[[rules]]\nname = "r"\nbasis = "an incident"\nwhen = "unusual"')
    assert part.rules[0].actions == ("mail.*",)


def test_rules_of_file_and_part_both_apply_and_the_strictest_wins() -> None:
    rule = '[[rules]]\nname = "{name}"\nbasis = "an incident"\nactions = ["mail.*"]\nwhen = "true"\nthen = "{then}"\n'
    both = parse_policy(
        good(rule.format(name="file", then="review")), {"mail": rule.format(name="part", then="reject")}
    )
    found = route(both, Facts(action="mail.send"))
    assert (found.kind, {match.rule for match in found.matched}) == (RouteKind.REJECT, {"file", "part"})


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("valeu > 5.0", "unknown name valeu"),
        ("confidence < 0.5", "unknown name confidence"),
        ("signals.model < 0.5", "unknown name signals"),
        ("tags.exists(t, u == 'x')", "unknown name u"),
        ("total >", "not a CEL condition"),
        ("", "at least 1 character"),
    ],
)
def test_a_condition_that_can_not_be_meant_is_refused(when: str, said: str) -> None:
    with pytest.raises(BadPolicy, match=rf"rules\.0\.when \(line \d+\): .*{said}"):
        parse_policy(good(f'[[rules]]\nname = "r"\nbasis = "an incident"\nwhen = "{when}"'))


@pytest.mark.parametrize(
    ("when", "held"),
    [
        ("true", True),
        ("false", False),
        ("tags.exists(t, t == 'refund')", True),
        ("args.no_such > 3", True),
        ("total", True),
        ("impact == 'low' && reversible && known && !unusual", True),
        ("value > 10.0", False),
    ],
)
def test_what_can_not_be_told_counts_as_met(when: str, held: bool) -> None:
    rules = parse_policy(good(f'[[rules]]\nname = "r"\nbasis = "an incident"\nwhen = "{when}"'))
    for _ in range(2):  # the second time what is remembered answers
        found = route(rules, Facts(action="pay.refund", tags=("refund",), value=Decimal(5)))
        assert [match.rule for match in found.matched] == (["r"] if held else []), when
