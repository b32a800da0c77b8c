"""`gatepost decide`: the same authorisation, digest and audit path as a click, also while Slack is down."""

from dataclasses import replace
from typing import Annotated, Any, Final

import typer

from bot.cards.alternatives import LETTERS
from bot.cli.kit import USAGE, NotPlayed, account, fail, print_json, with_house
from bot.cli.propose import object_of, play
from bot.cli.words import run_text
from bot.house import CantStart, House, fresh_people, make_runner, meet, offer_parts
from graph.law.request import DecisionType
from graph.verbs import report
from graph.verbs.decide import Answer
from graph.verbs.decide import decide as decide_verb

_MOST_ALTERNATIVES: Final = 26


def register(app: typer.Typer) -> None:
    app.command()(decide)


def decide(
    request: Annotated[str, typer.Argument(help="The request's id.")],
    answer: Annotated[str, typer.Argument(help="approve, edit, reject or respond.")],
    user: Annotated[str, typer.Option("--as", help="Your Slack user id.")],
    digest: Annotated[str, typer.Option(help="The digest you decide about: six characters of it or more.")],
    reason: Annotated[
        str, typer.Option(help="Why; needed to reject, respond and edit, and to approve at high or critical risk.")
    ] = "",
    args: Annotated[str | None, typer.Option(help="For edit: the changed arguments as JSON, or @file.")] = None,
    choose: Annotated[
        str | None, typer.Option(help="For edit: the agent's alternative to take instead, as 1, 2, … or B, C, ….")
    ] = None,
    code: Annotated[
        str, typer.Option(help="The one-time code of your authenticator app, where approving takes one.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the run as JSON.")] = False,
) -> None:
    """Decide a request, then resume its run in this process."""
    if answer not in ("approve", "edit", "reject", "respond"):
        fail(f"{answer} is no answer; say approve, edit, reject or respond", USAGE)
    if args is not None and choose is not None:
        fail("--args and --choose exclude each other: change the arguments, or take an alternative", USAGE)
    given = Answer(
        request_id=request,
        type=DecisionType(answer),
        user_id=user,
        digest=digest,
        via="cli",
        reason=reason,
        args=None if args is None else object_of(args, "--args"),
        alternative=None if choose is None else _alternative(choose),
        code=code,
        door=account(),
    )
    run = with_house(lambda house: _decide(house, given), world=True)
    print_json(run) if as_json else typer.echo(run_text(run))


def _alternative(chosen: str) -> int:
    """`1` and `B` are the first, which counts as 0."""
    text = chosen.strip().upper()
    if text == "A":
        fail("--choose: A is what was asked; approve that, or choose B, C, … or 1, 2, …", USAGE)
    if len(text) == 1 and text in LETTERS:
        return LETTERS.index(text)
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= _MOST_ALTERNATIVES:
        return int(text) - 1
    fail(f"--choose: {chosen!r} is no alternative; say 1, 2, … or B, C, …", USAGE)


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
        runner = make_runner(house)
        await offer_parts(house, runner, replace=False)
        await play(house, runner, decided.request.run_id)
    except (CantStart, NotPlayed) as problem:
        # The decision is durable; a worker that has the workflow's code resumes the run.
        raise NotPlayed(f"decided, but {problem}") from problem
    return await report.run(house.store, decided.request.run_id)
