"""What the agent's words claim of the action, held against the action itself."""

import re
from decimal import Decimal, InvalidOperation
from typing import Final

from bot.words import clip, flowing
from graph.law.request import Request

MAX_CLAIM: Final = 60
_VERB: Final = re.compile(r"[^\W\d_]{3,20}")
_CURRENCY: Final = r"(?:[A-Z]{3}\b|[€$£¥])"
_AMOUNT: Final = r"\d(?:[\d.,’']*\d)?"


def contradiction(request: Request) -> str | None:
    """`The agent's words say “Refund EUR 4.20”; the action's amount is 42,000.00 EUR`, or None when they agree.

    What counts is an amount right behind the question's own verb: what the action is said to be.
    """
    verb = _VERB.match(request.form.question)
    if request.value is None or verb is None:
        return None
    claims = _claims(verb[0], flowing(request.brief.rationale))
    if not claims or request.value in claims.values():
        return None
    amount = f"{request.value:,.2f} {request.currency or ''}".strip()
    return f"The agent's words say “{clip(next(iter(claims)), MAX_CLAIM)[0]}”; the action's amount is {amount}"


def _claims(verb: str, words: str) -> dict[str, Decimal]:
    """`Refund EUR 4.20` → 4.20: a currency beside the number, or two decimals, make it an amount."""
    pattern = rf"\b{verb}(?:s|ing|ed)?\s+(?:of\s+)?(?:({_CURRENCY})\s?)?({_AMOUNT})(?:\s?({_CURRENCY}))?"
    claims = {}
    for match in re.finditer(pattern, words, re.I):
        amount = _read(match[2])
        if amount is not None and (match[1] or match[3] or re.search(r"[.,]\d\d$", match[2])):
            claims[match[0]] = amount
    return claims


def _read(number: str) -> Decimal | None:
    """`1,234.50`, `1.234,50` and `1’234.50` alike: the last sign with one or two digits behind it is the point."""
    whole, sign, cents = number, "", ""
    found = re.fullmatch(r"(.*)([.,])(\d{1,2})", number)
    if found:
        whole, sign, cents = found.groups()
    try:
        return Decimal(re.sub(r"\D", "", whole) + ("." if sign else "") + cents)
    except InvalidOperation:
        return None
