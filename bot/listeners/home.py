"""The Home tab of one person, as it is now."""

from bot.cards.brake import Brake
from bot.cards.home import home
from bot.listeners.looking import decidable
from bot.listeners.services import Services
from graph.verbs.ports import Tx
from graph.verbs.stop import named, refusal


async def publish_home(services: Services, user: str) -> None:
    """Show this person what is stopped and what waits for them."""
    async with services.store.begin() as tx:
        view = home(await decidable(tx, user), await tx.now(), {}, brake=await _brake(tx, user))
    await services.slack.write("views.publish", user_id=user, view=view)


async def _brake(tx: Tx, user: str) -> Brake:
    """What is stopped, and what this person may do about it."""
    return Brake(
        stops=await named(tx),
        may_stop=await refusal(tx, user, "stop") is None,
        may_lift=await refusal(tx, user, "resume") is None,
    )
