"""The command line: another door to the same verbs. It works while Slack is down.

Exit codes: 0 done · 1 refused (not allowed, stale, not found) · 2 wrong usage or input · 3 can't start ·
4 something checked and found wrong (`doctor`, `health`, `audit verify`) ·
5 on record, but the run could not go on in this process (it does where a worker runs).
"""

import typer

from bot.cli import (
    audit,
    away,
    code,
    decide,
    demo,
    doctor,
    gallery,
    grant,
    health,
    policy,
    propose,
    report,
    serve,
    stats,
    stop,
    talk,
)

app = typer.Typer(
    name="gatepost",
    help="People approve, change or stop what AI agents are about to do.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    pretty_exceptions_enable=False,
)
for module in (
    demo,
    serve,
    propose,
    report,
    stats,
    decide,
    stop,
    talk,
    policy,
    doctor,
    health,
    audit,
    away,
    grant,
    code,
    gallery,
):
    module.register(app)
