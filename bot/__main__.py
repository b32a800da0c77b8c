"""The command `gatepost`."""

import gc

# What is loaded now stays loaded: looking through it for garbage would take a sixth of the time until the first word.
gc.disable()

from bot.cli import app  # noqa: E402

gc.freeze()
gc.enable()


def main() -> None:
    """Entry point of the installed command."""
    app()


if __name__ == "__main__":
    main()
