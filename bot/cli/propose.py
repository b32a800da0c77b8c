"""`gatepost propose`: start a run and play it in this process to its first pause or end."""

import asyncio
import secrets
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

import typer

from bot.cli.kit import CANT_START, NotPlayed, fail, parse_json, print_json, settings, with_house
from bot.cli.kit import USAGE as USAGE_ERROR
from bot.cli.words import run_text, workflows_text
from bot.house import House, fresh_people, make_runner, meet, offer_parts
from graph.flow.registry import NoWorkflow, load_workflows
from graph.flow.workflow import DemoCase, Workflow
from graph.verbs.errors import Invalid
from graph.verbs.report import run as report_run
from graph.verbs.start import start

_PATIENCE_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.2


def register(app: typer.Typer) -> None:
    app.command()(propose)


def propose(
    workflow: Annotated[str | None, typer.Argument(help="The workflow's name; without it, all are listed.")] = None,
    input: Annotated[str | None, typer.Option(help="Its input as JSON, or @file. Default: a demo case.")] = None,
    requester: Annotated[str | None, typer.Option(help="On whose behalf: a Slack user id.")] = None,
    key: Annotated[str | None, typer.Option(help="Idempotency key: the same key gives the same run.")] = None,
    case: Annotated[int, typer.Option(help="Which demo case, counted from 1.")] = 1,
    listed: Annotated[bool, typer.Option("--list", help="List workflows and their demo cases.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the run (or the list) as JSON.")] = False,
) -> None:
    """Start a run of WORKFLOW; no server is needed."""
    if listed or workflow is None:
        offered = _offered(settings().gatepost_workflows)
        print_json(offered) if as_json else typer.echo(workflows_text(offered))
        return
    value = None if input is None else object_of(input, "--input")
    shown = with_house(lambda house: _propose(house, workflow, value, requester, key, case), world=True)
    if as_json:
        print_json(shown)
    else:
        typer.echo(run_text(shown))


async def _propose(
    house: House, name: str, value: dict[str, Any] | None, requester: str | None, key: str | None, case: int
) -> dict[str, Any]:
    runner = make_runner(house)
    await offer_parts(house, runner, replace=False)
    workflow = known(runner.workflows, name)
    given = dict(case_of(workflow, case).input) if value is None else value
    if problem := workflow.input_problem(given):
        raise Invalid(f"--input: {problem}")
    await fresh_people(house)
    if requester:
        await meet(house, requester)
    run = await start(house.store, name, given, key=key or secrets.token_hex(8), requester=requester)
    await play(house, runner, run.id)
    return await report_run(house.store, run.id)


def _offered(names: Iterable[str]) -> list[dict[str, Any]]:
    """Workflows with their demo cases, for people and for scripts."""
    try:
        workflows = load_workflows(names)
    except NoWorkflow as error:
        fail(str(error), CANT_START)
    return [
        {"workflow": each.name, "title": each.title, "cases": [case.title for case in each.demo_cases]}
        for each in workflows.values()
    ]


def known(workflows: Mapping[str, Workflow], name: str) -> Workflow:
    """The workflow of that name; raises `Invalid`."""
    if name not in workflows:
        raise Invalid(f"there is no workflow {name!r}; GATEPOST_WORKFLOWS offers: {', '.join(workflows)}")
    return workflows[name]


def case_of(workflow: Workflow, number: int) -> DemoCase:
    """A demo case, counted from 1; raises `Invalid`."""
    cases = workflow.demo_cases
    if not 1 <= number <= len(cases):
        raise Invalid(f"there is no demo case {number} of {workflow.name}; there are {len(cases)}")
    return cases[number - 1]


def object_of(text: str, what: str) -> dict[str, Any]:
    """A JSON object given on the command line, or `@file`; else exit."""
    value = parse_json(text, what)
    if not isinstance(value, dict):
        fail(f'{what}: an object like {{"amount": "410.00"}} is expected', USAGE_ERROR)
    return value


async def play(house: House, runner: Any, run_id: str) -> None:
    """Play the run until it waits for a person or is over, or let the worker that holds it do so.

    Raises `NotPlayed` when it could not get there; everything committed so far stays and will be resumed.
    """
    deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        played = await runner.work(run_id)
        async with house.store.begin() as tx:
            run = await tx.runs.get(run_id)
        if run is None or run.status != "ready":
            return
        if played and run.attempts:
            raise NotPlayed(f"run {run_id} could not go on here: {run.last_error}")
        if not played:
            await asyncio.sleep(_POLL_SECONDS)
    raise NotPlayed(f"run {run_id} is not through yet; it goes on by itself where a worker runs")
