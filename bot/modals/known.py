"""What Details shows beside the request itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from graph.verbs.ports import Question, Taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """`steps` is what this run did before, `earlier` what other runs did about the same thing, both newest first;
    `asked` what people wanted to know; `votes` are (user id, at); `reviewers` are entries of the policy's tier.

    `traces`: where the run's trace can be looked at. `page`: which page of the conversation, the last being 0.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    steps: Sequence[Taken] = ()
    earlier: Sequence[Taken] = ()
    asked: Sequence[Question] = ()
    votes: Sequence[tuple[str, datetime]] = ()
    reviewers: Sequence[str] = ()
    traces: str | None = None
    page: int = 0
    step_up: bool = False
    """Whether approving takes a one-time code."""
    grantable: bool = False
    """Whether policy lets a reviewer allow this for the rest of the run."""
