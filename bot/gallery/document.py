"""The gallery as one HTML document: styles, modules and data inline, so that it opens from a file, without a network.

The sandbox's own page draws it; only what would talk to a server is replaced.
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from bot.gallery.counts import counts
from bot.sandbox.world import World
from bot.words import Json

OWN: Final = Path(__file__).parent / "page"
SANDBOX: Final = Path(__file__).parents[1] / "sandbox" / "page"
STYLES: Final = (SANDBOX / "style.css", SANDBOX / "blocks.css", OWN / "gallery.css")
FIRST: Final = "gallery.js"
_IMPORT: Final = re.compile(r'(\bfrom |\bimport )"\./([\w-]+\.js)"')
_ADDRESS: Final = re.compile(r"url\(([\w-]+\.svg)\)")
_NARROW: Final = re.compile(r"@media \(max-width: ")
_POLICY: Final = "default-src 'none'; script-src 'unsafe-inline' data:; style-src 'unsafe-inline'; img-src data:"

_DOCUMENT: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>Gatepost gallery</title>
<link rel="icon" href="data:,">
<style>{styles}</style>
<script type="application/json" id="shown">{data}</script>
<script type="importmap">{modules}</script>
<script type="module">import "{first}";</script>
</head>
<body class="gallery">
<noscript>This page needs JavaScript; it loads nothing from elsewhere.</noscript>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """One drawing. `payload` is what goes to Slack: `text` and `blocks` of a message, or a view."""

    name: str
    heading: str
    title: str
    payload: Json


def document(shown: Iterable[Shown]) -> str:
    """The whole page; those of one heading have to follow each other."""
    groups = [
        {"title": heading, "items": [_item(each) for each in items]}
        for heading, items in groupby(shown, key=lambda each: each.heading)
    ]
    return _DOCUMENT.format(
        policy=_POLICY,
        styles="\n".join(map(_style, STYLES)),
        data=_inline({"workspace": _workspace(), "groups": groups}),
        modules=_inline({"imports": _modules()}),
        first=FIRST,
    )


def _item(shown: Shown) -> dict[str, Any]:
    return {
        "name": shown.name,
        "title": shown.title,
        "payload": shown.payload,
        "counts": counts(shown.payload)._asdict(),
    }


def _workspace() -> dict[str, Any]:
    """The names behind the ids in the examples, as the sandbox's page learns them."""
    world = World()
    return {
        "team": {"name": world.team_name},
        "app": {"name": world.app_name, "bot_user": world.bot_user},
        "users": [
            {"id": person.id, "name": person.name, "real_name": person.real_name, "color": person.color}
            for person in world.people
        ],
        "channels": [{"id": room.id, "name": room.name} for room in world.rooms],
        "groups": [{"id": group.id, "handle": group.handle, "name": group.name} for group in world.groups],
    }


def _inline(value: Mapping[str, Any]) -> str:
    """JSON that can't end the element it stands in."""
    return json.dumps(value, ensure_ascii=True).replace("<", "\\u003c")


def _style(path: Path) -> str:
    """A style sheet whose pictures are inline, and for which a narrow stage is what a narrow window is elsewhere."""
    text = _ADDRESS.sub(lambda found: f"url({_data('image/svg+xml', SANDBOX / found[1])})", path.read_text("utf-8"))
    return _NARROW.sub("@container (max-width: ", text)


def _modules() -> dict[str, str]:
    """Name → address of every module that the first one leads to; `./` can't be looked up from a data: address."""
    found: dict[str, str] = {}
    waiting = [FIRST]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        source = _source(name)
        waiting += [needed for _, needed in _IMPORT.findall(source)]
        encoded = base64.b64encode(_IMPORT.sub(r'\1"\2"', source).encode()).decode()
        found[name] = f"data:text/javascript;base64,{encoded}"
    return found


def _source(name: str) -> str:
    """The gallery's own module of that name, else the sandbox's."""
    own = OWN / name
    return (own if own.exists() else SANDBOX / name).read_text("utf-8")


def _data(kind: str, path: Path) -> str:
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
