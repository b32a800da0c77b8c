"""What the runner needs of storage beside the verbs' ports."""

from typing import Protocol

from graph.verbs.ports import Tx


class SegmentSaver(Protocol):
    """A LangGraph saver that buffers; `flush` writes the buffer inside a transaction."""

    async def flush(self, tx: Tx) -> None: ...


class Checkpoints(Protocol):
    """Gives a fresh saver for each segment."""

    def saver(self) -> SegmentSaver: ...
