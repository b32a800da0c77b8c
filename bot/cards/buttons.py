"""What a reviewer can press: the default, the ways round it, another of the agent's ideas, and all the rest."""

from typing import Final

from bot.cards import arguments, flags, kit
from bot.cards.alternatives import Choice, choosable
from bot.cards.kinds import wording
from bot.cards.view import CardView
from bot.ids import (
    APPROVE,
    APPROVE_FORM,
    CHOICE_ASK,
    CHOICE_CLAIM,
    CHOICE_DETAILS,
    CHOICE_GRANT,
    CHOICE_HAND,
    CHOICE_RELEASE,
    CHOICE_RESPOND,
    EDIT,
    INSTEAD,
    INSTEAD_NONE,
    MORE,
    READ,
    REJECT,
    RESPOND,
    encode_choice,
    encode_instead,
    ref_of,
)
from bot.words import Json, plain, suspicious, units
from graph.law.action import fixed_fields
from graph.law.request import Kind, Request
from graph.law.routing import RouteKind
from graph.verbs.answer import needs_reason

MAX_OPTION: Final = 75


def actions(view: CardView) -> list[Json]:
    """The row of buttons, and under it the agent's other ideas where it has any."""
    row = {"type": "actions", "block_id": kit.block_id("buttons", view.request)}
    others = _instead(view)
    if not others:
        return [row | {"elements": [*deciding(view), _more(view)]}]
    # New with every rendering: Slack then forgets what was chosen in the menu, and it can be chosen again.
    menu = {"type": "actions", "block_id": f"{kit.block_id('instead', view.request)}.{view.rendering}"}
    return [row | {"elements": [*deciding(view), _more(view)]}, menu | {"elements": others}]


def deciding(view: CardView) -> list[Json]:
    """The buttons that decide or open the form that does: Approve, Modify…, Reject…, as far as they count."""
    request = view.request
    words, plain_answer = wording(request), request.kind is Kind.RECONCILE
    no = kit.button(words.no, REJECT, request, None if plain_answer else "danger")
    if not view.approvable():
        return [no]
    if handed_over(request):
        return [kit.button("Take over…", RESPOND, request, "primary"), _yes(view, None), no]
    modify = [kit.button("Modify…", EDIT, request)] if can_modify(request) else []
    return [_yes(view, None if plain_answer else "primary"), *modify, no]


def first_button(view: CardView) -> str:
    """What the first button says."""
    return str(_yes(view, None)["text"]["text"])


def approvable(request: Request) -> bool:
    """Whether the card alone shows enough to approve; otherwise Details has to be opened first."""
    return request.kind is Kind.RECONCILE or (arguments.complete(request) and flags.all_shown(request))


def can_edit(request: Request) -> bool:
    """Whether there is an argument that a reviewer may change."""
    properties = set(request.form.schema.get("properties", {}))
    return (
        request.kind is Kind.ACTION
        and bool(properties - fixed_fields(request.form))
        and set(request.args) <= properties
    )


def can_modify(request: Request) -> bool:
    """Whether a reviewer may change an argument or choose another of the agent's ideas."""
    return can_edit(request) or bool(choosable(request))


def handed_over(request: Request) -> bool:
    """Whether the agent is too unsure to go on, so that a person is to do it."""
    return request.kind is Kind.ACTION and request.route == RouteKind.TAKEOVER


def offered(view: CardView) -> list[Choice]:
    """The alternatives that the card offers in one step."""
    return choosable(view.request) if view.approvable() else []


def option_words(choice: Choice) -> str:
    """`B: Reserve 450.00 EUR store credit for order 4711?`."""
    return f"{choice.letter}: {choice.question}"


def at_once(choice: Choice) -> bool:
    """Whether its option says all that would be done, and nothing that could deceive: then choosing it decides."""
    fits = units(option_words(choice)) <= MAX_OPTION
    return fits and choice.said_whole and not suspicious(choice.deed)


def _yes(view: CardView, style: str | None) -> Json:
    """Approve; or what has to come before it: reading all of it, saying why, a code."""
    request = view.request
    if not approvable(request):
        return kit.button("Read in full…", READ, request)
    if needs_reason(request) or view.step_up:
        return kit.button(f"{wording(request).yes}…", APPROVE_FORM, request, style)
    return kit.button(wording(request).yes, APPROVE, request, style)


def _instead(view: CardView) -> list[Json]:
    """Another of the agent's ideas, chosen in one step; nothing where there is none."""
    found = offered(view)
    if not found:
        return []
    ref = ref_of(view.request)
    options = [_option(choice, encode_instead(choice.index, ref)) for choice in found]
    none = {"text": plain("None of these: reject…", MAX_OPTION), "value": encode_instead(INSTEAD_NONE, ref)}
    menu = {"type": "static_select", "action_id": INSTEAD, "placeholder": plain("Another of its ideas…", 75)}
    return [menu | {"options": [*options, none]}]


def _option(choice: Choice, value: str) -> Json:
    option: Json = {"text": plain(option_words(choice), MAX_OPTION), "value": value}
    return option | {"description": plain(f"Agent: “{choice.title}”", MAX_OPTION)} if choice.title else option


def _more(view: CardView) -> Json:
    """What else there is to do: at most the five entries that Slack shows."""
    ref, counts = ref_of(view.request), view.approvable()
    # Where both are possible, Details has the button to hand it on.
    last = (CHOICE_GRANT, "Allow for this run…") if view.grantable and counts else (CHOICE_HAND, "Hand to…")
    entries = [
        (CHOICE_DETAILS, "Details"),
        *([(CHOICE_RESPOND, "Take over…")] if view.request.kind is Kind.ACTION and counts else []),
        (CHOICE_RELEASE, "Let go") if view.looking() else (CHOICE_CLAIM, "I'm looking at it"),
        (CHOICE_ASK, "Ask…"),
        last,
    ]
    options = [{"text": plain(label), "value": encode_choice(choice, ref)} for choice, label in entries]
    return {"type": "overflow", "action_id": MORE, "options": options}
