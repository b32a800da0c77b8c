"""A scene: an agent's proposals put before people in a sandbox, and looking at what they see of them."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from bot.ids import CHOICE_DETAILS, MORE, encode_choice, ref_of
from graph.law.request import Request
from tests.support.slack import House
from tests.support.slack_attacks import cases
from tests.support.tools import Tools

CASES = {case["id"]: case for case in cases("action_content")}
CLEAN = CASES["AC-01"]["input"]["$propose"]
"""A proposal that nothing is wrong with."""
Spec = dict[str, Any]


def spec_of(case: str) -> Spec:
    return dict(CASES[case]["input"]["$propose"])


class Scene:
    """Tools whose requests are put before people in a sandbox."""

    def __init__(self, tools: Tools, door: House) -> None:
        self.tools, self.door = tools, door
        self._count = itertools.count()

    async def ask(self, spec: Spec) -> tuple[Request, dict[str, Any]]:
        """Propose it; gives the request and its card as Alice (or, of a higher tier, Cara or Eve) sees it."""
        known = {request.id for request in await self.tools.pending()}
        await self.tools.propose(spec, key=f"case {next(self._count)}")
        (request,) = (each for each in await self.tools.pending() if each.id not in known)
        await self.door.deliver()
        return request, await self.door.card(self.reviewer(request), request)

    def reviewer(self, request: Request) -> str:
        return {1: "UALICE", 2: "UCARA", 3: "UEVE"}[request.tier]

    async def details(self, request: Request, card: dict[str, Any]) -> dict[str, Any]:
        user = self.reviewer(request)
        assert await self.door.person(user).click(card, MORE, encode_choice(CHOICE_DETAILS, ref_of(request)))
        return await self.door.view(user)

    async def calls(self) -> list[Mapping[str, Any]]:
        return list(await self.door.sandbox.calls())


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every text object and element of a message or view."""
    if isinstance(value, dict):
        if isinstance(value.get("text"), str) and "type" in value:
            yield value
        for item in value.values():
            yield from objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from objects(item)


def literally(blocks: list[dict[str, Any]], words: str) -> list[dict[str, Any]]:
    """The objects that show these words; in none of them does Slack parse anything, or set them in bold."""
    found = [each for each in objects(blocks) if words in each["text"]]
    assert found
    for each in found:
        assert each["type"] in ("text", "plain_text"), each
        assert not each.get("style"), each
        assert each.get("emoji", False) is False
    return found


def unparsed(card: dict[str, Any]) -> None:
    """Nothing in the card or its text is markup of anybody but us, and no element links, mentions or smiles."""
    kinds = {each["type"] for each in objects(card["blocks"])}
    assert kinds <= {"text", "plain_text", "mrkdwn", "header", "section"}
    for sign in ("<!channel", "<!here", "<!everyone", "<@", "<#", "<https://evil", "<http://evil"):
        assert sign not in card["text"]
        assert not [each for each in objects(card["blocks"]) if each["type"] == "mrkdwn" and sign in each["text"]]


def buttons(card: dict[str, Any]) -> list[str]:
    return [each["action_id"] for block in card["blocks"] if block["type"] == "actions" for each in block["elements"]]
