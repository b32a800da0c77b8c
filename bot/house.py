"""The composition root: settings → database, workspace, policy, people. Doors and workers get theirs here."""

import hashlib
import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
from psycopg import Error as PsycopgError
from pydantic import SecretStr
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.directory import Directory
from bot.policy_file import Unreadable, exposures, read
from bot.settings import SLACK_API, Settings
from bot.slack import Slack, SlackProblem
from graph.law.policy import BadPolicy
from storage.engine import NoDatabase, locate, make_engine
from storage.migrate import behind, migrate
from storage.schema import NOW, people, workspaces
from storage.store import PgStore

if TYPE_CHECKING:
    from graph.flow.runner import Runner
    from graph.flow.workflow import Workflow

_DIRECTORY_STALE: Final = timedelta(minutes=10)
_MAX_ALARM: Final = 1_000
_log: Final = structlog.get_logger("gatepost")


class CantStart(RuntimeError):
    """Gatepost can't start; each line says what to do."""


class UnknownWorkspace(CantStart):
    """Nobody has told this installation yet which workspace it serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Everything that doors and workers share in one process."""

    settings: Settings
    engine: AsyncEngine
    store: PgStore
    slack: Slack
    directory: Directory
    audit_key: bytes
    enterprise_id: str | None = None
    """Where the app is installed for a whole organisation."""


@asynccontextmanager
async def open_house(
    settings: Settings, *, may_migrate: bool, ask_slack: bool = True, import_policy: bool = False
) -> AsyncIterator[House]:
    """Open the database, find out which workspace this is; raises `CantStart`.

    Without `ask_slack` the workspace is the one that was served last, and Slack is not spoken to. Without
    `import_policy` the policy in force stays: only a first start on an empty database imports one.
    """
    engine = await _database(settings, may_migrate=may_migrate)
    slack = Slack(_plain(settings.slack_bot_token), settings.slack_api_url)
    try:
        workspace, enterprise = await _workspace(engine, slack if ask_slack else None)
        store = PgStore(engine, workspace, secret_key=secret_key(settings))
        await _import_policy(store, settings, replace=import_policy)
        yield House(
            settings=settings,
            engine=engine,
            store=store,
            slack=slack,
            directory=Directory(store, slack),
            audit_key=audit_key(settings),
            enterprise_id=enterprise,
        )
    finally:
        await slack.close()
        await engine.dispose()


def make_runner(house: House) -> "Runner":
    """A runner with the configured workflows; raises `CantStart` when one can't be loaded."""
    # Loading langgraph takes seconds: only processes that run workflows pay for it.
    from graph.flow.registry import NoWorkflow, load_workflows
    from graph.flow.runner import Runner
    from storage.checkpoints import PgCheckpoints

    try:
        workflows = load_workflows(house.settings.gatepost_workflows)
    except NoWorkflow as error:
        raise CantStart(str(error)) from error
    checkpoints = PgCheckpoints(house.store)
    return Runner(house.store, checkpoints, workflows, lease_seconds=house.settings.gatepost_lease_seconds)


async def offer_parts(house: House, runner: "Runner", *, replace: bool) -> None:
    """What the loaded workflows ship becomes part of the policy; `replace`: also where an older release's stands."""
    parts = {workflow.name: _part(workflow) for workflow in runner.workflows.values()}
    async with house.store.begin() as tx:
        before = await tx.policies.newest()
        known = (await tx.policies.text(before)).parts if before is not None else {}
        if not parts.keys() - (() if replace else known.keys()):
            return
        applied = await tx.policies.offer(parts, "start", replace=replace)
        if before != applied.version:
            await tx.audit.record("policy_applied", "start", version=applied.version, parts=sorted(parts))


def _part(workflow: "Workflow") -> str:
    """What a domain ships to the policy, and which of its actions can't be undone, as its code says."""
    lasting = sorted(action.name for action in workflow.actions if not action.reversible)
    said = f"irreversible = {json.dumps(lasting)}\n" if lasting else ""
    return f"{said}{workflow.policy}"


async def fresh_people(house: House) -> None:
    """Make sure that people are mirrored recently, if Slack answers; without it the mirror serves as it is."""
    all_fresh = func.min(people.c.checked_at) > NOW - _DIRECTORY_STALE
    asked = select(all_fresh).where(people.c.workspace_id == house.store.workspace_id)
    async with house.engine.connect() as connection:
        if (await connection.execute(asked)).scalar():
            return
    try:
        await house.directory.refresh()
    except SlackProblem as problem:
        _log.warning("people not refreshed", problem=str(problem))


