"""The command `gatepost`."""

from bot.cli import app


def main() -> None:
    """Entry point of the installed command."""
    app()


if __name__ == "__main__":
    main()
