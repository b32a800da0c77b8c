"""The segment saver: reads what LangGraph stored, buffers what it wants to store, and writes the buffer
on a connection of ours, in the same transaction as our own rows."""

import graph.flow  # noqa: F401 I001  (sets strict msgpack before langgraph is imported)

from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.postgres.base import BasePostgresSaver
from sqlalchemy.ext.asyncio import AsyncEngine

from graph.flow.ports import SegmentSaver
from graph.verbs.ports import Tx
from storage.store import PgStore, PgTx


class PgCheckpoints:
    """Where the runner gets a saver for each segment."""

    def __init__(self, store: PgStore) -> None:
        self._engine = store.engine

    def saver(self) -> "BufferedSaver":
        return BufferedSaver(self._engine)


class BufferedSaver(BaseCheckpointSaver[str], SegmentSaver):
    """One segment's saver. Nothing is stored until `flush`, so a segment that dies leaves no trace."""

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__()
        self._engine = engine
        self._puts: list[tuple[RunnableConfig, Checkpoint, CheckpointMetadata, ChannelVersions]] = []
        self._writes: list[tuple[RunnableConfig, Sequence[tuple[str, Any]], str, str]] = []

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        async with self._engine.connect() as connection:
            raw = await connection.get_raw_connection()
            return await AsyncPostgresSaver(raw.driver_connection).aget_tuple(config)  # type: ignore[arg-type]

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        self._puts.append((config, checkpoint, metadata, new_versions))
        place = config["configurable"]
        return {
            "configurable": {
                "thread_id": place["thread_id"],
                "checkpoint_ns": place.get("checkpoint_ns", ""),
                "checkpoint_id": checkpoint["id"],
            }
        }

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        self._writes.append((config, writes, task_id, task_path))

    def get_next_version(self, current: str | None, channel: None) -> str:
        return BasePostgresSaver.get_next_version(self, current, channel)  # type: ignore[arg-type]

    async def flush(self, tx: Tx) -> None:
        if not isinstance(tx, PgTx):
            raise TypeError("checkpoints are flushed inside a transaction of the PostgreSQL store")
        saver = AsyncPostgresSaver(await tx.driver())  # type: ignore[arg-type]
        for put in self._puts:
            await saver.aput(*put)
        for write in self._writes:
            await saver.aput_writes(*write)
