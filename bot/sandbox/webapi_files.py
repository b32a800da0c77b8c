"""External uploads in Slack's three steps: a URL, the bytes, then sharing the file as a message."""

from __future__ import annotations

import base64
import secrets
from email.parser import BytesParser
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from bot.sandbox.method import Args, Method
from bot.sandbox.webapi_chat import author, thread_root
from bot.sandbox.wire import Json, SlackError
from bot.sandbox.workspace import Workspace


def _get_url(ws: Workspace, args: Args) -> Json:
    length = args.number("length", 0, 10**9)
    if length == 0:
        raise SlackError("file_upload_size_restricted")
    file_id = "F" + secrets.token_hex(5).upper()
    file = {"id": file_id, "name": args.text("filename"), "title": args.text("filename"), "size": length}
    ws.store.put("file", file_id, {**file, "secret": secrets.token_hex(12), "bytes": None, "shared": False})
    return {
        "upload_url": f"{ws.base_url}/upload/v1/{ws.store.all('file')[file_id]['secret']}",
        "file_id": file_id,
    }


async def upload(request: Request) -> Response:
    ws: Workspace = request.app.state.workspace
    wanted = request.path_params["secret"]
    file = next((f for f in ws.store.all("file").values() if f["secret"] == wanted), None)
    if file is None or file["shared"]:
        return PlainTextResponse("not found", 404)
    body = _bytes(await request.body(), request.headers.get("content-type", ""))
    if len(body) != file["size"]:
        return PlainTextResponse("length mismatch", 400)
    ws.store.put("file", file["id"], {**file, "bytes": base64.b64encode(body).decode()})
    return PlainTextResponse(f"OK - {len(body)}")


def _bytes(body: bytes, content_type: str) -> bytes:
    if not content_type.startswith("multipart/form-data"):
        return body
    message = BytesParser().parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    payload = message.get_payload()
    first: Any = payload[0] if isinstance(payload, list) and payload else None
    return bytes(first.get_payload(decode=True)) if first is not None else b""


async def download(request: Request) -> Response:
    ws: Workspace = request.app.state.workspace
    file = ws.store.all("file").get(request.path_params["file_id"])
    if file is None or file["bytes"] is None:
        return PlainTextResponse("not found", 404)
    # As an attachment and without sniffing: a file must never run in the page's origin.
    headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
    return Response(base64.b64decode(file["bytes"]), media_type="application/octet-stream", headers=headers)


def _complete(ws: Workspace, args: Args) -> Json:
    wanted: Any = args.parsed("files")
    if not isinstance(wanted, list) or not wanted or not all(isinstance(f, dict) and "id" in f for f in wanted):
        raise SlackError("invalid_arguments", ["[ERROR] files must be an array of {id, title}"])
    channels = [c for c in (args.text("channel_id") or args.text("channels")).split(",") if c]
    rooms = [ws.rooms.writable(ws.rooms.find(channel), public=False) for channel in channels]
    files = [_finished(ws, entry) for entry in wanted]
    for room in rooms:
        fields: Json = {"text": args.text("initial_comment"), "files": files, **author(ws)}
        if args.text("thread_ts"):
            fields["thread_ts"] = thread_root(ws, room["id"], args.text("thread_ts"))
        ws.messages.add(room["id"], fields)
    return {"files": files}


def _finished(ws: Workspace, entry: Json) -> Json:
    file = ws.store.all("file").get(str(entry["id"]))
    if file is None or file["bytes"] is None or file["shared"]:
        raise SlackError("file_not_found")
    file = {**file, "title": entry.get("title") or file["title"], "shared": True}
    ws.store.put("file", file["id"], file)
    url = f"{ws.base_url}/files/{file['id']}"
    shown = {name: file[name] for name in ("id", "name", "title", "size")}
    return {**shown, "mode": "hosted", "user": ws.world.bot_user, "url_private": url, "permalink": url}


METHODS = {
    "files.getUploadURLExternal": Method(_get_url, ("filename", "length"), ("alt_txt", "snippet_type"), "files:write"),
    "files.completeUploadExternal": Method(
        _complete,
        ("files",),
        ("channel_id", "channels", "initial_comment", "thread_ts", "blocks", "highlight_type"),
        "files:write",
    ),
}
