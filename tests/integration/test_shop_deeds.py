"""Deeds of any domain: keys and references honoured, undone once, subjects withdrawn, and a page that escapes."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

import httpx
import pytest

from graph.flow.workflow import Refused, Unreached
from graph.workflows import shop
from tests.support.payments import shop_at
from tests.support.shop import fail, fresh_case, ledger, listening, running_shop, url_of

EVIL = "<script>alert('1')</script>\"&"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with running_shop(tmp_path / "shop.db") as base, shop_at(base):
        yield base


@pytest.fixture
async def client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as found:
        yield found


async def roll_out(subject: str = "dep-42", **named: Any) -> dict[str, Any]:
    return await shop.do("deployment", "roll_out", subject, "Roll out 2.4.0 to production", **named)


async def deeds(client: httpx.AsyncClient, **wanted: str) -> list[dict[str, Any]]:
    return list((await client.get("/deeds", params=wanted)).raise_for_status().json()["deeds"])


async def test_the_same_key_gives_the_same_answer_and_one_deed(client: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(roll_out(key="k1", amount=Decimal(12), currency="EUR") for _ in range(10)))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0] == {
        "deed": "dd_1",
        "at": answers[0]["at"],
        "domain": "deployment",
        "kind": "roll_out",
        "subject": "dep-42",
        "title": "Roll out 2.4.0 to production",
        "amount": "12.00",
        "currency": "EUR",
        "reference": None,
    }
    assert [(deed["deed"], deed["key"]) for deed in await deeds(client)] == [("dd_1", "k1")]
    with pytest.raises(Refused, match="another body"):
        await roll_out("dep-43", key="k1", amount=Decimal(12), currency="EUR")
    assert len(await deeds(client)) == 1


async def test_without_a_key_every_call_counts_and_the_first_is_found(client: httpx.AsyncClient) -> None:
    assert await shop.find("r1") is None
    first = await roll_out(reference="r1", detail="canary")
    await roll_out(reference="r1")
    await roll_out(reference="r2")
    assert await shop.find("r1") == first
    await shop.undo(first["deed"], "u1")
    assert await shop.find("r1") == first, "found also when it was undone since"
    assert [deed["deed"] for deed in await deeds(client, reference="r1")] == ["dd_1", "dd_2", "dd_4"]
    assert await deeds(client, reference="") == []


async def test_undoing_is_done_once(client: httpx.AsyncClient) -> None:
    done = await roll_out(key="k1")
    answers = [await shop.undo(done["deed"], "u1") for _ in range(2)]
    assert answers == [{"undo": "dd_2", "deed": "dd_1"}] * 2
    with pytest.raises(Refused, match="dd_1 has been undone already"):
        await shop.undo("dd_1", "u2")
    with pytest.raises(Refused, match="dd_2 is an undo itself"):
        await shop.undo("dd_2", "u3")
    with pytest.raises(Refused, match="another body"):
        await shop.undo("dd_9", "u1")
    for unknown in ("dd_9", "dd_01", "1", "dd_" + "9" * 30, "dd_²", "../faults"):
        with pytest.raises(shop.NotThere):
            await shop.undo(unknown, "u4")
    first, second = await deeds(client)
    assert (first["undone"], first["undoes"], first["undone_at"]) == (True, None, second["at"])
    assert (second["undone"], second["undoes"], second["kind"]) == (False, "dd_1", "undo: roll_out")


async def test_deeds_are_found_by_domain_and_by_subject(client: httpx.AsyncClient) -> None:
    await roll_out()
    await roll_out("dep-43")
    await shop.do("loan", "pay_out", "loan-7", "Pay out the loan", amount=Decimal("900.50"), currency="CHF")
    assert [deed["subject"] for deed in await deeds(client)] == ["dep-42", "dep-43", "loan-7"]
    assert [deed["amount"] for deed in await deeds(client, domain="loan")] == ["900.50"]
    assert [deed["deed"] for deed in await deeds(client, subject="dep-43")] == ["dd_2"]
    assert await deeds(client, subject="dep-43", domain="loan") == []
    assert (await client.get("/deeds", params={"case": "1"})).status_code == 422


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"domain": "a b"}, "domain"),
        ({"kind": "undo: roll_out"}, "kind"),
        ({"kind": None}, "kind"),
        ({"subject": "a/b"}, "subject"),
        ({"subject": ".."}, "subject"),
        ({"subject": " "}, "subject"),
        ({"subject": "a\nb"}, "subject"),
        ({"subject": "x" * 129}, "subject"),
        ({"title": ""}, "title"),
        ({"title": "two\nlines"}, "title"),
        ({"amount": "5.00"}, "both or neither"),
        ({"currency": "EUR"}, "both or neither"),
        ({"amount": "5", "currency": "EUR"}, "amount"),
        ({"amount": "0.00", "currency": "EUR"}, "amount"),
        ({"amount": "5.00", "currency": "euro"}, "currency"),
        ({"reference": ""}, "reference"),
        ({"more": 1}, "more"),
    ],
)
async def test_what_is_wrong_is_refused_in_words(client: httpx.AsyncClient, change: dict[str, Any], words: str) -> None:
    body = {"domain": "loan", "kind": "pay_out", "subject": "loan-7", "title": "Pay out", **change}
    answer = await client.post("/deeds", json=body)
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert await deeds(client) == []


@pytest.mark.parametrize("subject", ["dep-42", "Vertrag Nr. 7 (Müller & Söhne)", "50%?#x", "withdraw"])
async def test_a_subject_is_open_until_it_is_withdrawn(client: httpx.AsyncClient, subject: str) -> None:
    assert await shop.withdrawn(subject) is None
    path = f"/subjects/{quote(subject, safe='')}"
    assert (await client.get(path)).json() == {"id": subject, "open": True, "reason": None, "changed_at": None}
    first = (await client.post(f"{path}/close", json={"reason": "superseded by 2.4.1"})).json()
    assert (first["id"], first["open"], first["reason"]) == (subject, False, "superseded by 2.4.1")
    assert (await client.post(f"{path}/close", json={"reason": "another"})).json() == first
    words = await shop.withdrawn(subject)
    assert words is not None
    assert re.fullmatch(
        re.escape(subject) + r" was withdrawn on \d{1,2} \w{3} at \d\d:\d\d UTC: superseded by 2\.4\.1\.", words
    )
    assert await shop.withdrawn("another") is None
    assert (await roll_out(subject))["deed"] == "dd_1", "the check is the caller's"


async def test_closing_needs_a_reason_and_an_id_that_fits(client: httpx.AsyncClient) -> None:
    assert (await client.post("/subjects/dep-42/close", json={})).status_code == 422
    assert (await client.post("/subjects/dep-42/close", json={"reason": "  "})).status_code == 422
    assert (await client.get("/subjects/" + "x" * 129)).status_code == 422
    with pytest.raises(Refused, match=r"subject: .*no /"):
        await shop.withdrawn("a/b")
    assert await shop.withdrawn("dep-42") is None


@pytest.mark.parametrize(
    ("mode", "raised", "happened"),
    [
        ("refuse", Refused, 0),
        ("fail_before", shop.ShopTrouble, 0),
        ("fail_after", shop.ShopTrouble, 1),
        ("lost_answer", shop.ShopTrouble, 1),
    ],
)
async def test_faults_hit_deeds_and_undos(
    url: str, client: httpx.AsyncClient, mode: str, raised: type[Exception], happened: int
) -> None:
    fail(url, "deeds", mode, times=1)
    with pytest.raises(raised):
        await roll_out(key="k1")
    assert len(await deeds(client)) == happened
    done = await roll_out(key="k1")
    fail(url, "undos", mode, times=1)
    with pytest.raises(raised):
        await shop.undo(done["deed"], "u1")
    assert (await deeds(client))[0]["undone"] is bool(happened)
    await shop.undo(done["deed"], "u1")
    assert len(await deeds(client)) == 2


async def test_a_shop_that_is_away_was_certainly_not_reached(url: str) -> None:
    with listening() as sock:
        away = url_of(sock)
    with shop_at(away), pytest.raises(Unreached, match="could not be reached"):
        await roll_out(key="k1")


async def test_the_page_shows_deeds_among_the_payments_and_escapes_them(url: str, client: httpx.AsyncClient) -> None:
    case = fresh_case(url)
    message = {"case_id": case["id"], "customer": case["customer"]["id"], "body": "Hello"}
    await roll_out("dep-1", amount=Decimal(12), currency="EUR")
    (await client.post("/messages", json=message)).raise_for_status()
    await shop.do("loan", "pay_out", EVIL.replace("/", ""), EVIL, detail=EVIL)
    await shop.undo("dd_1", "u1")
    (await client.post(f"/subjects/{EVIL.replace('/', '')}/close", json={"reason": EVIL})).raise_for_status()
    page = (await client.get("/")).text
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;&quot;&amp;") == 3, "title, detail and reason"
    kinds = re.findall(r'<tr data-kind="([^"]*)"', page)
    assert kinds == ["undo: roll_out", "pay_out", "message", "roll_out"]
    assert "<s>Roll out 2.4.0 to production</s> <small>undone at 2" in page
    assert "<s>12.00 EUR</s>" in page
    assert "Undone: Roll out 2.4.0 to production <small>undoes dd_1</small>" in page
    assert len(ledger(url)) == 1, "the ledger of payments is what it was"


async def test_people_withdraw_on_the_page(client: httpx.AsyncClient) -> None:
    await roll_out("dep-1")
    page = (await client.get("/")).text
    assert page.count("<form") == 2, "one for dep-1, and one for what nothing was done to yet"
    assert 'name="id" value="dep-1"' in page
    for subject in ("dep-1", "Größe & 2"):
        answer = await client.post("/subjects/withdraw", data={"id": subject, "reason": " no longer needed "})
        assert answer.status_code == 303
        assert urljoin("/shop/subjects/withdraw", answer.headers["location"]) == "/shop/"
    page = (await client.get("/")).text
    assert page.count("<form") == 1
    assert page.count(": no longer needed<") == 2
    assert await shop.withdrawn("Größe & 2")
    assert (await client.post("/subjects/withdraw", data={"id": "dep-2", "reason": ""})).status_code == 422
    assert (await client.post("/subjects/withdraw", data={"id": "a/b", "reason": "no"})).status_code == 422


async def test_a_shop_from_before_there_were_deeds_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with running_shop(path):
        pass
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE deeds")
        connection.execute("DROP TABLE subjects")
    with running_shop(path) as base, shop_at(base):
        assert (await roll_out())["deed"] == "dd_1"
