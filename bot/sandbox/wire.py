"""What goes over the wire: JSON values, Slack's `{"ok": …}` envelope and its errors as one exception type."""

from __future__ import annotations

import json
import ssl
from collections.abc import Sequence
from functools import cache
from typing import Any

from starlette.responses import JSONResponse

Json = dict[str, Any]


class SlackError(Exception):
    """An answer `{"ok": false, "error": code}`; `messages` land in `response_metadata.messages`."""

    def __init__(self, code: str, messages: Sequence[str] = (), **extra: Any) -> None:
        super().__init__(code, *messages)
        self.code = code
        self.messages = list(messages)
        self.extra = extra

    def body(self) -> Json:
        body: Json = {"ok": False, "error": self.code, **self.extra}
        if self.messages:
            body["response_metadata"] = {"messages": self.messages}
        return body


class ActError(Exception):
    """A person in the sandbox tried something Slack's client would not let them do."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Answer(JSONResponse):
    """JSON in ASCII: what an app posts may hold half a surrogate pair, which UTF-8 cannot carry."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content).encode()


def truthy(value: Any) -> bool:
    """Slack takes booleans as JSON, as `true`/`false` and as `1`/`0`."""
    return value is True or str(value).lower() in {"true", "1"}


@cache
def tls() -> ssl.SSLContext:
    """For every client of the sandbox's: loading the certificates takes longer than most calls."""
    return ssl.create_default_context()
