"""The sandbox page's menu “New request”: starts demo cases. Part of the demo only."""

import secrets

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bot.house import House
from graph.flow.registry import load_workflows
from graph.flow.workflow import Workflow
from graph.verbs.start import start


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

    async def start_case(self, index: int) -> None:
        """Start this demo case of each workflow that has one, so that there is something to click."""
        for workflow in self._workflows.values():
            if index < len(workflow.demo_cases):
                await self._start(workflow, index)

    async def _start(self, workflow: Workflow, index: int) -> str:
        if self._house is None:
            raise RuntimeError("the demo is not open yet")
        case = workflow.demo_cases[index]
        run = await start(
            self._house.store, workflow.name, case.input, key=secrets.token_hex(8), requester=self._requester
        )
        return run.id

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
        return JSONResponse({"ok": True, "run": await self._start(workflow, index)})
