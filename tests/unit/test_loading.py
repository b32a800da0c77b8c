"""What each process loads: the web process no agents' machinery, and LangGraph never without strict msgpack."""

import subprocess
import sys

import pytest


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("module", ["bot.app", "bot.web", "graph.verbs.decide", "graph.workflows.payments"])
def test_no_langgraph_where_none_is_needed(module: str) -> None:
    loaded = run(
        f"import sys, {module}; print(sorted(m for m in sys.modules if m.startswith(('langgraph', 'langchain'))))"
    )
    assert loaded == "[]"


@pytest.mark.parametrize("module", ["bot.app", "bot.worker", "bot.tracing"])
def test_no_telemetry_where_nobody_traces(module: str) -> None:
    assert run(f"import sys, {module}; print('opentelemetry.sdk' in sys.modules)") == "False"


@pytest.mark.parametrize("module", ["storage.checkpoints", "graph.flow.runner", "graph.flow.gateway"])
def test_a_planted_checkpoint_constructs_nothing(module: str) -> None:
    """An ext value that names a callable must come back as plain data, whatever is imported first."""
    code = f"""
import {module}, os, tempfile
import ormsgpack
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
target = os.path.join(tempfile.mkdtemp(), "made")
planted = ormsgpack.packb(ormsgpack.Ext(0, ormsgpack.packb(("os", "mkdir", target))))
JsonPlusSerializer().loads_typed(("msgpack", planted))
print(os.path.exists(target))
"""
    assert run(code) == "False"
