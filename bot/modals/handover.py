"""The agent's context under the headings of the handover, whatever names the agent has for them. Nothing is dropped."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from bot.cards.arguments import humanised
from bot.modals.bundle import text_of
from bot.modals.sheet import Entry
from bot.modals.turns import Spoken, conversation, taken_as_turns
from bot.words import clip, flowing
from graph.law.masking import shown_value


class Part(StrEnum):
    """What a reviewer who takes over has to know, by its heading."""

    GOAL = "Goal"
    RECOMMENDATION = "Recommendation"
    DOUBTS = "Doubts"
    SITUATION = "Situation"
    CUSTOMER = "Customer"
    TRANSACTION = "Transaction"
    TRIED = "Tried"
    CONVERSATION = "Conversation"
    POLICY = "Policy"
    EARLIER = "Earlier decisions"
    CONFIDENCE = "Confidence"
    OTHER = "Also"


_NAMES: Final[Mapping[Part, str]] = {
    Part.GOAL: "goal, goals, objective, objectives, task, purpose, aim, intent, intention, mission",
    Part.RECOMMENDATION: "recommendation, recommendations, recommended, recommended action, suggestion, advice,"
    " next step, next steps",
    Part.DOUBTS: "doubts, doubt, hesitation, hesitates, uncertainty, uncertain, unsure, concerns, concern, problem,"
    " problems, error, errors, failure, failures, failed, why it failed, why it hesitated, blocked by, risks,"
    " open questions, missing",
    Part.SITUATION: "situation, background, summary, overview, description, notes, note",
    Part.CUSTOMER: "customer, client, patient, applicant, person, user, account, contact, member, student, students,"
    " recipient, recipients, party, counterparty, beneficiary, supplier, vendor, users, sites, subject",
    Part.TRANSACTION: "transaction, transactions, order, payment, invoice, refund, purchase, requisition, transfer,"
    " wire, trade, loan, application, contract, clause, matter, change, release, deployment, rollout, prescription,"
    " booking, shipment, ticket, instruction, document, grade, material, message, offer, filing",
    Part.TRIED: "tried, already tried, what was tried, attempts, attempted, actions, actions taken, actions tried,"
    " steps, steps taken, done so far, tool calls, results",
    Part.CONVERSATION: "conversation, conversations, messages, transcript, chat, chat history, dialogue, dialog,"
    " thread, emails, mails, correspondence, turns",
    Part.POLICY: "policy, policies, policy context, rules, guidelines, limits, thresholds, playbook",
    Part.EARLIER: "earlier decisions, previous decisions, past decisions, decisions, precedent, precedents",
    Part.CONFIDENCE: "confidence, confidence signals, signals, certainty",
}
_PART_OF: Final = {name: part for part, names in _NAMES.items() for name in re.split(r",\s*", names)}
MAX_KEY: Final = 60


@dataclass(frozen=True, slots=True)
class Handover:
    """What the agent says, by part: labelled texts; and the turns of all conversations, oldest first."""

    parts: dict[Part, list[Entry]] = field(default_factory=dict)
    turns: list[Spoken] = field(default_factory=list)

    def of(self, part: Part) -> list[Entry]:
        return self.parts.get(part, [])


def handover(context: Mapping[str, Any]) -> Handover:
    """Sort what an agent gave as context."""
    found, context = Handover(), shown_value(context)
    talks = dict[str, list[Spoken]]()
    for key, value in _opened(context):
        part = _part(key, value)
        if part is Part.CONVERSATION:
            talks[key] = taken_as_turns(value)
        else:
            found.parts.setdefault(part, []).append((_label(key, part), text_of(value)))
    several = len(talks) > 1
    for key, turns in talks.items():
        found.turns.extend(Spoken(f"{key}: {turn.who}", turn.said, turn.at) if several else turn for turn in turns)
    return found


def _part(key: str, value: Any) -> Part:
    known = _PART_OF.get(" ".join(re.split(r"[\s_-]+", key.strip().casefold())))
    talk = conversation(value) is not None if known in (None, Part.SITUATION) else known is Part.CONVERSATION
    return Part.CONVERSATION if talk else known or Part.OTHER


def _opened(context: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Key and value; a conversation that stands one level down comes out, so that it is paged and not cut."""
    for key, value in context.items():
        if not isinstance(value, Mapping) or _part(str(key), value) is Part.CONVERSATION:
            yield str(key), value
            continue
        talks = {name: item for name, item in value.items() if _part(str(name), item) is Part.CONVERSATION}
        rest = {name: item for name, item in value.items() if name not in talks}
        if rest or not talks:
            yield str(key), rest
        for name, item in talks.items():
            yield f"{key}, {name}", item


def _label(key: str, part: Part) -> str:
    """The agent's own name for it, where that is not the heading."""
    shown = humanised(clip(flowing(key), MAX_KEY)[0])
    return "" if shown.casefold() == part.casefold() else shown
