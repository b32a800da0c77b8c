"""Secrets in text: passwords, keys and tokens are found by how they look or by what stands before them.

What is shown instead says how long the secret is, and of one that a machine made (whose hash tells nobody
anything) the first eight digits of its SHA-256, so that two can be told apart and one be compared with a vault's.
A person's password gets no hash: it could be guessed from it.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import starmap
from typing import Final

from graph.law.remembering import remembered
from graph.law.secret_names import mentions, secret_name, typed_name
from graph.law.unmarked import unmarked

MARK: Final = "⟦secret"
"""How whatever stands in a secret's place begins."""
_INSTEAD: Final = re.compile(r"⟦secret: \d+ characters?(?:, sha256 [0-9a-f]{8})?⟧", re.ASCII)
_SHORTEST: Final = 24
_DIGITS: Final = 4
_ROUNDS: Final = 4
_SEPARATE: Final = ("is", "was")
_NOTHING: Final = frozenset(("none", "null", "nil", "true", "false", "yes", "no", "undefined", "empty", "missing"))


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Where a secret stands in a text: `[start, end)`."""

    start: int
    end: int


def _anywhere(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


def _alone(pattern: str) -> re.Pattern[str]:
    """Where no word goes on into it: its first characters also stand inside honest words."""
    return _anywhere(rf"(?<![A-Za-z0-9])(?:{pattern})")


_FORMATS: Final = (
    (("xox", "xapp-"), _anywhere(r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{8,}|xapp-\d-[A-Za-z0-9-]{8,}")),
    (("hooks.slack.com/",), _anywhere(r"(?<=hooks\.slack\.com/)[a-z]+/[A-Za-z0-9/_-]{10,}")),
    (("akia", "asia", "abia", "acca"), _alone(r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])")),
    (("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), _anywhere(r"gh[pousr]_[A-Za-z0-9_]{20,}")),
    (("github_pat_", "glpat-"), _anywhere(r"github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_.-]{16,}")),
    (("sk-",), _alone(r"sk-(?=[A-Za-z_-]{0,60}[0-9])[A-Za-z0-9_-]{20,}")),
    (("_live_", "_test_"), _anywhere(r"[sr]k_(?:live|test)_[A-Za-z0-9]{10,}")),
    (("whsec_", "npm_", "hf_"), _anywhere(r"whsec_[A-Za-z0-9+/=]{16,}|npm_[A-Za-z0-9]{30,}|hf_[A-Za-z0-9]{30,}")),
    (("aiza", "ya29.", "gocspx-"), _anywhere(r"AIza[\w-]{30,}|ya29\.[\w-]{16,}|GOCSPX-[\w-]{16,}")),
    (("sg.",), _alone(r"SG\.[\w-]{16,}\.[\w-]{16,}")),
    (
        ("pypi-", "dop_v1_", "shp"),
        _anywhere(r"pypi-[\w-]{40,}|dop_v1_[a-f0-9]{40,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{30,}"),
    ),
    (("age-secret-key-",), _anywhere(r"AGE-SECRET-KEY-1[0-9A-Z]{30,}")),
    (("eyj",), _alone(r"eyJ(?:(?<![_-]eyJ)[\w-]{6,}|[\w-]{6,200})\.[\w-]{6,}(?:\.[\w-]*){0,3}")),
    (
        ("private key",),
        re.compile(
            r"(?<!-)-{2,}+BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-{2,}+"
            r".*?(?:(?<!-)-{2,}+END [A-Z0-9 ]{0,60}-{2,}|\Z)",
            re.S,
        ),
    ),
)
"""Formats of well-known makers, each behind what the text must hold, in small letters, for a search to be worth it."""
_SIGNS: Final = tuple(sign for signs, _ in _FORMATS for sign in signs)
_SCHEME: Final = re.compile(r"(?<![A-Za-z0-9])([Bb]earer|[Bb]asic)\s{1,3}([A-Za-z0-9._~+/=-]{6,})", re.ASCII)
_IN_URL: Final = re.compile(r"://[^\s/:@\"'<>]{0,200}:([^\s/\"'<>]{1,200})@")
_IN_SOURCE: Final = re.compile(
    r"(?:sql|db|postgres|redis|amqp|srv)s?(?:\+[a-z0-9]{1,20})?://[^\s/:@\"'<>]{0,200}:([^\s\"'<>]{1,200})@"
)
"""The address of a database, in whose password a slash may stand unescaped."""
_NAMED: Final = re.compile(
    r"(?<![A-Za-z0-9_.-])([A-Za-z][A-Za-z0-9_.-]{0,60})(\\?[\"'])?(\s{0,3}(?::=|=>|=|:)|\s{1,3}(?:is|was)(?=\s))(\s{0,3})"
)
_FLAG: Final = re.compile(r"(?<!\S)--?([A-Za-z][A-Za-z0-9_-]{1,40})[ \t]{1,3}(?=\S)")
_LOGIN: Final = re.compile(r"(?<!\S)(?:-u|--user)[ \t=]{1,3}[\"']?[^\s:\"']{1,100}:([^\s\"']+)")
_TAGGED: Final = re.compile(r"<([A-Za-z][\w.:-]{0,60})(?:\s[^<>]{0,200})?>([^<]{1,4000})</")
_QUOTED: Final = {
    '"': re.compile(r"((?:\\.|[^\"\\\n])*)\""),
    "'": re.compile(r"((?:\\.|[^'\\\n])*)'"),
    '\\"': re.compile(r"((?:(?!\\\")[^\n])*)\\\""),
    "\\'": re.compile(r"((?:(?!\\')[^\n])*)\\'"),
}
_OPENING: Final = re.compile(r"\\?[\"']")
_BARE: Final = re.compile(r"[^\s\"'⟦⟧;]+")
_PARAMETER: Final = re.compile(r"[^\s\"'⟦⟧&#;]+")
_ENDS: Final = {"?": _PARAMETER, "&": _PARAMETER, ";": re.compile(r"[^\n\"'⟦⟧;]+")}
"""How far a value goes: in an address, and in a list of settings, where it may hold spaces."""
_AUTHORIZED: Final = re.compile(r"(?:bearer|basic|digest|negotiate|token|apikey)\s{1,3}(?=\S)", re.I)
_REST_OF_LINE: Final = re.compile(r"[^\n\"'⟦⟧]+")
_CONTEXTS: Final = ("://", "bearer", "basic", "-u", "--user")
_END: Final = re.compile(r"[ .,;)]*(?:\n|\Z)")
_COOKIE: Final = re.compile(r"[\w!#$%&*+.^`|~-]{1,100}=[^\s;\"'⟦⟧]")
_HEAD: Final = 400
"""As much of a value, in characters, tells what it is; in Base64 no quantum is torn."""


@remembered
def redacted(text: str) -> str:
    """The text with every secret in it replaced by what may be said of it; idempotent."""
    for _ in range(_ROUNDS):
        found = secrets(text)
        if not found:
            break
        # What stood against a secret may be one by itself now.
        text = cut(text, found)
    return text


def cut(text: str, spans: Sequence[Span]) -> str:
    """The text with what stands at these places replaced."""
    if not spans:
        return text
    parts, reached = [], 0
    for span in spans:
        parts += [text[reached : span.start], instead(text[span.start : span.end])]
        reached = span.end
    return "".join([*parts, text[reached:]])


def instead(secret: str) -> str:
    """`⟦secret: 40 characters, sha256 1a2b3c4d⟧`; without the hash where a person may have made it up."""
    counted = f"{len(secret)} character" + ("" if len(secret) == 1 else "s")
    if not made_by_machine(secret):
        return f"{MARK}: {counted}⟧"
    return f"{MARK}: {counted}, sha256 {hashlib.sha256(secret.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}⟧"


def is_instead(text: str) -> bool:
    """Whether this already is what stands in a secret's place."""
    return _INSTEAD.fullmatch(text) is not None


