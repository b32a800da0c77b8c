"""What is said about a question: under the card, to whoever can answer it, and to whoever asked."""

from typing import Final

from bot.cards import arguments, kit
from bot.cards.speech import spoken
from bot.cards.talk import answerer
from bot.cards.view import Card, CardView
from bot.ids import ANSWER, encode_question
from bot.words import Json, clip, flowing, line, plain, run
from graph.verbs.ports import Question

MAX_MESSAGE: Final = 2400


def question_in_thread(view: CardView, question: Question) -> Card:
    """The question, under the card."""
    asker = view.request.requester or ""
    hint = f"{view.name(asker)} can answer right here, in this thread." if asker in view.names else ""
    return _message((f"{view.name(question.asked_by)} asks", question.question), hint=hint)


def answer_in_thread(view: CardView, question: Question) -> Card:
    """Its answer, under the card; what the requester wrote there themselves need not be said again."""
    return _message((f"{_capital(view, question)} answers {view.name(question.asked_by)}", question.answer))


def to_requester(view: CardView, question: Question) -> Card:
    """The question as a message of its own, with the button that answers it."""
    label = f"{view.name(question.asked_by)} asks about your request"
    text, blocks = _message(("Your request", arguments.headline(view.request)[0]), (label, question.question))
    button: Json = {
        "type": "button",
        "action_id": ANSWER,
        "text": plain("Answer…", 75),
        "value": encode_question(question.id),
        "style": "primary",
        "accessibility_label": plain(f"Answer: {question.question}", 75)["text"],
    }
    return Card(text, [*blocks, {"type": "actions", "elements": [button]}])


def to_asker(view: CardView, question: Question) -> Card:
    """That the question was answered, to whoever asked it."""
    return _message(
        ("About", arguments.headline(view.request)[0]),
        ("You asked", question.question),
        (f"{_capital(view, question)} answers", question.answer),
    )


def _capital(view: CardView, question: Question) -> str:
    by = answerer(view, question.answered_by or "")
    return "The agent" if by == "agent" else by


def _message(*said: tuple[str, str], hint: str = "") -> Card:
    """Labelled lines, whatever they say shown literally."""
    lines = [(label, clip(flowing(text), MAX_MESSAGE // len(said))[0]) for label, text in said]
    shown = [line(run(f"{label}: ", bold=True), run(text)) for label, text in lines]
    blocks: list[Json] = [kit.rich(*shown)]
    if hint:
        blocks.append(kit.context(plain(hint, 200)))
    return Card(spoken(" ".join([*(f"{label}: {text}" for label, text in lines), hint]).strip()), blocks)
