"""Who is who: people and groups mirrored from Slack into rows with an age, so that a click needs no Slack call.

What can't be looked up keeps its old row, whose age then speaks against it: nobody becomes fine by a failure.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from bot.slack import RateLimited, Refused, Slack, SlackProblem
from graph.law.authorization import Person
from graph.law.policy import ON_CALL, Policy
from graph.verbs.ports import Store

AT_ONCE: Final = 4
TRIES: Final = 4
PATIENCE_SECONDS: Final = 120.0
PENDING_LOOKED_AT: Final = 1000
_NOBODY: Final = ("user_not_found", "users_not_found")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Clock:
    """The database's time, read once, and gone on with by what passed here since."""

    read: datetime
    since: float

    def now(self) -> datetime:
        return self.read + timedelta(seconds=time.monotonic() - self.since)


class Directory:
    """Refreshes the mirror. Everything here is idempotent and safe on many replicas."""

    def __init__(self, store: Store, slack: Slack) -> None:
        self._store, self._slack = store, slack
        self._once = asyncio.Semaphore(AT_ONCE)

    async def refresh(self) -> int:
        """The workspace, the groups that the policy names, and everybody who may have a say; how many people."""
        await self._workspace()
        policy, requesters = await self._wanted()
        named = _entries(policy)
        trusted = await self._groups(named)
        users = {entry for entry in named if _is_user(entry)} | requesters
        async with self._store.begin() as tx:
            users |= await tx.people.members(trusted)
            # Whose turn comes is known before it does.
            users |= {shift.user_id for shift in await tx.duty.shifts()}
        return await self._people(users)

    async def refresh_user(self, user_id: str) -> bool:
        """Look up one account that is mirrored already; others are not our business."""
        async with self._store.begin() as tx:
            if await tx.people.get(user_id) is None:
                return False
        return await self._people([user_id]) == 1

    async def know(self, user_id: str) -> bool:
        """Mirror an account that is not mirrored yet: a requester, whose second account may be a reviewer's."""
        async with self._store.begin() as tx:
            if await tx.people.get(user_id) is not None:
                return True
        return await self._people([user_id], patient=False) == 1

    async def refresh_group(self, group_id: str) -> None:
        """A group changed: mirror the groups again, and whoever came into this one."""
        policy, _ = await self._wanted()
        await self._groups(_entries(policy))
        async with self._store.begin() as tx:
            members = await tx.people.members([group_id])
            known = await tx.people.many(members)
        await self._people(members - {group_id} - set(known))

    async def _workspace(self) -> None:
        answer = await self._asked("auth.test", read=False)
        async with self._store.begin() as tx:
            if answer.get("team_id") != tx.workspace_id:
                raise Refused("other_workspace", "auth.test", "the token belongs to another workspace")
            name, bot_user, url = (str(answer.get(key) or "") for key in ("team", "user_id", "url"))
            await tx.people.mirror_workspace(name, bot_user, url)

    async def _wanted(self) -> tuple[Policy, set[str]]:
        """The policy in force, and on whose behalf something waits."""
        async with self._store.begin() as tx:
            pending = await tx.requests.pending(PENDING_LOOKED_AT)
            requesters = {request.requester for request in pending if request.requester}
            return (await tx.policies.current()).policy, requesters

    async def _groups(self, named: Iterable[str]) -> list[str]:
        """Mirror all groups; gives the named entries whose members are known to be right now."""
        try:
            listed = await self._asked("usergroups.list", include_users=True, include_disabled=True)
        except SlackProblem as problem:
            _log.warning("groups not refreshed", code=problem.code)
            return []
        wanted = set(named)
        trusted: list[str] = []
        for group in listed.get("usergroups") or []:
            group_id, handle = str(group["id"]), str(group.get("handle") or "")
            entries = wanted & {group_id, f"@{handle}"}
            members = await self._members(group, needed=bool(entries))
            if members is None:
                continue
            async with self._store.begin() as tx:
                # Also unnamed ones: a handle that moved must not keep pointing at its old members.
                await tx.people.mirror_group(group_id, handle, members)
            trusted += entries
        for entry in sorted(wanted - set(trusted)):
            if not _is_user(entry):
                _log.warning("a group of the policy is not known to Slack, or could not be read", group=entry)
        return trusted

    async def _members(self, group: Mapping[str, Any], *, needed: bool) -> list[str] | None:
        """The members; None when they are not known. A disabled group has none."""
        if group.get("date_delete"):
            return []
        if isinstance(group.get("users"), list):
            return [str(user) for user in group["users"]]
        if not needed:
            # Mirrored without people, so that a handle that moved away grants nothing under its old group.
            return []
        try:
            answer = await self._asked("usergroups.users.list", usergroup=group["id"])
        except SlackProblem as problem:
            _log.warning("group not refreshed", group=group["id"], code=problem.code)
            return None
        return [str(user) for user in answer.get("users") or []]

    async def _people(self, users: Iterable[str], *, patient: bool = True) -> int:
        """Mirror these accounts; how many could be looked up. Impatient callers don't wait out rate limits."""
        wanted = sorted(users)
        async with self._store.begin() as tx:
            now, workspace_id, known = await tx.now(), tx.workspace_id, await tx.people.many(wanted)
        clock = Clock(now, time.monotonic())
        asked = (self._person(user, known.get(user), workspace_id, clock, patient) for user in wanted)
        people = [person for person in await asyncio.gather(*asked) if person is not None]
        async with self._store.begin() as tx:
            await tx.people.mirror(people)
        return len(people)

    async def _person(
        self, user_id: str, old: Person | None, workspace_id: str, clock: Clock, patient: bool
    ) -> Person | None:
        async with self._once:
            # Taken before the question: an answer is never younger than it was.
            asked_at = clock.now()
            try:
                user = (await self._asked("users.info", patient=patient, user=user_id)).get("user") or {}
            except Refused as problem:
                if problem.code in _NOBODY:
                    return _left(old, asked_at) if old else _nobody(user_id, workspace_id, asked_at)
                _log.warning("person not refreshed", user=user_id, code=problem.code)
                return None
            except SlackProblem as problem:
                _log.warning("person not refreshed", user=user_id, code=problem.code)
                return None
        return person_of(user, workspace_id, asked_at) if user.get("id") == user_id else None

    async def _asked(
        self, method: str, *, read: bool = True, patient: bool = True, **arguments: Any
    ) -> Mapping[str, Any]:
        """Ask, waiting as Slack tells us to."""
        for attempt in range(TRIES):
            try:
                if read:
                    return await self._slack.read(method, **arguments)
                return await self._slack.write(method, **arguments)
            except RateLimited as limit:
                if not patient or attempt == TRIES - 1 or limit.retry_after > PATIENCE_SECONDS:
                    raise
                await asyncio.sleep(limit.retry_after)
        raise AssertionError("unreachable")


