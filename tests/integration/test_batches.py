"""Batches: similar requests come onto one card, each is decided by itself, and nothing that wasn't shown is."""

from dataclasses import replace

import pytest

from bot.cards.batch import batch_card, results
from bot.delivery import shown_whole
from bot.delivery.view import load_view
from graph.law.batching import likeness
from graph.law.request import Brief, DecisionType, Request, Status
from graph.verbs.approach import Approach
from graph.verbs.ask import ask
from graph.verbs.batch import BatchAnswer, decide_batch, dissolve
from graph.verbs.claim import claim
from graph.verbs.decide import Answer, decide
from graph.verbs.errors import Invalid, NotAllowed, Stale, Stopped
from graph.verbs.gather import gather
from graph.verbs.ports import ItemState
from graph.verbs.reassign import reassign
from graph.verbs.reroute import reroute_stranded
from graph.verbs.stop import Order, lift, stop
from graph.verbs.sweep import sweep
from storage.store import PgStore
from tests.support.batches import (
    CONFIRM,
    approve_all,
    args_of,
    batches,
    confirmations,
    gathered,
    inside,
    shown,
    statuses,
)
from tests.support.db import DEFAULT_POLICY
from tests.support.slack import pending


def reject_all(view, reason: str = "wrong prices", user: str = "UALICE") -> BatchAnswer:
    return BatchAnswer(shown=shown(view), type=DecisionType.REJECT, user_id=user, via="slack", reason=reason)


async def owed_cards(store: PgStore) -> list[tuple[str | None, str | None]]:
    """Whose cards are to be posted: (request id, batch id) each."""
    async with store.engine.connect() as connection:
        query = "select request_id, batch_id from cards where ts is null and shown < wanted"
        return [tuple(row) for row in await connection.exec_driver_sql(query)]


async def sql(store: PgStore, statement: str) -> None:
    async with store.engine.begin() as connection:
        await connection.exec_driver_sql(statement)


async def rows(store: PgStore, query: str) -> list[tuple]:
    async with store.engine.connect() as connection:
        return [tuple(row) for row in await connection.exec_driver_sql(query)]


def approach(request: Request, user: str = "UALICE") -> Approach:
    return Approach(request_id=request.id, user_id=user, via="slack", digest=request.digest, version=request.version)


async def test_two_are_asked_about_one_by_one_and_three_on_one_card(store: PgStore) -> None:
    two = await confirmations(store, 2)
    assert await gathered(store) == []
    assert {request for request, _ in await owed_cards(store)} == {request.id for request in two}
    [third] = await confirmations(store, 1, first=2)
    [view] = await gathered(store)
    assert inside(view) == {request.id for request in [*two, third]}
    assert await owed_cards(store) == [(None, view.batch.id)]
    assert (view.batch.target, view.batch.tier) == ("#approvals", 1)


async def test_requests_of_any_run_and_requester_gather_but_not_of_another_kind(store: PgStore) -> None:
    mixed = await confirmations(store, 3) + await confirmations(store, 2, first=3, requester="UBOB")
    other = [await pending(store, amount=f"{50 + n}.00", order=str(n)) for n in range(3)]
    found = await gathered(store)
    assert sorted(map(len, map(inside, found))) == [3, 5]
    assert {request.id for request in mixed} in [inside(view) for view in found]
    assert {request.id for request in other} in [inside(view) for view in found]


async def test_one_of_forty_seven_that_differs_keeps_its_card_and_says_why(store: PgStore) -> None:
    alike = await confirmations(store, 46)
    odd = await pending(store, form=CONFIRM, args=args_of(99, template="urgent", amount="180.00"))
    [view] = await gathered(store)
    assert inside(view) == {request.id for request in alike}
    [kept] = view.kept_out()
    assert kept.request.id == odd.id
    assert kept.item.why == (
        "amount 180.00, 3.5× the others' median (51.50); template urgent, the others: standard;"
        " risk medium, the others: low"
    )
    assert set(await owed_cards(store)) == {(None, view.batch.id), (odd.id, None)}
    async with store.begin() as tx:
        own = await load_view(tx, odd)
    assert own.request.brief.flags[0].startswith("Kept out of the batch of 46: amount 180.00, 3.5×")
    assert "1 kept out: amount 180.00" in batch_card(view).text
    # Nothing about what is bound to the digest has changed.
    assert own.request.digest == odd.digest


