"""Secrets at rest: AES-256-GCM under a key that the database never sees, each bound to whose it is."""

import base64
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from graph.verbs.ports.stepup import Sealed

_NONCE: Final = 12
_FORMAT: Final = "1:"
_NO_KEY: Final = "One-time codes can't be checked here: set GATEPOST_SECRET_KEY, the same for all processes."
_OTHER_KEY: Final = (
    "This authenticator was set up under another GATEPOST_SECRET_KEY: give all processes that one, or set it up again."
)


class Vault:
    """Seals and opens texts. `key`: any long random text; None: there is none, and both refuse."""

    def __init__(self, key: bytes | None) -> None:
        derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"gatepost authenticators")
        self._cipher = AESGCM(derive.derive(key)) if key else None

    def seal(self, text: str, whose: str) -> str:
        """The text, readable only under this key and as `whose`. Raises `Sealed` without a key."""
        if self._cipher is None:
            raise Sealed(_NO_KEY)
        nonce = os.urandom(_NONCE)
        sealed = self._cipher.encrypt(nonce, text.encode(), whose.encode())
        return _FORMAT + base64.b64encode(nonce + sealed).decode()

    def open(self, sealed: str, whose: str) -> str:
        """The text that was sealed; raises `Sealed` without the key it was sealed under."""
        if self._cipher is None:
            raise Sealed(_NO_KEY)
        try:
            raw = base64.b64decode(sealed.removeprefix(_FORMAT), validate=True)
            return self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], whose.encode()).decode()
        except (InvalidTag, ValueError):
            raise Sealed(_OTHER_KEY) from None
