"""The element tree of a rich_text block."""

from __future__ import annotations

from bot.sandbox.blocks_kit import (
    Check,
    Required,
    Shape,
    anything,
    array,
    boolean,
    by_type,
    integer,
    one_of,
    shape,
    string,
    url,
)

_STYLE = shape({"bold": boolean, "italic": boolean, "strike": boolean, "code": boolean, "underline": boolean})
_MENTION_STYLE = shape(
    {
        "bold": boolean,
        "italic": boolean,
        "strike": boolean,
        "highlight": boolean,
        "client_highlight": boolean,
        "unlink": boolean,
        "code": boolean,
        "underline": boolean,
    }
)
_ID = Required(string(255))
_MANY = 3000


def _leaf(fields: Shape, style: Check = _MENTION_STYLE) -> Check:
    return shape({"type": anything, "style": style, **fields})


LEAVES: dict[str, Check] = {
    "text": _leaf({"text": Required(string(40_000))}, _STYLE),
    "link": _leaf({"url": Required(url(3000)), "text": string(40_000), "unsafe": boolean}, _STYLE),
    "emoji": _leaf({"name": _ID, "unicode": string(255), "skin_tone": integer(1, 6), "url": url(3000)}),
    "user": _leaf({"user_id": _ID}),
    "usergroup": _leaf({"usergroup_id": _ID}),
    "channel": _leaf({"channel_id": _ID}),
    "team": _leaf({"team_id": _ID}),
    "broadcast": _leaf({"range": Required(one_of("here", "channel", "everyone"))}),
    "color": _leaf({"value": _ID}),
    "date": _leaf(
        {
            "timestamp": Required(integer(0, 10**11)),
            "format": Required(string(1000)),
            "url": url(3000),
            "fallback": string(1000),
            "timezone": string(64),
        }
    ),
}

_inline = array(by_type(LEAVES), 0, _MANY)
_SECTION = shape({"type": anything, "elements": Required(_inline)})
_BORDER = integer(0, 1)

OBJECTS: dict[str, Check] = {
    "rich_text_section": _SECTION,
    "rich_text_quote": shape({"type": anything, "elements": Required(_inline), "border": _BORDER}),
    "rich_text_preformatted": shape(
        {
            "type": anything,
            "elements": Required(array(by_type(LEAVES, frozenset({"text", "link"})), 0, _MANY)),
            "border": _BORDER,
            "language": string(64),
        }
    ),
    "rich_text_list": shape(
        {
            "type": anything,
            "style": Required(one_of("bullet", "ordered")),
            "elements": Required(array(by_type({"rich_text_section": _SECTION}), 1, _MANY)),
            "indent": integer(0, 8),
            "offset": integer(0, 10_000),
            "border": _BORDER,
        }
    ),
}

RICH_TEXT = array(by_type(OBJECTS), 1, _MANY)
