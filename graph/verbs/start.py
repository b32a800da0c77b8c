"""Start a run: the same key gives the same run, for ever."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from graph.law.canonical import MAX_BYTES, storable
from graph.verbs.errors import Invalid
from graph.verbs.ports import Run, Store


async def start(store: Store, workflow: str, input_value: Mapping[str, Any], *, key: str, requester: str | None) -> Run:
    """Commit a run that is owed its first segment; raise `Invalid` when the key stands for another input."""
    input_text = _as_text(input_value)
    if not 1 <= len(key) <= 200 or not key.isprintable():
        raise Invalid("a key has 1 to 200 printable characters")
    async with store.begin() as tx:
        run_id = "run_" + hashlib.sha256(f"{tx.workspace_id}/{workflow}/{key}".encode()).hexdigest()[:20]
        if await tx.runs.start(run_id, workflow, key, requester, input_text):
            await tx.audit.record("run_started", requester or "unknown", run_id=run_id, workflow=workflow, key=key)
        run = await tx.runs.get(run_id)
    if run is None:
        raise RuntimeError(f"run {run_id} vanished inside its own transaction")
    if _as_text(run.input) != input_text or run.requester != requester:
        raise Invalid(f"the key {key!r} already stands for another input or requester; choose a new key")
    return run


def _as_text(input_value: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(dict(input_value), sort_keys=True, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise Invalid(f"the input can't be taken as JSON: {error}") from None
    if not storable(text) or len(text.encode()) > MAX_BYTES:
        raise Invalid(f"the input holds a NUL or half a character, or is over {MAX_BYTES // 1024} KiB")
    return text
