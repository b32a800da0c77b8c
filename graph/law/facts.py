"""All that routing may look at, frozen before it looks; kept with the request, so that a route can be told again."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from decimal import Decimal
from typing import Any

from graph.law.confidence import Signal
from graph.law.request import EffectClass, Request, Risk


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What Gatepost's own record says of an action, as of the moment it was proposed.

    `asked` and `well`: earlier ones of this action and impact that people decided, and those that went well.
    `usual`: mean amount of the done ones, over `usual_of`; `theirs`, over `theirs_of`: of those on the same target,
    `lately` of which in the last seven days. `totals`: by name, what earlier ones that count
    together with this one add up to. `rejected`: sentences about earlier rejections of the same thing;
    `same_rejected`: how often exactly this was rejected lately.
    """

    asked: int = 0
    well: int = 0
    usual: Decimal | None = None
    usual_of: int = 0
    theirs: Decimal | None = None
    theirs_of: int = 0
    lately: int = 0
    totals: Mapping[str, Decimal] = field(default_factory=dict)
    rejected: tuple[str, ...] = ()
    same_rejected: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The frozen input of routing. `value` is in the policy's unit; signals that are absent don't apply."""

    action: str
    args: Mapping[str, Any] = field(default_factory=dict)
    value: Decimal | None = None
    currency: str | None = None
    target: str | None = None
    requester: str | None = None
    effect_class: EffectClass = EffectClass.IDEMPOTENT
    reversible: bool = True
    tags: tuple[str, ...] = ()
    impact: Risk = Risk.LOW
    """The action's own estimate; amounts and rules can only raise it."""
    signals: Mapping[Signal, float | None] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    sentiment: float | None = None
    record: Record = field(default_factory=Record)
    reformulations: int = 0
    world_moved: bool = False
    edited: bool = False
    known: bool = True
    draw: float = 1.0
    """In [0, 1), fixed by the request's id: whether it falls into a sample."""

    @property
    def workflow(self) -> str:
        return self.action.partition(".")[0]

    @property
    def unusual(self) -> bool:
        """Whether something is unusual about it, beside that it was rejected before."""
        return any(flag not in self.record.rejected for flag in self.flags)

    def at_stake(self) -> Decimal | None:
        """The amount with the largest total it adds to: many small ones are one large one."""
        if self.value is None:
            return None
        totals = self.record.totals
        return self.value + max(totals.values()) if totals else self.value


def at_stake(request: Request) -> Decimal | None:
    """The amount of a stored request with the largest total it added to when it was judged."""
    if request.worth is None:
        return None
    totals = request.judged.get("record", {}).get("totals", {})
    return request.worth + max((Decimal(total) for total in totals.values()), default=Decimal(0))


def draw_of(request_id: str) -> float:
    """A number in [0, 1) that is the same whenever this request is looked at."""
    return int(hashlib.sha256(f"sample/{request_id}".encode()).hexdigest()[:13], 16) / 16**13


def to_json(facts: Facts) -> dict[str, Any]:
    """Plain JSON of the facts, amounts as decimal strings; without the arguments, which the request holds."""
    return {name: _plain(value) for name, value in asdict(facts).items() if name != "args"}


def from_json(stored: Mapping[str, Any], args: Mapping[str, Any]) -> Facts:
    """The facts of a stored request; what another release wrote besides is left out."""
    values = {item.name: stored[item.name] for item in fields(Facts) if item.name in stored}
    record = {item.name: values["record"][item.name] for item in fields(Record) if item.name in values["record"]}
    record["usual"], record["theirs"] = _amount(record.get("usual")), _amount(record.get("theirs"))
    record["totals"] = {name: Decimal(total) for name, total in record.get("totals", {}).items()}
    record["rejected"] = tuple(record.get("rejected", ()))
    return Facts(
        **values
        | {
            "args": args,
            "value": _amount(values.get("value")),
            "effect_class": EffectClass(values["effect_class"]),
            "impact": Risk(values.get("impact", Risk.LOW)),
            "signals": {Signal(name): value for name, value in values.get("signals", {}).items()},
            "tags": tuple(values.get("tags", ())),
            "flags": tuple(values.get("flags", ())),
            "record": Record(**record),
        }
    )


def _amount(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return str(value)
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value
