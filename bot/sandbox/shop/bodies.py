"""What the shop accepts: request bodies, checked before anything happens."""

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


def _positive(amount: str) -> str:
    if not amount.strip("0."):
        raise ValueError("must be greater than zero")
    return amount


def _line(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("must be one line of printable text without spaces around it")
    return text


def _part_of_a_path(subject: str) -> str:
    # Browsers and HTTP clients resolve "." and ".." away before they ask.
    if "/" in subject or subject in (".", ".."):
        raise ValueError("must fit into an address: no /, and neither . nor ..")
    return subject


Amount = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,11})\.[0-9]{2}$"), AfterValidator(_positive)]
Currency = Literal["EUR", "USD", "GBP"]
Target = Literal["refunds", "credits", "messages", "releases", "reversals", "deeds", "undos", "*"]
Subject = Annotated[
    str, StringConstraints(min_length=1, max_length=128), AfterValidator(_line), AfterValidator(_part_of_a_path)
]
Mode = Literal["fail_before", "fail_after", "lost_answer", "slow", "refuse"]


class ShopError(Exception):
    """The shop says no; `status` is the HTTP status, the message is for the caller to read."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


B = TypeVar("B", bound=Body)


class Credit(Body):
    case_id: Id
    customer: Id
    amount: Amount
    currency: Currency
    reference: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Release(Body):
    credit: Id


class Refund(Body):
    case_id: Id
    order: Id
    amount: Amount
    currency: Currency


class Reversal(Body):
    """Nothing to say: the refund stands in the address."""


class Message(Body):
    case_id: Id
    customer: Id
    body: Annotated[str, StringConstraints(min_length=1, max_length=10_000)]


class Deed(Body):
    """Anything that any domain does in its outside world."""

    domain: Id
    kind: Id
    subject: Subject
    title: Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(_line)]
    amount: Amount | None = None
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    reference: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    detail: Annotated[str, StringConstraints(max_length=10_000)] = ""

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.amount is None) != (self.currency is None):
            raise ValueError("amount and currency: both or neither")
        return self


class Undo(Body):
    """Nothing to say: the deed stands in the address."""


class Close(Body):
    reason: Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(_line)]


class Withdrawal(Close):
    """The page's form: it can't put what is typed into an address."""

    id: Subject


class Turn(Body):
    sender: Literal["customer", "support"]
    text: Annotated[str, StringConstraints(max_length=10_000)]
    hours_ago: float = Field(default=0.0, ge=0.0)


class PastRefund(Body):
    amount: Amount
    days_ago: float = Field(ge=0.0)


class NewCase(Body):
    """A case to be opened; what is left out is made up, so that every case can have a customer of its own."""

    id: Id | None = None
    customer: Id | None = None
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)] = "Sam Fresh"
    customer_days: float = Field(default=400.0, ge=0.0)
    order: Id | None = None
    item: Annotated[str, StringConstraints(max_length=200)] = "Blue kettle"
    order_total: Amount | None = None
    amount: Amount = "420.00"
    currency: Currency = "EUR"
    waiting_hours: float = Field(default=72.0, ge=0.0)
    conversation: tuple[Turn, ...] = (Turn(sender="customer", text="My parcel never arrived.", hours_ago=72.0),)
    past_refunds: tuple[PastRefund, ...] = ()


class Fault(Body):
    """`times` absent: until it is deleted."""

    target: Target
    mode: Mode
    times: int | None = Field(default=None, ge=1)
    seconds: float = Field(default=10.0, ge=0.0, le=600.0)
    probability: float = Field(default=1.0, gt=0.0, le=1.0)


def checked(model: type[B], body: Any) -> B:
    """The body as its model, or a 422 that names every mistake and its place."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, item['loc'])) or 'body'}: {item['msg']}" for item in error.errors()]
        raise ShopError(422, "; ".join(lines)) from None
