"""Find workflows: shipped ones by name, others by module (`my.module`) or file (`path/to/file.py`)."""

import importlib
import importlib.util
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

from graph.flow.workflow import Action, Workflow
from graph.law.policy import BadPolicy, parse_part
from graph.law.request import EffectClass

_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}", re.ASCII)


class NoWorkflow(LookupError):
    """A workflow can't be loaded; the message says which and why."""


def load_workflows(names: Iterable[str]) -> dict[str, Workflow]:
    """Load workflows by name, module or file; raises `NoWorkflow`."""
    found: dict[str, Workflow] = {}
    for name in names:
        workflow = load_workflow(name)
        if workflow.name in found:
            raise NoWorkflow(f"two workflows are called {workflow.name}; rename one")
        found[workflow.name] = workflow
    return found


def load_workflow(name: str) -> Workflow:
    """Load one workflow; raises `NoWorkflow`."""
    try:
        module = _module(name)
    except Exception as error:  # it is other people's code that is being imported
        raise NoWorkflow(f"GATEPOST_WORKFLOWS: {name} can't be loaded ({type(error).__name__}: {error})") from error
    workflow = getattr(module, "workflow", None)
    if not isinstance(workflow, Workflow):
        raise NoWorkflow(f"GATEPOST_WORKFLOWS: {name} offers no `workflow = Workflow(…)` at module level")
    if problems := list(broken_promises(workflow)):
        raise NoWorkflow(f"GATEPOST_WORKFLOWS: {name}: " + "; ".join(problems))
    return workflow


def broken_promises(workflow: Workflow) -> Iterator[str]:
    """What the workflow's actions promise and don't hold: better found at the start than at an effect."""
    names = [action.name for action in workflow.actions]
    if not _NAME.fullmatch(workflow.name):
        yield f"the workflow's name {workflow.name!r} must be lower-case letters, digits and _"
    for action in workflow.actions:
        kind = type(action)
        if not _NAME.fullmatch(action.name) or names.count(action.name) > 1:
            yield f"{action.name!r} must be lower-case letters, digits and _, and stand once"
        if kind.perform is Action.perform:
            yield f"{action.name} has no perform"
        if action.effect is EffectClass.QUERYABLE and kind.lookup is Action.lookup:
            yield f"{action.name} is queryable but has no lookup"
        if action.reversible and kind.undo is Action.undo:
            yield f"{action.name} is reversible but has no undo"
        for field in ("value_field", "currency_field", "target_field"):
            named = getattr(action, field)
            if named and named not in action.args.model_fields:
                yield f"{action.name}: {field} {named!r} is no argument"
    try:
        if workflow.policy:
            parse_part(workflow.name, workflow.policy)
    except BadPolicy as error:
        yield f"its policy: {error}"


def _module(name: str) -> ModuleType:
    if name.endswith(".py"):
        return _from_file(Path(name))
    if "." not in name:
        return importlib.import_module(f"graph.workflows.{name}")
    return importlib.import_module(name)


def _from_file(path: Path) -> ModuleType:
    label = f"gatepost_workflow_{path.stem}"
    spec = importlib.util.spec_from_file_location(label, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[label] = module
    spec.loader.exec_module(module)
    return module
