"""Step-up: approving at some tiers takes a one-time code by an authenticator app (TOTP, RFC 6238).

A code counts once, in a window of one step to either side of the database's clock; who guesses is locked out.
"""

import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import pyotp

from graph.law.authorization import account_problem
from graph.law.policy import Policy
from graph.law.request import Request
from graph.verbs.answer import Answer
from graph.verbs.errors import Invalid, NotAllowed, NotFound, Refusal, Stale, Undetermined
from graph.verbs.ports import Store, Tx, Vote
from graph.verbs.ports.stepup import Authenticator, Enrolled, Sealed

CODE: Final = "one-time code"
"""The field of an `Invalid` that is about the code; no argument can have this name."""
STEP_SECONDS: Final = 30
DRIFT: Final = 1
MOST_WRONG: Final = 5
WRONG_WITHIN: Final = timedelta(minutes=15)
LOCKED_FOR: Final = timedelta(minutes=15)
_DIGITS: Final = 6


async def required(tx: Tx, request: Request, current: Policy) -> bool:
    """Whether approving takes a code: under the policy it was asked under, or the one in force."""
    asked = (await tx.policies.version(request.policy_version)).policy
    tiers = (policy.tiers.get(request.tier) for policy in (asked, current))
    return any(tier is not None and tier.step_up for tier in tiers)


def counting(votes: Sequence[Vote], *, coded: bool) -> list[Vote]:
    """The votes that count; `coded`: approving takes a code now, so those cast without one don't."""
    return [vote for vote in votes if vote.coded or not coded]


async def verify(tx: Tx, request: Request, answer: Answer, current: Policy) -> Refusal | None:
    """Take the code of an answer that approves; None: it counts, or none is needed.

    What is wrong is on record however this transaction ends, as long as it commits.
    """
    if not await required(tx, request, current):
        return None
    code = "".join(answer.code.split())
    if not code:
        return _invalid(
            f"Approving at tier {request.tier} takes a code: use Approve… and enter the one your app shows."
        )
    if not (code.isascii() and code.isdigit() and len(code) == _DIGITS):
        return _invalid(f"Enter the {_DIGITS} digits that your authenticator app shows now.")
    try:
        found = await tx.stepup.lock(answer.user_id)
    except Sealed as problem:
        return Undetermined(str(problem))
    if found is None:
        return NotAllowed(
            "Approving here takes a code by your authenticator app, and none is set up for you. "
            f"Ask an operator to run: gatepost code enroll {answer.user_id}"
        )
    now = await tx.now()
    if found.locked_until is not None and now < found.locked_until:
        return NotAllowed(f"Too many wrong codes. Yours count again from {found.locked_until:%H:%M:%S} UTC.")
    steps = _steps(found.secret, code, now)
    if not steps:
        return await _wrong(tx, request, found, answer, now)
    fresh = [step for step in steps if step > found.last_step]
    if not fresh:
        return _invalid("This code was used already. Wait until your app shows the next one.")
    await tx.stepup.took(answer.user_id, min(fresh))
    await tx.audit.record(
        "code_taken", answer.user_id, run_id=request.run_id, request_id=request.id, digest=request.digest
    )
    return None


async def enroll(store: Store, user_id: str, by: str) -> tuple[str, str]:
    """Set up an authenticator for somebody: its `otpauth://` address, shown this once, and their name.

    Raises a `Refusal`.
    """
    secret = pyotp.random_base32()
    async with store.begin() as tx:
        person = await tx.people.get(user_id)
        if person is None:
            raise NotFound(f"Gatepost does not know {user_id[:40]}; people are mirrored from Slack when it starts.")
        if problem := account_problem(person):
            raise NotAllowed(f"{person.name} could not use it. {problem}")
        try:
            fresh = await tx.stepup.enroll(user_id, secret, by)
        except Sealed as sealed:
            raise Undetermined(str(sealed)) from None
        if not fresh:
            raise Stale(f"{person.name} has an authenticator already; first: gatepost code remove {user_id}")
        await tx.audit.record("code_enrolled", by, user=user_id, person=person.person)
    return pyotp.TOTP(secret).provisioning_uri(name=f"{person.name} ({user_id})", issuer_name="Gatepost"), person.name


async def remove(store: Store, user_id: str, by: str) -> None:
    """Forget somebody's authenticator. Raises a `Refusal`."""
    async with store.begin() as tx:
        if not await tx.stepup.remove(user_id):
            raise NotFound(f"{user_id[:40]} has no authenticator.")
        await tx.audit.record("code_removed", by, user=user_id)


async def enrolled(store: Store) -> list[tuple[Enrolled, str]]:
    """Whose authenticators are known, each with the person's name."""
    async with store.begin() as tx:
        found = await tx.stepup.all()
        people = await tx.people.many({one.user_id for one in found})
    return [(one, people[one.user_id].name if one.user_id in people else one.user_id) for one in found]


def _steps(secret: str, code: str, now: datetime) -> list[int]:
    """The time steps around now at which the app shows this code."""
    totp, here = pyotp.TOTP(secret), int(now.timestamp()) // STEP_SECONDS
    around = range(here - DRIFT, here + DRIFT + 1)
    return [step for step in around if hmac.compare_digest(totp.generate_otp(step), code)]


async def _wrong(tx: Tx, request: Request, found: Authenticator, answer: Answer, now: datetime) -> Refusal:
    """Count a wrong code; the last of too many locks."""
    lately = [*(at for at in found.wrong_at if at > now - WRONG_WITHIN), now]
    left = MOST_WRONG - len(lately)
    until = None if left > 0 else now + LOCKED_FOR
    await tx.stepup.was_wrong(answer.user_id, lately if until is None else [], until)
    about = {"run_id": request.run_id, "request_id": request.id, "via": answer.via}
    await tx.audit.record("code_wrong", answer.user_id, **about, left=max(0, left))
    if until is None:
        more = "one more wrong one" if left == 1 else f"{left} more wrong ones"
        return _invalid(f"This code is wrong; after {more} none of yours counts for 15 minutes.")
    await tx.audit.record("code_locked", answer.user_id, **about, until=until.isoformat())
    return NotAllowed(f"Too many wrong codes. Yours count again from {until:%H:%M:%S} UTC.")


def _invalid(text: str) -> Invalid:
    return Invalid(text, {CODE: text})
