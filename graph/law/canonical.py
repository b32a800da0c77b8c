"""Canonical bytes of an action and their digest: one action, one byte string, one digest.

Rules after RFC 8785 (sorted keys, no white space, UTF-8), narrowed to what can be stored and shown
faithfully: no floats (amounts are strings), no integers beyond 2^53, no NUL, no lone surrogates.
"""

import hashlib
import json
from typing import Any, Final

MAX_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 16
MAX_INTEGER: Final = 2**53


class Unfaithful(ValueError):
    """A value that can't be stored, hashed or shown exactly as it was given; the message names the place."""


def canonical_text(value: object) -> str:
    """Return the canonical JSON text of `value`; raise `Unfaithful` naming the offending place."""
    _check(value, "$", 0)
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if len(text.encode()) > MAX_BYTES:
        raise Unfaithful(f"the action is larger than {MAX_BYTES // 1024} KiB; pass large content by reference")
    return text


def digest(text: str) -> str:
    """SHA-256 of the canonical text, 64 lower-case hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def strict_loads(text: str) -> Any:
    """Parse JSON, refusing duplicate keys, NaN/Infinity and absurd nesting (raises `Unfaithful`)."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError:
        raise Unfaithful("the JSON is nested too deeply") from None
    except ValueError as error:
        raise Unfaithful(f"not valid JSON: {error}") from None


def storable(text: str) -> bool:
    """Whether PostgreSQL and Slack can hold the text: no NUL, no lone surrogate."""
    return "\0" not in text and not any(0xD800 <= ord(c) <= 0xDFFF for c in text)


def _check(value: object, place: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise Unfaithful(f"{place}: nested deeper than {MAX_DEPTH} levels")
    match value:
        case None | bool():
            return
        case str():
            if not storable(value):
                raise Unfaithful(f"{place}: holds a NUL or a lone surrogate")
        case int():
            if abs(value) > MAX_INTEGER:
                raise Unfaithful(f"{place}: integers beyond 2^53 lose digits; use a string")
        case float():
            raise Unfaithful(f"{place}: floats don't survive JSON exactly; use a decimal string")
        case dict():
            for key, item in value.items():
                if not isinstance(key, str) or not storable(key):
                    raise Unfaithful(f"{place}: keys must be plain text")
                _check(item, f"{place}.{key}", depth + 1)
        case list() | tuple():
            for index, item in enumerate(value):
                _check(item, f"{place}[{index}]", depth + 1)
        case _:
            raise Unfaithful(f"{place}: {type(value).__name__} has no canonical form")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise Unfaithful(f"the key {key!r} stands twice")
        found[key] = value
    return found


def _no_constant(name: str) -> Any:
    raise Unfaithful(f"{name} is not a JSON number")
