"""Everything one sandbox process holds, put together once and handed around."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from bot.sandbox.deliver import Deliverer
from bot.sandbox.faults import Faults, Log
from bot.sandbox.hub import Hub
from bot.sandbox.limits import Limits
from bot.sandbox.messages import Messages
from bot.sandbox.modals import Modals
from bot.sandbox.people import People
from bot.sandbox.rooms import Rooms
from bot.sandbox.settings import Settings
from bot.sandbox.socketmode import Sockets
from bot.sandbox.store import Store
from bot.sandbox.tickets import Tickets
from bot.sandbox.world import AppConfig, World


class Workspace:
    def __init__(
        self, world: World, store_path: Path, app_config: AppConfig, clock: Callable[[], float] = time.time
    ) -> None:
        self.world, self.clock = world, clock
        self.scopes = set(world.scopes)
        self.base_url = ""
        self.settings = Settings()
        self.store = Store(store_path)
        self.hub = Hub()
        self.people = People(self.store, world)
        self.rooms = Rooms(self.store, world, self.people)
        if not self.people.users:
            self._seed()
        self.messages = Messages(self.store, self.hub, clock)
        self.modals = Modals(self.store, self.hub, world, clock)
        self.tickets = Tickets(self.store, clock, self.settings)
        self.limits = Limits(self.settings, clock)
        self.faults, self.calls, self.deliveries = Faults(), Log(), Log()
        self.sockets = Sockets(world.app_id)
        self.deliver = Deliverer(world, app_config, self.settings, self.faults, self.deliveries, self.sockets, clock)

    def reset(self) -> None:
        """Back to the first minute; open Socket Mode connections stay."""
        self.store.clear()
        self.messages.forget()
        self._seed()
        self.scopes = set(self.world.scopes)
        self.settings.change(vars(Settings()))
        self.faults.clear()
        self.calls.clear()
        self.deliveries.clear()
        self.hub.tell("reset")

    def _seed(self) -> None:
        with self.store.batch():
            self.people.seed()
            self.rooms.seed()
