"""`gatepost policy explain`: what would happen, or what did happen to a request, and why."""

from typing import Annotated, Any

import typer

from bot.cli.kit import FOUND_WRONG, USAGE, fail, print_json, with_house
from bot.cli.policy_words import route_text
from bot.cli.propose import case_of, known, object_of
from bot.house import CantStart, House
from graph.flow.workflow import Proposal, Workflow
from graph.law.policy import parse_policy
from graph.verbs.errors import Invalid
from graph.verbs.explain import explain as explain_verb
from graph.verbs.ports import PolicyVersion


def register(group: typer.Typer) -> None:
    group.command()(explain)


def explain(
    workflow: Annotated[
        str | None, typer.Argument(help="A workflow's name: what would happen to its next action?")
    ] = None,
    request: Annotated[str | None, typer.Option(help="A request's id: what did happen to it?")] = None,
    input: Annotated[str | None, typer.Option(help="The run's input as JSON, or @file. Default: a demo case.")] = None,
    case: Annotated[int, typer.Option(help="Which demo case, counted from 1.")] = 1,
    action: Annotated[str | None, typer.Option(help="Explain this action instead of asking the agent.")] = None,
    args: Annotated[str | None, typer.Option(help="Its arguments as JSON, or @file.")] = None,
    requester: Annotated[str | None, typer.Option(help="On whose behalf: a Slack user id.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Say what happens to an action and why, rule by rule with its basis. Nothing is written.

    With --request it ends with 4 when the record and what the law says of the same facts differ.
    """
    if (workflow is None) == (request is None):
        fail("name a workflow, or a request with --request", USAGE)
    if (action is None) != (args is None):
        fail("--action and --args go together", USAGE)
    if request is not None:
        told = with_house(lambda house: _happened(house, request))
    else:
        given = None if input is None else object_of(input, "--input")
        changed = None if args is None else object_of(args, "--args")
        told = with_house(
            lambda house: _foreseen(house, workflow or "", given, case, requester, action, changed), world=True
        )
    print_json(told) if as_json else typer.echo(route_text(told))
    if told.get("agree") is False:
        raise typer.Exit(FOUND_WRONG)


async def _happened(house: House, request: str) -> dict[str, Any]:
    return await explain_verb(house.store, request)


async def _foreseen(
    house: House,
    name: str,
    value: dict[str, Any] | None,
    case: int,
    requester: str | None,
    action: str | None,
    args: dict[str, Any] | None,
) -> dict[str, Any]:
    # The agents' machinery takes a moment to load: only this one needs it.
    from graph.flow.explain import foresee
    from graph.flow.registry import NoWorkflow, load_workflows

    try:
        workflow = known(load_workflows(house.settings.gatepost_workflows), name)
    except NoWorkflow as error:
        raise CantStart(str(error)) from error
    given = dict(case_of(workflow, case).input) if value is None else value
    if action is None and (problem := workflow.input_problem(given)):
        raise Invalid(f"--input: {problem}")
    policy = await _policy(house, workflow)
    step = None if action is None else Proposal(action=action, args=args or {})
    return await foresee(house.store, workflow, policy, given, requester=requester, step=step)


async def _policy(house: House, workflow: Workflow) -> PolicyVersion:
    """The policy in force, with the workflow's own part where no worker has offered it yet."""
    async with house.store.begin() as tx:
        current = await tx.policies.current()
        stored = await tx.policies.text(current.version)
    if not workflow.policy or workflow.name in stored.parts:
        return current
    whole = parse_policy(stored.text, {**stored.parts, workflow.name: workflow.policy})
    return PolicyVersion(version=current.version, policy=whole)
