"""Slack's v0 request signature over the raw bytes, with a second secret for the time of a rotation."""

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

WINDOW_SECONDS: Final = 300
_TIMESTAMP: Final = re.compile(rb"[0-9]{1,12}")
_SIGNATURE: Final = re.compile(rb"v0=[0-9a-f]{64}")

Headers = Iterable[tuple[bytes, bytes]]


class BadSignature(Exception):
    """Not signed as Slack signs; the message is a short reason without anything of the request in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """The secrets that count: `previous` until `previous_until` (Unix time; None: as long as it is configured)."""

    current: str
    previous: str | None = None
    previous_until: float | None = None

    def verify(self, headers: Headers, body: bytes, now: float) -> None:
        """Raise `BadSignature` unless one of the secrets signed exactly these bytes within five minutes."""
        stamp = _only(headers, b"x-slack-request-timestamp")
        if not _TIMESTAMP.fullmatch(stamp):
            raise BadSignature("timestamp is not a number")
        if abs(now - int(stamp)) > WINDOW_SECONDS:
            raise BadSignature("timestamp is too old or too new")
        given = _only(headers, b"x-slack-signature")
        if not _SIGNATURE.fullmatch(given):
            raise BadSignature("signature is not of version v0")
        signed = b"v0:" + stamp + b":" + body
        if not any(hmac.compare_digest(_sign(secret, signed), given) for secret in self._secrets(now)):
            raise BadSignature("signature does not fit")

    def _secrets(self, now: float) -> list[str]:
        live = self.previous and (self.previous_until is None or now < self.previous_until)
        return [self.current, self.previous] if live and self.previous else [self.current]


def _only(headers: Headers, name: bytes) -> bytes:
    found = [value for key, value in headers if key.lower() == name]
    if len(found) != 1:
        raise BadSignature(f"{name.decode()} is missing" if not found else f"{name.decode()} stands twice")
    return found[0]


def _sign(secret: str, signed: bytes) -> bytes:
    return b"v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()
