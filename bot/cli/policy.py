"""`gatepost policy …`: check a policy file, put it in force, read what was in force."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bot import policy_file
from bot.cli import policy_diff, policy_explain
from bot.cli.kit import USAGE, account, fail, print_json, settings, with_house
from bot.cli.policy_words import check_text, problems_of
from bot.house import House
from bot.policy_check import Checked, check_policy, shipped
from graph.law.policy import BadPolicy
from graph.verbs.ports import PolicyText

File = Annotated[Path, typer.Argument(help="A policy in TOML.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Who is asked about what, and why: the policy.", no_args_is_help=True)
    for command in (check, apply, versions, show):
        group.command()(command)
    policy_explain.register(group)
    policy_diff.register(group)
    app.add_typer(group, name="policy")


def check(file: File, as_json: AsJson = False) -> None:
    """Say what is wrong with a policy file, each mistake with its place and line; exit 2 if anything is."""
    _, checked = _checked(file, as_json)
    print_json({"ok": True, "file": str(file), "problems": [], **checked.as_json()}) if as_json else typer.echo(
        check_text(checked)
    )


def apply(file: File, as_json: AsJson = False) -> None:
    """Put a policy file in force as a new version; a broken one changes nothing (exit 2)."""
    text, checked = _checked(file, as_json)
    before, after = with_house(lambda house: _apply(house, text))
    changed = before != after
    if not _is_configured(text):
        checked.warnings.append(
            "GATEPOST_POLICY names a file with another text; the next start puts that one in force again"
        )
    if as_json:
        print_json({"version": after, "changed": changed, "before": before, "warnings": checked.warnings})
        return
    for warning in checked.warnings:
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(f"policy version {after} is in force" + ("" if changed else " (unchanged)"))


def versions(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many of the newest.")] = 20, as_json: AsJson = False
) -> None:
    """List the versions that are and were in force, newest first."""

    async def read(house: House) -> list[PolicyText]:
        async with house.store.begin() as tx:
            return list(await tx.policies.texts(limit))

    found = with_house(read)
    if as_json:
        print_json(
            [
                {"version": one.version, "by": one.by, "at": one.at.isoformat(), "parts": list(one.parts)}
                for one in found
            ]
        )
        return
    for one in found:
        typer.echo(f"{one.version:>5}  {one.at:%Y-%m-%d %H:%M} UTC  by {one.by}  {len(one.parts)} shipped parts")


def show(
    version: Annotated[
        int | None, typer.Argument(min=1, max=2**31 - 1, help="A version; without it, the one in force.")
    ] = None,
    part: Annotated[str | None, typer.Option(help="What this workflow ships, instead of the file's text.")] = None,
) -> None:
    """Print a version's text as it was applied; `policy apply` takes it back."""

    async def read(house: House) -> PolicyText:
        async with house.store.begin() as tx:
            return await tx.policies.text(version or (await tx.policies.current()).version)

    found = with_house(read)
    if part is not None and part not in found.parts:
        fail(f"version {found.version} has no part of {part}; it has: {', '.join(found.parts) or 'none'}", USAGE)
    typer.echo(found.parts[part] if part else found.text, nl=False)


async def _apply(house: House, text: str) -> tuple[int | None, int]:
    async with house.store.begin() as tx:
        before = await tx.policies.newest()
        after = (await tx.policies.apply(text, account())).version
        if before != after:
            await tx.audit.record("policy_applied", account(), version=after, before=before)
    return before, after


def _checked(file: Path, as_json: bool) -> tuple[str, Checked]:
    """The file's text and what there is to say about it, or exit 2 with every mistake."""
    try:
        text = policy_file.read(file)
        return text, check_policy(text, policy_file.exposures(file), *shipped(settings().gatepost_workflows))
    except (policy_file.Unreadable, BadPolicy) as error:
        if as_json:
            found: dict[str, Any] = {"ok": False, "file": str(file), "problems": problems_of(str(error))}
            print_json(found | {"warnings": policy_file.exposures(file)})
            raise typer.Exit(USAGE) from None
        fail(str(error), USAGE)


def _is_configured(text: str) -> bool:
    try:
        return policy_file.read(settings().gatepost_policy) == text
    except policy_file.Unreadable:
        return False
