"""The shop: keys honoured, faults as told, several processes on one file, and a ledger that tells the truth."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.shop import fail, fresh_case, ledger, listening, running_shop, url_of, withdraw


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with running_shop(tmp_path / "shop.db") as base:
        yield base


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, trust_env=False, timeout=20) as found:
        yield found


def refund(client: httpx.Client, case: dict[str, Any], key: str | None, **fields: Any) -> httpx.Response:
    body = {"case_id": case["id"], "order": case["order"]["id"], "amount": "10.00", "currency": "EUR", **fields}
    return client.post("/refunds", json=body, headers={"Idempotency-Key": key} if key else {})


def credit(client: httpx.Client, case: dict[str, Any], reference: str) -> httpx.Response:
    body = {"case_id": case["id"], "customer": case["customer"]["id"], "amount": "5.00", "currency": "EUR"}
    return client.post("/credits", json={**body, "reference": reference})


def message(client: httpx.Client, case: dict[str, Any], text: str = "Hello") -> httpx.Response:
    body = {"case_id": case["id"], "customer": case["customer"]["id"], "body": text}
    return client.post("/messages", json=body)


def test_a_new_shop_has_the_demo_cases(client: httpx.Client) -> None:
    case = client.get("/cases/case-4711").json()
    assert (case["status"], case["amount"], case["currency"], case["order"]["id"]) == (
        "open",
        "420.00",
        "EUR",
        "4711",
    )
    assert case["customer"]["refunds"]["EUR"] == {
        "count": 2,
        "average": "135.00",
        "count_30_days": 0,
        "total_30_days": "0.00",
    }
    assert case["waited_days"] == 3
    assert client.get("/customers/C-1042").json() == case["customer"]
    assert client.get("/orders/4711").json() == case["order"]
    assert client.get("/ledger").json() == []


def test_the_same_key_and_body_give_the_same_answer_and_one_refund(url: str, client: httpx.Client) -> None:
    case = fresh_case(url)
    answers = [refund(client, case, "k1") for _ in range(3)]
    assert {answer.text for answer in answers} == {answers[0].text}
    assert [(e["kind"], e["key"], e["amount"]) for e in ledger(url)] == [("refund", "k1", "10.00")]


def test_the_same_key_with_another_body_is_a_conflict(url: str, client: httpx.Client) -> None:
    case = fresh_case(url)
    refund(client, case, "k1")
    conflict = refund(client, case, "k1", amount="11.00")
    assert conflict.status_code == 409
    assert "another body" in conflict.json()["error"]
    assert len(ledger(url)) == 1


def test_without_a_key_every_call_counts(url: str, client: httpx.Client) -> None:
    case = fresh_case(url)
    refund(client, case, None)
    refund(client, case, None)
    assert len(ledger(url, case["id"])) == 2


def test_a_reference_is_for_looking_up_not_for_telling_duplicates(url: str, client: httpx.Client) -> None:
    case = fresh_case(url)
    assert client.get("/credits", params={"reference": "r1"}).json() == {"credits": []}
    first, second = credit(client, case, "r1").json(), credit(client, case, "r1").json()
    found = client.get("/credits", params={"reference": "r1"}).json()["credits"]
    assert [each["credit"] for each in found] == [first["credit"], second["credit"]]
    assert [e["kind"] for e in ledger(url)] == ["credit", "credit"]


def test_undoing_is_done_once(url: str, client: httpx.Client) -> None:
    case = fresh_case(url)
    credit_id, refund_id = credit(client, case, "r1").json()["credit"], refund(client, case, "k1").json()["refund"]
    undo = {"Idempotency-Key": "u1"}
    for _ in range(2):
        assert client.post(f"/refunds/{refund_id}/reverse", json={}, headers=undo).is_success
        assert client.post("/credits/release", json={"credit": credit_id}, headers=undo).is_success
    assert client.post(f"/refunds/{refund_id}/reverse", json={}, headers={"Idempotency-Key": "u2"}).status_code == 409
    assert [e["kind"] for e in ledger(url)] == ["credit", "refund", "refund_reversal", "credit_release"]
    assert client.get("/credits", params={"reference": "r1"}).json()["credits"][0]["released"] is True
    assert client.get(f"/orders/{case['order']['id']}").json()["refunded"] == "0.00"


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/refunds", {"amount": "1.00"}, 422, "case_id"),
        ("/refunds", {"case_id": "case-4711", "order": "4711", "amount": "0.00", "currency": "EUR"}, 422, "amount"),
        ("/refunds", {"case_id": "case-4711", "order": "4711", "amount": "-1", "currency": "EUR"}, 422, "amount"),
        ("/refunds", {"case_id": "case-4711", "order": "4711", "amount": 1, "currency": "EUR"}, 422, "amount"),
        (
            "/refunds",
            {"case_id": "case-4711", "order": "4711", "amount": "1.00", "currency": "JPY"},
            422,
            "currency",
        ),
        (
            "/refunds",
            {"case_id": "case-4711", "order": "4802", "amount": "1.00", "currency": "EUR"},
            422,
            "another",
        ),
        ("/refunds", {"case_id": "case-1", "order": "4711", "amount": "1.00", "currency": "EUR"}, 404, "case-1"),
        ("/refunds/rf_99/reverse", {}, 404, "rf_99"),
        ("/refunds/cr_1/reverse", {}, 404, "cr_1"),
        ("/credits/release", {"credit": "cr_1"}, 404, "cr_1"),
        ("/messages", {"case_id": "case-4711", "customer": "C-2077", "body": "Hi"}, 422, "customer"),
        ("/messages", {"case_id": "case-4711", "customer": "C-1042", "body": ""}, 422, "body"),
        ("/cases/none/withdraw", {}, 404, "none"),
        ("/faults", {"target": "everything", "mode": "slow"}, 422, "target"),
    ],
)
def test_what_is_wrong_is_refused_in_words(
    url: str, client: httpx.Client, path: str, body: dict[str, Any], status: int, words: str
) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == status
    assert words in answer.json()["error"]
    assert ledger(url) == []


def test_a_body_that_is_no_json_is_refused(client: httpx.Client) -> None:
    assert client.post("/refunds", content=b"{").status_code == 422


def test_withdrawing_says_when_and_does_so_once(url: str, client: httpx.Client) -> None:
    case = fresh_case(url)
    withdraw(url, case["id"])
    first = client.get(f"/cases/{case['id']}").json()
    withdraw(url, case["id"])
    assert first["status"] == "withdrawn"
    assert client.get(f"/cases/{case['id']}").json()["changed_at"] == first["changed_at"] > case["changed_at"]


@pytest.mark.parametrize(
    ("mode", "status", "happened"), [("fail_before", 503, 0), ("refuse", 422, 0), ("fail_after", 500, 1)]
)
def test_failing_before_and_after(url: str, client: httpx.Client, mode: str, status: int, happened: int) -> None:
    case = fresh_case(url)
    fail(url, "refunds", mode, times=1)
    assert refund(client, case, "k1").status_code == status
    assert len(ledger(url)) == happened
    assert refund(client, case, "k1").is_success
    assert len(ledger(url)) == 1


@pytest.mark.parametrize("target", ["messages", "*"])
def test_a_lost_answer_is_a_broken_connection_to_something_that_happened(
    url: str, client: httpx.Client, target: str
) -> None:
    case = fresh_case(url)
    fail(url, target, "lost_answer", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        message(client, case)
    assert [e["detail"] for e in ledger(url)] == ["Hello"]
    assert message(client, case).is_success


def test_a_slow_answer_comes_after_the_deed(url: str, client: httpx.Client) -> None:
    case = fresh_case(url)
    fail(url, "credits", "slow", seconds=0.4, times=1)
    with pytest.raises(httpx.ReadTimeout):
        client.post(
            "/credits",
            json={
                "case_id": case["id"],
                "customer": case["customer"]["id"],
                "amount": "5.00",
                "currency": "EUR",
                "reference": "r1",
            },
            timeout=0.2,
        )
    assert len(client.get("/credits", params={"reference": "r1"}).json()["credits"]) == 1


def test_faults_last_until_they_are_deleted(url: str, client: httpx.Client) -> None:
    case = fresh_case(url)
    fail(url, "refunds", "fail_before")
    assert [refund(client, case, "k1").status_code for _ in range(3)] == [503, 503, 503]
    assert message(client, case).is_success, "another target"
    assert [fault["mode"] for fault in client.get("/faults").json()] == ["fail_before"]
    client.delete("/faults")
    assert refund(client, case, "k1").is_success


def test_the_page_shows_the_ledger_and_escapes_it(url: str, client: httpx.Client) -> None:
    case = fresh_case(url)
    refund(client, case, "k1")
    message(client, case, "<script>alert(1)</script>")
    page = client.get("/").text
    assert "Card refunded" in page
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


async def test_many_at_once_with_one_key_are_one_refund(url: str) -> None:
    case = fresh_case(url)
    body = {"case_id": case["id"], "order": case["order"]["id"], "amount": "10.00", "currency": "EUR"}
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as many:
        answers = await asyncio.gather(
            *(many.post("/refunds", json=body, headers={"Idempotency-Key": "k1"}) for _ in range(25))
        )
    assert {answer.status_code for answer in answers} == {200}
    assert len(ledger(url)) == 1


_PROCESS = """
import socket, sys
from pathlib import Path
import uvicorn
from bot.sandbox.shop import create_shop
sock = socket.socket(fileno=int(sys.argv[1]))
uvicorn.Server(uvicorn.Config(create_shop(Path(sys.argv[2])), log_level="critical")).run(sockets=[sock])
"""


@contextmanager
def shop_process(path: Path) -> Iterator[str]:
    with listening() as sock:
        fd = sock.fileno()
        process = subprocess.Popen([sys.executable, "-c", _PROCESS, str(fd), str(path)], pass_fds=[fd])
        try:
            yield url_of(sock)
        finally:
            process.kill()
            process.wait(timeout=20)


def test_two_processes_share_one_file(tmp_path: Path) -> None:
    """Both open the new file at the same time, and every key is honoured whichever of them is asked."""
    path = tmp_path / "shop.db"
    with ExitStack() as stack:
        urls = [stack.enter_context(shop_process(path)) for _ in range(2)]
        clients = [stack.enter_context(httpx.Client(base_url=u, trust_env=False, timeout=60)) for u in urls]
        case = clients[0].get("/cases/case-4711").json()
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda n: refund(clients[n % 2], case, f"k{n // 4}"), range(40)))
        assert {answer.status_code for answer in answers} == {200}
        first, second = (each.get("/ledger").json() for each in clients)
        assert first == second
        assert sorted(e["key"] for e in first) == sorted(f"k{n}" for n in range(10))
        fail(urls[0], "refunds", "fail_before", times=1)
        assert refund(clients[1], case, "after").status_code == 503, "a fault holds for every process"
