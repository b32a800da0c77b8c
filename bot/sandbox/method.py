"""One Web API method: its handler, its arguments, its scope; and typed access to the arguments of a call."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.sandbox.wire import Json, SlackError, truthy
from bot.sandbox.workspace import Workspace


class Args(dict[str, Any]):
    def text(self, name: str) -> str:
        """The argument as text; empty when not given."""
        value = self.get(name)
        return "" if value is None else str(value)

    def flag(self, name: str, default: bool = False) -> bool:
        return truthy(self[name]) if self.get(name) is not None else default

    def number(self, name: str, default: int, most: int) -> int:
        raw = self.get(name, default)
        try:
            value = int(raw)
        except (TypeError, ValueError):
            raise SlackError("invalid_arguments", [f"[ERROR] {name} must be an integer"]) from None
        if not 0 <= value <= most:
            raise SlackError("invalid_limit" if name == "limit" else "invalid_arguments")
        return value or default

    def parsed(self, name: str) -> Any:
        """A JSON argument, given as JSON or, in a form, as text holding JSON."""
        value = self.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise SlackError("invalid_arguments", [f"[ERROR] {name} is not JSON"]) from None


# Slack's own clients add team_id to every call.
_EVERYWHERE = ("token", "team_id")
Handler = Callable[[Workspace, Args], Json]


@dataclass(frozen=True)
class Method:
    """`caller`: whose token it wants: `bot`, `app` (the xapp token) or `none`. `scope` None: any token will do."""

    handler: Handler
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    scope: str | None = None
    caller: str = "bot"
    open_ended: bool = False

    def check(self, args: Args) -> None:
        """Unknown arguments are refused: a misspelt one is a bug that Slack would hide."""
        known = {*_EVERYWHERE, *self.required, *self.optional}
        unknown = [] if self.open_ended else sorted(set(args) - known)
        messages = [f"[ERROR] unexpected argument: {name}" for name in unknown]
        messages += [f"[ERROR] missing required field: {name}" for name in self.required if not _given(args, name)]
        if messages:
            raise SlackError("invalid_arguments", messages)


def _given(args: Args, name: str) -> bool:
    return args.get(name) not in (None, "")


def need(workspace: Workspace, scope: str) -> None:
    if scope not in workspace.scopes:
        raise SlackError("missing_scope", needed=scope, provided=",".join(sorted(workspace.scopes)))


def page(items: list[Any], args: Args, *, default: int = 100, most: int = 1000) -> tuple[list[Any], str]:
    """One page and the cursor of the next one, empty at the end."""
    limit = args.number("limit", default, most)
    start = 0
    if cursor := args.text("cursor"):
        try:
            start = int(base64.b64decode(cursor, validate=True).removeprefix(b"next:"))
        except ValueError:
            raise SlackError("invalid_cursor") from None
    more = start + limit < len(items)
    return items[start : start + limit], base64.b64encode(b"next:%d" % (start + limit)).decode() if more else ""
