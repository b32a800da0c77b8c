"""An independent reading of Block Kit's limits (slackblocks), beside our own strict validator and promises."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import slackblocks as sb
from slackblocks._surfaces import validate_surface_blocks

from bot.cards.view import Card
from bot.sandbox.blocks import check_message, check_view

OUR_TOKENS = re.compile(
    r"<!date\^\d+\^(?:\{date_short_pretty\} at )?\{time\}\|[^<>|]+>|<https?://[^<>| ]+\|[A-Za-z ]+>"
)
MENTIONS = re.compile(r"(<!subteam\^S[A-Z0-9]+>|<@[UW][A-Z0-9]+>)( (<!subteam\^S[A-Z0-9]+>|<@[UW][A-Z0-9]+>))*")
KINDS = {
    *("button", "overflow", "static_select", "multi_static_select", "radio_buttons"),
    *("plain_text_input", "number_input", "datepicker", "users_select"),
}


def check_calls(calls: Iterable[Mapping[str, Any]]) -> int:
    """Everything that went to Slack in these recorded Web API calls; gives how many payloads were checked."""
    checked = 0
    for call in calls:
        sent = call["args"]
        if sent.get("blocks"):
            check(Card(sent.get("text", ""), sent["blocks"]))
            checked += 1
        if sent.get("view"):
            check(sent["view"])
            checked += 1
    return checked


def text(data: dict[str, Any] | None) -> sb.Text | None:
    return None if data is None else sb.Text.from_dict(data)


def option(data: dict[str, Any] | None) -> sb.Option | None:
    return None if data is None else sb.Option.from_dict(data)


def element(data: dict[str, Any]) -> Any:
    more = {key: value for key, value in data.items() if key != "type"}
    assert data["type"] in KINDS
    match data["type"]:
        case "button":
            return sb.Button(**more | {"text": text(data["text"])})
        case "overflow":
            return sb.OverflowMenu(data["action_id"], [sb.Option.from_dict(item) for item in data["options"]])
        case "static_select":
            more["options"] = [sb.Option.from_dict(item) for item in data["options"]]
            more["placeholder"] = text(data.get("placeholder"))
            return sb.StaticSelectMenu(**more | {"initial_option": option(data.get("initial_option"))})
        case "multi_static_select":
            assert 1 <= len(data["options"]) <= 100
            more["options"] = [sb.Option.from_dict(item) for item in data["options"]]
            return sb.StaticMultiSelectMenu(**more | {"placeholder": text(data.get("placeholder"))})
        case "radio_buttons":
            assert 1 <= len(data["options"]) <= 10
            more["options"] = [sb.Option.from_dict(item) for item in data["options"]]
            return sb.RadioButtonGroup(**more | {"initial_option": option(data.get("initial_option"))})
        case "plain_text_input":
            assert len(data.get("initial_value", "")) <= data["max_length"]
            return sb.PlainTextInput(**more)
        case "users_select":
            return sb.UserSelectMenu(**more)
        case "number_input":
            return sb.NumberInput(**more)
        case _:
            return sb.DatePicker(**more)


def rich_line(data: dict[str, Any]) -> sb.RichTextSection | sb.RichTextQuote:
    kinds = {"rich_text_section": sb.RichTextSection, "rich_text_quote": sb.RichTextQuote}
    assert {item["type"] for item in data["elements"]} == {"text"}, "agent text must not become links or emoji"
    return kinds[data["type"]]([sb.RichText(item["text"], **item.get("style", {})) for item in data["elements"]])


def block(data: dict[str, Any]) -> Any:
    at = data.get("block_id")
    match data["type"]:
        case "header":
            return sb.HeaderBlock(text(data["text"]), at)
        case "section":
            inside = element(data["accessory"]) if "accessory" in data else None
            return sb.SectionBlock(text(data["text"]), block_id=at, accessory=inside)
        case "context":
            assert len(data["elements"]) <= 10
            return sb.ContextBlock([text(item) for item in data["elements"]], at)
        case "actions":
            return sb.ActionsBlock([element(item) for item in data["elements"]], at)
        case "rich_text":
            return sb.RichTextBlock([rich_line(item) for item in data["elements"]], at)
        case "input":
            return sb.InputBlock(
                text(data["label"]), element(data["element"]), False, at, text(data.get("hint")), data["optional"]
            )
        case "table":
            assert len({len(row) for row in data["rows"]}) == 1
            assert all(cell["type"] == "raw_text" and cell["text"] for row in data["rows"] for cell in row)
            return sb.TableBlock([[sb.RawText(cell["text"]) for cell in row] for row in data["rows"]], block_id=at)
        case kind:
            raise AssertionError(f"unexpected block {kind}")


def check(item: Card | dict[str, Any]) -> None:
    """One message, modal or Home tab, through both validators and our own promises."""
    if isinstance(item, Card):
        built = [block(each) for each in item.blocks]
        sb.Message(channel="C1", blocks=built, text=item.text)
        validate_surface_blocks(built, "message")
        assert check_message(item.blocks) == []
        assert 0 < len(item.text) <= 3000
        assert_escaped(item.text)
        blocks = item.blocks
    elif item["type"] == "home":
        sb.HomeTabView([block(each) for each in item["blocks"]])
        assert check_view(item, "home") == []
        blocks = item["blocks"]
    else:
        check_modal(item)
        blocks = item["blocks"]
    ids = [each["block_id"] for each in blocks if "block_id" in each]
    assert len(ids) == len(set(ids))
    for each in texts(blocks):
        assert each["text"].strip() or each["type"] == "text"
        if each["type"] == "mrkdwn":
            assert_escaped(each["text"])
        if each["type"] == "plain_text":
            assert each["emoji"] is False
    for written in strings(blocks):
        written.encode()
        assert "\0" not in written


def check_modal(view: dict[str, Any]) -> None:
    sb.ModalView(
        title=text(view["title"]),
        blocks=[block(each) for each in view["blocks"]],
        submit=text(view.get("submit")),
        close=text(view["close"]),
        private_metadata=view.get("private_metadata"),
        callback_id=view.get("callback_id"),
    )
    assert check_view(view, "modal") == []
    assert view.get("notify_on_close", False) is False


def assert_escaped(written: str) -> None:
    if MENTIONS.fullmatch(written):
        return  # nothing else beside them, so nothing that isn't ours
    rest = OUR_TOKENS.sub("", written)
    assert "<" not in rest
    assert ">" not in rest
    assert not re.search(r"&(?!amp;|lt;|gt;)", rest)


def texts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if value.get("type") in ("plain_text", "mrkdwn", "text"):
            yield value
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)