def made_by_machine(secret: str) -> bool:
    """Whether nobody could guess it: long, and digits and letters are mixed as no person mixes them."""
    if len(secret) < _SHORTEST:
        return False
    digits, letters = (sum(map(kind, secret)) for kind in (str.isdigit, str.isalpha))
    return digits >= _DIGITS and letters >= _DIGITS and len(set(secret)) >= _SHORTEST // 2


def secrets(text: str) -> list[Span]:
    """Where secrets stand, in order, none touching another."""
    small = text.lower()
    found = [*_formats(text, small), *_by_context(text, small)] if _worth_it(small) else []
    return merged([*found, *starmap(Span, unmarked(text))])


def merged(spans: Iterable[Span]) -> list[Span]:
    """The spans in order, with those made one that touch."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return found


def _worth_it(small: str) -> bool:
    """Whether text in small letters may hold a secret: the quick way out."""
    return any(map(small.__contains__, _CONTEXTS)) or any(map(small.__contains__, _SIGNS)) or mentions(small)


def _formats(text: str, small: str) -> Iterator[Span]:
    for signs, pattern in _FORMATS:
        if any(sign in small for sign in signs):
            for match in pattern.finditer(text):
                yield Span(*match.span())


def _by_context(text: str, small: str) -> Iterator[Span]:
    if "://" in small:
        yield from _groups(_IN_URL, text, 1)
        yield from _groups(_IN_SOURCE, text, 1)
    if "bearer" in small or "basic" in small:
        found = _SCHEME.finditer(text)
        yield from (Span(*match.span(2)) for match in found if _credentials(match[1], match[2]))
    if not mentions(small):
        yield from _groups(_LOGIN, text, 1) if "-u" in small else ()
        return
    words = _Words(text)
    yield from _assigned(words)
    yield from _groups(_LOGIN, text, 1)
    for match in _FLAG.finditer(text):
        if secret_name(match[1]) and not text.startswith(MARK, match.end()):
            yield from words.at(match.end())
    for match in _TAGGED.finditer(text):
        if secret_name(match[1]) and MARK not in match[2]:
            yield Span(*match.span(2))


def _groups(pattern: re.Pattern[str], text: str, group: int) -> Iterator[Span]:
    """Where the pattern's group stands, unless something stands there in a secret's place."""
    for match in pattern.finditer(text):
        if MARK not in match[group]:
            yield Span(*match.span(group))


@dataclass(frozen=True, slots=True)
class _Words:
    """A text's words, each read to its end once, however many names point into it."""

    text: str
    read: dict[re.Pattern[str], tuple[Span, int]] = field(default_factory=dict)
    """By how far a word may go: where the last one stands, and where it ends without punctuation."""

    def at(self, at: int, pattern: re.Pattern[str] = _BARE) -> Iterator[Span]:
        """The word that begins here, without the punctuation that ends it."""
        opened = _OPENING.match(self.text, at)
        start = opened.end() if opened else at
        word, end = self.read.get(pattern, (Span(0, 0), 0))
        if not word.start <= start < word.end:
            found = pattern.match(self.text, start)
            if found is None:
                return
            word, end = Span(*found.span()), start + len(found[0].rstrip(" ,.)]}>\\"))
            self.read[pattern] = word, end
        if start < end:
            yield Span(start, end)

    def head(self, span: Span) -> str:
        """How what stands there begins."""
        return self.text[span.start : min(span.end, span.start + _HEAD)]


