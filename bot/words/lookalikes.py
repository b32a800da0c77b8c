"""What about a text could deceive its reader: hidden characters, and letters, digits and signs that pose as others."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Final

from bot.words.characters import clear, scan, visible
from bot.words.shape import clip
from graph.law.remembering import remembered

_LETTERS: Final = re.compile(r"[^\W\d_]+")
_NAMES: Final = re.compile(r"[\w.-]+")
_NUMBERS: Final = re.compile(r"\d[\d.,]*")
_ENDING: Final = re.compile(r"[a-zA-Z]{2,24}", re.ASCII)
_PUNYCODE: Final = re.compile(r"(?<![A-Za-z0-9-])xn--[A-Za-z0-9-]{1,59}", re.I | re.ASCII)
_TOGETHER: Final = frozenset(("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC", "HANGUL")) | {
    "BOPOMOFO",
    "MICRO",
    "FEMININE",
    "MASCULINE",
}
"""Scripts that honest words mix with Latin letters, and Latin letters that Unicode names otherwise."""
_DIGITS_OF: Final = {"ARABIC-INDIC": "ARABIC", "EXTENDED": "ARABIC"}
"""Digits that are named otherwise than the letters beside which they stand."""
_LEAST: Final = 3
"""Shorter words of another script look like Latin ones by chance."""
_STYLED: Final = ("<font>", "<wide>", "<circle>", "<compat>")


def _table(*rows: tuple[str, str]) -> dict[str, str]:
    return {theirs: ours for row in rows for theirs, ours in zip(*row, strict=True)}


_POSING: Final = _table(
    ("асԁеһіјӏорԛѕуѵԝх", "acdehijlopqsyvwx"),
    ("АВСЕԌНІЈКМОРЅТУѴԜХҮӀ", "ABCEGHIJKMOPSTYVWXYI"),
    ("ονριγϲϳ", "ovpiycj"),
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX"),
    ("օսհյո", "ouhjn"),
    ("ᎪᏴᏟᎠᎬᏀᎻᎫᏦᏞᎷᏢᏒᏚᎢᏙᎳᏃ", "ABCDEGHJKLMPRSTVWZ"),
    ("ꓮꓐꓚꓓꓰꓝꓖꓧꓲꓙꓗꓡꓟꓠꓳꓑꓣꓢꓔꓴꓦꓪꓫꓬꓜ", "ABCDEFGHIJKLMNOPRSTUVWXYZ"),
)
"""Letters of other scripts that nobody can tell from Latin ones: Cyrillic, Greek, Armenian, Cherokee, Lisu."""
_ODD_LATIN: Final = _table(("ɑɡɩǀᴏᴄᴠᴡᴢꜱɪʀʏꞁ", "agilocvwzsiryl"))
"""Letters of phonetics and small capitals."""
_SIGNS: Final = _table(("․。．⁄∕⧸／꞉ː：∶＠﹫？＃", ".../" + "///" + "::::" + "@@?#"))
_SIGN_IN_NAME: Final = re.compile("[A-Za-z][{0}][A-Za-z0-9]|[A-Za-z0-9][{0}][A-Za-z]".format("".join(_SIGNS)))


def suspicious(text: str) -> list[str]:
    """What about the text could deceive a reader, one short phrase each."""
    return list(_deceptions(text))


@remembered
def _deceptions(text: str) -> tuple[str, ...]:
    if text.isascii() and clear(text):
        return tuple(_encoded(text))
    found = [each for look in _LOOKS for each in look(text)]
    odd = "accents in an unusual form (not NFC): it may only look like another text"
    return tuple(found) if unicodedata.is_normalized("NFC", text) else (*found, odd)


def _hidden_characters(text: str) -> Iterator[str]:
    text = text.replace("\r\n", "\n")
    scanned = () if clear(text) else scan(text)
    found = dict.fromkeys(f"U+{ord(char):04X}" for char, hidden in scanned if hidden)
    if found:
        yield "hidden characters: " + _few(found)


def _mixed(text: str) -> Iterator[str]:
    for word in _foreign(text):
        scripts = {_script(char) for char in word if char.isalpha()} - _TOGETHER
        if len(scripts) > 1:
            named = " and ".join(sorted(script.capitalize() for script in scripts))
            yield f"“{_short(word)}” mixes {named} letters"
            return


def _posing(text: str) -> Iterator[str]:
    """A word wholly of another script that reads as a Latin one, where nothing else is in that script."""
    others = {char for char in set(text) if char.isalpha() and not char.isascii() and char not in _POSING}
    honest = {_script(char) for char in others}
    for word in _foreign(text):
        read = _read(word, _POSING)
        if read is not None and len(word) >= _LEAST and _script(word[0]) not in honest:
            yield f"“{_short(word)}” reads as “{_short(read)}” but is {_script(word[0]).capitalize()}"
            return


def _styled(text: str) -> Iterator[str]:
    """Letters and digits that are others in disguise: mathematical, full width, phonetic."""
    wide = not _eastern(text)
    for word in _words(text):
        read = "".join(_plain(char, wide=wide) for char in word)
        if read != word:
            yield f"“{_short(word)}” reads as “{_short(read)}” but is written with other characters"
            return


def _numbers(text: str) -> Iterator[str]:
    for number in dict.fromkeys(found for found in _NUMBERS.findall(text) if not found.isascii()):
        scripts = {_script(char) for char in number if char.isdecimal()} - {"FULLWIDTH", "MATHEMATICAL"}
        written = {_script(char) for char in set(text) if char.isalpha()} | {"DIGIT"}
        scripts = {_DIGITS_OF.get(script, script) for script in scripts}
        if scripts and (len(scripts) > 1 or not scripts & written):
            named = " and ".join(sorted("ordinary" if script == "DIGIT" else script.capitalize() for script in scripts))
            read = "".join(str(unicodedata.decimal(char, char)) for char in number)
            yield f"“{_short(number)}” is {_short(read)} in {named} digits"
            return


def _signs(text: str) -> Iterator[str]:
    """A dot, slash or colon that is none, inside what looks like an address."""
    eastern = _eastern(text)
    for match in _SIGN_IN_NAME.finditer(text):
        sign = match[0][1]
        if not (eastern and unicodedata.decomposition(sign).startswith("<wide>")):
            yield f"“{sign}” (U+{ord(sign):04X}) in “{match[0]}” poses as “{_SIGNS[sign]}”"
            return


def _domains(text: str) -> Iterator[str]:
    for name in _NAMES.findall(text):
        _, dot, ending = name.rpartition(".")
        if dot and not name.isascii() and _ENDING.fullmatch(ending):
            yield f"“{clip(visible(name), 60)[0]}” is really {_punycode(name)}"
            return


def _encoded(text: str) -> Iterator[str]:
    """A name in the form in which browsers may show it otherwise."""
    for match in _PUNYCODE.finditer(text):
        try:
            read = match[0][4:].encode().decode("punycode")
        except UnicodeError:
            continue
        if read and not read.isascii():
            yield f"“{_short(match[0])}” may be shown elsewhere as “{_short(read)}”"
            return


_LOOKS: Final[tuple[Callable[[str], Iterator[str]], ...]] = (
    _hidden_characters,
    _mixed,
    _posing,
    _styled,
    _numbers,
    _signs,
    _domains,
    _encoded,
)


def _punycode(name: str) -> str:
    return clip(".".join(map(_ascii_label, name.split("."))), 80)[0]


def _ascii_label(label: str) -> str:
    return label if label.isascii() else "xn--" + label[:63].encode("punycode", "replace").decode()


def _words(text: str) -> Iterable[str]:
    """Different words and numbers that aren't plain ASCII."""
    return dict.fromkeys(word for word in re.findall(r"\w+|[Ⓐ-ⓩ]+", text) if not word.isascii())


