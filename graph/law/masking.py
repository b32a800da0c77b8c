"""Values as people may see them: the same JSON, with every secret replaced by what may be said of it.

A field holds a secret when its schema says so (`"secret": true`, `"format": "password"`, `"writeOnly": true`; and
`"secret": false` says that it holds none), else when its name does; text anywhere is searched for secrets besides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from graph.law.request import Form
from graph.law.schemas import resolved
from graph.law.secret_names import secret_name, typed_name
from graph.law.secrets import instead, is_instead, redacted

_NAMING: Final = ("name", "key", "header", "field")
_BRANCHES: Final = ("anyOf", "oneOf", "allOf")
_DEEPEST: Final = 40
_TOO_DEEP: Final = "(nested too deeply to show)"


def shown_args(form: Form, args: Mapping[str, Any]) -> dict[str, Any]:
    """An action's arguments as people may see them. What is executed are the arguments themselves."""
    return {name: shown_arg(form, name, value) for name, value in args.items()}


def shown_arg(form: Form, name: str, value: Any) -> Any:
    """One of them."""
    return _Masks(form.schema).field(value, name, _property(form.schema, name))


def shown_value(value: Any, name: str = "") -> Any:
    """Any JSON value as people may see it; `name` is the field's, where it has one."""
    return _Masks({}).field(value, name, None)


def declared_secrets(form: Form) -> frozenset[str]:
    """Arguments that the action's schema or their names call secrets."""
    properties = form.schema.get("properties") or {}
    return frozenset(name for name in properties if _secret(name, _marker(properties[name], form.schema)))


def unexpected_secrets(form: Form, args: Mapping[str, Any]) -> frozenset[str]:
    """Arguments that hold what looks like a secret though the action doesn't declare one there."""
    return frozenset(
        name
        for name, value in args.items()
        if shown_arg(form, name, value) != value and _marker(_property(form.schema, name), form.schema) is not True
    )


@dataclass(frozen=True, slots=True)
class _Masks:
    """Replaces secrets. `schema` is the whole one, to which references point; `spec` is a field's."""

    schema: dict[str, Any]

    def field(self, value: Any, name: str, spec: Any, *, inside: bool = False, depth: int = 0) -> Any:
        """A field's value; `inside`: whatever holds it is a secret."""
        marker = _marker(spec, self.schema)
        secret = _secret(name, marker, inside=inside)
        match value:
            case str():
                return instead(value) if secret and value.strip() and not is_instead(value) else redacted(value)
            case bool() | None:
                return value
            case int() | float():
                return instead(str(value)) if marker or (secret and typed_name(name)) else value
            case Mapping() | list() | tuple() if depth > _DEEPEST:
                return _TOO_DEEP
            case Mapping():
                return self.fields(value, resolved(spec, self.schema)[0], inside=secret, depth=depth + 1)
            case list() | tuple():
                return self.items(value, resolved(spec, self.schema)[0].get("items"), inside=secret, depth=depth + 1)
            case _:
                return value

    def fields(self, value: Mapping[str, Any], spec: dict[str, Any], *, inside: bool, depth: int) -> dict[str, Any]:
        """`{"name": "X-Api-Key", "value": "…"}` names its secret in a field of its own."""
        named = next((value[key] for key in _NAMING if isinstance(value.get(key), str)), "")
        beside = inside or secret_name(named)
        return {
            redacted(str(key)): self.field(
                item, str(key), _property(spec, str(key)), inside=beside if key == "value" else inside, depth=depth
            )
            for key, item in value.items()
        }

    def items(self, value: Sequence[Any], spec: Any, *, inside: bool, depth: int) -> list[Any]:
        """`["X-Api-Key", "…"]` names its secret first."""
        paired = len(value) == 2 and isinstance(value[0], str) and secret_name(value[0])
        return [
            self.field(item, "", spec, inside=inside or (paired and index == 1), depth=depth)
            for index, item in enumerate(value)
        ]


def _secret(name: str, marker: bool | None, *, inside: bool = False) -> bool:
    return (inside or secret_name(name)) if marker is None else marker


def _marker(spec: Any, schema: dict[str, Any]) -> bool | None:
    """What a schema says: a secret, none, or nothing; of several forms that a value may take, any counts."""
    if not isinstance(spec, dict):
        return None
    found = resolved(spec, schema)[0]
    branches = [resolved(branch, schema)[0] for key in _BRANCHES for branch in found.get(key) or ()]
    markers = {_says(each) for each in (spec, found, *branches)}
    return True if True in markers else False if False in markers else None


def _says(spec: dict[str, Any]) -> bool | None:
    if isinstance(spec.get("secret"), bool):
        return bool(spec["secret"])
    return True if spec.get("format") == "password" or spec.get("writeOnly") is True else None


def _property(spec: dict[str, Any], name: str) -> Any:
    """The schema of what a field holds: its own, or the one of all that aren't named."""
    properties, others = spec.get("properties"), spec.get("additionalProperties")
    if isinstance(properties, dict) and name in properties:
        return properties[name]
    return others if isinstance(others, dict) else None
