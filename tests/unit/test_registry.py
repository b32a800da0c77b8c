"""Workflows are found by name, module or file, and what they promise is checked before anything runs."""

from pathlib import Path

import pytest

from graph.flow.registry import NoWorkflow, load_workflow, load_workflows

BROKEN = """
from graph.flow.workflow import Action, Args, Workflow
from graph.law.request import EffectClass

class Nothing(Action):
    name = "nothing"
    title = "Nothing"
    question = "Do nothing?"
    effect = EffectClass.QUERYABLE
    reversible = True
    value_field = "amount"
    class args(Args):
        order: str

workflow = Workflow(name="broken", title="Broken", agent=None, actions=[Nothing()], demo_cases=[])
"""


def test_the_shipped_one_by_its_name() -> None:
    assert list(load_workflows(["payments"])) == ["payments"]


def test_promises_are_checked_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    with pytest.raises(NoWorkflow) as refused:
        load_workflow(str(tmp_path / "broken.py"))
    for words in ("no perform", "no lookup", "no undo", "'amount' is no argument"):
        assert words in str(refused.value)


@pytest.mark.parametrize(
    ("name", "said"), [("nowhere", "can't be loaded"), ("nowhere.py", "not a Python file"), ("json", "can't be loaded")]
)
def test_what_is_not_there_is_named(name: str, said: str) -> None:
    with pytest.raises(NoWorkflow, match=said):
        load_workflow(name)


def test_two_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(NoWorkflow, match="two workflows"):
        load_workflows(["payments", "graph.workflows.payments"])
