"""Block Kit as plain dicts: the few shapes that our cards and modals are made of."""

import re
from typing import Final

from bot.ids import encode, ref_of
from bot.words import Json, escape, line, one_line, plain, run, units
from graph.law.request import Request

_URL: Final = re.compile(r"https?://[!-;=?-{}~]{1,2000}", re.ASCII)


def block_id(part: str, request: Request) -> str:
    """Unique on a card and among cards; new with every version."""
    return f"gatepost.{part}.{request.id[-12:]}.{request.version}"


def headline(text: str, part: str, request: Request) -> Json:
    """The decision: a header where it fits, else a section, never cut to fit the header."""
    shown = one_line(text)
    kind = "header" if units(shown) <= 150 else "section"
    return {"type": kind, "block_id": block_id(part, request), "text": plain(shown, 3000)}


def section(text: str) -> Json:
    return {"type": "section", "text": plain(text)}


def mrkdwn(text: str) -> Json:
    """A text of ours; whatever is not ours in it must have been escaped."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def context(*elements: Json) -> Json:
    return {"type": "context", "elements": list(elements)[:10]}


def rich(*lines: Json) -> Json:
    """A rich_text block of lines."""
    return {"type": "rich_text", "elements": list(lines)}


def labelled(label: str, text: str, *, limit: int = 2900) -> Json:
    """A line with a bold label: `Reason  damaged in transit`."""
    return line(run(f"{label} ", bold=True), run(text, limit=limit))


def quote(text: str) -> Json:
    """Text fenced in by a bar: it can pose as nothing else, however many lines it has."""
    return {"type": "rich_text_quote", "elements": [run(text)]}


def argument(label: str, text: str) -> list[Json]:
    """An argument on its line; text of several lines is fenced in as a quote, where it can pose as nothing else."""
    if "\n" not in text:
        return [labelled(label, text)]
    return [line(run(label, bold=True)), quote(text)]


def button(label: str, action_id: str, request: Request, style: str | None = None) -> Json:
    """A button that carries the request's reference and tells a screen reader what it is about."""
    about = plain(f"{label.rstrip('…')}: {request.form.title or request.action_type} ({request.id[-6:]})", 75)
    element: Json = {
        "type": "button",
        "action_id": action_id,
        "text": plain(label, 75),
        "value": encode(ref_of(request)),
        "accessibility_label": about["text"],
    }
    return element | {"style": style} if style else element


def link(label: str, url: str) -> str | None:
    """A mrkdwn link to a card, or None when the address is no plain http(s) one."""
    return f"<{escape(url)}|{label}>" if _URL.fullmatch(url) else None


def permalink(workspace_url: str, channel: str, ts: str) -> str:
    """Where a message is on the web; "" where nobody knows the workspace's address."""
    base = workspace_url.rstrip("/")
    return f"{base}/archives/{channel}/p{ts.replace('.', '')}" if base else ""
