"""Names under which secrets are kept: `password`, `x-api-key`, `clientSecret`, `DB_PASSWORD_2`."""

import re
from functools import lru_cache
from typing import Final

TYPED: Final = frozenset(
    (
        *("password", "passwd", "pwd", "pw", "passphrase", "passcode", "passwort", "kennwort"),
        *("pin", "otp", "totp", "cvv", "cvc"),
    )
)
"""What people type; also a number is one."""
NAMES: Final = TYPED | {
    *("secret", "token", "credential", "authorization", "cookie", "jwt"),
    *("api key", "access key", "private key", "secret key", "signing key", "encryption key", "account key"),
    *("auth key", "master key", "session key", "ssh key", "service key", "shared key", "deploy key"),
}
_ENDS: Final = ("password", "passwd", "passphrase", "secret", "token", "apikey", "accesskey", "privatekey", "secretkey")
"""How words run together end: `dbpassword`."""
_MANY: Final = frozenset(name.rpartition(" ")[2] for name in NAMES)
_BESIDE: Final = frozenset(
    (
        *("value", "text", "string", "plain", "plaintext", "raw", "hash", "hashed", "encrypted", "base64", "b64"),
        *("old", "new", "current", "confirm", "confirmation", "repeat", "again", "header"),
    )
)
"""What may stand behind such a name."""
_SIGNS: Final = ("pass", "pw", "kennwort", "secret", "token", "credential", "authoriz", "cookie", "jwt", "key")
_SHORTER: Final = ("pin", "otp", "cvv", "cvc")
_SHORT: Final = re.compile(r"(?<![a-z])(?:pin|t?otp|cv[vc])(?![a-z])")
_HUMPS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORDS: Final = re.compile(r"[^a-z0-9]+")
_LONGEST: Final = 200


def mentions(small: str) -> bool:
    """Whether text in small letters may hold such a name: the quick way out."""
    if any(map(small.__contains__, _SIGNS)):
        return True
    return any(map(small.__contains__, _SHORTER)) and _SHORT.search(small) is not None


@lru_cache(maxsize=4096)
def secret_name(name: str) -> bool:
    """Whether what has this name is a secret."""
    *before, last = _words(name)
    pair = f"{before[-1]} {last}" if before else ""
    return last in NAMES or pair in NAMES or last.endswith(_ENDS)


@lru_cache(maxsize=4096)
def typed_name(name: str) -> bool:
    """Whether what has this name is a secret that people type, such as a password or a number."""
    return _words(name)[-1] in TYPED


def _words(name: str) -> list[str]:
    """The name's words in small letters, without what stands behind it; one word at least."""
    small = name.lower()
    if len(name) > _LONGEST or not mentions(small):
        return [""]
    words = [word for word in _WORDS.split(_HUMPS.sub("_", name).lower()) if word] or [""]
    while len(words) > 1 and (words[-1] in _BESIDE or words[-1].isdigit()):
        words.pop()
    last = words[-1].rstrip("0123456789")
    single = last.removesuffix("s")
    return [*words[:-1], single if single in _MANY or last not in NAMES else last]