def person_of(user: Mapping[str, Any], workspace_id: str, checked_at: datetime) -> Person:
    """Slack's user object as the law wants it. What Slack says against an account counts; silence is no charge."""
    profile = user.get("profile") or {}
    teams = (user.get("enterprise_user") or {}).get("teams") or [
        user.get("team_id") or profile.get("team") or workspace_id
    ]
    name = profile.get("display_name") or user.get("real_name") or user.get("name") or user["id"]
    email = str(profile.get("email") or "").strip().lower()
    return Person(
        workspace_id=workspace_id,
        user_id=str(user["id"]),
        # One human with two accounts is one person; only the address can tell.
        person=email or f"{user.get('team_id') or workspace_id}:{user['id']}",
        name=str(name),
        active=not user.get("deleted"),
        guest=bool(user.get("is_restricted") or user.get("is_ultra_restricted")),
        external=bool(user.get("is_stranger")) or workspace_id not in teams,
        bot=bool(user.get("is_bot")) or user["id"] == "USLACKBOT",
        checked_at=checked_at,
    )


def _nobody(user_id: str, workspace_id: str, now: datetime) -> Person:
    """Slack never knew this id: on record as nobody, so that it is not asked about for ever."""
    return Person(
        workspace_id=workspace_id,
        user_id=user_id,
        person=f"{workspace_id}:{user_id}",
        name=user_id,
        active=False,
        guest=False,
        external=False,
        bot=False,
        checked_at=now,
    )


def _left(old: Person, now: datetime) -> Person:
    """Slack knows nobody by that id any more."""
    return Person(
        workspace_id=old.workspace_id,
        user_id=old.user_id,
        person=old.person,
        name=old.name,
        active=False,
        guest=old.guest,
        external=old.external,
        bot=old.bot,
        checked_at=now,
    )


def _entries(policy: Policy) -> list[str]:
    """Every user, group and handle to whom the policy gives a say, or something to read."""
    tiers = [entry for tier in policy.tiers.values() for entry in (*tier.reviewers, *tier.dm)]
    roles = policy.roles
    others = [*roles.may_edit, *roles.stop, *roles.resume, *roles.policy_owners, *roles.auditors, *roles.operators]
    owners = [entry for named in policy.owners.values() for entry in named]
    teams = [entry for team in policy.teams for entry in team.members]
    registered = [reviewer.user for reviewer in policy.reviewers]
    everybody = {*tiers, *others, *owners, *teams, *registered, *policy.digest.dm} - {"*"}
    # Who is on call comes from calendars, not from Slack.
    return sorted(entry for entry in everybody if not entry.startswith(ON_CALL))


def _is_user(entry: str) -> bool:
    return entry.startswith(("U", "W"))
