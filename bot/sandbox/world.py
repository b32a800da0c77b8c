"""The world as it is when the sandbox starts for the first time: team, app, people, user groups, channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_SCOPES = frozenset(
    {
        "chat:write",
        "commands",
        "im:write",
        "im:history",
        "users:read",
        "users:read.email",
        "usergroups:read",
        "channels:read",
        "groups:read",
        "channels:history",
        "groups:history",
        "metadata.message:read",
        "files:write",
    }
)


@dataclass(frozen=True)
class Person:
    id: str
    name: str
    real_name: str
    title: str = ""
    email: str = ""
    tz: str = "Europe/Berlin"
    team: str = "THOME"
    restricted: bool = False
    ultra_restricted: bool = False
    stranger: bool = False
    bot: bool = False
    deleted: bool = False
    admin: bool = False
    color: str = "4bbe2e"

    @property
    def shown(self) -> str:
        """The name people chose to go by: the first of their names."""
        return self.real_name.split()[0]


@dataclass(frozen=True)
class Group:
    id: str
    handle: str
    name: str
    users: tuple[str, ...]


@dataclass(frozen=True)
class Room:
    """A channel; the bot is a member unless `bot` says no."""

    id: str
    name: str
    members: tuple[str, ...]
    bot: bool = True
    private: bool = False
    archived: bool = False
    ext_shared: bool = False
    topic: str = ""


@dataclass(frozen=True)
class Shortcut:
    """An entry of the manifest's `features.shortcuts`: `type` is `message` or `global`."""

    callback_id: str
    name: str
    type: str = "message"


@dataclass(frozen=True)
class AppConfig:
    """What the app's owner sets on Slack's configuration pages. `bot_events` None means: all events."""

    interactivity_url: str | None = None
    events_url: str | None = None
    commands: Mapping[str, str] = field(default_factory=dict)
    shortcuts: tuple[Shortcut, ...] = ()
    bot_events: frozenset[str] | None = None


PEOPLE = (
    Person("UALICE", "alice", "Alice Ahrens", "Support lead, reviews tier 1", color="9f69e7"),
    Person("UBOB", "bob", "Bob Brandt", "Support, reviews tier 1", color="4bbe2e"),
    Person("UCARA", "cara", "Cara Conti", "Senior support, reviews tier 2", tz="Europe/Rome", color="e7392d"),
    Person("UDIRK", "dirk", "Dirk Dorn", "Head of payments, reviews tier 3", color="3c989f"),
    Person("UDIRK2", "dirk.dorn", "Dirk Dorn", "Dirk's other account", email="dirk@gatepost.example", color="674b1b"),
    Person("UEVE", "eve", "Eve Evans", "Head of support, reviews tier 3", tz="Europe/London", color="e96699"),
    Person("UADMIN", "admin", "Ada Min", "Workspace admin", admin=True, color="e0a729"),
    Person("UREQ", "remy", "Remy Quist", "Account manager, asks for refunds", color="684b6c"),
    Person("UAPPROVER", "ann", "Ann Prover", "Support", color="5b89d5"),
    Person("UOUT", "olli", "Olli Out", "Marketing", tz="America/New_York", color="2b6836"),
    Person("UGUEST", "gus", "Gus Guest", "Contractor", restricted=True, color="99a949"),
    Person("USGUEST", "sam", "Sam Single", "Intern", restricted=True, ultra_restricted=True, color="df3dc0"),
    Person("UEXT", "xenia", "Xenia Extern", "Partner", team="TPARTNER", stranger=True, color="4cc091"),
    Person("UBOTX", "otherbot", "Other Bot", bot=True, color="9b3b45"),
    Person("UGONE", "greta", "Greta Gone", "Former support", deleted=True, color="d58247"),
    Person("UDEMOTED", "demi", "Demi Moted", "Support", color="bb86b7"),
)

GROUPS = (
    Group("STIER1", "tier-1-reviewers", "Tier 1 reviewers", ("UALICE", "UBOB", "UREQ", "UAPPROVER", "UGONE")),
    Group("STIER2", "tier-2-reviewers", "Tier 2 reviewers", ("UCARA",)),
    Group("STIER3", "tier-3-managers", "Tier 3 managers", ("UDIRK", "UDIRK2", "UEVE")),
    Group("SMIXED", "mixed", "Mixed accounts", ("UALICE", "UGUEST", "USGUEST", "UEXT", "UBOTX")),
)

_STAFF = (
    *("UALICE", "UBOB", "UCARA", "UDIRK", "UDIRK2", "UEVE"),
    *("UADMIN", "UREQ", "UAPPROVER", "UOUT", "UGONE", "UDEMOTED"),
)

ROOMS = (
    Room(
        "CTIER1",
        "approvals",
        (*_STAFF, "UGUEST", "USGUEST", "UBOTX"),
        topic="Actions of agents that need a person",
    ),
    Room("CTIER2", "approvals-tier-2", ("UCARA", "UDIRK", "UDIRK2", "UEVE", "UADMIN", "UALICE", "UREQ")),
    Room("CTIER3", "approvals-managers", ("UDIRK", "UDIRK2", "UEVE", "UADMIN")),
    Room("COPS", "gatepost-ops", ("UADMIN", "UDIRK", "UEVE"), topic="Gatepost tells its operators"),
    Room("CSHARED", "partners", ("UALICE", "UADMIN", "UREQ", "UOUT", "UEXT"), ext_shared=True),
    Room("CRANDOM", "random", _STAFF, bot=False),
    Room("CPRIVATE", "payments-private", ("UALICE", "UCARA", "UDIRK", "UADMIN"), private=True),
    Room("CARCH", "old-approvals", ("UALICE", "UBOB", "UADMIN"), archived=True),
)


@dataclass(frozen=True)
class World:
    team_id: str = "THOME"
    team_name: str = "Gatepost Sandbox"
    team_domain: str = "gatepost-sandbox"
    app_id: str = "AGATEPOST"
    app_name: str = "Gatepost"
    bot_user: str = "UGATEPOST"
    bot_id: str = "BGATEPOST"
    bot_name: str = "gatepost"
    bot_token: str = "xoxb-sandbox"  # noqa: S105 -- of no use outside the sandbox, like the next three
    app_token: str = "xapp-sandbox"  # noqa: S105
    signing_secret: str = "sandbox-signing-secret"  # noqa: S105
    verification_token: str = "sandbox-verification-token"  # noqa: S105
    scopes: frozenset[str] = DEFAULT_SCOPES
    people: tuple[Person, ...] = PEOPLE
    groups: tuple[Group, ...] = GROUPS
    rooms: tuple[Room, ...] = ROOMS