async def test_later_ones_join_until_it_is_full_and_an_odd_one_never_does(store: PgStore) -> None:
    policy = DEFAULT_POLICY.read_text().replace("most = 50 # on one card", "most = 5")
    async with store.begin() as tx:
        await tx.policies.apply(policy, "test")
    await confirmations(store, 4)
    [first] = await gathered(store)
    await confirmations(store, 1, first=4)
    await pending(store, form=CONFIRM, args=args_of(5, template="urgent"))
    [first] = await gathered(store)
    assert (len(inside(first)), len(first.kept_out())) == (5, 1)
    await confirmations(store, 2, first=6)
    assert len(await gathered(store)) == 1  # two more are too few for another batch
    await confirmations(store, 1, first=8)
    found = await gathered(store)
    assert [len(inside(view)) for view in found] == [5, 3]
    assert not any(each.request.args["template"] == "urgent" for view in found for each in view.waiting())


async def test_every_item_has_its_own_decision_digest_record_and_run(store: PgStore) -> None:
    asked = await confirmations(store, 47)
    [view] = await gathered(store)
    result = await decide_batch(store, approve_all(view))
    assert (len(result.decided), result.refused, result.alone, result.gone) == (47, (), (), ())
    assert await statuses(store, asked) == [Status.APPROVED] * 47
    async with store.begin() as tx:
        decisions = await tx.requests.decisions([request.id for request in asked])
    assert {key: made.digest for key, made in decisions.items()} == {request.id: request.digest for request in asked}
    assert {(made.by, made.type, made.via) for made in decisions.values()} == {("UALICE", "approve", "slack")}
    assert await rows(store, "select count(distinct request_id) from audit where event = 'request_approved'") == [(47,)]
    [(door,)] = await rows(store, "select distinct detail::json->>'door' from audit where event = 'request_approved'")
    assert door == f"batch {view.batch.id} of 47"
    assert await rows(store, "select count(*) from runs where status = 'ready'") == [(47,)]
    [view] = await gathered(store)
    assert "✅ 47 approved by Alice" in results(view)
    assert not view.waiting()


async def test_what_joined_after_the_card_was_drawn_is_not_decided(store: PgStore) -> None:
    asked = await confirmations(store, 5)
    [seen] = await gathered(store)
    late = await confirmations(store, 2, first=5)
    await gathered(store)
    result = await decide_batch(store, approve_all(seen))
    assert len(result.decided) == 5
    assert await statuses(store, [*asked, *late]) == [Status.APPROVED] * 5 + [Status.PENDING] * 2
    [view] = await batches(store)
    assert {each.request.id for each in view.waiting()} == {request.id for request in late}


async def test_all_but_two_which_get_cards_of_their_own(store: PgStore) -> None:
    asked = await confirmations(store, 10)
    [view] = await gathered(store)
    but = frozenset(each.item.seq for each in view.items[3:5])
    result = await decide_batch(store, approve_all(view, but=but, reason="prices look odd"))
    alone = {request.id for request in result.alone}
    assert (len(result.decided), len(alone)) == (8, 2)
    assert {
        request.id for request, status in zip(asked, await statuses(store, asked), strict=True) if status == "pending"
    } == alone
    assert alone <= {request for request, _ in await owed_cards(store)}
    [view] = await gathered(store)
    assert {each.request.id for each in view.left()} == alone
    # What was said of them is on record, and of none that were approved.
    assert await rows(store, "select detail::json->>'reason' from audit where event = 'batch_decided'") == [
        ("prices look odd",)
    ]
    assert await rows(store, "select distinct reason from decisions") == [("",)]
    # They are looked at one by one now: nothing gathers them again.
    await confirmations(store, 3, first=20)
    assert not alone & {key for each in await gathered(store) for key in inside(each)}


