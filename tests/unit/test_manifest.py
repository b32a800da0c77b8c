"""manifest.yml says what the code does: the command, the events, the scopes that `doctor` asks for."""

from bot.cli.doctor import SCOPES
from bot.ids import COMMAND, INCIDENT, INCIDENT_NAME
from bot.listeners.events import EVENTS
from tests.support.manifest import manifest


def test_commands_events_and_scopes_match_the_code() -> None:
    app = manifest()
    assert [command["command"] for command in app["features"]["slash_commands"]] == [COMMAND]
    [shortcut] = app["features"]["shortcuts"]
    assert (shortcut["callback_id"], shortcut["name"], shortcut["type"]) == (INCIDENT, INCIDENT_NAME, "message")
    assert set(app["settings"]["event_subscriptions"]["bot_events"]) == set(EVENTS)
    assert set(SCOPES) <= set(app["oauth_config"]["scopes"]["bot"])


def test_one_address_takes_everything() -> None:
    app = manifest()
    settings = app["settings"]
    addresses = {
        app["features"]["slash_commands"][0]["url"],
        settings["event_subscriptions"]["request_url"],
        settings["interactivity"]["request_url"],
    }
    assert len(addresses) == 1
    assert addresses.pop().endswith("/slack/events")
    assert settings["interactivity"]["is_enabled"] is True
