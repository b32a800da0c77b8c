"""The mirror of people: who counts, who does not, and what a failure changes (nothing for the better)."""

from graph.law.authorization import Person
from tests.support.slack import House, until


async def people(door: House, *users: str) -> dict[str, Person]:
    async with door.store.begin() as tx:
        return dict(await tx.people.many(users))


async def test_accounts_as_they_are(door: House) -> None:
    for user in ("UGUEST", "USGUEST", "UEXT", "UBOTX"):
        await door.sandbox.control(f"users/{user}", groups=["STIER1"])
    await door.directory.refresh()
    found = await people(door, "UALICE", "UGUEST", "USGUEST", "UEXT", "UBOTX", "UGONE", "UDIRK", "UDIRK2", "UDEMOTED")
    assert found["UALICE"].person == "alice@gatepost.example"
    assert (found["UALICE"].active, found["UALICE"].guest, found["UALICE"].external) == (True, False, False)
    assert found["UGUEST"].guest and found["USGUEST"].guest
    assert found["UEXT"].external and found["UBOTX"].bot and not found["UGONE"].active
    assert found["UDIRK"].person == found["UDIRK2"].person
    assert "UDEMOTED" not in found


async def test_without_the_address_an_account_is_its_own_person(door: House) -> None:
    await door.sandbox.control("scopes", scopes=["users:read", "usergroups:read"])
    await door.directory.refresh()
    assert (await people(door, "UDIRK2"))["UDIRK2"].person == "THOME:UDIRK2"


async def test_events_reach_the_mirror(door: House) -> None:
    await door.sandbox.control("users/UALICE", deleted=True)
    await until(lambda: _gone(door, "UALICE"))
    await door.sandbox.control("users/UOUT", groups=["STIER1"])
    await until(lambda: _member(door, "UOUT"))
    await door.sandbox.control("users/UOUT", groups=[])
    await until(lambda: _left(door, "UOUT"))


async def test_a_failure_changes_nothing_and_age_grows(door: House) -> None:
    before = await people(door, "UALICE", "UBOB")
    await door.sandbox.control("users/UALICE", deleted=True)
    await door.services.background.drain()
    await door.sandbox.fault("usergroups.list", "error500", times=None)
    await door.sandbox.fault("users.info", "error500", times=None)
    await door.directory.refresh()
    after = await people(door, "UALICE", "UBOB")
    assert after["UBOB"].checked_at == before["UBOB"].checked_at


async def test_groups_that_can_not_be_read_keep_their_members_from_getting_younger(door: House) -> None:
    before = await people(door, "UALICE")
    await door.sandbox.fault("usergroups.list", "error500", times=None)
    await door.directory.refresh()
    assert (await people(door, "UALICE"))["UALICE"].checked_at == before["UALICE"].checked_at


async def test_retry_after_is_waited_for(door: House) -> None:
    await door.sandbox.fault("users.info", "ratelimited", retry_after=1, times=2)
    before = (await people(door, "UALICE"))["UALICE"].checked_at
    assert await door.directory.refresh() > 8
    assert (await people(door, "UALICE"))["UALICE"].checked_at > before


async def test_requesters_are_known_before_their_card_is_posted(door: House) -> None:
    await door.propose(requester="UDEMOTED")
    assert "UDEMOTED" in await people(door, "UDEMOTED")


async def _gone(door: House, user: str) -> bool:
    return not (await people(door, user))[user].active


async def _member(door: House, user: str) -> bool:
    async with door.store.begin() as tx:
        return user in await tx.people.members(["STIER1"]) and await tx.people.get(user) is not None


async def _left(door: House, user: str) -> bool:
    async with door.store.begin() as tx:
        return user not in await tx.people.members(["STIER1"])
