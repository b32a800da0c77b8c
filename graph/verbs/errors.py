"""What a verb can refuse; every message is a sentence for the person at the door."""


class Refusal(Exception):
    """The verb did nothing, and says why. `code` is stable and machine-readable."""

    code = "refused"


class NotFound(Refusal):
    """There is no such thing."""

    code = "not_found"


class NotAllowed(Refusal):
    """This person may not do this; recorded in the audit as `decision_denied`."""

    code = "not_allowed"


class Undetermined(NotAllowed):
    """Whether this person may do this could not be checked; nothing was decided."""

    code = "undetermined"


class Stale(Refusal):
    """The request is not what the person saw: decided, moved on, changed or expired."""

    code = "stale"


class Invalid(Refusal):
    """The input can't be taken. `fields` maps an argument's name to what is wrong (`""`: no single one)."""

    code = "invalid"

    def __init__(self, message: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or {}


class Stopped(Refusal):
    """Somebody has pulled the emergency brake; only what sets nothing off is possible."""

    code = "stopped"


class Busy(Exception):
    """Others held what this needed for too long: nothing was written, and the same may work in a moment."""


class Fenced(Exception):
    """This worker's lease ran out and another has the run: nothing it still wants to write counts."""
