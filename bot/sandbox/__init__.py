"""A local Slack: one workspace on loopback, as strict as the real one where strictness matters.

It is an outside world to the rest of Gatepost: it imports nothing of it and no Slack library.
"""

from bot.sandbox.server import create_app, running, serve
from bot.sandbox.world import AppConfig, World

__all__ = ["AppConfig", "World", "create_app", "running", "serve"]
