"""The forms of a batch: all but some, reject all, and every item with what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.cards.arguments import counted
from bot.cards.batch import asked, outcome_of, results, title_of
from bot.cards.batch_view import BatchView
from bot.cards.kit import labelled, rich, section
from bot.ids import (
    BATCH_BUT_SUBMIT,
    BATCH_DETAILS,
    BATCH_REJECT_SUBMIT,
    BatchRef,
    encode_batch_origin,
)
from bot.modals.frame import element_of, field, form, read_reason, read_words, reason_field
from bot.modals.sheet import MAX_UNITS, Sheet
from bot.words import Json, flowing, one_line, plain
from graph.law.words import reason_problem
from graph.verbs.ports import Item

BUT: Final = "but"
THEN: Final = "then"
ALONE: Final = "alone"
REJECT: Final = "reject"
_THEN: Final = ((ALONE, "Look at them one by one"), (REJECT, "Reject them"))
_LEARNS: Final = "The agents are told and look for another way, or undo what they did so far."


@dataclass(frozen=True, slots=True, kw_only=True)
class Excepted:
    """Which items are left out (their numbers), and whether those are rejected; `errors` by block_id."""

    but: frozenset[int] = frozenset()
    reject: bool = False
    reason: str = ""
    errors: dict[str, str]


def build_but(items: Sequence[Item], ref: BatchRef, place: tuple[str, str]) -> Json:
    """Every item by its number, which to leave out, and what becomes of those."""
    sheet = Sheet()
    sheet.entries("All of them", [("", _numbered(items))], most=MAX_UNITS)
    options = [_option(f"{item.seq} · {asked(item.request, 68)}", str(item.seq)) for item in items]
    chosen: Json = {"type": "multi_static_select", "placeholder": plain("Choose…", 75), "options": options}
    radios = [_option(label, value) for value, label in _THEN]
    then: Json = {"type": "radio_buttons", "options": radios, "initial_option": radios[0]}
    blocks = [
        section(f"Approve these {len(items)}, but for those you choose."),
        field(BUT, "All but", chosen),
        field(THEN, "What becomes of those", then),
        reason_field("Why not?", "Needed to reject them.") | {"optional": True},
        *sheet.close(),
    ]
    return form("All but some", BATCH_BUT_SUBMIT, encode_batch_origin(ref, *place), blocks, "Approve the rest")


def parse_but(state: object) -> Excepted:
    """What was chosen; errors by block_id."""
    options = element_of(state, BUT).get("selected_options")
    values = [option.get("value") if isinstance(option, dict) else None for option in _listed(options)]
    numbers = frozenset(int(value) for value in values if isinstance(value, str) and value.isascii() and _digits(value))
    then = element_of(state, THEN).get("selected_option")
    reject = isinstance(then, dict) and then.get("value") == REJECT
    reason, errors = read_words(state, lambda text: reason_problem(text, required=reject))
    if not numbers or len(numbers) != len(values):
        errors = {**errors, BUT: "Choose what to leave out; to leave out nothing, use Approve all."}
    return Excepted(but=numbers, reject=reject, reason=reason, errors=errors)


def build_reject(items: Sequence[Item], ref: BatchRef, place: tuple[str, str]) -> Json:
    """What is rejected, and one required reason for all of it."""
    sheet = Sheet()
    sheet.entries("All of them", [("", _numbered(items))], most=MAX_UNITS)
    what = f"{len(items)} × {flowing(title_of(items[0].request))}"
    blocks = [rich(labelled("Reject:", what, limit=400)), reason_field("Why not?", _LEARNS), *sheet.close()]
    return form("Reject all of them", BATCH_REJECT_SUBMIT, encode_batch_origin(ref, *place), blocks, "Reject all")


def parse_reject(state: object) -> tuple[str, dict[str, str]]:
    """The reason, and errors by block_id."""
    return read_reason(state)


def build_details(view: BatchView, ref: BatchRef, place: tuple[str, str]) -> Json:
    """Every item with its outcome, and what was kept out and why."""
    sheet = Sheet()
    inside = [each for each in view.items if each.item.seq > 0]
    sheet.entries("In short", [("", "\n".join(results(view)))])
    told = [f"{each.item.seq}. {asked(each.request)} {outcome_of(each, view)} ({each.request.id})" for each in inside]
    sheet.entries(counted(len(inside), "item"), [("", "\n".join(told))], most=MAX_UNITS)
    odd = [f"{asked(each.request)} {one_line(each.item.why)} ({each.request.id})" for each in view.kept_out()]
    sheet.entries("Kept out", [("", "\n".join(odd))], most=MAX_UNITS // 4)
    return form("Details", BATCH_DETAILS, encode_batch_origin(ref, *place), sheet.close(), None)


def _numbered(items: Sequence[Item]) -> str:
    return "\n".join(f"{item.seq}. {asked(item.request)}" for item in items)


def _option(text: str, value: str) -> Json:
    return {"text": plain(text, 75), "value": value}


def _listed(options: object) -> list[object]:
    return options if isinstance(options, list) else []


def _digits(value: str) -> bool:
    return value.isdigit() and len(value) <= 6
