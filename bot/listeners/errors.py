"""The one error handler: nothing was acknowledged, so Slack shows the person an error and the button stays live."""

from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncApp

from bot.listeners.services import Services
from graph.faults import report


def register(app: AsyncApp, services: Services) -> None:
    async def failed(error: Exception) -> BoltResponse:
        report("interaction failed", error)
        return BoltResponse(status=503, body="")

    app.error(failed)
