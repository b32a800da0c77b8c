"""Block Kit as Slack would judge it, rule by rule, and side by side with an independent table of limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from slackblocks import _limits as limits
from slackblocks._surfaces import _BLOCK_TYPES_BY_SURFACE

from bot.sandbox.blocks import check_message, check_view
from bot.sandbox.blocks_layout import SURFACES

Json = dict[str, Any]


def plain(text: str = "x") -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "x") -> Json:
    return {"type": "mrkdwn", "text": text}


def button(**more: Any) -> Json:
    return {"type": "button", "text": plain(), "action_id": "a", **more}


def option(**more: Any) -> Json:
    return {"text": plain(), "value": "v", **more}


def options(count: int) -> list[Json]:
    return [option(value=str(n)) for n in range(count)]


def select(**more: Any) -> Json:
    return {"type": "static_select", "action_id": "s", "options": options(1), **more}


def section(**more: Any) -> Json:
    return {"type": "section", "text": plain(), **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def asked(element: Json, **more: Any) -> Json:
    return {"type": "input", "label": plain(), "element": element, **more}


def modal(*blocks: Json, **more: Any) -> Json:
    return {"type": "modal", "title": plain(), "submit": plain(), "blocks": list(blocks), **more}


def rich(*elements: Json) -> Json:
    return {"type": "rich_text", "elements": list(elements)}


def line(*leaves: Json) -> Json:
    return {"type": "rich_text_section", "elements": list(leaves)}


def choices(kind: str, count: int) -> Json:
    return actions({"type": kind, "action_id": "c", "options": options(count)})


def image(**more: Any) -> Json:
    return {"type": "image", "image_url": "https://e.org", "alt_text": "x", **more}


def confirm(**more: Any) -> Json:
    return {"title": plain(), "text": plain(), "confirm": plain(), "deny": plain(), **more}


TEXT = {"type": "plain_text_input", "action_id": "t"}
NUMBER = {"type": "number_input", "action_id": "n", "is_decimal_allowed": True}
DATE = {"type": "date", "timestamp": 1_700_000_000, "format": "{date_short} at {time}", "fallback": "soon"}
CELL = {"type": "raw_text", "text": "x"}

GOOD: list[list[Json]] = [
    [section(), section(text=mrkdwn(), fields=[mrkdwn(), plain()], accessory=button())],
    [section(accessory={"type": "image", "image_url": "https://example.org/a.png", "alt_text": "a"})],
    [{"type": "header", "text": plain()}, {"type": "divider"}],
    [
        {
            "type": "context",
            "elements": [mrkdwn(), {"type": "image", "image_url": "https://e.org/a", "alt_text": "a"}],
        }
    ],
    [actions(button(), button(action_id="b", style="primary", confirm=confirm(style="danger")))],
    [actions(select())],
    [asked({"type": "checkboxes", "action_id": "c", "options": [option(text=mrkdwn())]})],
    [rich(line({"type": "text", "text": "x", "style": {"bold": True}}, DATE, {"type": "user", "user_id": "U1"}))],
    [rich({"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "x"}], "border": 0})],
    [rich({"type": "rich_text_list", "style": "bullet", "elements": [line({"type": "text", "text": "x"})]})],
    [{"type": "markdown", "text": "**x**"}],
    [{"type": "table", "rows": [[CELL, rich(line({"type": "text", "text": "x"}))]], "column_settings": [None]}],
    [],
]
BAD: list[tuple[str, list[Json], str]] = [
    ("unknown type", [{"type": "sektion"}], "unsupported type"),
    ("no type", [{"text": plain()}], "missing required field: type"),
    ("unknown field", [section(colour="red")], "additional property not allowed: colour"),
    ("empty section", [{"type": "section"}], "must define one of"),
    ("empty text", [section(text=plain(""))], "more than 0 characters"),
    ("wrong kind of text", [{"type": "header", "text": mrkdwn()}], "must be one of: plain_text"),
    ("emoji on mrkdwn", [section(text={**mrkdwn(), "emoji": True})], "additional property"),
    ("verbatim on plain_text", [section(text={**plain(), "verbatim": True})], "additional property"),
    ("same action_id twice in a block", [actions(button(), button())], "action_id must be unique"),
    ("same block_id twice", [section(block_id="b"), section(block_id="b")], "block_id must be unique"),
    ("text input in actions", [actions(TEXT)], "unsupported type"),
    ("button in input", [asked(button())], "unsupported type"),
    ("style", [actions(button(style="green"))], "must be one of"),
    ("url", [actions(button(url="javascript:alert(1)"))], "must be a URL"),
    ("image without alt", [{"type": "image", "image_url": "https://e.org/a"}], "missing required field: alt_text"),
    ("options and groups", [actions(select(option_groups=[]))], "at least 1"),
    ("neither options nor groups", [actions({"type": "static_select", "action_id": "s"})], "exactly one of"),
    ("initial not offered", [actions(select(initial_option=option(value="z")))], "not among"),
    ("values repeat", [actions(select(options=[option(), option()]))], "must be unique"),
    ("confirm misses deny", [actions(button(confirm={**confirm(), "deny": None}))], "must be an object"),
    ("alert in a message", [{"type": "alert", "text": plain()}], "unsupported type"),
    ("two tables", [{"type": "table", "rows": [[CELL]]}] * 2, "no more than 1 tables"),
    ("markdown in total", [{"type": "markdown", "text": "x" * 7000}] * 2, "12000 characters of markdown"),
    ("rich text leaf", [rich(line({"type": "bold", "text": "x"}))], "unsupported type"),
    ("rich text style", [rich(line({"type": "text", "text": "x", "style": {"blink": True}}))], "additional"),
    ("text directly in rich_text", [rich({"type": "text", "text": "x"})], "unsupported type"),
    ("user in preformatted", [rich({"type": "rich_text_preformatted", "elements": [DATE]})], "unsupported type"),
    ("date without format", [rich(line({"type": "date", "timestamp": 1}))], "missing required field: format"),
    ("number_input", [asked({"type": "number_input", "action_id": "n"})], "is_decimal_allowed"),
    ("number bounds", [asked({**NUMBER, "min_value": "2", "max_value": "1"})], "min_value"),
    ("length bounds", [asked({**TEXT, "min_length": 5, "max_length": 2})], "min_length"),
    ("date", [actions({"type": "datepicker", "action_id": "d", "initial_date": "tomorrow"})], "YYYY-MM-DD"),
]


@pytest.mark.parametrize("blocks", GOOD)
def test_what_slack_takes(blocks: list[Json]) -> None:
    assert check_message(blocks) == []


@pytest.mark.parametrize(("blocks", "reason"), [bad[1:] for bad in BAD], ids=[bad[0] for bad in BAD])
def test_what_slack_refuses(blocks: list[Json], reason: str) -> None:
    errors = check_message(blocks)
    assert any(reason in error for error in errors), errors


def test_errors_point_at_the_place() -> None:
    errors = check_message([section(), section(text=plain("x" * 3001))])
    assert errors == ["[ERROR] must be less than 3001 characters [json-pointer:/blocks/1/text/text]"]


def test_views() -> None:
    assert check_view(modal(asked(TEXT)), "modal") == []
    assert check_view(modal({"type": "alert", "text": plain()}), "modal") == []
    assert check_view({"type": "home", "blocks": [section()]}, "home") == []
    refused = [
        (modal(asked(TEXT), submit=None), "modal"),
        (modal(section(), title=None), "modal"),
        (modal({"type": "markdown", "text": "x"}), "modal"),
        (modal({"type": "table", "rows": [[CELL]]}), "modal"),
        (modal(asked({**TEXT, "focus_on_load": True}), asked({**TEXT, "focus_on_load": True})), "modal"),
        (modal(section(), id="V1"), "modal"),
        ({"type": "home", "blocks": [section()], "title": plain()}, "home"),
        ({"type": "home", "blocks": [section()]}, "modal"),
        ("modal", "modal"),
    ]
    for view, surface in refused:
        assert check_view(view, surface), view


# What to build with n characters or items, and the independent limit on n.
SIZED: list[tuple[str, int, Callable[[int], Any]]] = [
    ("section text", limits.SECTION_TEXT_MAX_LENGTH, lambda n: section(text=mrkdwn("x" * n))),
    ("fields", limits.SECTION_FIELDS_MAX_ITEMS, lambda n: section(fields=[plain()] * n)),
    ("field", limits.SECTION_FIELDS_ITEM_MAX_LENGTH, lambda n: section(fields=[plain("x" * n)])),
    ("header", 150, lambda n: {"type": "header", "text": plain("x" * n)}),
    ("context", limits.CONTEXT_ELEMENTS_MAX_ITEMS, lambda n: {"type": "context", "elements": [plain()] * n}),
    (
        "actions",
        limits.ACTIONS_ELEMENTS_MAX_ITEMS,
        lambda n: actions(*(button(action_id=str(i)) for i in range(n))),
    ),
    ("button text", limits.BUTTON_TEXT_MAX_LENGTH, lambda n: actions(button(text=plain("x" * n)))),
    ("button value", limits.BUTTON_VALUE_MAX_LENGTH, lambda n: actions(button(value="x" * n))),
    (
        "button label",
        limits.BUTTON_ACCESSIBILITY_LABEL_MAX_LENGTH,
        lambda n: actions(button(accessibility_label="x" * n)),
    ),
    ("action_id", limits.ACTION_ID_MAX_LENGTH, lambda n: actions(button(action_id="x" * n))),
    ("block_id", limits.BLOCK_ID_MAX_LENGTH, lambda n: section(block_id="x" * n)),
    (
        "confirm title",
        limits.CONFIRMATION_TITLE_MAX_LENGTH,
        lambda n: actions(button(confirm=confirm(title=plain("x" * n)))),
    ),
    (
        "confirm text",
        limits.CONFIRMATION_TEXT_MAX_LENGTH,
        lambda n: actions(button(confirm=confirm(text=mrkdwn("x" * n)))),
    ),
    (
        "confirm deny",
        limits.CONFIRMATION_DENY_MAX_LENGTH,
        lambda n: actions(button(confirm=confirm(deny=plain("x" * n)))),
    ),
    ("options", limits.SELECT_OPTIONS_MAX_ITEMS, lambda n: actions(select(options=options(n)))),
    (
        "option text",
        limits.OPTION_TEXT_MAX_LENGTH,
        lambda n: actions(select(options=[option(text=plain("x" * n))])),
    ),
    ("option value", limits.OPTION_VALUE_MAX_LENGTH, lambda n: actions(select(options=[option(value="x" * n)]))),
    (
        "description",
        limits.OPTION_DESCRIPTION_MAX_LENGTH,
        lambda n: actions(select(options=[option(description=plain("x" * n))])),
    ),
    ("placeholder", limits.SELECT_PLACEHOLDER_MAX_LENGTH, lambda n: actions(select(placeholder=plain("x" * n)))),
    ("overflow", limits.OVERFLOW_OPTIONS_MAX_ITEMS, lambda n: choices("overflow", n)),
    ("checkboxes", limits.CHECKBOXES_OPTIONS_MAX_ITEMS, lambda n: choices("checkboxes", n)),
    ("radio", limits.RADIO_BUTTONS_OPTIONS_MAX_ITEMS, lambda n: choices("radio_buttons", n)),
    ("label", limits.INPUT_LABEL_MAX_LENGTH, lambda n: asked(TEXT, label=plain("x" * n))),
    ("hint", limits.INPUT_HINT_MAX_LENGTH, lambda n: asked(TEXT, hint=plain("x" * n))),
    ("max_length", limits.PLAIN_TEXT_INPUT_MAX_LENGTH_MAX, lambda n: asked({**TEXT, "max_length": n})),
    ("alt", limits.IMAGE_ELEMENT_ALT_TEXT_MAX_LENGTH, lambda n: image(alt_text="x" * n)),
    ("image title", limits.IMAGE_TITLE_MAX_LENGTH, lambda n: image(title=plain("x" * n))),
    ("markdown", limits.MARKDOWN_TEXT_MAX_LENGTH, lambda n: {"type": "markdown", "text": "x" * n}),
    ("rows", limits.TABLE_ROWS_MAX_ITEMS, lambda n: {"type": "table", "rows": [[CELL]] * n}),
    ("columns", limits.TABLE_COLUMNS_MAX_ITEMS, lambda n: {"type": "table", "rows": [[CELL] * n]}),
    ("card body", limits.CARD_BODY_MAX_LENGTH, lambda n: {"type": "card", "body": plain("x" * n)}),
    (
        "card actions",
        limits.CARD_ACTIONS_MAX_ITEMS,
        lambda n: {"type": "card", "actions": [button(action_id=str(i)) for i in range(n)]},
    ),
]


@pytest.mark.parametrize(("most", "build"), [case[1:] for case in SIZED], ids=[case[0] for case in SIZED])
def test_limits_agree_with_an_independent_table(most: int, build: Callable[[int], Json]) -> None:
    assert check_message([build(most)]) == []
    assert check_message([build(most + 1)]) != []


def test_surface_limits_agree_with_an_independent_table() -> None:
    for surface, types in _BLOCK_TYPES_BY_SURFACE.items():
        # `alert` and all others stand where the table says.
        assert SURFACES[surface] == types
    assert check_message([section()] * limits.MESSAGE_BLOCKS_MAX_ITEMS) == []
    assert check_message([section()] * (limits.MESSAGE_BLOCKS_MAX_ITEMS + 1))
    assert check_view(modal(*[section()] * limits.VIEW_BLOCKS_MAX_ITEMS), "modal") == []
    assert check_view(modal(*[section()] * (limits.VIEW_BLOCKS_MAX_ITEMS + 1)), "modal")
    for name, most in (
        ("private_metadata", limits.VIEW_PRIVATE_METADATA_MAX_LENGTH),
        ("callback_id", limits.VIEW_CALLBACK_ID_MAX_LENGTH),
        ("external_id", limits.VIEW_EXTERNAL_ID_MAX_LENGTH),
    ):
        assert check_view(modal(section(), **{name: "x" * most}), "modal") == []
        assert check_view(modal(section(), **{name: "x" * (most + 1)}), "modal")
    for name, most in (("title", 24), ("submit", 24), ("close", 24)):
        assert check_view(modal(section(), **{name: plain("x" * most)}), "modal") == []
        assert check_view(modal(section(), **{name: plain("x" * (most + 1))}), "modal")
