"""Slack's Web API with its errors as types. It never retries: a call whose answer was lost may have acted."""

import ipaddress
import json
import logging
from collections.abc import Awaitable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

DEFAULT_URL: Final = "https://slack.com/api/"
TIMEOUT_SECONDS: Final = 8.0
LONGEST_WAIT: Final = 900

_POST: Final = "chat.postMessage"
_NO_UNFURLING: Final = {"unfurl_links": False, "unfurl_media": False}
"""Whoever writes an address into a text could otherwise make Slack fetch it, with all that it says."""
_GONE: Final = frozenset(
    ("channel_not_found", "is_archived", "message_not_found", "is_inactive", "user_disabled", "cannot_dm_bot")
)
_NOT_IN: Final = frozenset(("not_in_channel", "restricted_action"))
_AUTH: Final = frozenset(
    (
        *("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"),
        *("no_permission", "org_login_required", "ekm_access_denied", "not_allowed_token_type", "access_denied"),
    )
)
_TRANSIENT: Final = frozenset(
    ("internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org")
)


class SlackProblem(Exception):
    """Slack did not do what was asked. `code` is Slack's own word for it, or ours for trouble on the way."""

    def __init__(self, code: str, method: str = "", detail: str = "") -> None:
        super().__init__(f"{method}: {code}{f' ({detail})' if detail else ''}")
        self.code, self.method = code, method


class RateLimited(SlackProblem):
    """Nothing happened; ask again after `retry_after` seconds."""

    def __init__(self, method: str, retry_after: int) -> None:
        super().__init__("ratelimited", method)
        self.retry_after = retry_after


class Gone(SlackProblem):
    """The channel, person or message isn't there any more (or never was, for us)."""


class NotInChannel(SlackProblem):
    """The bot has to be invited first."""


class AuthProblem(SlackProblem):
    """The token is no good; nothing will work until an operator mends it."""


class Transient(SlackProblem):
    """The answer was lost or the server failed: it may have happened all the same, if the call `reached` Slack."""

    def __init__(self, code: str, method: str = "", *, reached: bool = True) -> None:
        super().__init__(code, method)
        self.reached = reached


class Refused(SlackProblem):
    """Slack refuses this call; the same call will be refused again."""


class Slack:
    """One token's Web API over one HTTP session. `web` is the SDK's client underneath."""

    def __init__(self, token: str, base_url: str = DEFAULT_URL, *, timeout: float = TIMEOUT_SECONDS) -> None:
        logger = logging.getLogger("gatepost.slack_sdk")
        # With an unset level the SDK prepares debug lines with arguments and bodies for every call.
        logger.setLevel(logging.WARNING)
        self.base_url = base_url.rstrip("/") + "/"
        self.web = AsyncWebClient(
            token=token, base_url=self.base_url, timeout=int(timeout), retry_handlers=[], logger=logger
        )
        if is_loopback(self.base_url):
            self.web.proxy = None
        self._timeout = aiohttp.ClientTimeout(total=timeout)

    async def read(self, method: str, **params: Any) -> Mapping[str, Any]:
        """Call a method that only looks; those take no JSON."""
        self._session()
        return await _translated(method, self.web.api_call(method, http_verb="GET", params=_given(params)))

    async def write(self, method: str, **body: Any) -> Mapping[str, Any]:
        """Call a method that changes something. No message is posted whose links Slack would follow."""
        self._session()
        sent = {**body, **_NO_UNFURLING} if method == _POST else body
        return await _translated(method, self.web.api_call(method, json=_given(sent)))

    async def respond(self, response_url: str, message: Mapping[str, Any]) -> None:
        """Answer through a response_url: five times in thirty minutes. The URL is a capability: never log it."""
        try:
            async with self._session().post(
                response_url, json={**message, **_NO_UNFURLING}, allow_redirects=False, proxy=self._proxy(response_url)
            ) as answer:
                status, retry_after = answer.status, answer.headers.get("Retry-After")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Transient(type(error).__name__, "response_url") from None
        if status == 429:
            raise RateLimited("response_url", _seconds(retry_after))
        if status >= 500:
            raise Transient(f"http_{status}", "response_url")
        if status in (404, 410):
            raise Gone(f"http_{status}", "response_url")
        if status >= 300:
            raise Refused(f"http_{status}", "response_url")

    async def close(self) -> None:
        """Close the session; the next call would open another."""
        if self.web.session is not None:
            await self.web.session.close()

    def _session(self) -> aiohttp.ClientSession:
        if self.web.session is None or self.web.session.closed:
            self.web.session = aiohttp.ClientSession(timeout=self._timeout)
        return self.web.session

    def _proxy(self, url: str) -> str | None:
        return None if is_loopback(url) else self.web.proxy


def is_loopback(url: str) -> bool:
    """Whether the URL leads to this machine (and nowhere a proxy could reach)."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _given(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}


async def _translated(method: str, call: Awaitable[AsyncSlackResponse]) -> Mapping[str, Any]:
    try:
        response = await call
    except SlackApiError as error:
        raise _problem(method, error) from None
    except (SlackClientError, aiohttp.ClientError, json.JSONDecodeError, TimeoutError, OSError) as error:
        reached = not isinstance(error, aiohttp.ClientConnectorError)
        raise Transient(type(error).__name__, method, reached=reached) from None
    except AttributeError:
        # The SDK's own check of a 200 whose body is text: some proxy answered, not Slack.
        raise Transient("not_json", method) from None
    return response.data if isinstance(response.data, dict) else {}


def _problem(method: str, error: SlackApiError) -> SlackProblem:
    response: Any = error.response
    status = int(getattr(response, "status_code", None) or getattr(response, "status", None) or 0)
    headers = getattr(response, "headers", None) or {}
    data = getattr(response, "data", None)
    body: Mapping[str, Any] = data if isinstance(data, dict) else {}
    code = str(body.get("error") or f"http_{status}")
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return RateLimited(method, _seconds(headers.get("Retry-After")))
    if status >= 500 or not body or code in _TRANSIENT:
        return Transient(code, method)
    for kind, codes in ((Gone, _GONE), (NotInChannel, _NOT_IN), (AuthProblem, _AUTH)):
        if code in codes:
            return kind(code, method)
    return Refused(code, method, _detail(body))


def _detail(body: Mapping[str, Any]) -> str:
    """What Slack says is wrong with the arguments, or the scope it wants: names and places, no values of ours."""
    messages = (body.get("response_metadata") or {}).get("messages") or body.get("errors") or []
    said = "; ".join(str(message) for message in messages[:3]) if isinstance(messages, list) else ""
    return (str(body.get("needed") or "") or said)[:300]


def _seconds(retry_after: object) -> int:
    try:
        return min(LONGEST_WAIT, max(1, int(float(str(retry_after)))))
    except (ValueError, OverflowError):
        return 1
