"""The `payments` workflow: settle a customer's refund case in three steps, with people at the gates."""

import os
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from graph.flow.workflow import Action, Case, DemoCase, Step, Workflow
from graph.workflows import shop
from graph.workflows.payments.actions import RefundCard, ReserveCredit, WriteCustomer
from graph.workflows.payments.agent import PlainAgent
from graph.workflows.payments.context import GOAL, bundle
from graph.workflows.payments.shop import case_of

if TYPE_CHECKING:
    from graph.flow.chat_agent import ChatAgent

ACTIONS: Final[tuple[Action[Any], ...]] = (ReserveCredit(), RefundCard(), WriteCustomer())


class RefundCase(BaseModel):
    """The workflow's input: which case to settle."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    case_id: Annotated[str, Field(title="Case", pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class PaymentsAgent:
    """A chat model where `GATEPOST_MODEL` names one, else plain Python."""

    def __init__(self) -> None:
        self._plain = PlainAgent()

    async def next(self, case: Case) -> Step:
        agent = _chat_agent() if os.environ.get("GATEPOST_MODEL") else self._plain
        return await agent.next(case)

    async def answer(self, case: Case, question: str) -> str | None:
        """Only a model understands a question; plain Python leaves it to people."""
        return await _chat_agent().answer(case, question) if os.environ.get("GATEPOST_MODEL") else None


async def look(case: Case) -> dict[str, Any]:
    """What a chat model is shown of the case, and its reviewers as well."""
    try:
        found = await case_of(str(case.input["case_id"]))
    except shop.NotThere as error:
        return {"goal": GOAL, "case": str(error)}
    return {**bundle(found, case, ""), "status": found["status"], "case": found["id"]}


@cache
def _chat_agent() -> "ChatAgent":
    # Loaded only where a model is configured: the chat libraries take longer to load than all the rest.
    from graph.flow.chat_agent import ChatAgent

    return ChatAgent(ACTIONS, goal=GOAL, look=look, bound=("case_id",))


workflow: Final = Workflow(
    name="payments",
    title="Customer refunds",
    agent=PaymentsAgent(),
    actions=ACTIONS,
    demo_cases=(
        DemoCase(title="A leaking espresso machine: 420.00 EUR, order 4711", input={"case_id": "case-4711"}),
        DemoCase(title="A large amount and a new customer: 4,200.00 EUR", input={"case_id": "case-4802"}),
        DemoCase(title="A customer with many refunds: 89.90 EUR", input={"case_id": "case-4903"}),
        DemoCase(title="A small one: 12.50 GBP for a lost letter", input={"case_id": "case-5004"}),
        DemoCase(title="A customer who tries to talk the agent round: 240.00 USD", input={"case_id": "case-5105"}),
    ),
    input_model=RefundCase,
)
