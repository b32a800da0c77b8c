"""What the gallery shows: the examples of all cards and modals, each with a name for files and a title for people."""

from collections.abc import Iterator, Mapping

from bot.cards.examples import groups as cards
from bot.cards.view import Card
from bot.gallery.document import Shown
from bot.modals.examples import examples as modals
from bot.words import Json


def all_shown() -> list[Shown]:
    """Every example, those under one heading together."""
    return [*_under("card", cards()), *_under("modal", _dialogs())]


def _under(kind: str, groups: Mapping[str, Mapping[str, Card | Json]]) -> Iterator[Shown]:
    for heading, group in groups.items():
        for name, item in group.items():
            yield Shown(f"{kind}_{name}", heading, _title(name), _payload(item))


def _dialogs() -> dict[str, dict[str, Card | Json]]:
    """Every modal under what it is for, which is the first word of its name."""
    found: dict[str, dict[str, Card | Json]] = {}
    for name, view in modals().items():
        found.setdefault(f"Dialog: {name.partition('_')[0]}", {})[name] = view
    return found


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _payload(item: Card | Json) -> Json:
    return {"text": item.text, "blocks": item.blocks} if isinstance(item, Card) else item
