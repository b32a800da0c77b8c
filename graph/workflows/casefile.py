"""What lies in the file of a case beside its figures, and the context bundle that reviewers see behind “Details”."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field

Line = Annotated[str, Field(min_length=1, max_length=500)]


class Said(BaseModel, extra="forbid", frozen=True):
    """A turn of a conversation that somebody had about the case."""

    who: Annotated[str, Field(min_length=1, max_length=80)]
    text: Annotated[str, Field(min_length=1, max_length=5000)]
    at: Annotated[str, Field(max_length=40)] = ""


class CaseFile(BaseModel, extra="forbid", frozen=True):
    """Optional in every input. `about`: what is on record of whom it concerns; `looked`: what was looked up before,
    each with what was found; `doubts`: what gives the agent pause.
    """

    about: Annotated[dict[str, Line], Field(max_length=20)] = {}
    conversation: Annotated[tuple[Said, ...], Field(max_length=1000)] = ()
    looked: Annotated[tuple[Line, ...], Field(max_length=50)] = ()
    doubts: Annotated[str, Field(max_length=500)] = ""


Named = tuple[str, Mapping[str, Any]]
"""What the domain calls it (patient, requisition …), and what there is to know of it."""


def bundle(
    file: CaseFile,
    *,
    goal: str,
    situation: Any,
    recommendation: str,
    tried: Sequence[str],
    confidence: str,
    who: Named,
    what: Named,
) -> dict[str, Any]:
    """Plain JSON; the keys are shown as headings. `tried` is what was proposed in this run, with what became of it."""
    optional = {
        "doubts": file.doubts,
        who[0]: _known({**who[1], **file.about}),
        what[0]: _known(what[1]),
        "conversation": [turn.model_dump(exclude_defaults=True) for turn in file.conversation],
        "confidence": confidence,
    }
    return {
        "goal": goal,
        "situation": situation,
        "recommendation": f"{recommendation.removesuffix('?')}." if recommendation.endswith("?") else recommendation,
        "tried": [*file.looked, *tried],
        **{name: value for name, value in optional.items() if value},
    }


def _known(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def steps_down(start: float, step: float, unusual: int) -> str:
    """How a stated confidence came about: `94 %, less 9 % for each unusual thing (2)`."""
    return f"The model's own: {start:.0%}, less {step:.0%} for each unusual thing ({unusual})".replace("%", " %")