async def test_all_but_two_which_are_rejected_with_the_reason(store: PgStore) -> None:
    asked = await confirmations(store, 4)
    [view] = await gathered(store)
    but = frozenset({1, 2})
    with pytest.raises(Invalid):
        await decide_batch(store, approve_all(view, but=but, reject_others=True))
    await decide_batch(store, approve_all(view, but=but, reject_others=True, reason="doubled"))
    ends = dict(zip([request.id for request in asked], await statuses(store, asked), strict=True))
    rejected = {each.request.id for each in view.items if each.item.seq in but}
    assert {key for key, end in ends.items() if end is Status.REJECTED} == rejected
    assert {key for key, end in ends.items() if end is Status.APPROVED} == ends.keys() - rejected
    reasons = await rows(store, "select type, reason from decisions group by type, reason order by type")
    assert reasons == [("approve", ""), ("reject", "doubled")]
    assert await rows(store, "select count(*) from owed where kind = 'outcome'") == [(2,)]


async def test_rejecting_all_takes_a_reason(store: PgStore) -> None:
    asked = await confirmations(store, 3)
    [view] = await gathered(store)
    with pytest.raises(Invalid):
        await decide_batch(store, reject_all(view, reason="  "))
    await decide_batch(store, reject_all(view))
    assert await statuses(store, asked) == [Status.REJECTED] * 3


async def test_ones_own_request_stays_for_somebody_else(store: PgStore) -> None:
    own = await confirmations(store, 2, requester="UALICE")
    others = await confirmations(store, 3, first=2)
    [view] = await gathered(store)
    result = await decide_batch(store, approve_all(view))
    assert {request.id for request, _ in result.refused} == {request.id for request in own}
    assert {str(refusal) for _, refusal in result.refused} == {
        "You asked for this yourself; somebody else has to decide it."
    }
    assert await statuses(store, [*own, *others]) == [Status.PENDING] * 2 + [Status.APPROVED] * 3
    [view] = await batches(store)
    assert len((await decide_batch(store, approve_all(view, "UBOB"))).decided) == 2


async def test_who_has_no_right_decides_nothing_of_it(store: PgStore) -> None:
    asked = await confirmations(store, 3)
    [view] = await gathered(store)
    for user in ("UOUT", "UGUEST", "UBOTX", "UGONE", "UREQ", "UEXT"):
        with pytest.raises(NotAllowed):
            await decide_batch(store, approve_all(view, user))
        with pytest.raises(NotAllowed):
            await dissolve(store, shown(view), user, "slack")
    assert await statuses(store, asked) == [Status.PENDING] * 3
    assert await rows(store, "select count(*) from audit where event = 'decision_denied'") == [(18,)]


async def test_the_second_learns_who_was_faster(store: PgStore) -> None:
    asked = await confirmations(store, 4)
    [view] = await gathered(store)
    await decide_batch(store, approve_all(view, "UBOB", but=frozenset({4})))
    with pytest.raises(Stale, match=r"3 already approved by Bob, last at \d\d:\d\d UTC\. 1 left the batch meanwhile\."):
        await decide_batch(store, approve_all(view))
    assert (await statuses(store, asked)).count(Status.APPROVED) == 3


async def test_one_decided_by_itself_meanwhile_does_not_hold_up_the_others(store: PgStore) -> None:
    asked = await confirmations(store, 4)
    [view] = await gathered(store)
    first = asked[0]
    await decide(
        store,
        Answer(
            request_id=first.id,
            type=DecisionType.REJECT,
            user_id="UBOB",
            digest=first.digest,
            via="cli",
            reason="too late",
        ),
    )
    result = await decide_batch(store, approve_all(view))
    assert (len(result.decided), result.gone) == (3, (f"1 already rejected by Bob, last at {_at(result)} UTC.",))
    assert await statuses(store, asked) == [Status.REJECTED] + [Status.APPROVED] * 3


def _at(result) -> str:
    return result.gone[0].split(" at ")[1][:5]


