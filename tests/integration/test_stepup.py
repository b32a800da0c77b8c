"""One-time codes on real parts: approving at such a tier takes one, each counts once, guessing locks out."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import URL

from bot.delivery.view import load_view
from graph.law.request import DecisionType, Request
from graph.verbs.authority import lapsed
from graph.verbs.decide import Answer, Decided, decide
from graph.verbs.errors import Invalid, NotAllowed, NotFound, Stale, Undetermined
from graph.verbs.ports import Tx
from graph.verbs.stepup import CODE, enroll, enrolled, remove
from graph.verbs.sweep import sweep
from storage.engine import make_engine
from storage.store import PgStore
from storage.vault import Vault
from tests.support.codes import KEY, STEP_UP, app_of, still
from tests.support.db import DEFAULT_POLICY, WORKSPACE, open_store
from tests.support.people import mirror_people
from tests.support.slack import pending


@pytest.fixture
async def store(database: URL) -> AsyncIterator[PgStore]:
    async with open_store(database, policy=STEP_UP, secret_key=KEY) as opened:
        await still(opened)
        await mirror_people(opened)
        yield opened


async def approve(store: PgStore, request: Request, code: str = "", user: str = "UALICE", **more: object) -> Decided:
    wanted: dict[str, object] = {"type": DecisionType.APPROVE, "reason": "", **more}
    answer = Answer(request_id=request.id, user_id=user, digest=request.digest, via="cli", code=code, **wanted)  # type: ignore[arg-type]
    return await decide(store, answer)


async def asked(tx: Tx, request: Request, *, tier: int) -> Request:
    """The request as it is now, at this tier."""
    found = await tx.requests.get(request.id)
    assert found is not None
    assert found.tier == tier
    return found


async def apply(store: PgStore, policy: str) -> None:
    async with store.begin() as tx:
        await tx.policies.apply(policy, "test")


async def events(store: PgStore) -> list[str]:
    async with store.engine.connect() as connection:
        rows = await connection.exec_driver_sql("select event from audit order by id")
        return [row[0] for row in rows]


async def sql(store: PgStore, statement: str) -> None:
    async with store.engine.begin() as connection:
        await connection.exec_driver_sql(statement)


async def test_a_code_approves_and_counts_once(store: PgStore) -> None:
    app = await app_of(store, "UALICE")
    first, second = await pending(store), await pending(store, order="4712")
    code = await app.code()
    assert (await approve(store, first, f"{code[:3]} {code[3:]}")).decision is not None
    with pytest.raises(Invalid, match="used already") as refused:
        await approve(store, second, code)
    assert set(refused.value.fields) == {CODE}
    assert (await approve(store, second, await app.code(1))).decision is not None
    with pytest.raises(Invalid, match="used already"):
        # An earlier step's code is no use any more, either.
        await approve(store, await pending(store, order="4713"), code)
    assert (await events(store)).count("code_taken") == 2


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "12345６"])
async def test_what_is_no_code_is_no_attempt(store: PgStore, code: str) -> None:
    app = await app_of(store, "UALICE")
    request = await pending(store)
    for _ in range(6):
        with pytest.raises(Invalid) as refused:
            await approve(store, request, code)
        assert set(refused.value.fields) == {CODE}
    assert (await approve(store, request, await app.code())).decision is not None


async def test_a_step_to_either_side_and_no_further(store: PgStore) -> None:
    app = await app_of(store, "UALICE")
    for offset in (-2, 2):
        with pytest.raises(Invalid, match="wrong"):
            await approve(store, await pending(store), await app.code(offset))
    for offset in (-1, 0, 1):
        assert (await approve(store, await pending(store), await app.code(offset))).decision is not None


async def test_five_wrong_codes_lock_for_a_quarter_of_an_hour(store: PgStore) -> None:
    app, other = await app_of(store, "UALICE"), await app_of(store, "UBOB")
    request = await pending(store)
    for left in (4, 3, 2, 1):
        with pytest.raises(Invalid, match=f"{left} more wrong ones" if left > 1 else "one more wrong one"):
            await approve(store, request, await app.wrong())
    with pytest.raises(NotAllowed, match="Too many wrong codes"):
        await approve(store, request, await app.wrong())
    with pytest.raises(NotAllowed, match="Too many wrong codes"):
        await approve(store, request, await app.code())
    assert (await events(store)).count("code_wrong") == 5
    assert (await events(store)).count("code_locked") == 1
    # Only whoever guessed is locked out.
    assert (await approve(store, await pending(store), await other.code(), "UBOB")).decision is not None
    await sql(store, "update authenticators set locked_until = locked_until - interval '15 min'")
    assert (await approve(store, request, await app.code())).decision is not None


async def test_mistakes_are_forgotten_after_a_while_and_by_a_right_code(store: PgStore) -> None:
    app, request = await app_of(store, "UALICE"), await pending(store)
    for _ in range(4):
        with pytest.raises(Invalid):
            await approve(store, request, await app.wrong())
    await sql(
        store,
        "update authenticators set wrong_at = (select array_agg(w - interval '16 min') from unnest(wrong_at) as w)",
    )
    with pytest.raises(Invalid, match="4 more"):
        await approve(store, request, await app.wrong())
    assert (await approve(store, request, await app.code())).decision is not None
    with pytest.raises(Invalid, match="4 more"):
        await approve(store, await pending(store), await app.wrong())


async def test_who_has_no_app_is_told_what_to_do(store: PgStore) -> None:
    request = await pending(store)
    with pytest.raises(NotAllowed, match="gatepost code enroll UALICE"):
        await approve(store, request, "123456")
    assert (await events(store)).count("decision_denied") == 1
    # Rejecting takes no code.
    assert (await approve(store, request, type=DecisionType.REJECT, reason="not this one")).decision is not None


async def test_somebody_elses_code_is_no_good(store: PgStore) -> None:
    other = await app_of(store, "UBOB")
    await app_of(store, "UALICE")
    with pytest.raises(Invalid, match="wrong"):
        await approve(store, await pending(store), await other.code())


async def test_other_tiers_take_none_and_the_policy_in_force_counts_too(store: PgStore) -> None:
    senior = await pending(store, "6000.00")
    assert (await approve(store, senior, user="UCARA", reason="the order is insured")).decision is not None
    asked_with = await pending(store)
    async with store.begin() as tx:
        await tx.policies.apply(DEFAULT_POLICY.read_text(), "test")
    asked_without = await pending(store)
    with pytest.raises(Invalid):
        await approve(store, asked_with)
    assert (await approve(store, asked_without)).decision is not None
    asked_without = await pending(store)
    async with store.begin() as tx:
        await tx.policies.apply(STEP_UP, "test")
    with pytest.raises(Invalid):
        await approve(store, asked_without)


async def test_an_edit_takes_a_code_and_leaves_everything_as_it_was_without(store: PgStore) -> None:
    app, request = await app_of(store, "UALICE"), await pending(store)
    less = {"type": DecisionType.EDIT, "args": {**request.args, "amount": "400.00"}, "reason": "less will do"}
    for code in ("", await app.wrong()):
        with pytest.raises(Invalid) as refused:
            await approve(store, request, code, **less)
        assert set(refused.value.fields) == {CODE}
    async with store.begin() as tx:
        found = await tx.requests.get(request.id)
    assert found is not None
    assert found.status == "pending"
    decided = await approve(store, request, await app.code(), **less)
    assert decided.followup is not None
    assert decided.followup.status == "approved"


async def test_an_edit_sent_back_as_it_was_takes_the_code_of_an_approval(store: PgStore) -> None:
    app, request = await app_of(store, "UALICE"), await pending(store)
    same = {"type": DecisionType.EDIT, "args": dict(request.args), "reason": "looked at it"}
    with pytest.raises(Invalid):
        await approve(store, request, **same)
    assert (await approve(store, request, await app.code(), **same)).decision is not None


async def test_an_edit_that_comes_to_such_a_tier_goes_to_its_card(database: URL) -> None:
    senior = DEFAULT_POLICY.read_text().replace("[tiers.2] #", "[tiers.2]\nstep_up = true #")
    senior = senior.replace(
        'reviewers = ["@tier-1-reviewers"]', 'reviewers = ["@tier-1-reviewers", "@tier-2-reviewers"]'
    )
    async with open_store(database, policy=senior, secret_key=KEY) as store:
        await still(store)
        await mirror_people(store)
        request = await pending(store)
        more = {"type": DecisionType.EDIT, "args": {**request.args, "amount": "6000.00"}, "reason": "they lost more"}
        decided = await approve(store, request, user="UCARA", **more)
        assert decided.followup is not None
        assert (decided.followup.status, decided.followup.tier) == ("pending", 2)


async def test_two_people_give_a_code_each(database: URL) -> None:
    policy = DEFAULT_POLICY.read_text().replace("[tiers.3] #", "[tiers.3]\nstep_up = true #")
    async with open_store(database, policy=policy, secret_key=KEY) as store:
        await still(store)
        await mirror_people(store)
        dirk, eve = await app_of(store, "UDIRK"), await app_of(store, "UEVE")
        request = await pending(store, "60000.00")
        assert (await approve(store, request, await dirk.code(), "UDIRK", reason="checked it")).missing == 1
        with pytest.raises(Invalid):
            await approve(store, request, user="UEVE", reason="checked it")
        assert (await approve(store, request, await eve.code(), "UEVE", reason="checked it")).decision is not None


TWO_PEOPLE = (
    DEFAULT_POLICY.read_text()
    + """
