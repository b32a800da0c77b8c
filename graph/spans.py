"""Spans: what took how long, told to whoever traces. Nobody does until `trace_to` is called, and then it costs nothing.

A span names ids, types and outcomes; never arguments, words of people or agents, or secrets.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

Sink = Callable[["Span"], None]
_MOST: Final = 120
_sinks: list[Sink] = []


@dataclass(slots=True)
class Span:
    """Something that was done, for a run or (`run_id` empty) for several. `ended` and `error` stand at its end."""

    name: str
    run_id: str = ""
    about: dict[str, str | int] = field(default_factory=dict)
    began: int = field(default_factory=time.time_ns)
    ended: int = 0
    error: str = ""
    dropped: bool = False

    def say(self, run_id: str = "", **about: str | int) -> None:
        """What became known meanwhile."""
        self.run_id = run_id or self.run_id
        self.about |= {name: value if isinstance(value, int) else str(value)[:_MOST] for name, value in about.items()}

    def drop(self) -> None:
        """There was nothing to do: not worth telling."""
        self.dropped = True


@contextmanager
def span(name: str, run_id: str = "", **about: str | int) -> Iterator[Span]:
    """Tell, at the end of this block, that it was done. An error is told by its kind and goes on."""
    told = Span(name)
    told.say(run_id, **about)
    try:
        yield told
    except BaseException as problem:
        told.error = type(problem).__name__
        raise
    finally:
        told.ended = time.time_ns()
        for sink in () if told.dropped else _sinks:
            sink(told)


def trace_to(sink: Sink | None) -> None:
    """From now on tell this one; None: nobody."""
    _sinks[:] = [sink] if sink else []


def trace_id(run_id: str) -> str:
    """A run's trace, the same in every process: 32 hex digits."""
    return hashlib.sha256(run_id.encode()).hexdigest()[:32]
