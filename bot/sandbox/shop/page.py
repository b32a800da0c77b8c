"""The shop's one page: its ledger, so that a person can see what really happened."""

from collections.abc import Sequence
from html import escape
from typing import Any, Final

_WORDS: Final = {
    "credit": "Store credit reserved",
    "credit_release": "Store credit released",
    "refund": "Card refunded",
    "refund_reversal": "Refund reversed",
    "message": "Message to the customer",
}
_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1d1c1d }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .45rem .7rem; vertical-align: top; border-bottom: 1px solid #ddd }
td.amount { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
td.detail { white-space: pre-wrap; overflow-wrap: anywhere }
"""


def page(entries: Sequence[dict[str, Any]]) -> str:
    """The ledger as HTML, newest first; everything in it is data and escaped."""
    rows = "".join(_row(entry) for entry in reversed(entries))
    none = "" if entries else "<p>Nothing has happened yet.</p>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop: what really happened</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><h1>What really happened in the shop</h1>{none}"
        "<table><thead><tr><th>#</th><th>At (UTC)</th><th>What</th><th>Case</th><th>Order</th><th>Customer</th>"
        f"<th>Amount</th><th>Text</th></tr></thead><tbody>{rows}</tbody></table></body></html>"
    )


def _row(entry: dict[str, Any]) -> str:
    amount = "" if entry["amount"] is None else f"{entry['amount']} {entry['currency']}"
    cells = (
        ("", entry["seq"]),
        ("", entry["at"][:19].replace("T", " ")),
        ("", _WORDS[entry["kind"]]),
        ("", entry["case_id"]),
        ("", entry["order"] or ""),
        ("", entry["customer"]),
        ("amount", amount),
        ("detail", entry["detail"]),
    )
    tds = "".join(f'<td class="{kind}">{escape(str(text))}</td>' for kind, text in cells)
    return f'<tr data-kind="{entry["kind"]}" data-case="{escape(entry["case_id"])}">{tds}</tr>'
