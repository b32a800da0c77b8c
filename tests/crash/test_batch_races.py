"""Everybody at once on the same items: whole batches, single clicks, claims, the clock, a card drawn anew. Each item
ends once, by one of them, and nobody waits for ever for anybody.
"""

import asyncio
import random
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from bot.cards.batch_view import BatchView
from bot.delivery import shown_whole
from graph.law.request import DecisionType, Request
from graph.verbs.approach import Approach
from graph.verbs.batch import decide_batch, dissolve
from graph.verbs.claim import claim
from graph.verbs.decide import Answer, decide
from graph.verbs.errors import Busy, Refusal
from graph.verbs.gather import gather
from graph.verbs.sweep import sweep
from storage.store import PgStore
from tests.support.batches import approve_all, batches, confirmations, gathered, shown
from tests.support.hunting import trials

SEEDS, ROUNDS, ITEMS = trials(4, 2), 6, 6


async def quietly(work: Coroutine[Any, Any, object]) -> str:
    """What came of it: a refusal, or that others were in the way, are answers."""
    try:
        await work
    except Refusal as refusal:
        return refusal.code
    except Busy:
        return "busy"
    return "done"


def everybody(store: PgStore, view: BatchView, asked: list[Request], chance: random.Random) -> list[Any]:
    one, other, third = chance.sample(asked, 3)
    single = Answer(request_id=one.id, type=DecisionType.REJECT, user_id="UALICE", digest=one.digest, via="cli")
    looking = Approach(request_id=other.id, user_id="UBOB", via="cli", digest=other.digest, version=other.version)
    rejecting = replace(approve_all(view, "UALICE"), type=DecisionType.REJECT, reason="all of it is wrong")
    work = [
        decide_batch(store, approve_all(view, "UALICE")),
        decide_batch(store, approve_all(view, "UBOB", but=frozenset({chance.randint(1, ITEMS)}))),
        decide_batch(store, rejecting),
        decide(store, replace(single, reason="this one is wrong")),
        decide(store, replace(single, request_id=third.id, digest=third.digest, type=DecisionType.APPROVE)),
        claim(store, looking),
        sweep(store),
        gather(store, shown_whole),
        *([dissolve(store, shown(view), "UBOB", "slack")] if chance.random() < 0.3 else []),
    ]
    chance.shuffle(work)
    return [quietly(each) for each in work]


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_each_item_ends_once_whoever_is_faster(store: PgStore, seed: int) -> None:
    chance, came = random.Random(seed), set[str]()
    for _ in range(ROUNDS):
        asked = await confirmations(store, ITEMS)
        await gather(store, shown_whole)
        view = (await batches(store))[-1]
        if chance.random() < 0.5:
            late = f"update requests set expires_at = gp_now(), next_step_at = gp_now() where id = '{asked[0].id}'"
            async with store.engine.begin() as connection:
                await connection.execute(text(late))
        came |= set(await asyncio.wait_for(asyncio.gather(*everybody(store, view, asked, chance)), 30))
    await sweep(store)
    await gathered(store)
    async with store.engine.connect() as connection:
        wrong = await connection.execute(
            text("""
            select requests.id from requests left join decisions on request_id = requests.id
            where (status = 'pending') <> (request_id is null) or decisions.digest <> requests.digest
                or (status = 'approved') <> (coalesce(type, '') = 'approve')
                or (select count(*) from audit where audit.request_id = requests.id and event in
                    ('request_approved', 'request_rejected', 'request_expired')) <> (status <> 'pending')::int
                or (status = 'pending') <> exists (
                    select from runs where runs.id = requests.run_id and runs.status = 'paused')
            """)
        )
        assert wrong.all() == []
        # What still waits is asked about: on its own card, or on that of the one batch it is in.
        lost = await connection.execute(
            text("""
            select id from requests where status = 'pending' and not exists (
                select from cards where cards.request_id = requests.id and folded_in is null
                    and (ts is not null or shown < wanted)
            ) and not exists (
                select from batch_items join cards on cards.batch_id = batch_items.batch_id
                where batch_items.request_id = requests.id and state = 'in')
            """)
        )
        assert lost.all() == []
    assert "done" in came and came <= {"done", "stale", "invalid", "busy"}
