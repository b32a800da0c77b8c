"""The right to write for a run, and to act for it: lost as soon as the lease runs out unrenewed."""

import time

from graph.verbs.errors import Fenced
from graph.verbs.ports import Run, Tx


class Lease:
    """A claim on a run. `until` is counted on this process's clock from before each renewal, so it never
    outlasts the lease in the database, also when the process was stopped in between."""

    def __init__(self, run: Run, seconds: float, claimed_at: float) -> None:
        self.run = run
        self.seconds = seconds
        self._until = claimed_at + seconds

    async def hold(self, tx: Tx) -> None:
        """Renew inside this transaction, which then commits only if the run is still ours."""
        before = time.monotonic()
        await tx.runs.hold(self.run, self.seconds)
        self._until = before + self.seconds

    def remaining(self) -> float:
        """Seconds for which nobody else can act for this run; raises `Fenced` when there are none.

        The last look before acting on the world: no call may take longer.
        """
        left = self._until - time.monotonic()
        if left <= 0:
            raise Fenced(f"the lease on run {self.run.id} ran out before the call")
        return left