@pytest.mark.parametrize("change", ["digest", "upto", "batch", "place"])
async def test_a_click_that_names_no_batch_as_it_was_shown(store: PgStore, change: str) -> None:
    asked = await confirmations(store, 3)
    [view] = await gathered(store)
    seen = shown(view)
    forged = {
        "digest": replace(seen, digest="0" * 16),
        "upto": replace(seen, upto=2),
        "batch": replace(seen, batch_id="bat_0000000000000000"),
        "place": replace(seen, where=("C1", "1.1")),
    }[change]
    with pytest.raises(Exception, match=r"no such batch|not what the card showed|copy of a card"):
        await decide_batch(store, replace(approve_all(view), shown=forged))
    assert await statuses(store, asked) == [Status.PENDING] * 3


async def test_an_item_tampered_with_is_not_decided(store: PgStore) -> None:
    asked = await confirmations(store, 3)
    [view] = await gathered(store)
    await sql(store, f"update batch_items set digest = repeat('0', 64) where request_id = '{asked[0].id}'")
    with pytest.raises(Stale, match="not what the card showed"):
        await decide_batch(store, approve_all(view))
    # Even a card drawn from the forged row binds nobody to what the request really is.
    [view] = await batches(store)
    result = await decide_batch(store, approve_all(view))
    assert [request.id for request, _ in result.refused] == [asked[0].id]
    assert await statuses(store, asked) == [Status.PENDING, Status.APPROVED, Status.APPROVED]


async def test_whoever_turns_to_an_item_takes_it_out(store: PgStore) -> None:
    looked, asked_about, handed, *rest = await confirmations(store, 6)
    await gathered(store)
    await claim(store, approach(looked))
    await ask(store, approach(asked_about), "Which template is that?")
    await reassign(store, approach(handed), "UBOB")
    [view] = await gathered(store)
    assert inside(view) == {request.id for request in rest}
    wanted = {request for request, _ in await owed_cards(store)}
    assert {looked.id, asked_about.id, handed.id} <= wanted
    assert {each.item.why for each in view.left()} == {
        "somebody is looking at it",
        "somebody asked about it",
        "it was handed to somebody",
    }


async def test_review_one_by_one_and_never_gathered_again(store: PgStore) -> None:
    asked = await confirmations(store, 4)
    [view] = await gathered(store)
    assert await dissolve(store, shown(view), "UBOB", "slack") == 4
    assert {request for request, _ in await owed_cards(store)} >= {request.id for request in asked}
    with pytest.raises(Stale, match="4 left the batch meanwhile"):
        await decide_batch(store, approve_all(view))
    later = await confirmations(store, 3, first=10)
    found = await gathered(store)
    assert [len(inside(each)) for each in found] == [0, 3]
    assert inside(found[1]) == {request.id for request in later}


async def test_a_stop_forbids_approving_and_not_rejecting(store: PgStore) -> None:
    asked = await confirmations(store, 3)
    [view] = await gathered(store)
    brake = Order(workflow="all", user_id="UEVE", reason="incident 12", via="slack")
    await stop(store, brake)
    with pytest.raises(Stopped, match="only rejecting works"):
        await decide_batch(store, approve_all(view))
    assert await statuses(store, asked) == [Status.PENDING] * 3
    [view] = await batches(store)
    card = batch_card(view)
    assert "incident 12" in card.text and "Approve all" not in str(card.blocks)
    await decide_batch(store, reject_all(view))
    assert await statuses(store, asked) == [Status.REJECTED] * 3


async def test_a_stop_and_its_end_are_shown_on_the_batchs_card(store: PgStore) -> None:
    await confirmations(store, 3)
    [view] = await gathered(store)
    await decide_one(store, view)
    await gather(store, shown_whole)
    before = await wanted(store, view.batch.id)
    await stop(store, Order(workflow="payments", user_id="UEVE", reason="incident 12", via="slack"))
    await sweep(store)
    await gather(store, shown_whole)
    during = await wanted(store, view.batch.id)
    await lift(store, Order(workflow="payments", user_id="UDIRK", reason="all is well", via="slack"))
    await sweep(store)
    await gather(store, shown_whole)
    assert before < during < await wanted(store, view.batch.id)


