"""Asking agents what reviewers want to know: each question once, by one worker, bounded in time."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from graph.faults import report
from graph.flow.history import history
from graph.flow.workflow import Answers, Case, Workflow
from graph.law.request import Request
from graph.verbs.ask import answer_by_agent
from graph.verbs.ports import Question, Store

ANSWER_SECONDS: Final = 60.0
LEASE_SECONDS: Final = 120.0
"""A worker that dies while it asks leaves the question to another after that."""
BATCH: Final = 4


async def answer_once(store: Store, workflows: Mapping[str, Workflow]) -> int:
    """Put open questions to the agents of these workflows; returns how many were asked."""
    async with store.begin() as tx:
        questions = await tx.talk.for_agents(list(workflows), BATCH, LEASE_SECONDS)
    await asyncio.gather(*(_ask(store, workflows, question) for question in questions))
    return len(questions)


async def _ask(store: Store, workflows: Mapping[str, Workflow], question: Question) -> None:
    async with store.begin() as tx:
        request = await tx.requests.get(question.request_id)
        run = await tx.runs.get(request.run_id) if request else None
        told = await history(tx, run.id) if run else ()
    if request is None or run is None:
        return
    agent, words = workflows[request.workflow].agent, None
    if isinstance(agent, Answers):
        case = Case(run_id=run.id, input=run.input, history=told, waiting=_waiting(request))
        try:
            words = await asyncio.wait_for(agent.answer(case, question.question), ANSWER_SECONDS)
        except Exception as problem:  # whatever agents' code raises: the requester can still answer
            report(f"the agent of {request.workflow} could not be asked", problem)
    await answer_by_agent(store, question.id, words if isinstance(words, str) else None)


def _waiting(request: Request) -> dict[str, Any]:
    brief = request.brief
    return {
        "action": request.action_type,
        "args": request.args,
        "rationale": brief.rationale,
        "context": brief.context,
        "facts": brief.facts,
    }