def _foreign(text: str) -> Iterable[str]:
    """Different words of letters that aren't plain ASCII."""
    return dict.fromkeys(word for word in _LETTERS.findall(text) if not word.isascii())


def _read(word: str, table: dict[str, str]) -> str | None:
    """How the word reads, if each of its letters poses as another."""
    return "".join(map(table.__getitem__, word)) if all(char in table for char in word) else None


@lru_cache(maxsize=4096)
def _plain(char: str, *, wide: bool) -> str:
    """The letter or digit that this one is in disguise; itself when it is none."""
    if char.isascii():
        return char
    if char in _ODD_LATIN:
        return _ODD_LATIN[char]
    kind = unicodedata.decomposition(char).partition(" ")[0]
    plainly = unicodedata.normalize("NFKC", char)
    styled = kind in _STYLED and (wide or kind != "<wide>")
    return plainly if styled and len(plainly) == 1 and plainly.isascii() and plainly.isalnum() else char


@lru_cache(maxsize=4096)
def _script(char: str) -> str:
    return unicodedata.name(char, "UNNAMED").split(" ")[0]


def _eastern(text: str) -> bool:
    """Whether there are letters of those who write Latin ones in full width."""
    return any(_script(char) in _TOGETHER for char in set(text) if char > "\u2fff" and char.isalpha())


def _short(text: str) -> str:
    return clip(visible(text), 40)[0]


def _few(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:4]) + (f" and {len(listed) - 4} more" if len(listed) > 4 else "")