async def decide_one(store: PgStore, view) -> None:
    first = view.waiting()[0].request
    answer = Answer(request_id=first.id, type=DecisionType.APPROVE, user_id="UBOB", digest=first.digest, via="cli")
    await decide(store, answer)


async def wanted(store: PgStore, batch_id: str) -> int:
    [(number,)] = await rows(store, f"select wanted from cards where batch_id = '{batch_id}'")
    return int(number)


async def test_what_goes_up_leaves_and_gathers_again_at_the_next_tier(store: PgStore) -> None:
    asked = await confirmations(store, 4)
    await gathered(store)
    await sql(store, "update requests set asked_at = asked_at - interval '16 minutes', next_step_at = gp_now()")
    await sweep(store)
    old, new = await gathered(store)
    assert (inside(old), {each.item.why for each in old.left()}) == (set(), {"it went up to the next tier"})
    assert inside(new) == {request.id for request in asked}
    assert (new.batch.tier, new.batch.target) == (2, "#approvals-tier-2")
    # One card in each channel, none of their own.
    assert sorted(await owed_cards(store)) == sorted([(None, old.batch.id), (None, new.batch.id)])
    assert "4 left it: it went up to the next tier" in results(old)
    with pytest.raises(NotAllowed):
        await decide_batch(store, approve_all(new))
    assert len((await decide_batch(store, approve_all(new, "UCARA"))).decided) == 4


async def test_what_went_up_alone_joins_nothing_at_the_tier_it_came_from(store: PgStore) -> None:
    [risen] = await confirmations(store, 1)
    assert await gathered(store) == []
    await sql(store, "update requests set asked_at = asked_at - interval '16 minutes', next_step_at = gp_now()")
    await sweep(store)
    later = await confirmations(store, 2, first=1)
    assert await gathered(store) == []
    assert await statuses(store, [risen, *later]) == [Status.PENDING] * 3
    async with store.begin() as tx:
        low = await tx.requests.get(later[0].id)
        high = await tx.requests.get(risen.id)
        assert low is not None and high is not None and (low.tier, high.tier) == (1, 2)
        key = likeness(low, (await tx.policies.current()).policy)
        # The card that it still has there is compared with nothing any more.
        alike = await tx.batches.alike("#approvals", str(key), 9)
    assert {request.id for request in alike} == {request.id for request in later}
    [third] = await confirmations(store, 1, first=3)
    [view] = await gathered(store)
    assert inside(view) == {request.id for request in [*later, third]}
    assert (view.batch.tier, view.batch.target) == (1, "#approvals")


async def test_who_goes_up_between_two_looks_is_not_taken_along(store: PgStore) -> None:
    """Even where storage offered it: what a request shares is asked of it as it is now."""
    asked = await confirmations(store, 2)
    await gathered(store)
    await sql(store, f"update requests set tier = 2 where id = '{asked[0].id}'")
    await sql(store, f"update cards set tier = 2 where request_id = '{asked[0].id}'")
    await confirmations(store, 1, first=2)
    assert await gathered(store) == []


async def test_a_reminder_is_owed_once_for_all_of_them(store: PgStore) -> None:
    asked = await confirmations(store, 5)
    alone = await pending(store, amount="70.00", order="77")
    [view] = await gathered(store)
    for batch in (asked[:2], asked[2:]):
        ids = ", ".join(f"'{request.id}'" for request in [*batch, alone])
        late = "asked_at = gp_now() - interval '11 minutes', next_step_at = gp_now() - interval '2 minutes'"
        await sql(store, f"update requests set {late} where id in ({ids})")
        await sweep(store)
    owed = await rows(
        store, "select payload->>'batch_id' as batch, count(*) from owed where kind = 'reminder' group by 1"
    )
    assert dict(owed)[view.batch.id] == 1
    assert dict(owed)[None] >= 1


