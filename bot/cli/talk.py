"""`gatepost claim`, `assign`, `ask`, `answer` and `withdraw`: the conversation around a request, without Slack."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

import typer

from bot.cli.kit import NotPlayed, account, with_house
from bot.cli.propose import play
from bot.house import CantStart, House, fresh_people, make_runner, offer_parts
from graph.verbs.approach import Approach
from graph.verbs.ask import Reply, answer_question
from graph.verbs.ask import ask as ask_verb
from graph.verbs.claim import claim as claim_verb
from graph.verbs.claim import unclaim
from graph.verbs.reassign import reassign
from graph.verbs.withdraw import Withdrawal
from graph.verbs.withdraw import withdraw as withdraw_verb

Id = Annotated[str, typer.Argument(help="The request's id.")]
As = Annotated[str, typer.Option("--as", help="Your Slack user id.")]
_VIA: Final = "cli"


def register(app: typer.Typer) -> None:
    for command in (claim, assign, ask, answer, withdraw):
        app.command()(command)


def claim(
    request: Id, user: As, release: Annotated[bool, typer.Option("--release", help="Let go of it instead.")] = False
) -> None:
    """Let others see that you are looking at a request; it ends by itself, and anybody can still decide it."""

    async def work(house: House) -> str:
        if release:
            await unclaim(house.store, _approach(request, user))
            return "You let go of it."
        until = await claim_verb(house.store, _approach(request, user))
        return f"Others see that you are looking at it until {until:%H:%M} UTC."

    _say(work)


def assign(
    request: Id,
    user: As,
    to: Annotated[str, typer.Option("--to", help="The Slack user id of somebody who could decide it.")],
    reason: Annotated[str, typer.Option(help="Why them.")] = "",
) -> None:
    """Hand a request to somebody, who gets its card as a message of their own."""

    async def work(house: House) -> str:
        await reassign(house.store, _approach(request, user), to, reason)
        return f"Handed to {to}."

    _say(work)


def ask(request: Id, text: Annotated[str, typer.Argument(help="What you want to know.")], user: As) -> None:
    """Ask a request's agent and requester something before it is decided."""

    async def work(house: House) -> str:
        return f"Asked: {(await ask_verb(house.store, _approach(request, user), text)).id}"

    _say(work)


def answer(
    question: Annotated[str, typer.Argument(help="The question's id; `gatepost show` lists them.")],
    text: Annotated[str, typer.Argument(help="Your answer.")],
    user: As,
) -> None:
    """Answer a question about what you asked for."""

    async def work(house: House) -> str:
        await answer_question(house.store, Reply(question_id=question, user_id=user, text=text, via=_VIA))
        return "Answered."

    _say(work)


def withdraw(request: Id, user: As, reason: Annotated[str, typer.Option(help="Why.")] = "") -> None:
    """Take back what you asked for; its run stops and undoes what it did so far."""
    wish = Withdrawal(request_id=request, user_id=user, via=_VIA, reason=reason, door=account())
    typer.echo(with_house(lambda house: _withdraw(house, wish), world=True))


async def _withdraw(house: House, wish: Withdrawal) -> str:
    await fresh_people(house)
    withdrawn = await withdraw_verb(house.store, wish)
    try:
        runner = make_runner(house)
        await offer_parts(house, runner, replace=False)
        await play(house, runner, withdrawn.run_id)
    except (CantStart, NotPlayed) as problem:
        raise NotPlayed(f"withdrawn, but {problem}") from problem
    return "Withdrawn; what was done for it so far is undone where it can be."


def _approach(request: str, user: str) -> Approach:
    return Approach(request_id=request, user_id=user, via=_VIA, door=account())


def _say(work: Callable[[House], Awaitable[str]]) -> None:
    """Do it as the directory knows people now, and say what came of it."""

    async def fresh(house: House) -> str:
        await fresh_people(house)
        return await work(house)

    typer.echo(with_house(fresh, world=True))
