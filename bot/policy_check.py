"""What there is to say about a policy together with the workflows that this installation runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from graph.flow.registry import NoWorkflow, load_workflow
from graph.flow.workflow import Workflow
from graph.law.explain import may_run_alone
from graph.law.policy import Policy, parse_policy


@dataclass(slots=True, kw_only=True)
class Checked:
    """A policy without mistakes: what it holds, and what is odd about it."""

    tiers: int
    rules: int
    shipped_rules: int
    actions: int
    alone: list[str]
    warnings: list[str]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "tiers": self.tiers,
            "rules": self.rules,
            "shipped_rules": self.shipped_rules,
            "actions": self.actions,
            "alone": self.alone,
            "warnings": self.warnings,
        }


def shipped(names: Iterable[str]) -> tuple[list[Workflow], list[str]]:
    """The workflows that can be loaded, and sentences about those that can't."""
    found, missing = [], []
    for name in names:
        try:
            found.append(load_workflow(name))
        except NoWorkflow as error:
            missing.append(f"checked without the part of {name}: {error}")
    return found, missing


def check_policy(text: str, exposed: Sequence[str], workflows: Sequence[Workflow], missing: Sequence[str]) -> Checked:
    """Parse the text with the parts of these workflows; raises `BadPolicy` with every mistake."""
    policy = parse_policy(text, {workflow.name: workflow.policy for workflow in workflows if workflow.policy})
    actions = {f"{workflow.name}.{action.name}": action for workflow in workflows for action in workflow.actions}
    return Checked(
        tiers=len(policy.tiers),
        rules=len(policy.rules),
        shipped_rules=sum(len(part.rules) for part in policy.parts.values()),
        actions=len(actions),
        alone=[
            name
            for name, action in actions.items()
            if may_run_alone(policy, name, action.effect, reversible=action.reversible)
        ],
        warnings=[*exposed, *missing, *_strangers(policy, actions, [workflow.name for workflow in workflows])],
    )


def _strangers(policy: Policy, actions: Iterable[str], workflows: Sequence[str]) -> list[str]:
    """Patterns about a known workflow that fit none of its actions: a misspelt name is a limit that isn't there."""
    rows = [("threshold", row.action) for row in policy.thresholds]
    rows += [("autonomy", row.action) for row in policy.autonomy]
    rows += [(f"rule {rule.name}", pattern) for rule in policy.rules for pattern in rule.actions]
    rows += [(f"total {total.name}", pattern) for total in policy.totals for pattern in total.actions]
    rows += [("weights", pattern) for row in policy.confidence.overrides for pattern in row.actions]
    known = list(actions)
    return [
        f"{what}: {pattern} names no action of {pattern.partition('.')[0]}"
        for what, pattern in rows
        if pattern.partition(".")[0] in workflows and not any(fnmatchcase(name, pattern) for name in known)
    ]
