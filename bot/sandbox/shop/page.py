"""The shop's one page: what really happened, and forms to withdraw what deeds are about."""

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
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1d1c1d }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .45rem .7rem; vertical-align: top; border-bottom: 1px solid #ddd }
td.amount { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
td.detail { white-space: pre-wrap; overflow-wrap: anywhere }
td.about { overflow-wrap: anywhere }
h2 { font-size: 1.15rem; margin-top: 2.5rem }
small { color: #616061; white-space: nowrap }
form { display: flex; flex-wrap: wrap; gap: .5rem }
p + form { padding: .45rem .7rem }
input, button { font: inherit; padding: .2rem .5rem }
input[name=reason] { flex: 1; min-width: 10rem }
"""
_COLUMNS: Final = ("#", "At (UTC)", "Domain", "What", "Case or subject", "Order", "Customer", "Amount", "Text")
_REASON: Final = '<input name="reason" required maxlength="300" placeholder="Reason" aria-label="Reason">'


def page(ledger: Sequence[dict[str, Any]], deeds: Sequence[dict[str, Any]], subjects: Sequence[dict[str, Any]]) -> str:
    """Everything as HTML, newest first; everything in it is data and escaped."""
    happened = sorted((*map(_of_payments, ledger), *map(_of_any, deeds)), key=lambda row: str(row[0]))
    rows = "".join(html for _, html in reversed(happened))
    none = "" if happened else "<p>Nothing has happened yet.</p>"
    heads = "".join(f"<th>{name}</th>" for name in _COLUMNS)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop: what really happened</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><h1>What really happened in the shop</h1>{none}"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        "<h2>Withdraw something</h2><p>What is withdrawn is no longer wanted, whatever was approved before.</p>"
        f"{_form()}<table><tbody>{''.join(map(_subject, subjects))}</tbody></table></body></html>"
    )


def _of_payments(entry: dict[str, Any]) -> tuple[str, str]:
    cells = (
        ("", escape(str(entry["seq"]))),
        ("", _when(entry["at"])),
        ("", "payments"),
        ("", escape(_WORDS[entry["kind"]])),
        ("", escape(entry["case_id"])),
        ("", escape(entry["order"] or "")),
        ("", escape(entry["customer"])),
        ("amount", _amount(entry)),
        ("detail", escape(entry["detail"])),
    )
    return entry["at"], _row(cells, kind=entry["kind"], case=entry["case_id"])


def _of_any(deed: dict[str, Any]) -> tuple[str, str]:
    what = escape(deed["title"])
    if deed["undone"]:
        what = f"<s>{what}</s> <small>undone at {_when(deed['undone_at'])}</small>"
    if deed["undoes"]:
        what += f" <small>undoes {escape(deed['undoes'])}</small>"
    cells = (
        ("", escape(deed["deed"])),
        ("", _when(deed["at"])),
        ("", escape(deed["domain"])),
        ("", what),
        ("about", escape(deed["subject"])),
        ("", ""),
        ("", ""),
        ("amount", f"<s>{_amount(deed)}</s>" if deed["undone"] and deed["amount"] else _amount(deed)),
        ("detail", escape(deed["detail"])),
    )
    return deed["at"], _row(cells, kind=deed["kind"], subject=deed["subject"])


def _subject(subject: dict[str, Any]) -> str:
    name = escape(subject["id"])
    state = (
        _form(subject["id"])
        if subject["open"]
        else f"withdrawn at {_when(subject['changed_at'])}: {escape(subject['reason'])}"
    )
    return f'<tr data-subject="{name}"><td class="about">{name}</td><td>{state}</td></tr>'


def _form(subject: str | None = None) -> str:
    """For one subject; or for any, so that what was not acted on yet can be withdrawn too."""
    field = (
        '<input name="id" required maxlength="128" placeholder="Subject, as in dep-42" aria-label="Subject">'
        if subject is None
        else f'<input type="hidden" name="id" value="{escape(subject)}">'
    )
    return f'<form method="post" action="subjects/withdraw">{field}{_REASON}<button>Withdraw</button></form>'


def _row(cells: Sequence[tuple[str, str]], **data: str) -> str:
    marks = "".join(f' data-{name}="{escape(value)}"' for name, value in data.items())
    tds = "".join(f'<td class="{kind}">{html}</td>' for kind, html in cells)
    return f"<tr{marks}>{tds}</tr>"


def _when(at: str) -> str:
    return escape(at[:19].replace("T", " "))


def _amount(entry: dict[str, Any]) -> str:
    return "" if entry["amount"] is None else escape(f"{entry['amount']} {entry['currency']}")
