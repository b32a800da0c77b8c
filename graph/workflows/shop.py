"""Talking to the shop over HTTP, and saying honestly what each kind of failure means: what all shipped workflows share.

`Refused` is only raised when certainly nothing happened; whatever else goes wrong may have happened.
"""

import os
import ssl
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final
from urllib.parse import quote

import httpx
from httpx import codes

from graph.flow.workflow import Refused, Unreached

TIMEOUT_SECONDS: Final = 5.0
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# What a deed's document has beyond the answer to doing it.
_LATER: Final = frozenset({"key", "undoes", "undone", "undone_at", "detail"})


class ShopTrouble(RuntimeError):
    """The shop broke down or its answer was lost: what was asked of it may have happened."""


class NotThere(Refused):
    """The shop knows no such thing."""


async def get(path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Read a document of the shop."""
    return await _ask("GET", path, params=params)


async def post(path: str, body: Mapping[str, Any], key: str | None = None) -> dict[str, Any]:
    """Have the shop do something; `key` goes out as its Idempotency-Key."""
    return await _ask("POST", path, body=body, headers={"Idempotency-Key": key} if key else {})


async def do(
    domain: str,
    kind: str,
    subject: str,
    title: str,
    *,
    amount: Decimal | None = None,
    currency: str | None = None,
    detail: str = "",
    key: str | None = None,
    reference: str | None = None,
) -> dict[str, Any]:
    """Do something: once per `key` if there is one, to be found again by `reference` if there is one."""
    body: dict[str, Any] = {"domain": domain, "kind": kind, "subject": subject, "title": title, "detail": detail}
    if amount is not None or currency is not None:
        body |= {"amount": None if amount is None else format(amount, ".2f"), "currency": currency}
    if reference is not None:
        body["reference"] = reference
    return await post("/deeds", body, key)


async def find(reference: str) -> dict[str, Any] | None:
    """What `do` answered when it was first called with this reference; None if nothing was done."""
    deeds = (await get("/deeds", {"reference": reference}))["deeds"]
    done = next((deed for deed in deeds if deed["undoes"] is None), None)
    return None if done is None else {name: value for name, value in done.items() if name not in _LATER}


async def undo(deed: str, key: str) -> dict[str, Any]:
    """Undo a deed, once per `key`; refused when it was undone under another one."""
    return await post(f"/deeds/{quote(deed, safe='')}/undo", {}, key)


async def withdrawn(subject: str) -> str | None:
    """None while the subject is open, else the sentence that says since when and why it isn't."""
    found = await get(f"/subjects/{quote(subject, safe='')}")
    if found["open"]:
        return None
    at = datetime.fromisoformat(found["changed_at"])
    reason = str(found["reason"])
    end = "" if reason.endswith((".", "!", "?", "…")) else "."
    return f"{subject} was withdrawn on {at.day} {_MONTHS[at.month - 1]} at {at:%H:%M} UTC: {reason}{end}"


async def _ask(
    method: str,
    path: str,
    *,
    params: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    # Proxies of the environment are left out: the shop is on loopback or in the house.
    async with httpx.AsyncClient(base_url=_url(), timeout=TIMEOUT_SECONDS, verify=_tls(), trust_env=False) as client:
        try:
            response = await client.request(method, path, params=params, json=body, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Unreached("The shop could not be reached.") from error
        except httpx.TransportError as error:
            raise ShopTrouble(f"No answer from the shop ({type(error).__name__}).") from error
    return _read(response)


def _read(response: httpx.Response) -> dict[str, Any]:
    status = response.status_code
    if status == codes.NOT_FOUND:
        raise NotThere(_words(response))
    if response.is_client_error and status != codes.REQUEST_TIMEOUT:
        raise Refused(_words(response))
    if not response.is_success:
        raise ShopTrouble(f"The shop answered {status}: {_words(response)}")
    try:
        return dict(response.json())
    except (ValueError, TypeError) as error:
        raise ShopTrouble("The shop's answer could not be read.") from error


def _words(response: httpx.Response) -> str:
    """The shop's own explanation, kept short: it is shown to people."""
    try:
        said = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        said = response.reason_phrase
    return str(said)[:300] or f"The shop answered {response.status_code}."


def _url() -> str:
    url = os.environ.get("GATEPOST_SHOP_URL", "").strip()
    if not url:
        raise Refused("GATEPOST_SHOP_URL is not set; it says where the shop is, as in http://127.0.0.1:8090.")
    if not url.startswith(("http://", "https://")):
        raise Refused("GATEPOST_SHOP_URL must begin with http:// or https://.")
    return url


@cache
def _tls() -> ssl.SSLContext:
    """Loading the certificates takes longer than asking the shop, so it is done once."""
    return ssl.create_default_context()
