"""Report an incident: what went wrong with something that was decided. It changes no decision."""

from typing import Final

from bot.cards.arguments import asked
from bot.cards.decided import told
from bot.cards.kit import labelled, rich, section
from bot.cards.view import CardView
from bot.ids import INCIDENT_NAME, INCIDENT_SUBMIT, Origin, ref_of
from bot.modals.frame import element_of, field, modal, read_reason, reason_field
from bot.words import Json, plain
from graph.verbs.ports import Wrong

KIND: Final = "kind"
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
    options = [{"text": plain(text, 75), "value": str(kind)} for kind, text in _KINDS.items()]
    chosen: Json = {"type": "static_select", "options": options, "initial_option": options[0]}
    blocks = [
        rich(labelled("Asked:", asked(view.request), limit=900), labelled("Decided:", told(view), limit=900)),
        section(_MEANS),
        field(KIND, "What went wrong?", chosen),
        reason_field("What happened?", "What did you expect, and what did you see? Do not paste passwords or codes."),
    ]
    return modal(INCIDENT_NAME, INCIDENT_SUBMIT, Origin(ref_of(view.request)), blocks, "Report")


def parse(state: object) -> tuple[Wrong, str, dict[str, str]]:
    """The kind, the words, and errors by block_id."""
    what, errors = read_reason(state)
    option = element_of(state, KIND).get("selected_option")
    value = option.get("value") if isinstance(option, dict) else None
    if value not in list(Wrong):
        return Wrong.OTHER, what, {**errors, KIND: "Please choose what went wrong."}
    return Wrong(value), what, errors
