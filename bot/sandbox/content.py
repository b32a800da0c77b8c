"""What a message is made of — text, blocks, attachments, metadata — checked as Slack checks it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.sandbox.blocks import check_message, fill_ids
from bot.sandbox.wire import Json, SlackError

TEXT_KEPT = 40_000
UPDATE_TEXT = 4_000
MARKDOWN = 12_000
ATTACHMENTS = 100
METADATA_BYTES = 16_000
_ATTACHMENT_KEYS = frozenset(
    {
        *(
            "actions",
            "attachment_type",
            "author_icon",
            "author_link",
            "author_name",
            "blocks",
            "callback_id",
            "color",
        ),
        *(
            "fallback",
            "fields",
            "footer",
            "footer_icon",
            "image_url",
            "mrkdwn_in",
            "pretext",
            "text",
            "thumb_url",
        ),
        *("title", "title_link", "ts", "preview", "id"),
    }
)


def content(args: Mapping[str, Any]) -> Json:
    """The fields given, validated and parsed; a field that was not given is not in the answer."""
    given: Json = {}
    if args.get("text") is not None:
        given["text"] = str(args["text"])[:TEXT_KEPT]
    if args.get("blocks") is not None:
        given["blocks"] = _blocks(args["blocks"])
    if args.get("attachments") is not None:
        given["attachments"] = _attachments(args["attachments"])
    if args.get("metadata") is not None:
        given["metadata"] = _metadata(args["metadata"])
    if args.get("markdown_text") is not None:
        _markdown(args["markdown_text"], given)
    return given


def require_something(given: Json) -> None:
    if not (given.get("text") or given.get("blocks") or given.get("attachments")):
        raise SlackError("no_text")


def _blocks(raw: Any) -> list[Json]:
    blocks = _list(raw, "invalid_blocks_format")
    if errors := check_message(blocks):
        raise SlackError("invalid_blocks", errors, errors=errors)
    return fill_ids(blocks)


def _attachments(raw: Any) -> list[Json]:
    attachments = _list(raw, "invalid_attachments")
    if len(attachments) > ATTACHMENTS:
        raise SlackError("too_many_attachments")
    checked = []
    for index, attachment in enumerate(attachments, start=1):
        if not isinstance(attachment, dict) or set(attachment) - _ATTACHMENT_KEYS:
            raise SlackError("invalid_attachments", ["[ERROR] invalid_keys"])
        if errors := check_message(attachment.get("blocks", []), f"/attachments/{index - 1}/blocks"):
            raise SlackError("invalid_attachments", errors)
        blocks = {"blocks": fill_ids(attachment["blocks"])} if attachment.get("blocks") else {}
        checked.append({**attachment, **blocks, "id": index})
    return checked


def _metadata(raw: Any) -> Json:
    metadata = _parsed(raw, "invalid_metadata_format")
    if metadata == {}:
        return {}
    right = isinstance(metadata, dict) and set(metadata) == {"event_type", "event_payload"}
    if not right or not isinstance(metadata["event_type"], str) or not isinstance(metadata["event_payload"], dict):
        raise SlackError("invalid_metadata_format")
    if len(json.dumps(metadata)) > METADATA_BYTES:
        raise SlackError("metadata_too_large")
    return dict(metadata)


def _markdown(raw: Any, given: Json) -> None:
    if "text" in given or "blocks" in given:
        raise SlackError("markdown_text_conflict")
    if len(str(raw)) > MARKDOWN:
        raise SlackError("msg_too_long")
    given["text"] = str(raw)
    given["blocks"] = fill_ids([{"type": "markdown", "text": str(raw)}])


def _parsed(raw: Any, error: str) -> Any:
    if not isinstance(raw, str):
        return raw
    try:
        return json.loads(raw)
    except ValueError:
        raise SlackError(error) from None


def _list(raw: Any, error: str) -> list[Any]:
    parsed = _parsed(raw, error)
    if not isinstance(parsed, list):
        raise SlackError(error)
    return parsed
