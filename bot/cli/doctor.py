"""`gatepost doctor`: is everything in place, and how to mend what isn't?"""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Annotated, Final

import httpx
import typer

from bot.cli.kit import FOUND_WRONG, print_json, say
from bot.house import CantStart, House, open_house, secret_key
from bot.laptop import furnished
from bot.logs import configure
from bot.policy_file import exposures
from bot.settings import BadSettings, Settings, load
from bot.slack import Slack, SlackProblem
from bot.words import visible

SCOPES: Final = (
    "chat:write",
    "commands",
    "im:write",
    "users:read",
    "users:read.email",
    "usergroups:read",
    "channels:read",
    "groups:read",
    "channels:history",
    "groups:history",
    "im:history",
    "metadata.message:read",
)
MAX_SKEW_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `mend` says what to do when it isn't well."""

    what: str
    well: bool
    detail: str
    mend: str = ""


def register(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print an array of findings.")] = False) -> None:
    """Check settings, database, Slack scopes, channels, policy and clock; exit 4 if something is wrong."""
    findings = asyncio.run(_examine())
    if as_json:
        print_json([{"what": f.what, "ok": f.well, "detail": f.detail, "mend": f.mend} for f in findings])
    else:
        for finding in findings:
            typer.echo(f"{'ok  ' if finding.well else 'BAD '} {visible(finding.what)}: {visible(finding.detail)}")
            if not finding.well:
                say(f"     → {finding.mend}")
    if not all(finding.well for finding in findings):
        raise typer.Exit(FOUND_WRONG)


async def _examine() -> list[Finding]:
    try:
        settings = load()
    except BadSettings as error:
        return [Finding("settings", False, str(error), "correct the environment and run this again")]
    configure("ERROR")
    findings = [_settings(settings)]
    try:
        async with (
            furnished(settings) as furnishings,
            open_house(furnishings, may_migrate=settings.database_url is None) as house,
        ):
            findings.append(Finding("database", True, "answers, and has this release's tables"))
            findings += [finding async for finding in _inside(house)]
    except CantStart as error:
        findings.append(Finding("start", False, str(error), "mend this first; the rest was not looked at"))
    return findings


def _settings(settings: Settings) -> Finding:
    if settings.laptop:
        return Finding("settings", True, "no Slack workspace configured: the sandbox stands in")
    way = "Socket Mode" if settings.slack_app_token else "signed HTTP"
    return Finding("settings", True, f"Slack by {way}, policy {settings.gatepost_policy.name}")


async def _inside(house: House) -> AsyncIterator[Finding]:
    for check in (_policy, _workflows, _scopes, _channels, _people, _clock):
        try:
            yield await check(house)
        except SlackProblem as problem:
            yield Finding(check.__name__.strip("_"), False, str(problem), "check SLACK_BOT_TOKEN and the network")
    if codes := await _codes(house):
        yield codes


async def _policy(house: House) -> Finding:
    async with house.store.begin() as tx:
        current = await tx.policies.current()
    if exposed := exposures(house.settings.gatepost_policy):
        return Finding("policy", False, "; ".join(exposed), "chmod o-w, or keep it where only you may write")
    return Finding("policy", True, f"version {current.version} with {len(current.policy.tiers)} tiers is in force")


async def _codes(house: House) -> Finding | None:
    """Whether those can approve who need a one-time code for it; nothing where nobody does."""
    async with house.store.begin() as tx:
        policy = (await tx.policies.current()).policy
        asking = [tier for tier in policy.tiers.values() if tier.step_up]
        ready = {one.user_id for one in await tx.stepup.all()}
        pools = [(tier, await tx.people.members(tier.reviewers)) for tier in asking]
    if not asking:
        return None
    if secret_key(house.settings) is None:
        return Finding("codes", False, "approving takes one-time codes and there is no key", "set GATEPOST_SECRET_KEY")
    short = [
        f"{tier.channel}: {len(pool & ready)} of {len(pool)}"
        for tier, pool in pools
        if tier.approvals > len(pool & ready)
    ]
    if short:
        detail = f"too few reviewers have an authenticator app ({'; '.join(short)})"
        return Finding("codes", False, detail, "gatepost code enroll USER, for each of them")
    return Finding("codes", True, f"{len(ready)} people have an authenticator app")


async def _workflows(house: House) -> Finding:
    from graph.flow.registry import NoWorkflow, load_workflows

    try:
        found = load_workflows(house.settings.gatepost_workflows)
    except NoWorkflow as error:
        return Finding("workflows", False, str(error), "correct GATEPOST_WORKFLOWS or the module it names")
    async with house.store.begin() as tx:
        open_runs = {run.workflow for run in await tx.runs.recent(200) if run.status in ("ready", "paused")}
    missing = sorted(open_runs - set(found))
    if missing:
        detail = f"runs of {', '.join(missing)} are open, but GATEPOST_WORKFLOWS doesn't name it"
        return Finding("workflows", False, detail, "add it, for the worker as well")
    return Finding("workflows", True, ", ".join(found))


async def _scopes(house: House) -> Finding:
    granted = await _granted(house.slack)
    if granted is None:
        return Finding("scopes", True, "Slack did not say which scopes the token has")
    missing = [scope for scope in SCOPES if scope not in granted]
    return Finding(
        "scopes",
        not missing,
        "all granted" if not missing else "missing: " + ", ".join(missing),
        "add them under OAuth & Permissions (or apply manifest.yml) and reinstall the app",
    )


async def _granted(slack: Slack) -> set[str] | None:
    async with httpx.AsyncClient(timeout=5) as client:
        answer = await client.post(f"{slack.base_url}auth.test", headers={"Authorization": f"Bearer {slack.web.token}"})
    scopes = answer.headers.get("x-oauth-scopes")
    return None if scopes is None else {scope.strip() for scope in scopes.split(",")}


async def _channels(house: House) -> Finding:
    async with house.store.begin() as tx:
        policy = (await tx.policies.current()).policy
    wanted = {tier.channel for tier in policy.tiers.values()}
    if policy.roles.operators_channel:
        wanted.add(policy.roles.operators_channel)
    joined = await _joined(house.slack)
    missing = sorted(name for name in wanted if name.lstrip("#") not in joined)
    return Finding(
        "channels",
        not missing,
        f"the bot is in {', '.join(sorted(wanted))}" if not missing else "the bot is not in " + ", ".join(missing),
        "create them and /invite the bot, or name others in the policy",
    )


async def _joined(slack: Slack) -> set[str]:
    """Names and ids of the channels the bot is a member of."""
    found: set[str] = set()
    cursor: str | None = None
    while True:
        page = await slack.read(
            "conversations.list",
            types="public_channel,private_channel",
            exclude_archived="true",
            limit=200,
            cursor=cursor,
        )
        for channel in page.get("channels", ()):
            if channel.get("is_member"):
                found |= {channel["id"], channel.get("name", "")}
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
        if cursor is None:
            return found


async def _people(house: House) -> Finding:
    await house.directory.refresh()
    async with house.store.begin() as tx:
        policy = (await tx.policies.current()).policy
        empty = [
            number
            for number, tier in policy.tiers.items()
            if not await tx.people.many(await tx.people.members(tier.reviewers))
        ]
    return Finding(
        "people",
        not empty,
        "every tier has reviewers" if not empty else f"nobody can decide at tier {', '.join(map(str, empty))}",
        "create the user groups named in the policy and add people, or name user ids",
    )


async def _clock(house: House) -> Finding:
    """Slack's clock decides whether signatures are accepted, the database's when requests expire."""
    async with house.store.begin() as tx:
        skews = {"database": abs((await tx.now()).timestamp() - time.time())}
    async with httpx.AsyncClient(timeout=5) as client:
        told = (await client.post(f"{house.slack.base_url}api.test")).headers.get("date")
    if told:
        skews["Slack"] = abs(parsedate_to_datetime(told).timestamp() - time.time())
    off = {name: round(skew) for name, skew in skews.items() if skew > MAX_SKEW_SECONDS}
    tool = "timedatectl" if shutil.which("timedatectl") else "ntp"
    return Finding("clock", not off, "agrees" if not off else f"off by seconds: {off}", f"synchronise it ({tool})")
