"""Talking to the shop over HTTP, and saying honestly what each kind of failure means.

`Refused` is only raised when certainly nothing happened; whatever else goes wrong may have happened.
"""

import os
import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import quote

import httpx
from httpx import codes

from graph.flow.workflow import Refused

TIMEOUT_SECONDS: Final = 5.0


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


async def case_of(case_id: str) -> dict[str, Any]:
    """The refund case as the shop knows it now."""
    return await get(f"/cases/{quote(case_id, safe='')}")


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
            raise Refused("The shop could not be reached.") from error
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
