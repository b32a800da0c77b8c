"""What is unusual about a request: Gatepost's flags, the agent's own, and text that could deceive."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bot.cards.arguments import counted, label, written
from bot.words import Json, clip, flowing, line, run, suspicious
from graph.law.request import Request

AGENT_FLAG: Final = "agent: "
"""In `brief.flags`, what the agent flagged itself starts with this; everything else is Gatepost's."""
MAX_FLAGS: Final = 5
MAX_LENGTH: Final = 240


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
        lines.append(line(run(f"⚠ {counted(len(found) - MAX_FLAGS, 'more flag')} in Details", bold=True)))
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
    return line(run("⚠ ", bold=True), run(flag.text, bold=True))


def _deceptions(request: Request) -> Iterator[Flag]:
    """One flag per argument that could deceive, and one for the agent's words."""
    brief = request.brief
    places: dict[str, tuple[str, ...]] = {
        label(request.form, name): (name, written(request.args[name])) for name in request.args
    }
    places["In the agent's words"] = (brief.rationale, brief.cost_of_delay, *brief.flags)
    for place, texts in places.items():
        problems = dict.fromkeys(problem for text in texts for problem in suspicious(text))
        if problems:
            yield Flag(clip(f"{clip(place, 60)[0]}: {'; '.join(problems)}", MAX_LENGTH)[0])