async def test_managers_are_told_of_a_batch_once(store: PgStore) -> None:
    policy = DEFAULT_POLICY.read_text().replace(
        'remind = "15m"\non_timeout = "escalate"', 'remind = "15m"\ndm = ["@tier-3-managers"]\non_timeout = "escalate"'
    )
    async with store.begin() as tx:
        await tx.policies.apply(policy, "test")
    await confirmations(store, 6)
    await gathered(store)
    await sql(store, "update requests set asked_at = asked_at - interval '16 minutes', next_step_at = gp_now()")
    await sweep(store)
    _, view = await gathered(store)
    assert len(inside(view)) == 6
    targets = await rows(store, f"select target from cards where batch_id = '{view.batch.id}' order by target")
    assert [target for (target,) in targets] == ["#approvals-tier-2", "UDIRK", "UDIRK2", "UEVE"]
    assert {batch for _, batch in await owed_cards(store)} >= {view.batch.id}
    assert not [request for request, _ in await owed_cards(store) if request is not None]


async def test_a_batch_whose_channel_takes_nothing_is_shown_elsewhere(store: PgStore) -> None:
    asked = await confirmations(store, 3)
    [view] = await gathered(store)
    async with store.begin() as tx:
        await tx.turns.pause("#approvals", 300.0, "channel_not_found")
    assert await reroute_stranded(store) == 1
    targets = {
        target for (target,) in await rows(store, f"select target from cards where batch_id = '{view.batch.id}'")
    }
    assert targets >= {"#approvals", "UALICE", "UBOB"} and "UREQ" not in targets
    assert not [request for request, _ in await owed_cards(store) if request is not None]
    assert await statuses(store, asked) == [Status.PENDING] * 3


async def test_what_expires_is_shown_as_expired(store: PgStore) -> None:
    asked = await confirmations(store, 3)
    [view] = await gathered(store)
    await sql(store, "update requests set expires_at = gp_now(), next_step_at = gp_now()")
    await sweep(store)
    assert await statuses(store, asked) == [Status.EXPIRED] * 3
    [view] = await gathered(store)
    assert "⌛ 3 expired" in results(view)


async def test_flags_and_too_much_text_stay_alone(store: PgStore) -> None:
    flagged = Brief(rationale="It came late.", confidence=0.72, flags=("agent: odd",))
    deceptive = Brief(rationale="It came \u202elate.", confidence=0.72)
    await confirmations(store, 3, brief=flagged)
    await confirmations(store, 3, brief=deceptive, first=3)
    for number in range(3):
        await pending(store, form=CONFIRM, args=args_of(10 + number, template="x" * 400))
    assert await gathered(store) == []


async def test_switched_off_everything_is_as_before(store: PgStore) -> None:
    async with store.begin() as tx:
        policy = DEFAULT_POLICY.read_text().replace("[batches]\nenabled = true", "[batches]\nenabled = false")
        await tx.policies.apply(policy, "test")
    asked = await confirmations(store, 5)
    assert await gathered(store) == []
    assert {request for request, _ in await owed_cards(store)} == {request.id for request in asked}


async def test_one_that_cannot_be_gathered_holds_up_nobody(store: PgStore) -> None:
    asked = await confirmations(store, 3)

    def broken(request: Request) -> bool:
        raise ValueError("can't be read")

    assert await gather(store, broken) == 0
    assert {request for request, _ in await owed_cards(store)} == {request.id for request in asked}
    assert await gathered(store) == []


async def test_those_on_the_screen_already_say_where_they_are_asked_about(store: PgStore) -> None:
    first = (await confirmations(store, 1))[0]
    await gathered(store)
    await sql(store, "update cards set ts = '1.1', channel = 'C1', shown = wanted, posted_at = gp_now()")
    await confirmations(store, 2, first=1)
    [view] = await gathered(store)
    async with store.begin() as tx:
        [card] = await tx.cards.of_request(first.id)
        own = await load_view(tx, first, card)
    assert (card.folded_in, own.batched, card.shown < card.wanted) == (view.batch.id, 3, True)
    # A click on its old buttons, which may still be seen, counts all the same, as on any card.
    answer = Answer(request_id=first.id, type=DecisionType.APPROVE, user_id="UBOB", digest=first.digest, via="slack")
    await decide(store, replace(answer, where=("C1", "1.1"), version=first.version))
    assert ItemState.IN in {each.item.state for each in view.items}
    assert (await statuses(store, [first])) == [Status.APPROVED]
