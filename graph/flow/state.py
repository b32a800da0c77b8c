"""The state of the gateway graph: plain JSON, ids rather than documents. Channel names are schema."""

from typing import Any, Literal, TypedDict

Next = Literal["propose", "gate", "execute", "rollback", "end"]


class State(TypedDict, total=False):
    run_id: str
    turn: int
    """The newest turn that was framed; turns count from 1."""
    request_id: str
    reconciling: bool
    """The current request asks about an effect, not about an action."""
    checking: bool
    """The current request asks whether to go on at all."""
    mode: Literal["forward", "rollback"]
    next: Next
    again: dict[str, str] | None
    """`{"request_id", "why"}`: an approved action whose world moved must be asked again."""
    about: str
    """The id of the effect that the current request asks about."""
    unsure: str | None
    """The id of an effect that a person has to look into."""
    status: str
    outcome: str


def answer_of(value: Any) -> tuple[str, str]:
    """The (request id, status) a resume carries; raises when it is anything else."""
    match value:
        case {"request_id": str(request_id), "status": str(status)}:
            return request_id, status
    raise TypeError("a gate was resumed with something that is no decision")
