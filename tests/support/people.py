"""The people of the scenarios, as a mirrored directory knows them."""

from datetime import datetime

from graph.law.authorization import Person
from graph.verbs.ports import Store
from tests.support.db import WORKSPACE

GROUPS = {
    ("STIER1", "tier-1-reviewers"): ("UALICE", "UBOB", "UREQ", "UGONE", "UGUEST", "UEXT", "UBOTX"),
    ("STIER2", "tier-2-reviewers"): ("UCARA",),
    ("STIER3", "tier-3-managers"): ("UDIRK", "UDIRK2", "UEVE"),
}
ODD = {
    "UGONE": {"active": False},
    "UGUEST": {"guest": True},
    "UEXT": {"external": True},
    "UBOTX": {"bot": True},
    "UDIRK2": {"person": "dirk@example.com"},
    "UDIRK": {"person": "dirk@example.com"},
}


def person(user: str, now: datetime) -> Person:
    flags = {
        "active": True,
        "guest": False,
        "external": False,
        "bot": False,
        "person": f"{user.lower()}@example.com",
    }
    name = user.removeprefix("U").title()
    return Person(workspace_id=WORKSPACE, user_id=user, name=name, checked_at=now, **flags | ODD.get(user, {}))  # type: ignore[arg-type]


async def mirror_people(store: Store) -> None:
    """Mirror everybody, checked just now."""
    async with store.begin() as tx:
        now = await tx.now()
        users = {user for members in GROUPS.values() for user in members} | {"UOUT"}
        await tx.people.mirror(person(user, now) for user in sorted(users))
        for (group, handle), members in GROUPS.items():
            await tx.people.mirror_group(group, handle, members)
