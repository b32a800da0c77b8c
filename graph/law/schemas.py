"""Reading JSON Schema as pydantic writes it: references followed, and what is only wrapped unwrapped."""

from typing import Any

_DEEPEST = 8


def resolved(spec: Any, schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """A property's schema with `$ref` followed and `anyOf [x, null]` taken apart; and whether null is allowed."""
    nullable, found = False, dict(spec) if isinstance(spec, dict) else {}
    for _ in range(_DEEPEST):
        branches = found.get("anyOf") or found.get("oneOf") or found.get("allOf")
        if "$ref" in found:
            found = {**_target(found["$ref"], schema), **_without(found, "$ref")}
        elif isinstance(branches, list):
            solid = [branch for branch in branches if branch != {"type": "null"}]
            nullable = nullable or len(solid) < len(branches)
            if len(solid) != 1 or not isinstance(solid[0], dict):
                return _without(found, "type"), nullable
            found = {**solid[0], **_without(found, "anyOf", "oneOf", "allOf")}
        else:
            break
    kinds = found.get("type")
    if isinstance(kinds, list):
        solid_kinds = [kind for kind in kinds if kind != "null"]
        nullable = nullable or len(solid_kinds) < len(kinds)
        found = {**found, "type": solid_kinds[0] if len(solid_kinds) == 1 else None}
    return found, nullable


def _target(reference: Any, schema: dict[str, Any]) -> dict[str, Any]:
    name = reference.rpartition("/")[2] if isinstance(reference, str) else ""
    found = schema.get("$defs", {}).get(name)
    return found if isinstance(found, dict) else {}


def _without(spec: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name not in names}