async def meet(house: House, user: str) -> None:
    """Mirror one person who is not known yet, if Slack answers: four eyes need both persons known."""
    try:
        await house.directory.know(user)
    except SlackProblem as problem:
        _log.warning("person not looked up", problem=str(problem))


def audit_key(settings: Settings) -> bytes:
    """The key that signs the audit chain: GATEPOST_AUDIT_KEY, or a file made once under GATEPOST_HOME."""
    if settings.gatepost_audit_key:
        return settings.gatepost_audit_key.get_secret_value().encode()
    return _key_file(settings.gatepost_home / "audit.key")


def secret_key(settings: Settings) -> bytes | None:
    """The key under which authenticators are kept: GATEPOST_SECRET_KEY; before the sandbox a file made once; or none.

    Elsewhere no file: one that is lost with its machine would lock everybody out who needs a code.
    """
    if settings.gatepost_secret_key:
        return settings.gatepost_secret_key.get_secret_value().encode()
    sandbox = settings.laptop or settings.slack_api_url != SLACK_API
    return _key_file(settings.gatepost_home / "secret.key") if sandbox else None


def _key_file(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        # Written aside and linked into place, so that of several starting processes one wins, whole.
        aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
        try:
            os.link(aside, path)
        except FileExistsError:
            _log.debug("another process made the key first", file=path.name)
        finally:
            aside.unlink()
    return path.read_bytes()


async def _database(settings: Settings, *, may_migrate: bool) -> AsyncEngine:
    try:
        url = await locate(_plain(settings.database_url) or None, settings.gatepost_home)
    except NoDatabase as error:
        raise CantStart(str(error)) from error
    engine = make_engine(url)
    try:
        if not await behind(engine):
            return engine
        if not may_migrate:
            raise CantStart("the database lacks this release's tables; run `gatepost migrate` first")
        await migrate(url)
    except NoDatabase as error:
        raise CantStart(str(error)) from error
    except (OSError, SQLAlchemyError, PsycopgError) as error:
        raise CantStart(f"the database does not answer ({type(error).__name__}); check DATABASE_URL") from error
    return engine


async def _workspace(engine: AsyncEngine, slack: Slack | None) -> tuple[str, str | None]:
    """The workspace this installation serves (and its organisation): as Slack says, or as it said last."""
    problem: SlackProblem | None = None
    if slack is not None:
        try:
            told = await slack.write("auth.test")
            if not told.get("team_id"):
                raise CantStart("Slack's auth.test names no workspace; is SLACK_API_URL really a Slack Web API?")
            return str(told["team_id"]), told.get("enterprise_id") or None
        except SlackProblem as error:
            problem = error
    last = select(workspaces.c.id).order_by(workspaces.c.seen_at.desc()).limit(1)
    async with engine.connect() as connection:
        known = (await connection.execute(last)).scalar()
    if known is not None:
        if problem:
            _log.warning("Slack is not answering; going on with what is known", problem=str(problem))
        return str(known), None
    raise UnknownWorkspace(
        f"Slack could not be asked which workspace this is ({problem or 'not asked'});"
        " check SLACK_BOT_TOKEN and SLACK_API_URL, then try again"
    )


async def _import_policy(store: PgStore, settings: Settings, *, replace: bool) -> None:
    async with store.begin() as tx:
        if await tx.policies.newest() is not None and not replace:
            return
    for why in exposures(settings.gatepost_policy):
        _log.warning("the policy file is not safe from others", why=why)
    try:
        text = read(settings.gatepost_policy)
        async with store.begin() as tx:
            before = await tx.policies.newest()
            if before is not None and not replace:
                return
            applied = await tx.policies.apply(text, "start")
            if before != applied.version:
                await tx.audit.record("policy_applied", "start", version=applied.version)
    except Unreadable as error:
        # No text at all: whoever starts now would believe a policy to be in force that nobody can read.
        raise CantStart(f"GATEPOST_POLICY {error}") from error
    except BadPolicy as error:
        async with store.begin() as tx:
            if await tx.policies.newest() is None:
                raise CantStart(f"GATEPOST_POLICY {settings.gatepost_policy}:\n{error}") from error
            said = f"The policy file is broken; the last good version stays in force.\n{error}"[:_MAX_ALARM]
            await tx.owed.add("operators", f"policy:{hashlib.sha256(text.encode()).hexdigest()}", {"text": said})
        _log.error("the policy file is broken; the last good version stays in force", problems=str(error))


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
