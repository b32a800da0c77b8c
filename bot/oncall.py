"""On call: the calendars that the policy names, read every few minutes into shifts. What can't be read keeps the last
shifts, and says so. A calendar's address may hold a secret: only its name is ever spoken of.
"""

import asyncio
import json
import os
import re
import stat
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import httpx

from bot.roster import WINDOW
from graph.law.duty import Shift
from graph.law.policy import ON_CALL, Policy
from graph.law.policy_times import OnCall, may_fetch
from graph.verbs.duty import attendance
from graph.verbs.ports import Store, Tx

FETCH_SECONDS: Final = 10.0
READ_SECONDS: Final = 20.0
MAX_BYTES: Final = 1_000_000
MAX_REDIRECTS: Final = 3
READ_LATELY: Final = timedelta(minutes=4)
"""Another worker has just read it."""
AT_ONCE: Final = 2
_SAID: Final = 5
_SLACK_ID: Final = re.compile(r"[UW](?=[A-Z]*[0-9])[A-Z0-9]{7,}", re.ASCII)
"""What is surely an account also where nobody has looked it up yet; a word in capitals is none."""

Know = Callable[[str], Awaitable[bool]]


class Unreadable(Exception):
    """The calendar could not be read; the message says why, without its address."""


class Rosters:
    """Reads calendars. Idempotent, and safe on many replicas."""

    def __init__(self, store: Store, know: Know) -> None:
        self._store, self._know = store, know
        self._once = asyncio.Semaphore(AT_ONCE)

    async def refresh(self) -> int:
        """Read the calendars of the policy in force; how many could be."""
        async with self._store.begin() as tx:
            policy, now = (await tx.policies.current()).policy, await tx.now()
            lately = {
                roster.source
                for roster in await tx.duty.rosters()
                if roster.checked_at and now - roster.checked_at < READ_LATELY and not roster.problem
            }
        todo = [(name, row) for name, row in sorted(policy.oncall.items()) if name not in lately]
        return sum(await asyncio.gather(*(self._read(name, row, policy, now) for name, row in todo)))

    async def _read(self, name: str, row: OnCall, policy: Policy, now: datetime) -> bool:
        async with self._once:
            try:
                text = await fetch(row.ical.get_secret_value())
                turns = await expand(text, now - WINDOW[0], now + WINDOW[1], row.timezone)
            except Unreadable as problem:
                await self._failed(name, str(problem))
                return False
        async with self._store.begin() as tx:
            shifts, unknown = await _resolve(tx, name, turns)
            said = f"it names people whom nobody knows here: {', '.join(unknown[:_SAID])}" if unknown else ""
            changed = await tx.duty.read(name, shifts, said)
            if changed:
                await tx.audit.record("oncall_read", "clock", roster=name, shifts=len(shifts), changed=changed)
                await _look_again(tx, policy, name)
            if said:
                await _tell(tx, name, f"The on-call calendar {name} was read, but {said}.")
            users = {shift.user_id for shift in shifts}
            strangers = sorted(users - set(await tx.people.many(users)))
        for user in strangers:
            await self._know(user)
        return True

    async def _failed(self, name: str, problem: str) -> None:
        async with self._store.begin() as tx:
            before = {roster.source: roster.problem for roster in await tx.duty.rosters()}
            await tx.duty.unread(name, problem)
            if before.get(name) != problem:
                await tx.audit.record("oncall_unread", "clock", roster=name, problem=problem)
            text = f"The on-call calendar {name} could not be read: {problem}. What it said before stands."
            await _tell(tx, name, text)


async def fetch(where: str) -> bytes:
    """The calendar's text, from a file or the web; raises `Unreadable`."""
    where = _revealed(where)
    try:
        if "://" not in where:
            return await asyncio.to_thread(_file, where)
        async with asyncio.timeout(FETCH_SECONDS), httpx.AsyncClient(timeout=FETCH_SECONDS) as client:
            return await _web(client, where)
    except TimeoutError:
        raise Unreadable(f"it took longer than {FETCH_SECONDS:.0f} seconds") from None
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        raise Unreadable(f"it could not be reached ({type(problem).__name__})") from None
    except (OSError, ValueError) as problem:
        raise Unreadable(
            f"its file can't be read ({getattr(problem, 'strerror', None) or 'its path is wrong'})"
        ) from None


