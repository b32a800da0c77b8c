"""The gateway graph: propose → gate → execute → propose …, and rollback when the agent gives up.

Node names are schema: paused runs remember them. The gate holds nothing but its one interrupt.
"""

from collections.abc import Hashable
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt

import graph.flow  # noqa: F401  (strict msgpack before langgraph)
from graph.flow.execution import Moved, Settled, Unsure
from graph.flow.segment import Ended, Segment
from graph.flow.state import State, answer_of
from graph.law.request import Kind, Outcome, Status
from graph.law.routing import RouteKind


async def propose(state: State, runtime: Runtime[Segment]) -> State:
    """Ask the agent for its next action, or ask people again about one whose ground has shifted."""
    segment, turn = runtime.context, state.get("turn", 0) + 1
    done: State = {"turn": turn, "again": None, "unsure": None}
    if effect := state.get("unsure"):
        request = await segment.ask_about_effect(turn, effect)
        return done | {"request_id": request.id, "reconciling": True, "about": effect, "next": "gate"}
    again = state.get("again")
    framed = await (segment.ask_again(turn, again) if again else segment.next_action(turn))
    if isinstance(framed, Ended):
        if framed.give_up:
            return done | {"mode": "rollback", "next": "rollback", "outcome": framed.words}
        return done | {"next": "end", "status": "done", "outcome": framed.words}
    step = {RouteKind.AUTO: "execute", RouteKind.REJECT: "propose"}.get(RouteKind(framed.route), "gate")
    checking = framed.kind is Kind.CHECKPOINT
    return done | {"request_id": framed.id, "reconciling": False, "checking": checking, "next": step}  # type: ignore[return-value]


async def gate(state: State) -> State:
    """Wait for people."""
    request_id, status = answer_of(interrupt({"request_id": state["request_id"]}))
    if state.get("reconciling"):
        if status not in (Status.APPROVED, Status.REJECTED):
            # Nobody looked in time: what is not known stays asked.
            return {"unsure": state["about"], "next": "propose"}
        return {"next": "rollback" if state.get("mode") == "rollback" else "propose"}
    if status == Status.CANCELLED:
        return {"mode": "rollback", "next": "rollback", "outcome": "The requester withdrew it."}
    if state.get("checking") and status != Status.APPROVED:
        words = (
            "People stopped this run at a checkpoint." if status == Status.REJECTED else "Nobody let this run go on."
        )
        return {"mode": "rollback", "next": "rollback", "outcome": words}
    if state.get("checking"):
        return {"next": "propose"}
    return {"request_id": request_id, "next": "execute" if status == Status.APPROVED else "propose"}


async def execute(state: State, runtime: Runtime[Segment]) -> State:
    """Carry out exactly what was approved, by the ledger."""
    match await runtime.context.execute(state["request_id"]):
        case Moved(why):
            return {"again": {"request_id": state["request_id"], "why": why}, "next": "propose"}
        case Unsure(effect):
            return {"unsure": effect, "next": "propose"}
    return {"next": "propose"}


async def rollback(state: State, runtime: Runtime[Segment]) -> State:
    """Undo one effect, newest first; come back until nothing is left."""
    effect = await runtime.context.next_undo()
    if effect is None:
        left, owed = await runtime.context.not_undone()
        words = f"{state.get('outcome', '')} (not undone: {', '.join(left)})" if left else state.get("outcome", "")
        return {"next": "end", "status": "failed" if owed else "rolled_back", "outcome": words}
    match await runtime.context.undo(effect):
        case Unsure(undo):
            return {"unsure": undo, "next": "propose"}
        case Settled(status, undo) if status is Outcome.FAILED:
            return {"unsure": undo, "next": "propose"}
    return {"next": "rollback"}


def _step(state: State) -> str:
    return END if state["next"] == "end" else state["next"]


def build(gate_node: str = "gate") -> Any:
    """The uncompiled gateway graph; `gate_node` plays a release that calls its gate otherwise."""
    gateway = StateGraph(State, context_schema=Segment)
    for name, node in (("propose", propose), (gate_node, gate), ("execute", execute), ("rollback", rollback)):
        gateway.add_node(name, node)
    gateway.add_edge(START, "propose")
    steps: dict[Hashable, str] = {name: name for name in ("execute", "propose", "rollback", END)}
    steps["gate"] = gate_node
    gateway.add_conditional_edges("propose", _step, steps)
    gateway.add_conditional_edges(gate_node, _step, ["execute", "propose", "rollback"])
    gateway.add_conditional_edges("execute", _step, ["propose"])
    gateway.add_conditional_edges("rollback", _step, ["rollback", "propose", END])
    return gateway
