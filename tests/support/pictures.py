"""Pictures of golden files: `python -m tests.support.pictures [NAME …] [--all]`.

Draws, beside each golden JSON, what people see, with the gallery's page; without names those whose JSON is not the one
they were drawn from, with `--all` every one (after a change of the page itself).
"""

import io
import json
import math
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageChops, ImageStat
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Browser, Page

from bot.cards.samples import ASKED_AT
from bot.gallery.document import Shown, document
from tests.support import golden
from tests.support.chromium import launched

COLOURS = 16
TALLEST = 900
AT_ONCE = 24
ONE_STAGE = """
.gallery-bar, .contents, .shown-group > h2, .shown:not(:target), .shown > :not(.stage) { display: none !important }
.gallery-main, .shown { margin: 0; padding: 0 }
.stage * { box-shadow: none !important }
"""
"""Each stage alone and in the same place: letters change with the fraction of a pixel at which they begin."""


def fresh(browser: Browser, names: Sequence[str]) -> Iterator[tuple[str, Image.Image]]:
    """Name and picture, in few colours, of each of these golden files, at a fixed moment, time zone and width.

    Of the few that are taller than a screen, the head; the gallery shows them whole.
    """
    context = browser.new_context(
        viewport={"width": 800, "height": 900}, locale="en-US", timezone_id="UTC", color_scheme="light"
    )
    page = context.new_page()
    page.clock.set_fixed_time(ASKED_AT)
    for start in range(0, len(names), AT_ONCE):
        yield from _drawn(page, names[start : start + AT_ONCE])
    context.close()


def _drawn(page: Page, names: Sequence[str]) -> Iterator[tuple[str, Image.Image]]:
    shown = [Shown(name, "", "", json.loads((golden.GOLDEN / f"{name}.json").read_text())) for name in names]
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "golden.html"
        path.write_text(document(shown), encoding="utf-8")
        page.goto(path.as_uri())
        page.wait_for_selector("body[data-drawn]")
    page.add_style_tag(content=ONE_STAGE)
    for name in names:
        page.evaluate("(name) => { location.hash = name }", name)
        taken = page.locator(f"#{name} .stage").screenshot(animations="disabled")
        picture = Image.open(io.BytesIO(taken)).convert("RGB")
        head = picture.crop((0, 0, picture.width, min(picture.height, TALLEST)))
        yield name, _few_colours(head)


def _few_colours(picture: Image.Image) -> Image.Image:
    """The picture in so few colours that it stays small; what is rare, like a link, keeps its colour, too."""
    shares = picture.getcolors(picture.width * picture.height) or []
    counted = [colour for count, colour in shares for _ in range(math.isqrt(count))]
    sample = Image.new("RGB", (len(counted), 1))
    sample.putdata(counted)
    palette = sample.quantize(COLOURS, Image.Quantize.MEDIANCUT, kmeans=3)
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)


def kept(name: str) -> Image.Image:
    """The picture beside the golden file."""
    with Image.open(golden.GOLDEN / f"{name}.png") as picture:
        return picture.copy()


def keep(name: str, picture: Image.Image) -> None:
    """Write the picture with the digest of what it was drawn from."""
    info = PngInfo()
    info.add_text(golden.DRAWN_FROM, golden.digest(name))
    picture.save(golden.GOLDEN / f"{name}.png", optimize=True, pnginfo=info)


def difference(one: Image.Image, other: Image.Image) -> float:
    """How much two pictures differ, seen from afar: 0 for the same, 1 for black and white or another shape."""
    if one.width != other.width or abs(one.height - other.height) > 0.08 * max(one.height, other.height):
        return 1.0
    size = (one.width // 8, max(one.height // 8, 1))
    small = [each.convert("L").resize(size, Image.Resampling.BOX) for each in (one, other)]
    return float(ImageStat.Stat(ImageChops.difference(*small)).rms[0] / 255)


def main(arguments: Sequence[str]) -> int:
    known = golden.names()
    named = [name for name in arguments if name != "--all"]
    if unknown := set(named) - known:
        print(f"no golden file: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    for left in golden.names("png") - known:
        (golden.GOLDEN / f"{left}.png").unlink()
    stale = [name for name in known if "--all" in arguments or golden.drawn_from(name) != golden.digest(name)]
    wanted = sorted(named or stale)
    with launched() as browser:
        for name, picture in fresh(browser, wanted):
            keep(name, picture)
    print(f"{len(wanted)} drawn")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
