"""`gatepost decide`: the same authorisation, digest and audit path as a click, also while Slack is down."""

from dataclasses import replace
from typing import Annotated, Any

import typer

from bot.cli.kit import USAGE, NotPlayed, account, fail, parse_json, print_json, with_house
from bot.cli.propose import play
from bot.cli.words import run_text
from bot.house import CantStart, House, fresh_people, make_runner, meet
from graph.law.request import DecisionType
from graph.verbs import report
from graph.verbs.decide import Answer
from graph.verbs.decide import decide as decide_verb


def register(app: typer.Typer) -> None:
    app.command()(decide)


def decide(
    request: Annotated[str, typer.Argument(help="The request's id.")],
    answer: Annotated[str, typer.Argument(help="approve, edit, reject or respond.")],
    user: Annotated[str, typer.Option("--as", help="Your Slack user id.")],
    digest: Annotated[str, typer.Option(help="The digest you decide about: six characters of it or more.")],
    reason: Annotated[str, typer.Option(help="Why; needed to reject and to respond.")] = "",
    args: Annotated[str | None, typer.Option(help="For edit: the changed arguments as JSON, or @file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the run as JSON.")] = False,
) -> None:
    """Decide a request, then resume its run in this process."""
    if answer not in ("approve", "edit", "reject", "respond"):
        fail(f"{answer} is no answer; say approve, edit, reject or respond", USAGE)
    changed = None if args is None else parse_json(args, "--args")
    if changed is not None and not isinstance(changed, dict):
        fail('--args: an object like {"amount": "410.00"} is expected', USAGE)
    given = Answer(
        request_id=request,
        type=DecisionType(answer),
        user_id=user,
        digest=digest,
        via="cli",
        reason=reason,
        args=changed,
        door=account(),
    )
    run = with_house(lambda house: _decide(house, given), world=True)
    print_json(run) if as_json else typer.echo(run_text(run))


async def _decide(house: House, answer: Answer) -> dict[str, Any]:
    await fresh_people(house)
    async with house.store.begin() as tx:
        request = await tx.requests.get(answer.request_id)
    if request and request.requester:
        await meet(house, request.requester)
    if answer.args is not None:
        # Arguments that were not named stay as they are.
        answer = replace(answer, args={**(request.args if request else {}), **answer.args})
    decided = await decide_verb(house.store, answer)
    try:
        await play(house, make_runner(house), decided.request.run_id)
    except (CantStart, NotPlayed) as problem:
        # The decision is durable; a worker that has the workflow's code resumes the run.
        raise NotPlayed(f"decided, but {problem}") from problem
    return await report.run(house.store, decided.request.run_id)
