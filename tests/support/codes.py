"""An authenticator app for tests: the codes that it shows, by the database's clock."""

import pyotp

from graph.verbs.stepup import STEP_SECONDS, enroll
from storage.store import PgStore
from tests.support.db import DEFAULT_POLICY

KEY = b"a key for these tests only"
STEP_UP = DEFAULT_POLICY.read_text().replace("[tiers.1] #", "[tiers.1]\nstep_up = true #")
"""The default policy, in which approving at tier 1 takes a code."""


class App:
    """What somebody's authenticator app shows. `secret` is what they scanned."""

    def __init__(self, store: PgStore, secret: str) -> None:
        self._store, self._totp = store, pyotp.TOTP(secret)
        self.secret = secret

    async def code(self, offset: int = 0) -> str:
        """The code of now, or of so many steps later."""
        async with self._store.begin() as tx:
            now = await tx.now()
        return self._totp.generate_otp(int(now.timestamp()) // STEP_SECONDS + offset)

    async def wrong(self) -> str:
        """Six digits that it does not show now, nor just before or after."""
        shown = {await self.code(offset) for offset in range(-2, 3)}
        return next(text for number in range(10) if (text := f"{number:06d}") not in shown)


async def still(store: PgStore) -> None:
    """The database's clock stands still in the middle of a step: no code grows old while a test runs."""
    half = STEP_SECONDS // 2
    moment = f"to_timestamp((extract(epoch from now())::bigint / {STEP_SECONDS}) * {STEP_SECONDS} + {half})"
    async with store.engine.begin() as connection:
        at = (await connection.exec_driver_sql(f"select {moment}")).scalar_one()
        function = "create or replace function gp_now() returns timestamptz language sql stable as "
        await connection.exec_driver_sql(f"{function} 'select timestamptz ''{at.isoformat()}'''")


async def app_of(store: PgStore, user: str) -> App:
    """Set up an app for this person."""
    address, _ = await enroll(store, user, "ops@server")
    parsed = pyotp.parse_uri(address)
    assert isinstance(parsed, pyotp.TOTP)
    return App(store, parsed.secret)
