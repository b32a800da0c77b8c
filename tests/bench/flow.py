"""The workflow the benched worker plays: `GATEPOST_WORKFLOWS=tests/bench/flow.py`, its world in `BENCH_WORLD`."""

import os
from pathlib import Path

from tests.support.chaos_plan import chaos
from tests.support.chaos_world import ChaosWorld

workflow = chaos(ChaosWorld(Path(os.environ["BENCH_WORLD"])))
