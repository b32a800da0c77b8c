"""The invariants of a run through chaos, each a function from the ledger to its violations in words.

`ALWAYS` hold in every committed state; `AT_REST` once nothing is owed any more.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from tests.support.chaos_ledger import Ledger, Row
from tests.support.people import GROUPS

Check = Callable[[Ledger], Iterable[str]]
POOLS: Final = {
    1: {*GROUPS["STIER1", "tier-1-reviewers"]},
    2: {*GROUPS["STIER2", "tier-2-reviewers"], *GROUPS["STIER3", "tier-3-managers"]},
    3: {*GROUPS["STIER3", "tier-3-managers"]},
}
ENDS: Final = {
    "approve": "approved",
    "edit": "modified",
    "reject": "rejected",
    "respond": "handled",
    "expire": "expired",
    "cancel": "cancelled",
}
OVER: Final = ("done", "rolled_back", "failed", "quarantined")


def authority(ledger: Ledger) -> Iterator[str]:
    """I1: behind every effect stands one approval, recorded before INTENT, by somebody who was entitled to it."""
    decided = ledger.by_request("request_approved")
    intents = ledger.by_effect("effect_intent")
    for key in sorted({one.key for one in ledger.happened}):
        effect = ledger.effects.get(key)
        if effect is None:
            yield f"{key} happened but is not in the ledger"
            continue
        if effect["undo_of"]:
            undone = ledger.effects[effect["undo_of"]]
            if undone["status"] != "done":
                yield f"{key} undid {undone['id']}, which is {undone['status']}"
            continue
        request, decision = ledger.requests[effect["request_id"]], ledger.decisions.get(effect["request_id"])
        if decision is None or decision["type"] != "approve" or request["status"] != "approved":
            yield f"{key} happened without an approval ({request['status']})"
            continue
        before = decided.get(request["id"], [])
        begun = intents.get(key, [])
        if not before or not begun or before[0]["id"] >= begun[0]["id"] or decision["at"] > effect["intent_at"]:
            yield f"{key}: INTENT before its decision was recorded"
        yield from _entitled(ledger, request, decision)


def _entitled(ledger: Ledger, request: Row, decision: Row) -> Iterator[str]:
    if decision["decided_by"].startswith("policy:"):
        if request["route"] != "auto" or not request["reversible"] or request["effect_class"] == "opaque":
            yield f"{request['id']}: policy approved what needed a person"
        return
    person = ledger.people.get(decision["decided_by"])
    if decision["decided_by"] not in POOLS[request["tier"]] or person is None:
        yield f"{request['id']}: {decision['decided_by']} is no reviewer of tier {request['tier']}"
    elif not person["active"] or person["guest"] or person["external"] or person["bot"]:
        yield f"{request['id']}: {decision['decided_by']} may decide nothing"
    elif request["requester"] and person["person"] == f"{request['requester'].lower()}@example.com":
        yield f"{request['id']}: decided by its requester"


def binding(ledger: Ledger) -> Iterator[str]:
    """I2: the bytes shown, decided, recorded and handed to the tool are the same."""
    for request in ledger.requests.values():
        if hashlib.sha256(request["canonical"].encode()).hexdigest() != request["digest"]:
            yield f"{request['id']}: its digest is not that of its text"
    for decision in ledger.decisions.values():
        if decision["digest"] != ledger.requests[decision["request_id"]]["digest"]:
            yield f"{decision['request_id']}: decided on another digest"
    for effect in ledger.effects.values():
        if effect["digest"] != ledger.requests[effect["request_id"]]["digest"]:
            yield f"{effect['id']}: executed another digest"
    for one in ledger.happened:
        effect = ledger.effects.get(one.key)
        if effect and one.digest != effect["digest"]:
            yield f"{one.key}: the tool was handed something else"


def one_decision(ledger: Ledger) -> Iterator[str]:
    """I3: a request is pending, or has one decision that fits its status, told once."""
    told = Counter(row["request_id"] for row in ledger.audit if row["event"].removeprefix("request_") in ENDS.values())
    for request in ledger.requests.values():
        decision = ledger.decisions.get(request["id"])
        status = ENDS[decision["type"]] if decision else "pending"
        if request["status"] != status:
            yield f"{request['id']} is {request['status']}, its decision says {status}"
        if told[request["id"]] != (decision is not None):
            yield f"{request['id']} has {told[request['id']]} terminal audit entries"
        if decision and decision["type"] == "edit" and decision["next_request_id"] not in ledger.requests:
            yield f"{request['id']} was edited into nothing"


def at_most_once(ledger: Ledger) -> Iterator[str]:
    """I4: no key happened twice, no request has two effects."""
    for key, times in Counter(one.key for one in ledger.happened).items():
        if times > 1:
            yield f"{key} happened {times} times"
    forward = Counter(row["request_id"] for row in ledger.effects.values() if row["undo_of"] is None)
    yield from (f"{request} has {n} effects" for request, n in forward.items() if n > 1)


def accounted(ledger: Ledger) -> Iterator[str]:
    """I5 at every commit: a run is owed a segment, waits at one gate, or is over; nothing hangs in between."""
    pending: dict[str, list[Row]] = {}
    for request in ledger.requests.values():
        if request["status"] == "pending":
            pending.setdefault(request["run_id"], []).append(request)
    for run in ledger.runs.values():
        waiting = pending.get(run["id"], [])
        if run["status"] == "paused":
            if len(waiting) != 1 or waiting[0]["interrupt_id"] != run["interrupt_id"]:
                yield f"{run['id']} is paused at {len(waiting)} requests"
        elif waiting:
            yield f"{run['id']} is {run['status']} but a request waits"
    for effect in ledger.effects.values():
        if effect["status"] == "intent" and ledger.runs[effect["run_id"]]["status"] != "ready":
            yield f"{effect['id']} is INTENT and nobody will look after it"
    keys = {(run["key"], run["id"]) for run in ledger.runs.values()}
    for key, run_id, _ in ledger.told["proposed"]:
        if (key, run_id) not in keys:
            yield f"the proposal {key} was taken, and is gone"


def acknowledged(ledger: Ledger) -> Iterator[str]:
    """I6: who was told "decided" finds that decision; who was refused finds the refusal on record."""
    voted = {(vote["request_id"], vote["user_id"]) for votes in ledger.votes.values() for vote in votes}
    for request, kind, user in ledger.told["decided"]:
        decision = ledger.decisions.get(request)
        if kind == "vote":
            if (request, user) not in voted:
                yield f"{request}: the vote of {user} is gone"
        elif decision is None or (decision["type"], decision["decided_by"]) != (kind, user):
            yield f"{request}: {user} was told {kind}, but the record says {decision and decision['type']}"
    denied = Counter((row["request_id"], row["actor"]) for row in ledger.events("decision_denied"))
    for (request, user), n in Counter((request, user) for request, _, user in ledger.told["refused"]).items():
        if denied[request, user] < n:
            yield f"{request}: {user} was refused {n} times, {denied[request, user]} on record"


def quorum(ledger: Ledger) -> Iterator[str]:
    """I7: where several must agree, as many distinct persons approved this digest, none of them the requester."""
    for request in ledger.requests.values():
        if request["status"] != "approved" or request["approvals_required"] == 1 or request["route"] == "auto":
            continue
        votes = [vote for vote in ledger.votes.get(request["id"], []) if vote["digest"] == request["digest"]]
        persons = {vote["person"] for vote in votes}
        accounts = {ledger.people[vote["user_id"]]["person"] for vote in votes}
        if len(persons) < request["approvals_required"] or accounts != persons:
            yield f"{request['id']}: approved by {sorted(persons)}"
        if request["requester"] and f"{request['requester'].lower()}@example.com" in persons:
            yield f"{request['id']}: its requester voted"


def in_time(ledger: Ledger) -> Iterator[str]:
    """I8: nobody decides after expiry, nothing expires early, nothing begins after the execution window."""
    for decision in ledger.decisions.values():
        request = ledger.requests[decision["request_id"]]
        late = request["expires_at"] is not None and decision["at"] >= request["expires_at"]
        if late != (decision["type"] == "expire") and decision["via"] != "policy":
            yield f"{request['id']}: {decision['type']} at {decision['at']}, expiry {request['expires_at']}"
    for effect in ledger.effects.values():
        window = ledger.requests[effect["request_id"]]["execution_expires_at"]
        if effect["undo_of"] is None and effect["intent_at"] >= window:
            yield f"{effect['id']}: begun after its window"


def honest(ledger: Ledger) -> Iterator[str]:
    """I10: done is in the world, failed is not, unknown is only opaque, told to operators and asked about."""
    asked = {row["subject_effect"] for row in ledger.requests.values() if row["kind"] == "reconcile"}
    ever = set(ledger.by_effect("effect_unknown"))
    for effect in ledger.effects.values():
        key, times = effect["id"], ledger.in_world(effect["id"])
        if effect["status"] == "done" and not times:
            yield f"{key} is done, but not in the world"
        if effect["status"] == "failed" and times:
            yield f"{key} is failed, but in the world"
        if effect["status"] == "unknown" and effect["effect_class"] != "opaque":
            yield f"{key} is unknown, but {effect['effect_class']}"
        doubted = effect["status"] == "unknown" or (effect["reconciled_by"] and not effect["undo_of"])
        if doubted and key not in ever:
            yield f"{key} is {effect['status']} without having been unknown"
        if key in ever and f"operators:unknown:{key}" not in ledger.owed:
            yield f"{key} became unknown and operators were not told"
        run = ledger.runs[effect["run_id"]]
        if effect["status"] == "unknown" and run["status"] != "ready" and key not in asked:
            yield f"{key} is unknown and nobody is asked"


def recorded(ledger: Ledger) -> Iterator[str]:
    """I13: every change of state has its one audit entry."""

    def once(event: str, found: list[Row], wanted: int) -> Iterator[str]:
        if len(found) != wanted:
            yield f"{event}: {len(found)} entries, {wanted} wanted"

    opened = ledger.by_request("request_opened")
    for request in ledger.requests.values():
        by_people = request["route"] in ("review", "takeover")
        yield from once(f"{request['id']} opened", opened.get(request["id"], []), int(by_people))
    votes = ledger.by_request("vote")
    for request_id, found in ledger.votes.items():
        yield from once(f"{request_id} vote", votes.get(request_id, []), len(found))
    ends = {status: ledger.by_effect(f"effect_{status}") for status in ("intent", "done", "failed", "unknown")}
    by_hand = ledger.by_effect("effect_reconciled")
    for effect in ledger.effects.values():
        key = effect["id"]
        yield from once(f"{key} intent", ends["intent"].get(key, []), 1)
        ended = [row for status in ("done", "failed", "unknown") for row in ends[status].get(key, [])]
        yield from once(f"{key} end", ended, int(effect["status"] != "intent"))
        yield from once(f"{key} reconciled", by_hand.get(key, []), int(effect["reconciled_by"] is not None))
    runs = Counter((row["run_id"], row["event"]) for row in ledger.audit)
    for run in ledger.runs.values():
        over = run["status"] in OVER
        if runs[run["id"], "run_started"] != 1 or (over and runs[run["id"], f"run_{run['status']}"] != 1):
            yield f"{run['id']}: start or end not recorded once"


def at_rest(ledger: Ledger) -> Iterator[str]:
    """I5 at rest: no owed segment, no open INTENT, nobody set aside; a run that is done did all of its plan."""
    for run in ledger.runs.values():
        if run["status"] == "failed":
            yield from _reported(ledger, run)
        elif run["status"] not in ("done", "rolled_back", "paused"):
            yield f"{run['id']} is {run['status']}: {run['last_error']}"
        if run["status"] == "done":
            yield from _whole(ledger, run)


def _reported(ledger: Ledger, run: Row) -> Iterator[str]:
    """A run ends as failed only when a person said that an undo did not happen, and operators are told."""
    undos = [row for row in ledger.effects.values() if row["run_id"] == run["id"] and row["undo_of"]]
    unsure = [row for row in ledger.effects.values() if row["run_id"] == run["id"] and row["status"] == "unknown"]
    by_hand = [row for row in undos if row["status"] == "failed" and row["reconciled_by"]]
    if not (by_hand or unsure) or f"operators:failed:{run['id']}" not in ledger.owed:
        yield f"{run['id']} is failed without a word to anybody"


def _whole(ledger: Ledger, run: Row) -> Iterator[str]:
    steps: list[dict[str, Any]] = json.loads(run["input"])["plan"]
    policy = {key for key, row in ledger.decisions.items() if row["via"] == "policy" and row["type"] == "reject"}
    last = {row["turn"]: row for row in ledger.requests_of(run["id"]) if row["kind"] == "action"}
    parents = {row["parent_id"] for row in ledger.requests_of(run["id"]) if row["kind"] == "action"}
    counted = [row for row in last.values() if row["id"] not in policy]
    answered = [row for row in counted if not (row["status"] == "approved" and row["id"] in parents)]
    if len(answered) != len(steps):
        yield f"{run['id']} is done with {len(answered)} answers to {len(steps)} steps"
    forward = {row["request_id"] for row in ledger.effects_of(run["id"]) if row["undo_of"] is None}
    for row in answered:
        if (row["status"] == "approved") != (row["id"] in forward):
            yield f"{row['id']} is {row['status']} and its effect is {'' if row['id'] in forward else 'not '}there"


def compensated(ledger: Ledger) -> Iterator[str]:
    """I11: what a rolled-back run had done is undone newest first, each once, or a person has taken it on."""
    undo_of = {row["undo_of"]: row for row in ledger.effects.values() if row["undo_of"]}
    seq = {one.key: one.seq for one in ledger.happened}
    for run in ledger.runs.values():
        effects = [row for row in ledger.effects_of(run["id"]) if row["undo_of"] is None]
        if run["status"] != "rolled_back":
            if run["status"] == "done" and any(row["id"] in undo_of for row in effects):
                yield f"{run['id']} is done, but something was undone"
            continue
        order = []
        for row in effects:
            undo = undo_of.get(row["id"])
            reversible = ledger.requests[row["request_id"]]["reversible"]
            if row["status"] == "done" and reversible and (undo is None or not _closed(undo)):
                yield f"{row['id']} was not undone"
            if undo and not (row["status"] == "done" and reversible):
                yield f"{row['id']} was undone without reason"
            if undo and undo["id"] in seq:
                order.append((seq[row["id"]], seq[undo["id"]]))
        if [undo for _, undo in sorted(order)] != sorted((undo for _, undo in order), reverse=True):
            yield f"{run['id']} was undone out of order"


def _closed(undo: Row) -> bool:
    return undo["status"] == "done" or undo["reconciled_by"] is not None


ALWAYS: Final[dict[str, Check]] = {
    "I1 authority": authority,
    "I2 binding": binding,
    "I3 one decision": one_decision,
    "I4 at most once": at_most_once,
    "I5 accounted for": accounted,
    "I6 acknowledged": acknowledged,
    "I7 quorum": quorum,
    "I8 time": in_time,
    "I10 honest": honest,
    "I13 audit": recorded,
}
AT_REST: Final[dict[str, Check]] = {"I5 at rest": at_rest, "I11 compensated": compensated}


def violations(ledger: Ledger, *, resting: bool) -> list[str]:
    """Every violation, led by the invariant's name."""
    checks = ALWAYS | (AT_REST if resting else {})
    return [f"{name}: {found}" for name, check in checks.items() for found in check(ledger)]
