"""Report an incident: what went wrong with something that was decided. It changes no decision."""

from collections.abc import Sequence
from typing import Final

from bot.cards import batch
from bot.cards.arguments import asked
from bot.cards.batch_view import BatchView
from bot.cards.decided import told
from bot.cards.kit import labelled, rich, section
from bot.cards.view import CardView
from bot.ids import INCIDENT_NAME, INCIDENT_SUBMIT, Origin, encode_batch_origin, ref_of
from bot.modals.frame import element_of, field, form, modal, read_reason, reason_field
from bot.words import Json, plain
from graph.verbs.ports import Item, Wrong

WHICH: Final = "which"
KIND: Final = "kind"
MOST_CHOICES: Final = 100
_KINDS: Final = {
    Wrong.DECISION: "It should have been decided otherwise",
    Wrong.EXECUTION: "It was carried out wrongly",
    Wrong.OTHER: "Something else",
}
_MEANS: Final = (
    "Operators are told and it is written down. It counts against letting actions like this run alone. Nothing is"
    " undone by it."
)


def build(view: CardView) -> Json:
    """What was decided, what kind of thing went wrong, and what happened."""
    blocks = [
        rich(labelled("Asked:", asked(view.request), limit=900), labelled("Decided:", told(view), limit=900)),
        *_questions(),
    ]
    return modal(INCIDENT_NAME, INCIDENT_SUBMIT, Origin(ref_of(view.request)), blocks, "Report")


def build_batch(view: BatchView, items: Sequence[Item], place: tuple[str, str]) -> Json:
    """The same about one of these items of a batch, of many those that joined last; opened on the card at `place`."""
    offered = items[-MOST_CHOICES:]
    options = [_option(f"{item.seq} · {batch.asked(item.request, 68)}", str(item.seq)) for item in offered]
    chosen: Json = {"type": "static_select", "placeholder": plain("Choose…", 75), "options": options}
    headed = labelled("Asked:", batch.headline(view), limit=900)
    blocks = [
        rich(headed, labelled("Decided:", " · ".join(batch.results(view)), limit=900)),
        field(WHICH, "Which of them?", chosen),
        *_questions(),
    ]
    return form(INCIDENT_NAME, INCIDENT_SUBMIT, encode_batch_origin(view.ref(), *place), blocks, "Report")


def parse(state: object) -> tuple[Wrong, str, dict[str, str]]:
    """The kind, the words, and errors by block_id."""
    what, errors = read_reason(state)
    option = element_of(state, KIND).get("selected_option")
    value = option.get("value") if isinstance(option, dict) else None
    if value not in list(Wrong):
        return Wrong.OTHER, what, {**errors, KIND: "Please choose what went wrong."}
    return Wrong(value), what, errors


def parse_item(state: object) -> str:
    """The number of the item that was chosen, as its option carries it; "" for none."""
    option = element_of(state, WHICH).get("selected_option")
    value = option.get("value") if isinstance(option, dict) else None
    return value if isinstance(value, str) else ""


def _questions() -> list[Json]:
    options = [_option(text, str(kind)) for kind, text in _KINDS.items()]
    chosen: Json = {"type": "static_select", "options": options, "initial_option": options[0]}
    return [
        section(_MEANS),
        field(KIND, "What went wrong?", chosen),
        reason_field("What happened?", "What did you expect, and what did you see? Do not paste passwords or codes."),
    ]


def _option(text: str, value: str) -> Json:
    return {"text": plain(text, 75), "value": value}
