"""How much a reviewer has to read: `python -m tests.support.card_counts` walks every demo case and counts its cards."""

import asyncio
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bot.cards.pending import counted_words
from bot.cards.review import card
from bot.cards.view import Card
from bot.delivery.view import load_view
from bot.gallery.counts import texts
from graph.law.action import question
from graph.law.request import Request
from storage.migrate import migrate
from tests.support.db import fresh_database, open_store, server_url
from tests.support.domains import CASES, Domains
from tests.support.payments import shop_at
from tests.support.people import mirror_people
from tests.support.shop import running_shop

MOST_WORDS: Final = 45
MOST_BUTTONS: Final = 4
MOST_BLOCKS: Final = 12
_READ: Final = ("decision", "facts", "why")


@dataclass(frozen=True, slots=True)
class Counted:
    """Of one card: words of headline, flags and why; words of all that stands before the buttons; its buttons
    (menus are no buttons, but `⋯` counts as one); its blocks; and what is wrong with it.
    """

    words: int
    before: int
    buttons: int
    blocks: int
    problems: tuple[str, ...]


def count(shown: Card, request: Request) -> Counted:
    """Count a pending card of this request."""
    at = next(n for n, block in enumerate(shown.blocks) if block["type"] == "actions")
    above = shown.blocks[:at]
    read = sum(_words(block) for block in above if block["block_id"].split(".")[1] in _READ)
    pressed = [element for element in shown.blocks[at]["elements"] if element["type"] in ("button", "overflow")]
    asked = question(request.form, request.args)
    problems = [
        *([f"{read} words"] if read > MOST_WORDS else []),
        *([f"{len(pressed)} buttons"] if len(pressed) > MOST_BUTTONS else []),
        *([f"{len(shown.blocks)} blocks"] if len(shown.blocks) > MOST_BLOCKS else []),
        *(["the decision is not first in its blocks"] if asked not in "".join(texts(shown.blocks[0])) else []),
        *(["the decision is not first in its text"] if not shown.text.startswith(asked) else []),
    ]
    return Counted(read, sum(map(_words, above)), len(pressed), len(shown.blocks), tuple(problems))


async def card_of(house: Domains, request: Request) -> Card:
    """The card of a request as it is now."""
    async with house.store.begin() as tx:
        return card(await load_view(tx, request))


def _words(block: dict[str, Any]) -> int:
    return sum(map(counted_words, texts(block)))


async def _walk(house: Domains) -> list[str]:
    problems = []
    print("words  before buttons  buttons  blocks  card")
    for number, (workflow, case) in enumerate(CASES):
        run_id = await house.propose(workflow, case, key=str(number))
        while gate := await house.waiting(run_id):
            found = count(await card_of(house, gate), gate)
            name = f"{workflow}.{gate.action_type}: {case.title}"
            print(f"{found.words:5}{found.before:16}{found.buttons:9}{found.blocks:8}  {name}")
            problems += [f"{name}: {problem}" for problem in found.problems]
            await house.approve(gate)
    return problems


async def _all(url: Any, shop: str) -> list[str]:
    await migrate(url)
    async with open_store(url) as store:
        await mirror_people(store)
        house = Domains(store, shop)
        await house.offer()
        return await _walk(house)


def main() -> int:
    """Print the table; 1 if a card is too much."""
    with tempfile.TemporaryDirectory(prefix="gatepost-cards-") as place:
        server = server_url(Path(tempfile.mkdtemp(prefix="gatepost-pg-")))
        with fresh_database(server) as url, running_shop(Path(place) / "shop.db") as shop, shop_at(shop):
            problems = asyncio.run(_all(url, shop))
    print("\n".join(problems) or "every card is short enough")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
