"""The card of a batch: how many of what, what they share and where they differ, the time left, four buttons; then,
item by item, what became of them.
"""

from typing import Final

from bot.cards import arguments, kit, law, times
from bot.cards.batch_view import TROUBLE, BatchItem, BatchView, decided_by, values
from bot.cards.context import capital
from bot.cards.kinds import wording
from bot.cards.speech import spoken
from bot.cards.view import Card, CardView
from bot.ids import BATCH_APPROVE, BATCH_BUT, BATCH_DETAILS, BATCH_REJECT, BATCH_SINGLY, encode_batch
from bot.words import Json, clip, flowing, line, one_line, plain, run
from graph.law.action import question
from graph.law.masking import shown_args
from graph.law.request import Outcome, Request, Status, urgency
from graph.law.stopping import Stop

MOST_SAME: Final = 3
MOST_DIFFERING: Final = 4
MOST_LISTED: Final = 8
MAX_VALUE: Final = 60
MAX_QUESTION: Final = 160
_ENDED: Final = {
    Status.APPROVED: "✅ {n} approved",
    Status.REJECTED: "⛔ {n} rejected",
    Status.EXPIRED: "⌛ {n} expired",
    Status.CANCELLED: "↩️ {n} withdrawn",
    Status.MODIFIED: "✏️ {n} modified",
    Status.HANDLED: "🙋 {n} taken over",
}
_OUTCOMES: Final = {
    Outcome.DONE: "done",
    Outcome.FAILED: "failed",
    Outcome.UNKNOWN: "not known",
    Outcome.COMPENSATED: "undone later",
    Outcome.INTENT: "being done",
}


def batch_card(view: BatchView) -> Card:
    """The card as it looks now; the same rows give the same card."""
    return _pending(view) if view.waiting() else _decided(view)


def headline(view: BatchView) -> str:
    """`47 × Acknowledge an order? Total 1,204.00 EUR`; what is over asks nothing any more."""
    waiting = view.waiting()
    number = len(waiting) or len(view.settled()) or len(view.left())
    title = clip(one_line(title_of(view.sample())), 90)[0]
    total = view.total()
    added = f" Total {total[0]:,.2f} {clip(one_line(total[1]), 12)[0]}".rstrip() if total else ""
    return f"{number} × {title}{'?' if waiting else ''}{added}"


def title_of(request: Request) -> str:
    """What this kind of action is called, by the action itself."""
    return request.form.title.strip().rstrip("?") or arguments.humanised(request.action_type)


def asked(request: Request, limit: int = MAX_QUESTION) -> str:
    """One item's own question, on one line."""
    text = one_line(question(request.form, request.args)).strip() or f"{request.action_type}?"
    return clip(text, limit)[0]


def same(view: BatchView) -> list[str]:
    """`ships within (days) 2` of what all that wait have in common, at most three."""
    found = []
    requests = [each.request for each in view.waiting()]
    for name in _names(requests):
        value, *others = dict.fromkeys(values(requests, name))
        # The currency stands beside the total.
        if not others and not (name == requests[0].form.currency_field and view.total()):
            found.append(f"{_label(requests[0], name)} {clip(flowing(value), MAX_VALUE)[0]}")
    return found[:MOST_SAME]


def differing(view: BatchView) -> list[str]:
    """`amount 12.00–89.90`, `customer 31 different` of what they don't share; amounts and numbers as a range."""
    requests = [each.request for each in view.waiting()]
    found = []
    for name in _names(requests):
        distinct = dict.fromkeys(values(requests, name))
        if len(distinct) < 2:
            continue
        label = _label(requests[0], name)
        span = _range(requests, name)
        found.append(f"{label} {span}" if span else f"{label} {len(distinct)} different")
    more = f"{len(found) - MOST_DIFFERING} more in All but…"
    return found if len(found) <= MOST_DIFFERING else [*found[:MOST_DIFFERING], more]