def _revealed(where: str) -> str:
    """What `env:NAME` stands for: an address that holds a secret needs not stand in the policy."""
    prefix, _, name = where.partition(":")
    if prefix != "env":
        return where
    value = os.environ.get(name, "")
    if not may_fetch(value) or value.startswith("env:"):
        raise Unreadable(f"the worker's environment variable {name} names no calendar")
    return value


async def expand(text: bytes, since: datetime, until: datetime, zone: str | None) -> Sequence[dict[str, Any]]:
    """Its turns in this time, worked out by a process that is ended when it takes too long; raises `Unreadable`."""
    # It gets no secrets of ours: what it reads is somebody else's.
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.roster", since.isoformat(), until.isoformat(), zone or ""),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment,
    )
    try:
        async with asyncio.timeout(READ_SECONDS):
            printed, _ = await process.communicate(text)
    except TimeoutError:
        printed = b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0 or not printed:
        raise Unreadable("working out its turns takes too long or too much memory; its rules may have no end")
    answer = json.loads(printed)
    if "problem" in answer:
        raise Unreadable(str(answer["problem"]))
    return list(answer["turns"])


def _file(path: str) -> bytes:
    # Opened without waiting: a pipe nobody writes to would hold this up for ever.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise Unreadable("it is no file")
        return _whole(file.read(MAX_BYTES + 1))


async def _web(client: httpx.AsyncClient, where: str) -> bytes:
    # Not packed: a small packed answer may be a huge one.
    headers = {"accept": "text/calendar", "accept-encoding": "identity"}
    for _ in range(MAX_REDIRECTS + 1):
        async with client.stream("GET", where, headers=headers) as answer:
            if answer.next_request is not None:
                where = _onward(where, str(answer.next_request.url))
                continue
            if answer.status_code != httpx.codes.OK:
                raise Unreadable(f"it answers {answer.status_code}")
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise Unreadable("it answers packed, which was not asked for")
            text = b""
            async for chunk in answer.aiter_raw():
                text = _whole(text + chunk)
            return text
    raise Unreadable("it leads on and on")


def _onward(old: str, new: str) -> str:
    """Where a redirect leads, if it may: never from https to anything less."""
    if not may_fetch(new) or "://" not in new or (old.startswith("https:") and not new.startswith("https:")):
        raise Unreadable("it leads to a place that is not https")
    return new


def _whole(text: bytes) -> bytes:
    if len(text) > MAX_BYTES:
        raise Unreadable(f"it is larger than {MAX_BYTES // 1_000_000} MB")
    return text


async def _resolve(tx: Tx, name: str, turns: Sequence[dict[str, Any]]) -> tuple[list[Shift], list[str]]:
    """The shifts of known accounts, and the addresses that belong to nobody here."""
    addresses = {address for turn in turns for address in turn["addresses"]}
    accounts = await tx.people.accounts(addresses)
    words = {user for turn in turns for user in turn["users"]}
    users = set(await tx.people.many(words)) | {word for word in words if _SLACK_ID.fullmatch(word)}
    ends: dict[tuple[str, datetime], datetime] = {}
    for turn in turns:
        start, end = (datetime.fromisoformat(turn[key]) for key in ("start", "end"))
        named = {user for address in turn["addresses"] for user in accounts.get(address, ())}
        for user in named | (users & set(turn["users"])):
            ends[user, start] = max(end, ends.get((user, start), end))
    shifts = [Shift(source=name, user_id=user, starts_at=start, ends_at=end) for (user, start), end in ends.items()]
    return shifts, sorted(addresses - set(accounts))


async def _look_again(tx: Tx, policy: Policy, name: str) -> None:
    """Where nobody is left since the calendar changed, what waits is looked at now."""
    now = await tx.now()
    tiers = [number for number, row in policy.tiers.items() if f"{ON_CALL}{name}" in row.reviewers]
    empty = [tier for tier in tiers if not (await attendance(tx, policy, tier, now)).people]
    if empty:
        await tx.duty.look_again(empty)


async def _tell(tx: Tx, name: str, text: str) -> None:
    """Operators hear of it once a day."""
    await tx.owed.add("operators", f"oncall:{name}:{await tx.now():%Y-%m-%d}", {"text": text})
