"""`gatepost gallery`: every card, modal, digest and Home tab in every state, on one page to look at."""

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.kit import USAGE, fail, print_json


def register(app: typer.Typer) -> None:
    app.command()(gallery)


def gallery(
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("gatepost-gallery.html"),
    as_json: Annotated[bool, typer.Option("--json", help="Print where it is and how many it shows.")] = False,
) -> None:
    """Write one HTML page that draws every card, dialog, digest and Home tab in every state."""
    from bot.gallery.document import document
    from bot.gallery.shown import all_shown

    try:
        file = out.open("w", encoding="utf-8")
    except OSError as error:
        fail(f"{out} can't be written ({error.strerror})", USAGE)
    with file:
        shown = all_shown()
        file.write(document(shown))
    if as_json:
        print_json({"out": str(out), "pictures": len(shown)})
    else:
        typer.echo(f"{len(shown)} pictures are in {out}; open it in a browser.")
