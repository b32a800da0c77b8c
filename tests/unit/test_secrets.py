"""Secrets: found wherever they stand, nothing honest mistaken for one, and what is executed never changed."""

import hashlib
import inspect
import json
import string
import time
import uuid
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.cards.examples import view
from bot.cards.review import card
from bot.cards.samples import request
from bot.ids import ref_of
from bot.modals import details, edit, reject
from bot.words import document, escape, flowing, one_line, plain, run, visible
from graph.law import secret_names
from graph.law.action import Secret, check_edit, fixed_fields, question
from graph.law.canonical import MAX_BYTES
from graph.law.masking import declared_secrets, shown_args, shown_value
from graph.law.request import Form
from graph.law.secret_names import secret_name
from graph.law.secrets import _CONTEXTS, _SIGNS, instead, redacted

TOKENS = {
    "slack bot": "xoxb-1234567890-abcdefABCDEF",
    "slack rotated": "xoxe.xoxp-1-Mi0yLTEyMzQ1Njc4",
    "slack app": "xapp-1-A012345-678901-abcdef",
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "github": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "github fine": "github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz",
    "gitlab": "glpat-abcdefghij0123456789",
    "openai": "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789",
    "anthropic": "sk-ant-api03-abcdefghijklmnopqrstuvwxyz",
    "stripe": "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "stripe restricted": "rk_test_4eC39HqLyjWDarjtT1zdp7dc",
    "google": "AIzaSyA1234567890abcdefghijklmnopqrstuv",
    "google oauth": "ya29.a0AfH6SMBx0123456789abcdef",
    "sendgrid": "SG.abcdefghijklmnopqrst.abcdefghijklmnopqrstuvwxyz",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r",
    "pem": "-----BEGIN RSA PRIVATE KEY-----\nMIIEow==\n-----END RSA PRIVATE KEY-----",
    "pem cut off": "-----BEGIN PRIVATE KEY-----CANARY",
    "pem escaped": "-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNz\\n-----END OPENSSH PRIVATE KEY-----",
}
SAID = {
    "Authorization: Bearer CANARY-abc": "CANARY-abc",
    "call it with Bearer CANARY-abc please": "CANARY-abc",
    "Authorization: Basic am86Y2FuYXJ5": "am86Y2FuYXJ5",
    "authorization=canary42": "canary42",
    "password=canary": "canary",
    "Password: canary42, then log in": "canary42",
    "password: canary": "canary",
    "the password is canary42.": "canary42",
    "Passwort: canary": "canary",
    "PGPASSWORD=canary psql": "canary",
    "api_key = canary42": "canary42",
    "x-api-key: canary42": "canary42",
    "?user=jo&access_token=canary&page=2": "canary",
    "https://jo:canary@bank.example/x": "canary",
    "postgresql+psycopg://app:can/ary@db:5432/app": "can/ary",
    "Server=db;User Id=sa;Password=can ary;Timeout=3": "can ary",
    "mysql --password canary -h db": "canary",
    "curl -u jo:canary https://bank.example": "canary",
    '{"password": "can ary", "order": "4711"}': "can ary",
    "{'client_secret': 'canary'}": "canary",
    '{\\"token\\": \\"canary\\"}': "canary",
    '{"password": "can\\"ary"}': "ary",
    "<password>canary</password>": "canary",
    "Cookie: sid=canary; theme=dark": "canary",
    "Set-Cookie: sid=canary; Path=/": "canary",
    "PIN: 0815": "0815",
    "my pw: hunter2": "hunter2",
    "pwd=hunter2": "hunter2",
    "DB_PW=canary psql": "canary",
    "AWS secret wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "aws AKIA…, and then wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY.": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "4111 1111 1111 1111": "1111",
    "card 4111-1111-1111-1111, exp 12/29": "1111",
    "5555 5555 5555 4444 12/29": "4444",
    "3782 822463 10005": "822463",
    "3056 930902 5904": "930902",
    "it's 4111 1111 1111 1111 123": "1111",
    "id_eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP": "eyJzdWIiOiIxIn0",
    "token=" + "canary" * 2000: "canary",
}
HONEST = [
    "Refund 420.00 EUR to order 4711-AB12?",
    "DE89 3704 0044 0532 0130 00",
    "GB29NWBK60161331926819",
    str(uuid.UUID(int=7)),
    hashlib.sha256(b"x").hexdigest(),
    "commit c17f3830a1b2c3d4e5f60718293a4b5c6d7e8f90",
    "req_0123456789abcdef0123, run_0123456789abcdef, eff_0123",
    "2027-03-01T10:00:00Z",
    "https://example.slack.com/archives/C1/p1234567890123456",
    "http://shop.example:8080/orders/4711@home",
    "mail jo@shop.example, tracking RR123456785DE",
    "max_tokens=4096, token count: 12, tokens: 900",
    "The token is expired, the key is under the mat, the secret is out.",
    "Password: reset requested by the customer",
    "Secretary: Ann; cookies: yes; Authorization: granted by finance",
    "basic training for bearer bonds, Basic JavaScript",
    "Cookie: chocolate chips",
    "sk-SK, task-force, risk-adjusted",
    "AWS secrets rotated in c17f3830a1b2c3d4e5f60718293a4b5c6d7e8f90",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "4111 1111 1111 1112",
    "4111111111111111, ORD-4111-1111-1111-1111, 4111 1111 1111 1111.00",
    "NO93 4111 1111 1111 1111, DE89 4111 1111 1111 1111 00, PK36 SCBL 4111 1111 1111 1111",
    "+41 11 1111 1111 1111, +4111 1111 1111 1111, 040 4111 1111",
    "She asked to change the pin, not the passport: P1234567.",
]


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
@pytest.mark.parametrize("around", ["{}", "see {} now", '"{}"', "key={}", "(id {}, later)", "{}\n"])
def test_tokens_of_well_known_makers_are_found_anywhere(token: str, around: str) -> None:
    shown = redacted(around.format(token))
    assert token not in shown
    assert "⟦secret: " in shown


