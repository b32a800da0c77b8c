"""An agent for any workflow whose next step a chat model chooses; exactly one tool call becomes the step.

The model only proposes: what it says is checked like any other proposal, and it never acts by itself.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage

from graph.flow.chat_messages import UNKNOWN, conversation, correction, inquiry
from graph.flow.chat_tools import Unusable, step, tools
from graph.flow.workflow import Action, Case, GiveUp, Proposal, Step

MODEL_SETTING: Final = "GATEPOST_MODEL"
ATTEMPTS: Final = 3
TIMEOUT_SECONDS: Final = 120.0

Look = Callable[[Case], Awaitable[Mapping[str, Any]]]


class ChatAgent:
    """Asks `model`, or the one that `GATEPOST_MODEL` names when it is first needed.

    `look` fetches what there is to know of a case; the model is shown it as data and reviewers see it as context.
    `bound` names fields of the run's input that are arguments of the same name: those are filled in, never chosen.
    """

    def __init__(
        self,
        actions: Sequence[Action[Any]],
        *,
        goal: str,
        look: Look | None = None,
        bound: Sequence[str] = (),
        model: BaseChatModel | None = None,
    ) -> None:
        self._actions = tuple(actions)
        self._tools = tools(self._actions, bound)
        self._goal = goal
        self._look = look
        self._bound = tuple(bound)
        self._model = model

    async def next(self, case: Case) -> Step:
        """The model's next step. An answer that can't be taken is sent back with the reason, then given up."""
        looked = await self._look(case) if self._look else {}
        messages = conversation(self._goal, case, looked)
        asked = self._chosen().bind_tools(self._tools, tool_choice="any")
        bound = {name: case.input[name] for name in self._bound}
        problem = ""
        for _ in range(ATTEMPTS):
            async with asyncio.timeout(TIMEOUT_SECONDS):
                answer = await asked.ainvoke(messages)
            try:
                return self._with_context(self._read(answer, bound), looked)
            except Unusable as error:
                problem = str(error)
                messages.extend(correction(str(answer.text), problem))
        return GiveUp(f"The model gave no usable answer in {ATTEMPTS} attempts. The last problem: {problem}")

    async def answer(self, case: Case, question: str) -> str | None:
        """What the model knows about it, without any tool; None when it says that it doesn't."""
        looked = await self._look(case) if self._look else {}
        said = await self._chosen().ainvoke(inquiry(self._goal, case, looked, question))
        words = str(said.text).strip()
        return None if not words or words.rstrip(".") == UNKNOWN else words

    def _read(self, answer: AIMessage, bound: Mapping[str, Any]) -> Step:
        if broken := answer.invalid_tool_calls:
            raise Unusable(f"The arguments of {broken[0].get('name') or 'the tool call'} are not valid JSON.")
        match answer.tool_calls:
            case [call]:
                return step(self._actions, call["name"], call["args"], bound)
            case []:
                raise Unusable("There was no tool call.")
            case several:
                raise Unusable(f"There were {len(several)} tool calls; only one step can be taken at a time.")

    def _with_context(self, chosen: Step, looked: Mapping[str, Any]) -> Step:
        if not isinstance(chosen, Proposal):
            return chosen
        return replace(chosen, context={"goal": self._goal, **looked})

    def _chosen(self) -> BaseChatModel:
        if self._model is None:
            self._model = configured_model()
        return self._model


def configured_model() -> BaseChatModel:
    """The model that `GATEPOST_MODEL` names, as `provider:model`."""
    name = os.environ.get(MODEL_SETTING, "").strip()
    if not name:
        raise RuntimeError(f"{MODEL_SETTING} is not set; it names a chat model as provider:model.")
    # langchain itself is loaded only here: nothing else needs it.
    from langchain.chat_models import init_chat_model

    model: BaseChatModel = init_chat_model(name)
    return model