def _assigned(words: _Words) -> Iterator[Span]:
    """What names of secrets are given: `password=…`, `"token": "…"`, `Authorization: Bearer …`."""
    text = words.text
    for match in _NAMED.finditer(text):
        name, at = match[1], match.end()
        if not secret_name(name) or text.startswith(MARK, at) or text.startswith("⟦", match.start() - 1):
            continue
        opened = _OPENING.match(text, at)
        if opened and (quoted := _QUOTED[opened[0]].match(text, opened.end())):
            if quoted[1].strip() and not quoted[1].startswith(MARK):
                yield Span(*quoted.span(1))
            continue
        last = name.lower().rpartition("-")[2]
        if last == "cookie" and match[3].strip() == ":":
            yield from _cookies(words, at)
        elif last == "authorization":
            yield from _authorization(words, at)
        else:
            yield from _value(words, match)


def _authorization(words: _Words, at: int) -> Iterator[Span]:
    scheme = _AUTHORIZED.match(words.text, at)
    for span in words.at(scheme.end() if scheme else at):
        value = words.head(span)
        if (scheme and scheme[0].lower().startswith("bearer")) or _likely(value) or _pair(value):
            yield span


def _cookies(words: _Words, at: int) -> Iterator[Span]:
    if _COOKIE.match(words.text, at):
        yield from words.at(at, _REST_OF_LINE)


def _value(words: _Words, named: re.Match[str]) -> Iterator[Span]:
    """An unquoted value: for sure where nothing stands between, else where it looks like one or ends its line."""
    operator = named[3].strip()
    apart = bool(named[4]) or operator in _SEPARATE
    before = words.text[named.start() - 1 : named.start()]
    for span in words.at(named.end(), _ENDS.get(before, _BARE)):
        value = words.head(span)
        if value.lower() in _NOTHING or not value.strip("*•.x-") or (value.isdecimal() and not typed_name(named[1])):
            continue
        if not apart or _likely(value) or (operator not in _SEPARATE and _alone_on_line(words.text, named[1], span)):
            yield span


def _alone_on_line(text: str, name: str, span: Span) -> bool:
    """Whether nothing follows on the line what people type as this."""
    return typed_name(name) and _END.match(text, span.end) is not None


def _credentials(scheme: str, value: str) -> bool:
    """Whether this is a credential and not the rest of a sentence about bearers or basics."""
    if scheme.lower() == "basic":
        return _pair(value)
    return _likely(value) or (len(value) > 7 and any(char.isupper() for char in value[1:]))


def _likely(value: str) -> bool:
    """Whether a word looks made up: letters and digits in one."""
    return len(value) > 5 and any(map(str.isdigit, value)) and any(map(str.isalpha, value))


def _pair(value: str) -> bool:
    """Whether this is `user:password` in Base64."""
    try:
        return b":" in base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
