"""What a payload must look like before Bolt or a listener touches it; the same for HTTP and Socket Mode."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

USER_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
MAX_ID: Final = 255
_HERE: Final = ("127.0.0.1", "localhost", "::1")
MAX_TEXT: Final = 40_000
_INTERACTIONS: Final = ("block_actions", "view_submission", "view_closed", "shortcut", "message_action")
_TEXTS: Final = (
    *("team_id", "context_team_id", "enterprise_id", "user_id", "channel_id"),
    *("response_url", "trigger_id", "thread_ts", "callback_id"),
)
_BOLTS_OWN: Final = ("bot_access_token", "function_data", "function_execution_id")

Payload = dict[str, Any]


class Malformed(ValueError):
    """Not what Slack sends; the message names the place, never its content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The workspace this house serves; `enterprise_id` where the app is installed for a whole organisation."""

    team_id: str
    enterprise_id: str | None = None


def check(kind: str, payload: object, home: Home) -> bool:
    """Whether to hand on an `interaction`, `event` or `command`; False: no effect. May raise `Malformed`."""
    if not isinstance(payload, dict):
        raise Malformed("payload is no object")
    _check_common(payload)
    if kind != "command":
        # By this key alone Bolt takes a payload for a slash command.
        payload.pop("command", None)
    return _CHECKS[kind](payload, home)


def _check_common(payload: Payload) -> None:
    """What Bolt reads of every payload, whatever its type."""
    for name in ("team", "enterprise", "user", "channel"):
        _one_of(payload, name, dict, str)
    for name in ("view", "message", "container", "state", "event", "item", "assistant_thread", "previous_message"):
        _one_of(payload, name, dict)
    for name in _TEXTS:
        _one_of(payload, name, str)
    for name in ("authorizations", "response_urls"):
        if not all(isinstance(item, dict) for item in _one_of(payload, name, list) or []):
            raise Malformed(f"{name} holds something else than objects")
    if not _response_url_fits(payload.get("response_url")):
        raise Malformed("response_url is no web address")
    for name in _BOLTS_OWN:
        # A token in a payload would replace ours inside Bolt.
        payload.pop(name, None)
    if payload.get("event") is None:
        payload.pop("event", None)


def _interaction(payload: Payload, home: Home) -> bool:
    kind = payload.get("type")
    if kind not in _INTERACTIONS:
        return False
    _need_user(payload.get("user"))
    if not _from_home(payload, home):
        raise Malformed("another workspace")
    if kind == "block_actions":
        _need_actions(payload.get("actions"))
    elif kind in ("view_submission", "view_closed"):
        _need_view(payload.get("view"), submitted=kind == "view_submission")
    else:
        _text(payload, "callback_id", MAX_ID, required=True)
    return True


def _need_user(user: object) -> None:
    if not isinstance(user, dict) or not isinstance(user.get("id"), str) or not USER_ID.fullmatch(user["id"]):
        raise Malformed("user.id")


def _need_actions(actions: object) -> None:
    if not isinstance(actions, list) or not 1 <= len(actions) <= 25:
        raise Malformed("actions")
    for action in actions:
        if not isinstance(action, dict):
            raise Malformed("actions holds something else than objects")
        _text(action, "action_id", MAX_ID, required=True)
        _text(action, "block_id", MAX_ID)
        _one_of(action, "type", str)


def _need_view(view: object, *, submitted: bool) -> None:
    if not isinstance(view, dict):
        raise Malformed("view")
    _text(view, "callback_id", MAX_ID, required=True)
    _text(view, "type", MAX_ID, required=True)
    _one_of(view, "private_metadata", str)
    for name in ("app_installed_team_id", "team_id", "id"):
        _one_of(view, name, str)
    _one_of(view, "blocks", list)
    values = (_one_of(view, "state", dict) or {}).get("values")
    if submitted and not isinstance(values, dict):
        raise Malformed("view.state.values")


def _event(payload: Payload, home: Home) -> bool:
    kind = payload.get("type")
    if kind == "url_verification":
        _text(payload, "challenge", 1000, required=True)
        return True
    if kind != "event_callback":
        return False
    event = payload.get("event")
    if not isinstance(event, dict):
        raise Malformed("event")
    _text(event, "type", MAX_ID, required=True)
    grants = payload.get("authorizations") or []
    for place in (event, *grants):
        for name in ("user", "channel", "team", "enterprise"):
            _one_of(place, name, dict, str)
        for name in ("team_id", "enterprise_id", "user_id", "channel_id", "thread_ts"):
            _one_of(place, name, str)
    for name in _BOLTS_OWN:
        event.pop(name, None)
    teams = {payload.get("team_id"), payload.get("context_team_id"), *(grant.get("team_id") for grant in grants)}
    if home.team_id not in teams and not _same_enterprise(payload, home):
        raise Malformed("another workspace")
    return True


def _command(payload: Payload, home: Home) -> bool:
    _text(payload, "command", MAX_ID, required=True)
    _text(payload, "text", MAX_TEXT)
    if not isinstance(payload.get("user_id"), str) or not USER_ID.fullmatch(payload["user_id"]):
        raise Malformed("user_id")
    if payload.get("team_id") != home.team_id and not _same_enterprise(payload, home):
        raise Malformed("another workspace")
    return True


def _from_home(payload: Payload, home: Home) -> bool:
    """Ours is the workspace where the app is installed; the person may come from another one."""
    team, user, view = payload.get("team"), payload["user"], payload.get("view") or {}
    if view.get("app_installed_team_id") == home.team_id:
        return True
    if team is None:
        # Installed for an organisation, interactions may name no workspace.
        return user.get("team_id") == home.team_id or _same_enterprise(payload, home)
    found = team.get("id") if isinstance(team, dict) else team
    return bool(found == home.team_id or (found == home.enterprise_id and _same_enterprise(payload, home)))


def _same_enterprise(payload: Payload, home: Home) -> bool:
    enterprise = payload.get("enterprise") or payload.get("enterprise_id")
    found = enterprise.get("id") if isinstance(enterprise, dict) else enterprise
    installed = payload.get("is_enterprise_install") in (True, "true")
    return bool(home.enterprise_id and installed and found == home.enterprise_id)


def _text(place: Payload, name: str, most: int, *, required: bool = False) -> None:
    value = place.get(name)
    if value is None and not required:
        return
    if not isinstance(value, str) or len(value) > most or (required and not value):
        raise Malformed(name)


def _one_of(place: Payload, name: str, *kinds: type) -> Any:
    """The value, which is absent, null or of one of these kinds."""
    value = place.get(name)
    if value is not None and not isinstance(value, kinds):
        raise Malformed(name)
    return value


def _response_url_fits(url: str | None) -> bool:
    if url is None:
        return True
    if len(url) > 2000 or not url.isascii() or not url.isprintable():
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    # Plain http is for a stand-in on this machine only.
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE))


_CHECKS: Final[dict[str, Callable[[Payload, Home], bool]]] = {
    "interaction": _interaction,
    "event": _event,
    "command": _command,
}
ENVELOPES: Final = {"interactive": "interaction", "events_api": "event", "slash_commands": "command"}
"""Socket Mode's names for the same three."""
