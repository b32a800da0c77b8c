"""A slice of `make chaos`, in a process of its own: the harness forks, and pytest is no good parent for that."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_is_lost_or_done_twice_under_kills() -> None:
    command = [sys.executable, "-m", "tests.crash.chaos", "--kills", "8", "--requests", "40"]
    played = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=150)
    print(played.stdout)
    assert played.returncode == 0, played.stdout + played.stderr[-4000:]
