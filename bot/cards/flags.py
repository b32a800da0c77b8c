"""What is unusual about a request: Gatepost's flags, the agent's own, and text that could deceive."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bot.cards.arguments import counted, label, texts
from bot.cards.claims import contradiction
from bot.words import Json, clip, flowing, holds_secret, line, run, suspicious
from graph.law.masking import unexpected_secrets
from graph.law.record import AGENT_FLAG
from graph.law.request import Request

MAX_FLAGS: Final = 5
MAX_LENGTH: Final = 240
_NOT_SHOWN: Final = "looks like a secret, so it isn't shown"


@dataclass(frozen=True, slots=True)
class Flag:
    """One unusual thing; `agent` when only the agent says so."""

    text: str
    agent: bool = False

    def spoken(self) -> str:
        return f"Agent flags: {self.text}" if self.agent else self.text


def flags(request: Request) -> list[Flag]:
    """All flags: deceptive text first, then Gatepost's, then the agent's."""
    given = [_given(text) for text in request.brief.flags if text.strip()]
    return [*_deceptions(request), *sorted(given, key=lambda flag: flag.agent)]


def flag_lines(request: Request) -> list[Json]:
    """The flags as lines of a card; the last line says how many found no room."""
    found = flags(request)
    lines = [_line(flag) for flag in found[:MAX_FLAGS]]
    if len(found) > MAX_FLAGS:
        lines.append(line(run(f"⚠️ {counted(len(found) - MAX_FLAGS, 'more flag')} in Details", bold=True)))
    return lines


def all_shown(request: Request) -> bool:
    """Whether the card shows every flag."""
    return len(flags(request)) <= MAX_FLAGS


def _given(text: str) -> Flag:
    agent = text.startswith(AGENT_FLAG)
    return Flag(clip(flowing(text.removeprefix(AGENT_FLAG)), MAX_LENGTH)[0], agent)


def _line(flag: Flag) -> Json:
    if flag.agent:
        return line(run("⚑ Agent flags: ", bold=True), run(flag.text))
    return line(run("⚠️ ", bold=True), run(flag.text, bold=True))


def _deceptions(request: Request) -> Iterator[Flag]:
    """One flag per argument that could deceive or holds a secret, and one for the agent's words."""
    brief = request.brief
    places = {label(request.form, name): [name, text] for name, text in texts(request).items()}
    unseen = {label(request.form, name) for name in unexpected_secrets(request.form, request.args)}
    places["In the agent's words"] = [brief.rationale, brief.cost_of_delay, *brief.flags]
    for place, written in places.items():
        secret = place in unseen or any(map(holds_secret, written))
        problems = dict.fromkeys(problem for text in written for problem in suspicious(text))
        found = [*([_NOT_SHOWN] if secret else []), *problems]
        if found:
            yield Flag(clip(f"{clip(place, 60)[0]}: {'; '.join(found)}", MAX_LENGTH)[0])
    if contrary := contradiction(request):
        yield Flag(contrary)
