"""Who gets the sandbox's shop: every workflow that is shipped, and no workflow of somebody's own."""

from pathlib import Path

import pytest

from bot.laptop import furnished
from bot.settings import Settings


@pytest.mark.parametrize(
    ("workflows", "needed"),
    [
        (("payments",), True),
        (("loan",), True),
        (("my.module", "deployment"), True),
        (("my.module", "my.other"), False),
        (("flows/mine.py", "mine.py"), False),
    ],
)
async def test_the_shop_comes_with_shipped_workflows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workflows: tuple[str, ...], needed: bool
) -> None:
    # Set first, so that what `furnished` puts there is taken back afterwards.
    monkeypatch.setenv("GATEPOST_SHOP_URL", "")
    settings = Settings.model_validate(
        {
            "gatepost_home": tmp_path,
            "gatepost_workflows": workflows,
            "slack_bot_token": "xoxb-1-2-3",
            "slack_signing_secret": "0123456789abcdef0123456789abcdef",
        }
    )
    assert not settings.laptop
    async with furnished(settings) as complete:
        assert (complete.gatepost_shop_url or "").endswith("/shop") is needed
