"""The conversation around a request as its card tells it: who looks at it, who has it, what was asked."""

from typing import Final

from bot.cards import kit, times
from bot.cards.view import CardView
from bot.words import Json, clip, flowing, plain
from graph.verbs.ports.talk import AGENT

MAX_TEXT: Final = 300
MAX_WHY: Final = 150


def talk_blocks(view: CardView) -> list[Json]:
    """What was asked last and answered, to whom it was handed, who is looking at it; nothing where nothing is."""
    request = view.request
    blocks: list[Json] = []
    if said := _asked(view):
        lines = [kit.labelled(f"{label}:", text) for label, text in said]
        blocks.append(kit.rich(*lines) | {"block_id": kit.block_id("asked", request)})
    notes = [plain(note, 300) for note in (_held(view), handed(view)) if note]
    if looking := view.looking():
        name, until = looking
        notes += [plain(f"👀 {name} is looking at it", 150), kit.mrkdwn(f"until {times.local(until)}")]
    if notes:
        blocks.append(kit.context(*notes) | {"block_id": kit.block_id("talk", request)})
    return blocks


def talk_spoken(view: CardView) -> list[str]:
    """The same in sentences."""
    said = [f"{label}: {text}" for label, text in _asked(view)]
    if looking := view.looking():
        name, until = looking
        said.append(f"{name} is looking at it until {times.utc(until)}")
    return [*said, *(note for note in (_held(view), handed(view)) if note)]


def handed(view: CardView) -> str:
    """`Handed to Bob by Alice: “he knows the customer”`."""
    request = view.request
    if request.assigned_to is None or request.assigned_by is None:
        return ""
    why = clip(flowing(request.assigned_why), MAX_WHY)[0]
    return f"Handed to {view.name(request.assigned_to)} by {view.name(request.assigned_by)}" + (
        f": “{why}”" if why else ""
    )


def _asked(view: CardView) -> list[tuple[str, str]]:
    if view.question is None:
        return []
    asked = view.question
    more = f" (and {view.unanswered - 1} more unanswered)" if asked.open and view.unanswered > 1 else ""
    found = [(f"Asked by {view.name(asked.asked_by)}{more}", clip(flowing(asked.question), MAX_TEXT)[0])]
    if asked.answered_by is not None:
        found.append((f"Answer ({answerer(view, asked.answered_by)})", clip(flowing(asked.answer), MAX_TEXT)[0]))
    return found


def answerer(view: CardView, by: str) -> str:
    """`agent`, or the person's name."""
    return "agent" if by.startswith(AGENT) else view.name(by)


def _held(view: CardView) -> str:
    """That the clock waits for an answer, and how long at most."""
    request = view.request
    if request.held_at is None or request.next_step_at is None:
        return ""
    return f"The clock waits for an answer, until {request.next_step_at:%H:%M} UTC at most"
