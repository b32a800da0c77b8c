"""The sandbox page's menu “New request”: starts demo cases. Part of the demo only."""

import secrets
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bot.house import House
from bot.settings import SHIPPED
from graph.flow.registry import load_workflows
from graph.flow.workflow import Workflow
from graph.verbs.start import start

_OPENING: Final = (
    ("procurement", 0),
    ("clinical", 1),
    ("transactions", 0),
    ("content", 1),
    ("loan", 1),
    ("payments", 2),
    ("payments", 1),
    ("payments", 0),
)
"""What is striking, of different domains and tiers; the customer's refund last, so that its card is the newest."""
_MOST: Final = 100
"""So many runs are started by one call."""


class DemoDoor:
    """Mounted into the sandbox before the house is open; answers 503 until it is."""

    def __init__(self, requester: str) -> None:
        self._requester = requester
        self._house: House | None = None
        self._workflows: dict[str, Workflow] = {}
        self.app = Starlette(routes=[Route("/cases", self._cases), Route("/propose", self._propose, methods=["POST"])])

    async def open(self, house: House) -> None:
        """From now on cases can be started."""
        self._workflows = load_workflows(house.settings.gatepost_workflows)
        self._house = house

    def opening(self) -> list[tuple[str, int]]:
        """The cases that a newcomer finds waiting, the first to look at last; and one of each workflow of their own."""
        own = [(workflow.name, 0) for workflow in self._workflows.values() if workflow.name not in SHIPPED]
        known = [
            (name, index)
            for name, index in _OPENING
            if name in self._workflows and index < len(self._workflows[name].demo_cases)
        ]
        return [(name, index) for name, index in own if self._workflows[name].demo_cases] + known

    async def start_case(self, name: str, index: int) -> str:
        """Start a demo case; returns the run's id."""
        return (await self._start(self._workflows[name], index, 1))[0]

    async def _start(self, workflow: Workflow, index: int, times: int) -> list[str]:
        """Start the case and what comes with it, so many runs at most; their ids."""
        if self._house is None:
            raise RuntimeError("the demo is not open yet")
        case, store = workflow.demo_cases[index], self._house.store
        inputs = [case.input, *case.beside][:times]
        runs = [
            await start(store, workflow.name, given, key=secrets.token_hex(8), requester=self._requester)
            for given in inputs
        ]
        return [run.id for run in runs]

    async def _cases(self, request: Request) -> JSONResponse:
        return JSONResponse(
            [
                {"workflow": workflow.name, "case": index, "title": case.title}
                for workflow in self._workflows.values()
                for index, case in enumerate(workflow.demo_cases)
            ]
        )

    async def _propose(self, request: Request) -> JSONResponse:
        if self._house is None:
            return JSONResponse({"ok": False, "error": "starting"}, status_code=503)
        body = await request.json()
        workflow = self._workflows.get(str(body.get("workflow")))
        index = body.get("case")
        if workflow is None or not isinstance(index, int) or not 0 <= index < len(workflow.demo_cases):
            return JSONResponse({"ok": False, "error": "no such case"}, status_code=404)
        times = body.get("times", _MOST)
        if not isinstance(times, int) or not 1 <= times <= _MOST:
            return JSONResponse({"ok": False, "error": f"times: 1 to {_MOST}"}, status_code=400)
        runs = await self._start(workflow, index, times)
        return JSONResponse({"ok": True, "run": runs[0], "runs": runs})