@pytest.mark.parametrize(("text", "secret"), SAID.items())
def test_what_is_called_a_secret_is_one(text: str, secret: str) -> None:
    shown = redacted(text)
    assert secret not in shown
    assert "⟦secret: " in shown
    assert redacted(shown) == shown


@pytest.mark.parametrize("text", HONEST)
def test_honest_text_stays_as_it_is(text: str) -> None:
    assert redacted(text) == text
    assert shown_value({"note": text, "order": text}) == {"note": text, "order": text}


@given(
    st.from_regex(r"[0-9a-f]{7,64}", fullmatch=True) | st.uuids().map(str) | st.decimals(0, 10**9, places=2).map(str)
)
def test_digests_ids_and_amounts_stay(text: str) -> None:
    for said in (text, f"order {text}", f"Refund {text} EUR to {text}?", f'{{"digest": "{text}"}}'):
        assert redacted(said) == said


def test_two_secrets_can_be_told_apart_but_not_guessed() -> None:
    one, other = "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "ghp_26C7e42F292c6912E7710c838347Ae178B4a"
    assert redacted(one) == f"⟦secret: 40 characters, sha256 {hashlib.sha256(one.encode()).hexdigest()[:8]}⟧"
    assert redacted(one) != redacted(other)
    for guessable in ("hunter2", "correct horse battery staple", "x" * 60, "Sommer2026!Sommer2026!"):
        assert instead(guessable) == f"⟦secret: {len(guessable)} characters⟧"


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        *(
            (name, True)
            for name in ("password", "db_password", "DB_PASSWORD_2", "newPassword", "passwords", "dbpassword")
        ),
        *(
            (name, True)
            for name in ("clientSecret", "x-api-key", "apiKey", "api_keys", "aws_secret_access_key", "cookie")
        ),
        *(
            (name, True)
            for name in ("Authorization", "authorization_header", "private_key", "accessTokens", "pin", "jwt")
        ),
        *((name, False) for name in ("key", "keys", "public_key", "secretary", "token_count", "password_reset_at", "")),
        *((name, False) for name in ("shipping", "spinning", "passenger", "iban", "account", "session_id", "keyword")),
    ],
)
def test_names_of_secrets(name: str, secret: bool) -> None:
    assert secret_name(name) is secret


