"""From verified bytes to a payload. Parsed once: what was checked is what Bolt gets."""

import json
import re
from typing import Any, Final
from urllib.parse import parse_qsl

from bot.guard.shape import Malformed

MAX_DEPTH: Final = 64
MAX_DIGITS: Final = 24
MAX_FIELDS: Final = 64
JSON_TYPE: Final = "application/json"
FORM_TYPE: Final = "application/x-www-form-urlencoded"
_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[{]|[\]}]', re.DOTALL)


def parse(content_type: str, body: bytes) -> tuple[str, Any]:
    """What kind of payload it is (`interaction`, `event` or `command`) and the payload; or raise `Malformed`."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Malformed("body is not UTF-8") from None
    kind = content_type.partition(";")[0].strip().lower()
    if kind == JSON_TYPE:
        return "event", loads(text)
    if kind != FORM_TYPE:
        raise Malformed("content type")
    fields = _form(text)
    return ("interaction", loads(fields["payload"])) if "payload" in fields else ("command", fields)


def loads(text: str) -> Any:
    """JSON of bounded depth, with numbers of bounded length; or raise `Malformed`."""
    if _depth(text) > MAX_DEPTH:
        raise Malformed("nested too deeply")
    try:
        return json.loads(text, parse_int=_integer, parse_constant=_no_constant)
    except Malformed:
        raise
    except ValueError:
        raise Malformed("not JSON") from None


def depth_of(value: object) -> int:
    """How deep a value parsed elsewhere is nested, counted without recursion and only as far as it matters."""
    level, found = [value], 0
    while level and found <= MAX_DEPTH:
        inner = [item for item in level if isinstance(item, dict | list)]
        level = [each for item in inner for each in (item.values() if isinstance(item, dict) else item)]
        found += bool(inner)
    return found


def _form(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Malformed("too many form fields") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        # Two readers could take different ones.
        raise Malformed("a form field stands twice")
    return fields


def _depth(text: str) -> int:
    """The nesting of brackets outside strings; stops counting where it is too much."""
    deepest = depth = 0
    for token in _TOKEN.finditer(text):
        match token.group()[0]:
            case "[" | "{":
                depth += 1
                deepest = max(deepest, depth)
                if deepest > MAX_DEPTH:
                    break
            case "]" | "}":
                depth -= 1
    return deepest


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise Malformed("a number is too long")
    return int(digits)


def _no_constant(name: str) -> Any:
    raise Malformed("not JSON")
