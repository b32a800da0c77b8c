"""The forms of a batch, of ordinary and hostile items."""

from bot.cards.examples_batch import batch_views
from bot.modals import batch, incident
from bot.words import Json

PLACE = ("C0REVIEW", "1803.0001")


def batch_examples() -> dict[str, Json]:
    """Name → view."""
    found: dict[str, Json] = {}
    for name, view in batch_views().items():
        waiting = [each.item for each in view.waiting()]
        if name in ("batch_pending", "batch_hostile"):
            found[f"{name}_but"] = batch.build_but(waiting, view.ref(), PLACE)
            found[f"{name}_reject"] = batch.build_reject(waiting, view.ref(), PLACE)
        if name in ("batch_mixed", "batch_hostile_decided", "batch_kept_out"):
            found[f"{name}_details"] = batch.build_details(view, view.ref(), PLACE)
        if name in ("batch_mixed", "batch_hostile_decided"):
            settled = [each.item for each in view.settled()]
            found[f"{name}_incident"] = incident.build_batch(view, settled, PLACE)
    return found