[[rules]]
name = "two-people"
actions = ["payments.refund"]
tier = 2
approvals = 2
basis = "Two people look at each"
"""
)
MANAGERS_CODES = TWO_PEOPLE.replace("[tiers.3] #", "[tiers.3]\nstep_up = true #")
CHECKED = {"reason": "checked it"}


async def test_a_vote_without_a_code_counts_no_more_where_the_next_tier_takes_one(database: URL) -> None:
    async with open_store(database, policy=MANAGERS_CODES, secret_key=KEY) as store:
        await still(store)
        await mirror_people(store)
        dirk, eve = await app_of(store, "UDIRK"), await app_of(store, "UEVE")
        request = await pending(store)
        assert (request.tier, request.approvals_required) == (2, 2)
        assert (await approve(store, request, user="UDIRK", **CHECKED)).missing == 1
        await sql(store, "update requests set asked_at = asked_at - interval '2 h', next_step_at = gp_now()")
        await sweep(store)
        async with store.begin() as tx:
            assert (await load_view(tx, await asked(tx, request, tier=3))).votes == (), "the card doesn't count it"
        assert (await approve(store, request, await eve.code(), "UEVE", **CHECKED)).missing == 1
        with pytest.raises(Stale, match="another person"):
            await approve(store, request, await eve.code(1), "UEVE", **CHECKED)
        with pytest.raises(Invalid):
            await approve(store, request, user="UDIRK", **CHECKED)
        decided = await approve(store, request, await dirk.code(), "UDIRK", **CHECKED)
        assert decided.decision is not None
        async with store.begin() as tx:
            votes = await tx.requests.votes(request.id, request.digest)
            assert sorted((vote.user_id, vote.coded) for vote in votes) == [("UDIRK", True), ("UEVE", True)]
            assert await lapsed(tx, await asked(tx, request, tier=3), decided.decision) is None


async def test_another_account_of_the_same_person_gives_the_code_for_one_vote(database: URL) -> None:
    async with open_store(database, policy=TWO_PEOPLE, secret_key=KEY) as store:
        await still(store)
        await mirror_people(store)
        other, request = await app_of(store, "UDIRK2"), await pending(store)
        assert (await approve(store, request, user="UDIRK", **CHECKED)).missing == 1
        await apply(store, TWO_PEOPLE.replace("[tiers.2] #", "[tiers.2]\nstep_up = true #"))
        assert (await approve(store, request, await other.code(), "UDIRK2", **CHECKED)).missing == 1
        async with store.begin() as tx:
            [vote] = await tx.requests.votes(request.id, request.digest)
        assert (vote.user_id, vote.coded) == ("UDIRK2", True)


async def test_a_policy_that_asks_for_codes_meanwhile_counts_no_votes_without(database: URL) -> None:
    coded = TWO_PEOPLE.replace("[tiers.2] #", "[tiers.2]\nstep_up = true #")
    async with open_store(database, policy=TWO_PEOPLE, secret_key=KEY) as store:
        await still(store)
        await mirror_people(store)
        eve, request, done = await app_of(store, "UEVE"), await pending(store), await pending(store, order="4712")
        assert (await approve(store, request, user="UDIRK", **CHECKED)).missing == 1
        assert (await approve(store, done, user="UDIRK", **CHECKED)).missing == 1
        decision = (await approve(store, done, user="UEVE", **CHECKED)).decision
        assert decision is not None
        async with store.begin() as tx:
            assert await lapsed(tx, done, decision) is None
        await apply(store, coded)
        assert (await approve(store, request, await eve.code(), "UEVE", **CHECKED)).missing == 1
        async with store.begin() as tx:
            assert "somebody gave none" in (await lapsed(tx, done, decision) or ""), "nor does what was approved begin"


async def test_a_code_is_not_spent_where_a_reason_is_missing(database: URL) -> None:
    policy = DEFAULT_POLICY.read_text().replace("[tiers.2] #", "[tiers.2]\nstep_up = true #")
    async with open_store(database, policy=policy, secret_key=KEY) as store:
        await still(store)
        await mirror_people(store)
        app, request = await app_of(store, "UCARA"), await pending(store, "6000.00")
        code = await app.code()
        with pytest.raises(Invalid, match="Approving at high risk"):
            await approve(store, request, code, "UCARA")
        assert (await approve(store, request, code, "UCARA", reason="it is insured")).decision is not None


async def test_two_replicas_and_one_code_make_one_decision(database: URL, store: PgStore) -> None:
    app = await app_of(store, "UALICE")
    other = PgStore(make_engine(database), WORKSPACE, secret_key=KEY)
    try:
        for offset in (-1, 0, 1):
            asked = [await pending(store, order=f"47{offset}{number}") for number in range(6)]
            code = await app.code(offset)
            tried = await asyncio.gather(
                *(approve((store, other)[at % 2], request, code) for at, request in enumerate(asked)),
                return_exceptions=True,
            )
            assert sum(isinstance(result, Decided) for result in tried) == 1
            assert all(isinstance(result, Decided | Invalid) for result in tried), tried
    finally:
        await other.engine.dispose()


async def test_a_secret_is_kept_sealed_and_shown_nowhere(
    store: PgStore, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        app = await app_of(store, "UALICE")
        await approve(store, await pending(store), await app.code())
    async with store.engine.connect() as connection:
        kept = (await connection.exec_driver_sql("select secret from authenticators")).scalar_one()
        told = str((await connection.exec_driver_sql("select string_agg(detail, ' ') from audit")).scalar_one())
    async with store.begin() as tx:
        found = await tx.stepup.lock("UALICE")
    spoken = repr(found) + caplog.text + "".join(capsys.readouterr()) + told + kept
    assert found is not None
    assert found.secret == app.secret
    assert app.secret not in spoken
    given = Answer(request_id="r", type=DecisionType.APPROVE, user_id="U", digest="d", via="cli", code="987654")
    assert "987654" not in repr(given)


async def test_one_persons_secret_is_no_use_in_anothers_row(store: PgStore) -> None:
    bob = await app_of(store, "UBOB")
    await app_of(store, "UALICE")
    await sql(
        store,
        "update authenticators set secret = (select secret from authenticators where user_id = 'UBOB')"
        " where user_id = 'UALICE'",
    )
    with pytest.raises(Undetermined, match="another GATEPOST_SECRET_KEY"):
        await approve(store, await pending(store), await bob.code())


@pytest.mark.parametrize("key", [None, b"quite another key"])
async def test_without_the_key_nothing_is_decided(store: PgStore, key: bytes | None) -> None:
    app = await app_of(store, "UALICE")
    elsewhere = PgStore(store.engine, WORKSPACE, secret_key=key)
    with pytest.raises(Undetermined, match="GATEPOST_SECRET_KEY"):
        await approve(elsewhere, await pending(store), await app.code())


async def test_enrolment(store: PgStore) -> None:
    address, name = await enroll(store, "UALICE", "ops@server")
    assert name == "Alice"
    assert address.startswith("otpauth://totp/Gatepost:Alice")
    with pytest.raises(Stale, match="already"):
        await enroll(store, "UALICE", "ops@server")
    for user in ("UGONE", "UGUEST", "UBOTX"):
        with pytest.raises(NotAllowed):
            await enroll(store, user, "ops@server")
    with pytest.raises(NotFound):
        await enroll(store, "UNOBODY", "ops@server")
    [(one, called)] = await enrolled(store)
    assert (one.user_id, called, one.enrolled_by) == ("UALICE", "Alice", "ops@server")
    await remove(store, "UALICE", "ops@server")
    assert await enrolled(store) == []
    with pytest.raises(NotFound):
        await remove(store, "UALICE", "ops@server")
    assert [event for event in await events(store) if event.startswith("code_")] == ["code_enrolled", "code_removed"]


def test_the_vault_opens_what_it_sealed_and_nothing_else() -> None:
    vault = Vault(KEY)
    sealed = vault.seal("JBSWY3DPEHPK3PXP", "T/U")
    assert vault.open(sealed, "T/U") == "JBSWY3DPEHPK3PXP"
    assert vault.seal("JBSWY3DPEHPK3PXP", "T/U") != sealed
    for wrong in (sealed[:-4] + "AAAA", "1:", "", "1:AAAA", "not base64 at all"):
        with pytest.raises(RuntimeError):
            vault.open(wrong, "T/U")
