"""What an agent wants: its canonical form, its question in plain words, and the checks an edit must pass."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final

from jsonschema import Draft202012Validator
from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from graph.law.canonical import Unfaithful, canonical_text, digest
from graph.law.masking import declared_secrets, shown_args
from graph.law.request import Form

MONEY_PATTERN: Final = r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,2})?$"
_FIVE_DIGITS: Final = 10_000
_FIELD: Final = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


class NotMoney(ValueError):
    """The text is no positive amount with at most two decimals."""


def parse_money(value: object) -> Decimal:
    """Parse `420`, `420.5` or `420.50`, ASCII digits only, greater than zero; raise `NotMoney`."""
    if isinstance(value, Decimal):
        value = format(value, "f")
    if not isinstance(value, str) or not re.fullmatch(MONEY_PATTERN, value, re.ASCII):
        raise NotMoney("an amount like 420.00: digits, a point, at most two decimals")
    amount = Decimal(value)
    if amount <= 0:
        raise NotMoney("an amount greater than zero")
    return amount.quantize(Decimal("0.01"))


Money = Annotated[
    Decimal,
    BeforeValidator(parse_money),
    PlainSerializer(lambda amount: format(amount, ".2f"), return_type=str),
    WithJsonSchema({"type": "string", "format": "money", "pattern": MONEY_PATTERN}),
]


Secret = Annotated[str, WithJsonSchema({"type": "string", "secret": True})]
"""Text that nobody gets to see: cards, logs and exports say how long it is, and no reviewer can change it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """An action bound to its digest: `canonical` is what gets hashed, shown and executed."""

    workflow: str
    type: str
    args: dict[str, Any]
    canonical: str
    digest: str


def bind(workflow: str, action_type: str, args: dict[str, Any]) -> Bound:
    """Bind an action to its digest; raise `Unfaithful` when it can't be stored or shown exactly."""
    text = canonical_text({"workflow": workflow, "type": action_type, "args": args})
    return Bound(workflow=workflow, type=action_type, args=args, canonical=text, digest=digest(text))


def named(form: Form) -> frozenset[str]:
    """The arguments that the question names."""
    return frozenset(_FIELD.findall(form.question))


def question(form: Form, args: dict[str, Any]) -> str:
    """Fill the action's own question template from the arguments, but for secrets; no text of the agent gets in."""
    args = shown_args(form, args)
    money = {name for name, spec in _properties(form).items() if spec.get("format") == "money"} | {form.value_field}

    def filled(match: re.Match[str]) -> str:
        value = args.get(match.group(1))
        return grouped(value) if match.group(1) in money or type(value) is int else _shown(value)

    return _FIELD.sub(filled, form.question)


def value_of(form: Form, args: dict[str, Any]) -> Decimal | None:
    """The amount at stake, or None when the action has none; raise `Unfaithful` when it can't be read."""
    if form.value_field is None:
        return None
    try:
        return Decimal(str(args[form.value_field]))
    except (KeyError, InvalidOperation):
        raise Unfaithful(f"{form.value_field}: no amount that can be read") from None


def currency_of(form: Form, args: dict[str, Any]) -> str | None:
    """The currency of the amount at stake, if the action names one."""
    return str(args[form.currency_field]) if form.currency_field and form.currency_field in args else None


def fixed_fields(form: Form) -> frozenset[str]:
    """Arguments that a reviewer may not edit: marked `editable: false` in the args model, or secrets."""
    fixed = frozenset(name for name, spec in _properties(form).items() if spec.get("editable") is False)
    return fixed | declared_secrets(form)


def check_edit(form: Form, before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Check edited arguments against the action's schema.

    Returns the normalised arguments and a map field → what is wrong with it (empty when all is well;
    the key `""` is for what belongs to no single field).
    """
    normal, errors = _normalise(form, after)
    for name in sorted(set(after) - set(form.schema.get("properties", {}))):
        errors[""] = f"{name} is not an argument of this action; the action itself can't be changed by an edit"
    for name in sorted(fixed_fields(form)):
        if normal.get(name) != before.get(name):
            errors[name] = "this field can't be edited; reject the request instead"
    for problem in Draft202012Validator(form.schema).iter_errors(normal):
        name = str(problem.absolute_path[0]) if problem.absolute_path else _missing(problem)
        errors.setdefault(name, _say(problem))
    if not errors:
        try:
            canonical_text(normal)
        except Unfaithful as error:
            errors[""] = str(error)
    return normal, errors


def _properties(form: Form) -> dict[str, dict[str, Any]]:
    """The arguments' schemas; JSON Schema also allows plain booleans there, which say nothing we need."""
    found: dict[str, Any] = form.schema.get("properties", {})
    return {name: spec if isinstance(spec, dict) else {} for name, spec in found.items()}


def _normalise(form: Form, args: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    normal, errors = dict(args), {}
    for name, spec in _properties(form).items():
        if spec.get("format") == "money" and name in args:
            try:
                normal[name] = format(parse_money(args[name]), ".2f")
            except NotMoney as error:
                errors[name] = f"Enter {error}."
    return normal, errors


def _missing(problem: Any) -> str:
    if problem.validator == "required":
        return next((name for name in problem.validator_value if name not in problem.instance), "")
    return ""


def _say(problem: Any) -> str:
    match problem.validator:
        case "required":
            return "This field is required."
        case "enum":
            return "Choose one of: " + ", ".join(str(option) for option in problem.validator_value) + "."
        case "maxLength":
            return f"At most {problem.validator_value} characters."
        case "minLength":
            return f"At least {problem.validator_value} characters."
        case "type":
            return f"Expected {problem.validator_value}."
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum" as limit:
            return f"Outside the limit ({limit} {problem.validator_value})."
        case _:
            return "This value doesn't fit the action's rules."


def grouped(value: object) -> str:
    """An amount, or a count from five digits on, with its thousands apart: 2,300,000.00 is read at a glance."""
    if type(value) is int:
        return f"{value:,}" if abs(value) >= _FIVE_DIGITS else str(value)
    if not isinstance(value, str) or not re.fullmatch(MONEY_PATTERN, value, re.ASCII):
        return _shown(value)
    return format(Decimal(value), ",")


def _shown(value: object) -> str:
    if value is None:
        return "(missing)"
    if isinstance(value, list):
        return ", ".join(_shown(item) for item in value)
    return str(value)
