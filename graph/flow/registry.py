"""Find workflows: shipped ones by name, others by module (`my.module`) or file (`path/to/file.py`)."""

import importlib
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from graph.flow.workflow import Workflow


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
    return workflow


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
