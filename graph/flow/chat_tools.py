"""Actions offered to a chat model as tools, and its tool calls read back as steps of a run."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from graph.flow.workflow import Action, Done, GiveUp, Proposal, Step
from graph.law.request import Alternative

FINISH: Final = "finish"
GIVE_UP: Final = "give_up"
_OURS: Final = ("rationale", "stated_confidence", "alternatives")
# Marks of our own forms, which other readers of JSON Schema need not know.
_FORM_WORDS: Final = ("editable",)
_FORM_FORMATS: Final = ("money", "multiline")


class Unusable(ValueError):
    """The model's answer can't be taken; the message tells the model what to do instead."""


def tools(actions: Sequence[Action[Any]], bound: Collection[str] = ()) -> list[dict[str, Any]]:
    """One tool per action, and the two ways to stop. Arguments in `bound` are not for the model to choose."""
    names = [action.name for action in actions]
    for taken in {FINISH, GIVE_UP} & set(names):
        raise ValueError(f"an action can't be called {taken!r}: that is a tool of the agent's own")
    return [
        *(_tool(action.name, _description(action), _parameters(action, names, bound)) for action in actions),
        _tool(FINISH, "Everything is done. Tell the requester in short what was achieved.", _text("summary")),
        _tool(GIVE_UP, "It can't be done. Everything done so far will be undone.", _text("reason")),
    ]


def step(actions: Sequence[Action[Any]], name: str, given: Mapping[str, Any], bound: Mapping[str, Any]) -> Step:
    """The step a tool call stands for, with the `bound` arguments filled in; raise `Unusable` when it is none."""
    if name == FINISH:
        return Done(_words(given, "summary"))
    if name == GIVE_UP:
        return GiveUp(_words(given, "reason"))
    known = {action.name: _bound_args(action, bound) for action in actions}
    if name not in known:
        raise Unusable(f"There is no tool {name!r}. The tools are: {', '.join([*known, FINISH, GIVE_UP])}.")
    confidence = _number(given, "stated_confidence")
    return Proposal(
        action=name,
        args={field: value for field, value in given.items() if field not in _OURS} | known[name],
        rationale=_words(given, "rationale"),
        confidence=confidence,
        signals={"stated": confidence},
        alternatives=_alternatives(known, given.get("alternatives")),
    )


def _tool(name: str, description: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def _description(action: Action[Any]) -> str:
    undo = "It can be undone." if action.reversible else "It can't be undone."
    return f"Propose: {action.title}. A person may have to approve it first. {undo}"


def _bound_args(action: Action[Any], bound: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in bound.items() if name in action.args.model_fields}


def _parameters(action: Action[Any], names: Sequence[str], bound: Collection[str]) -> dict[str, Any]:
    schema: dict[str, Any] = _plain(action.args.model_json_schema())
    properties = {name: spec for name, spec in schema.get("properties", {}).items() if name not in bound}
    required = [name for name in schema.get("required", ()) if name not in bound]
    if clash := sorted(set(_OURS) & set(properties)):
        raise ValueError(f"action {action.name}: the argument {clash[0]!r} is one of the agent's own words")
    return {
        **schema,
        "properties": {**properties, **_own_properties(names)},
        "required": [*required, "rationale", "stated_confidence"],
    }


def _own_properties(names: Sequence[str]) -> dict[str, Any]:
    alternative = {
        "type": "object",
        "properties": {
            "title": {"type": "string", "description": "What it is, in a few words."},
            "type": {"type": "string", "enum": list(names)},
            "args": {"type": "object", "description": "The arguments of that action."},
        },
        "required": ["title", "type", "args"],
    }
    return {
        "rationale": {"type": "string", "description": "Why this is right, for the person who decides. Be short."},
        "stated_confidence": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "description": "Your honest probability that this is right.",
        },
        "alternatives": {
            "type": "array",
            "items": alternative,
            "description": "Other actions that would be acceptable.",
        },
    }


def _text(name: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": "string"}},
        "required": [name],
        "additionalProperties": False,
    }


def _plain(schema: Any) -> Any:
    """The schema without our own marks; names of arguments are left alone."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        word: {name: _plain(each) for name, each in value.items()} if word in ("properties", "$defs") else _plain(value)
        for word, value in schema.items()
        if word not in _FORM_WORDS and not (word == "format" and value in _FORM_FORMATS)
    }


def _words(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value.strip():
        raise Unusable(f"{name} is required: say it in words.")
    return value.strip()


def _number(given: Mapping[str, Any], name: str) -> float:
    """Any finite number: one that is out of range is passed on, the law knows what to make of it."""
    value = given.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unusable(f"{name} is required: a number from 0 to 1.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Unusable(f"{name} must be a number from 0 to 1.")
    return number


def _alternatives(known: Mapping[str, dict[str, Any]], given: Any) -> tuple[Alternative, ...]:
    if given is None:
        return ()
    if not isinstance(given, list):
        raise Unusable("alternatives must be a list.")
    return tuple(_alternative(known, item) for item in given)


def _alternative(known: Mapping[str, dict[str, Any]], item: Any) -> Alternative:
    match item:
        case {"title": str(title), "type": str(kind), "args": dict(args)} if kind in known:
            return Alternative(title=title, type=kind, args=args | known[kind])
        case _:
            raise Unusable("Each alternative needs a title, a type (one of the actions) and args (an object).")
