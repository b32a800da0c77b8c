"""`gatepost propose`: start a run and play it in this process to its first pause or end."""

import asyncio
import secrets
from typing import Annotated, Any, Final

import typer

from bot.cli.kit import USAGE as USAGE_ERROR
from bot.cli.kit import NotPlayed, fail, parse_json, print_json, with_house
from bot.cli.words import run_text
from bot.house import House, fresh_people, make_runner, meet
from graph.verbs.errors import Invalid
from graph.verbs.report import run as report_run
from graph.verbs.start import start

_PATIENCE_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.2


def register(app: typer.Typer) -> None:
    app.command()(propose)


def propose(
    workflow: Annotated[str, typer.Argument(help="The workflow's name, for instance payments.")],
    input: Annotated[str | None, typer.Option(help="Its input as JSON, or @file. Default: the demo case.")] = None,
    requester: Annotated[str | None, typer.Option(help="On whose behalf: a Slack user id.")] = None,
    key: Annotated[str | None, typer.Option(help="Idempotency key: the same key gives the same run.")] = None,
    case: Annotated[int, typer.Option(help="Which demo case, counted from 1.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the run as JSON.")] = False,
) -> None:
    """Start a run of WORKFLOW; no server is needed."""
    value = None if input is None else parse_json(input, "--input")
    if value is not None and not isinstance(value, dict):
        fail('--input: an object like {"case_id": "…"} is expected', USAGE_ERROR)
    shown = with_house(lambda house: _propose(house, workflow, value, requester, key, case), world=True)
    if as_json:
        print_json(shown)
    else:
        typer.echo(run_text(shown))


async def _propose(
    house: House, workflow: str, value: Any, requester: str | None, key: str | None, case: int
) -> dict[str, Any]:
    runner = make_runner(house)
    known = runner.workflows
    if workflow not in known:
        raise Invalid(f"there is no workflow {workflow!r}; GATEPOST_WORKFLOWS offers: {', '.join(known)}")
    if value is None:
        value = dict(_case(known[workflow].demo_cases, case).input)
    if problem := known[workflow].input_problem(value):
        raise Invalid(f"--input: {problem}")
    await fresh_people(house)
    if requester:
        await meet(house, requester)
    run = await start(house.store, workflow, value, key=key or secrets.token_hex(8), requester=requester)
    await play(house, runner, run.id)
    return await report_run(house.store, run.id)


def _case(cases: Any, number: int) -> Any:
    if not 1 <= number <= len(cases):
        raise Invalid(f"there is no demo case {number}; there are {len(cases)}")
    return cases[number - 1]


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