def test_fields_are_hidden_wherever_they_are_nested() -> None:
    shown = shown_value(
        {
            "headers": {"authorization": "Bearer CANARY-abc", "accept": "text/html"},
            "pairs": [["X-Api-Key", "CANARY"], ["page", "2"]],
            "named": [{"name": "db_password", "value": "CANARY"}, {"name": "page", "value": "2"}],
            "tokens": {"input": 1200, "first": "CANARY"},
            "pin": 4711,
            "max_tokens": 4096,
            "body": '{"password": "CANARY"}',
            "ok": True,
            "nothing": None,
        }
    )
    said = json.dumps(shown)
    assert "CANARY" not in said
    assert "4711" not in said
    assert (shown["headers"]["accept"], shown["tokens"]["input"], shown["max_tokens"]) == ("text/html", 1200, 4096)
    assert (shown["pairs"][1], shown["named"][1]) == (["page", "2"], {"name": "page", "value": "2"})
    assert (shown["ok"], shown["nothing"]) == (True, None)
    assert shown_value(shown) == shown


DEFS = {"Login": {"type": "object", "properties": {"code": {"type": "string", "secret": True}}}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "order": {"type": "string"},
        "note": {"anyOf": [{"type": "string", "format": "password"}, {"type": "null"}]},
        "write": {"type": "string", "writeOnly": True},
        "either": {"anyOf": [{"type": "string", "secret": True}, {"type": "integer"}]},
        "login": {"$ref": "#/$defs/Login"},
        "logins": {"type": "array", "items": {"$ref": "#/$defs/Login"}},
        "more": {"type": "object", "additionalProperties": {"type": "string", "secret": True}},
        "password": {"type": "string", "secret": False},
        "token": {"type": "string"},
    },
    "$defs": DEFS,
}
FORM = Form(title="Log in", question="Log in to {order} with {write} and {password}?", schema=SCHEMA)


def test_a_schema_says_what_is_secret_and_what_is_not() -> None:
    login = {"code": "CANARY"}
    args = dict.fromkeys(("note", "write", "either", "token"), "CANARY") | {"order": "4711", "password": "by mail"}
    args |= {"login": login, "logins": [login], "more": {"a": "CANARY"}}
    shown = shown_args(FORM, args)
    assert "CANARY" not in json.dumps(shown)
    assert (shown["order"], shown["password"]) == ("4711", "by mail")
    assert question(FORM, args) == "Log in to 4711 with ⟦secret: 6 characters⟧ and by mail?"
    assert declared_secrets(FORM) == {"note", "write", "either", "token"}
    assert args["write"] == "CANARY"


def test_no_reviewer_can_change_a_secret() -> None:
    assert fixed_fields(FORM) >= {"note", "write", "token"}
    before = {"order": "4711", "token": "CANARY"}
    assert check_edit(FORM, before, before | {"order": "4712"}) == (before | {"order": "4712"}, {})
    _, errors = check_edit(FORM, before, before | {"token": "mine"})
    assert set(errors) == {"token"}
    assert Secret.__metadata__[0].json_schema == {"type": "string", "secret": True}


def test_a_secret_argument_is_on_no_card_and_stays_what_it_was_in_a_form() -> None:
    """Whatever the word is: the field's name or its schema says that nobody is to see it."""
    args = {"order": "4711", "write": "sesame", "token": "sesame", "password": "by mail"}
    asked = request(FORM, args)
    made = [
        card(view(asked)),
        details.build(asked, ref_of(asked), "C1", "1.2"),
        reject.build(asked, ref_of(asked), "C1", "1.2"),
    ]
    form = edit.build(asked, ref_of(asked), "C1", "1.2")
    for text in (json.dumps(each, ensure_ascii=False) for each in (*made, form)):
        assert "sesame" not in text
        assert "⟦secret: 6 characters⟧" in text
    assert "Token: looks like a secret" in made[0].text and "Write: looks" not in made[0].text, "one was declared"
    inputs = {block["block_id"] for block in form["blocks"] if block["type"] == "input"}
    assert {"arg.order", "arg.password", "reason"} <= inputs
    assert inputs.isdisjoint({"arg.token", "arg.write"})
    said = {name: {"value": {"value": text}} for name, text in (("arg.order", "4712"), ("arg.password", "by mail"))}
    state = {
        "values": {name: {"value": {"value": ""}} for name in inputs}
        | said
        | {"reason": {"value": {"value": "because"}}}
    }
    edited = edit.parse(state, asked)
    assert {name: value for name, value in edited.args.items() if name in args} == args | {"order": "4712"}
    forged = {"values": state["values"] | {"arg.token": {"value": {"value": "mine"}}}}
    assert "can't be changed here" in str(edit.parse(forged, asked).errors)