def samples(view: BatchView) -> list[str]:
    """The questions of the smallest, the middle and the largest, or of the first, middle and last to come."""
    requests = [each.request for each in view.waiting()]
    if all(request.value is not None for request in requests):
        requests = sorted(requests, key=lambda request: (request.value or 0, request.id))
    places = sorted({0, len(requests) // 2, len(requests) - 1})
    return [asked(requests[place]) for place in places]


def results(view: BatchView) -> list[str]:
    """`✅ 45 approved by Alice`, `⛔ 2 rejected by Alice`, `44 done, 1 failed`; nothing while nothing is decided."""
    said = []
    for (status, by), number in sorted(decided_by(view).items()):
        who = f" by {view.name(by)}" if by and status is not Status.EXPIRED else ""
        said.append(_ENDED.get(status, "{n} " + status).format(n=number) + who)
    approved = [each for each in view.settled() if each.request.status is Status.APPROVED]
    counts = [(_OUTCOMES[outcome], sum(_is(each, outcome) for each in approved)) for outcome in _OUTCOMES]
    counts.append(("not done yet", sum(each.effect is None for each in approved)))
    if done := ", ".join(f"{number} {words}" for words, number in counts if number):
        said.append(done)
    if view.left():
        reasons = dict.fromkeys(each.item.why for each in view.left())
        said.append(f"{len(view.left())} left it: {clip(flowing('; '.join(reasons)), 120)[0]}")
    return said


def notable(view: BatchView) -> list[str]:
    """Each item that is not plainly done, with why, and how many more there are."""
    found = [f"{asked(each.request, 120)} {_trouble(each)}" for each in view.settled() if _trouble(each)]
    more = [f"and {len(found) - MOST_LISTED} more in Details"] if len(found) > MOST_LISTED else []
    return found[:MOST_LISTED] + more


def outcome_of(each: BatchItem, view: BatchView) -> str:
    """What became of one item, in a few words."""
    if each.waits:
        return "waits"
    if each.item.why:
        return flowing(each.item.why)
    status = each.request.status
    by = f" by {view.name(each.decision.by)}" if each.decision and status is not Status.EXPIRED else ""
    ended = f"{wording(each.request).already.get(status, str(status))}{by}"
    if status is not Status.APPROVED:
        return ended
    return f"{ended}, {_OUTCOMES[each.effect.status] if each.effect else 'not done yet'}"


def folded_card(view: CardView) -> Card:
    """A single card whose request is in a batch now: where it is asked about."""
    request = view.request
    said = "It is on the card of similar requests in this channel now; answer it there."
    head = kit.headline(arguments.headline(request)[0], "decision", request)
    note = kit.context(plain(said)) | {"block_id": kit.block_id("batched", request)}
    return Card(spoken(f"{arguments.headline(request)[0]} {said}"), [head, note])


def reminded(view: BatchView) -> tuple[str, str]:
    """What a reminder under the card is about, and how long there still is for the first of them."""
    return headline(view), f"the first {times.left(view.due_at(), view.clock())} · nobody has decided"


def _pending(view: BatchView) -> Card:
    blocks = [_head(view)]
    stopped = _stopped(view)
    if stopped:
        blocks.append(kit.context(plain(stopped, 400)) | {"block_id": _block_id("stopped", view)})
    lines = [line(run(f"⚠ {odd}", bold=True)) for odd in _odd(view)]
    lines += [kit.labelled(label, "; ".join(texts)) for label, texts in _compared(view) if texts]
    if lines:
        blocks.append(kit.rich(*lines) | {"block_id": _block_id("facts", view)})
    blocks.append(kit.context(*_standing(view)) | {"block_id": _block_id("time", view)})
    blocks.append({"type": "actions", "block_id": _block_id("buttons", view), "elements": _buttons(view)})
    blocks.append(kit.context(plain(_examples(view), 900)) | {"block_id": _block_id("sample", view)})
    blocks += _results(view)
    return Card(spoken(" ".join(sentence for sentence in _pending_said(view) if sentence)), blocks)


def _decided(view: BatchView) -> Card:
    blocks = [_head(view), *_results(view)]
    button = _button(view, "Details", BATCH_DETAILS)
    blocks.append({"type": "actions", "block_id": _block_id("buttons", view), "elements": [button]})
    said = [f"{headline(view)}.", *(f"{text}." for text in results(view)), *(f"{text}." for text in notable(view))]
    return Card(spoken(" ".join(said)), blocks)


def _results(view: BatchView) -> list[Json]:
    said = results(view)
    if not said:
        return []
    blocks = [kit.context(plain(" · ".join(said), 900)) | {"block_id": _block_id("outcome", view)}]
    listed = [line(run(text)) for text in notable(view)]
    return blocks + ([kit.rich(*listed) | {"block_id": _block_id("notable", view)}] if listed else [])


def _pending_said(view: BatchView) -> list[str]:
    due = view.due_at()
    total = len(view.waiting())
    left = f"The first is due {times.utc(due)}: {times.left(due, view.clock())}."
    if view.stop:
        left = "Its clock stands still."
    names = [str(button["text"]["text"]).rstrip("…") for button in _buttons(view)]
    return [
        headline(view) if headline(view).endswith("?") else f"{headline(view)}.",
        _stopped(view),
        *(f"Unusual: {odd}." for odd in _odd(view)),
        *(f"{label} {'; '.join(texts)}." for label, texts in _compared(view) if texts),
        f"{_examples(view)}." if total else "",
        f"{sure(view)}." if sure(view) else "",
        left,
        *(f"{text}." for text in results(view)),
        f"Buttons: {', '.join(names)}.",
    ]


def _compared(view: BatchView) -> list[tuple[str, list[str]]]:
    return [("Same in all:", same(view)), ("Differing:", differing(view))]


def _examples(view: BatchView) -> str:
    shown, number = samples(view), len(view.waiting())
    more = f" … and {number - len(shown)} more" if number > len(shown) else ""
    return f"For example: {' · '.join(shown)}{more}"


def _odd(view: BatchView) -> list[str]:
    """`1 kept out: amount 3.1× the others' median (420.00)`."""
    out = view.kept_out()
    if not out:
        return []
    why = clip(flowing(out[0].item.why), 120)[0]
    more = f", and {len(out) - 1} more" if len(out) > 1 else ""
    return [f"{len(out)} kept out: {why}{more}"]


def sure(view: BatchView) -> str:
    """`confidence 84–92 %`, or nothing where that isn't known of all."""
    known = [each.request.confidence for each in view.waiting()]
    if not known or None in known:
        return ""
    sureness = [value for value in known if value is not None]
    low, high = law.percent(min(sureness)), law.percent(max(sureness))
    return f"confidence {high}" if low == high else f"confidence {low.removesuffix(' %')}–{high}"


def _standing(view: BatchView) -> list[Json]:
    due = view.due_at()
    left = f"First due {times.local(due)} · {times.left_here(due, view.clock())}"
    word = urgency(view.asked_at(), due, view.clock())
    if view.stop:
        left = "Its clock stands still until it goes on"
    elif word != "low":
        left += f" · urgency {word}"
    said = sure(view)
    return [*([plain(capital(said), 100)] if said else []), kit.mrkdwn(left)]


def _stopped(view: BatchView) -> str:
    if view.stop is None:
        return ""
    return f"⛔ {_stop_words(view.stop, view)}. Only rejecting works until it is lifted."


def _stop_words(stop: Stop, view: BatchView) -> str:
    return clip(flowing(stop.said(view.name(stop.stopped_by))), 260)[0].rstrip(".")


def _buttons(view: BatchView) -> list[Json]:
    number = len(view.waiting())
    yes = [
        _button(view, f"Approve all {number}", BATCH_APPROVE) | {"style": "primary"},
        _button(view, "All but…", BATCH_BUT),
    ]
    no = _button(view, "Reject all…", BATCH_REJECT) | {"style": "danger"}
    singly = _button(view, "Review one by one", BATCH_SINGLY)
    return [*(yes if view.approvable() else []), no, singly]


def _button(view: BatchView, label: str, action_id: str) -> Json:
    about = f"{label.rstrip('…')}: {len(view.waiting())} × {title_of(view.sample())}"
    return {
        "type": "button",
        "action_id": action_id,
        "text": plain(label, 75),
        "value": encode_batch(view.ref()),
        "accessibility_label": plain(about, 75)["text"],
    }


def _head(view: BatchView) -> Json:
    return {"type": "header", "block_id": _block_id("decision", view), "text": plain(headline(view), 150)}


def _block_id(part: str, view: BatchView) -> str:
    return f"gatepost.{part}.{view.batch.id[-12:]}.{view.rendering}"


def _names(requests: list[Request]) -> list[str]:
    """The arguments, amount and currency first, then as the schema lists them."""
    form = requests[0].form
    order = [form.value_field, form.currency_field, *form.schema.get("properties", {}), *sorted(requests[0].args)]
    return [name for name in dict.fromkeys(order) if name is not None and name in requests[0].args]


def _label(request: Request, name: str) -> str:
    label = arguments.label(request.form, name)
    return label[:1].lower() + label[1:]


def _range(requests: list[Request], name: str) -> str:
    """`12.00–89.90` of amounts and whole numbers."""
    if name == requests[0].form.value_field and all(request.value is not None for request in requests):
        amounts = sorted(request.value for request in requests if request.value is not None)
        return f"{amounts[0]:,.2f}–{amounts[-1]:,.2f}"
    numbers = [shown_args(request.form, request.args).get(name) for request in requests]
    if all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
        ordered = sorted(number for number in numbers if isinstance(number, int))
        return f"{ordered[0]:,}–{ordered[-1]:,}"
    return ""


def _is(each: BatchItem, outcome: Outcome) -> bool:
    return each.effect is not None and each.effect.status is outcome


def _trouble(each: BatchItem) -> str:
    """What makes an item worth a line: it failed, or nobody knows, or it ended otherwise than by a click here."""
    if each.effect is not None and each.effect.status in TROUBLE:
        said = f": {clip(flowing(each.effect.error), 120)[0]}" if each.effect.error.strip() else ""
        return f"{_OUTCOMES[each.effect.status]}{said}"
    if each.request.status in (Status.MODIFIED, Status.HANDLED, Status.CANCELLED):
        return str(wording(each.request).already[each.request.status])
    return ""