PIECES = st.sampled_from(
    [
        *(*TOKENS.values(), *SAID, *HONEST, "⟦secret: 8 characters⟧", "⟦secret", "⟧", "\u200b", "\u202e", "\r", "\n"),
        *("password=", "token: ", "Bearer ", "://", ":", "@", ";", "&", "=", "is ", '"', "'", "\\", "<pin>", "</"),
        *("--token ", "-u a:b"),
    ]
)
SOME = st.lists(PIECES | st.text(st.characters(codec=None), max_size=12), max_size=6)
TEXT = SOME.map("".join)
APART = SOME.map(" ".join)


@given(TEXT)
@example("password=password=x1y2z3")
@example('token="⟦secret: 8 characters⟧"xoxb-1234567890-abcdef')
def test_redacting_twice_changes_nothing(text: str) -> None:
    once = redacted(text)
    assert redacted(once) == once
    assert visible(visible(text)) == visible(text)


@given(APART, st.sampled_from(list(TOKENS.values())), APART)
def test_no_way_to_show_text_lets_a_token_through(before: str, token: str, after: str) -> None:
    text = f"{before} {token} {after}"
    ways = [visible(text), one_line(text), flowing(text), escape(text), plain(text)["text"], run(text)["text"]]
    ways += [document({"said": text, text: [text]})]
    for shown in ways:
        assert token.replace("\n", " ⏎ ") not in shown
        assert token.split("\n")[0] not in shown


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
@pytest.mark.parametrize("gap", ["\u200b", "\u2060", "\u00ad", "\U000e0041", "\u202e", "\ufe0f", "\x00"])
def test_unseen_characters_inside_a_token_do_not_save_it(token: str, gap: str) -> None:
    middle = len(token) // 2
    shown = visible(f"see {token[:middle]}{gap}{token[middle:]} now")
    assert token[:middle] not in shown
    assert token[middle:].strip("-") not in shown
    assert shown.endswith(" now") or "PRIVATE" in token


MARKS = {*_SIGNS, *_CONTEXTS, *secret_names._SIGNS, *secret_names._SHORTER, "password", "authorization"}
"""Whatever makes a text worth a closer look."""
BEHIND = ("", "=", ": ", " is ", "-", ".", "=x1 ")
HOSTILE = [
    "private key " + "-" * MAX_BYTES,
    "-----BEGIN PRIVATE KEY-----x" + "-" * MAX_BYTES + "y",
    "-----BEGIN PRIVATE KEY" * 3000,
    "eyJ-" * 16_000,
    "eyJ." * 16_000,
    "token=" * 11_000,
    "?token=" * 9_000,
    ";token=" * 9_000,
    "pin=" * 8_000 + " " * 30_000 + "x",
    "cookie: a=b " * 5_000,
    "authorization: basic " * 3_000,
    "-u a:" * 13_000,
    "<key>" * 13_000,
    "<key>" + "x" * MAX_BYTES,
    "4111 " * 13_000,
    "4111 1111 1111 1111 1, " * 2_800,
    "aws " + ("aB3" * 13 + "x ") * 1_600,
    "key" + "x:" * 30_000,
    string.ascii_letters * 1200 + "token",
    'password="' + "\\" * 60_000,
    "://" + ":" * 60_000,
]


def quick(text: str) -> bool:
    """Whether the search takes less than two seconds of this process's own time, at best of three; quadratic: eight."""
    return any(seconds(text[:-1] + end) < 2.0 for end in ".,;")


def seconds(text: str) -> float:
    began = time.process_time()
    inspect.unwrap(visible)(text)
    return time.process_time() - began


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mark", sorted(MARKS))
def test_repeating_what_makes_it_search_does_not_slow_it_down(mark: str) -> None:
    """The largest action there may be: a pattern that goes back and forth would block everybody for minutes."""
    for behind in BEHIND:
        piece = mark + behind
        assert quick(piece * (MAX_BYTES // len(piece))), piece


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:16])
def test_long_hostile_text_is_quick_to_search(text: str) -> None:
    assert quick(text[:MAX_BYTES])
