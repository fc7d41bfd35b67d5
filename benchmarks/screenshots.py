"""Screenshots of the demo, to look at or for the README: ``python -m benchmarks.screenshots``.

Starts the demo, uses it in headless Chromium as a visitor would, and writes PNGs: every tab and a shared
comparison, in light and dark. Without ``--all`` only the three of the documentation.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from demo.examples import gallery
from demo.server import Server, serve
from style_core import get_method, list_methods, load_image, stylize
from style_core.fronts import to_pil

from .arguments import described

README_FOLDER = Path(__file__).resolve().parent.parent / "assets" / "screenshots"
WIDTH, HEIGHT = 1280, 1000
README_WIDTH = 1000
SECONDS = 240_000  # ms a method may take


def main() -> None:
    """Take them."""
    parser = described(__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=README_FOLDER)
    parser.add_argument("--all", action="store_true", help="every tab, light and dark")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("no Chromium is installed on this machine")
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        os.environ["STYLE_DEMO_EXAMPLES"] = f"{folder}/examples"  # nothing kept from before
        server = serve(shares=f"{folder}/shares", quiet=True)
        stylize("wct2", torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64))  # loads the networks
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            _take(server, browser, args.folder, every=args.all)
        finally:
            browser.close()
            server.close()


def _take(server: Server, browser: Any, folder: Path, *, every: bool) -> None:
    light = _visit(browser, server.url, "light")
    keys = list_methods() if every else ["wct2"]
    _run_door(light)
    _shot(light, folder / "photo.png")
    for key in keys:
        _run_method(light, key)
        _shot(light, folder / f"{key}.png")
    link = _compare(light)
    _shot(light, folder / "compare.png")
    if not every:
        for name in ("photo", "wct2", "compare"):
            _for_readme(folder / f"{name}.png")
        return
    _shot(_visit(browser, link, "light"), folder / "share.png", whole=True)
    _shot(_visit(browser, link, "dark"), folder / "share_dark.png", whole=True)
    dark = _visit(browser, server.url, "dark")
    for key in keys:
        _run_method(dark, key)
        _shot(dark, folder / f"{key}_dark.png")
    _compare(dark)
    _shot(dark, folder / "compare_dark.png")
    phone = browser.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN").new_page()
    phone.goto(server.url)
    phone.locator("#photo-run").wait_for()
    _shot(phone, folder / "phone_chinese.png", whole=True)


def _visit(browser: Any, address: str, scheme: str) -> Any:
    page = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme).new_page()
    page.goto(address)
    page.wait_for_load_state("networkidle")
    return page


def _run_door(page: Any) -> None:
    """Tap two looks, so that there is something to go back to."""
    for name in ("Floodlight", "Dusk"):
        page.locator("#photo-looks button", has_text=name).click()
        page.locator("#photo-extras").get_by_text(f"castle-{name.lower()}").wait_for(timeout=SECONDS)


def _run_method(page: Any, key: str) -> None:
    method = get_method(key)
    pair = gallery(photorealistic=method.photorealistic)[0]
    page.get_by_role("tab", name=method.title, exact=True).click()
    _empty(page, key)
    page.locator(f"#{key}-content input[type=file]").set_input_files(pair.content)
    page.locator(f"#{key}-style input[type=file]").set_input_files(pair.style)
    page.locator(f"#{key}-style img").wait_for()
    page.locator(f"#{key}-run").click()
    page.locator(f"#{key}-status").get_by_text("px").wait_for(timeout=SECONDS)
    page.wait_for_function(
        f"!document.querySelector('#{key}-status').innerText.includes('%')", timeout=SECONDS
    )


def _empty(page: Any, key: str) -> None:
    """Take out the pictures that were brought along."""
    page.wait_for_timeout(500)
    for side in ("content", "style"):
        remove = page.locator(f"#{key}-{side}").get_by_label("Remove Image")
        if remove.count():
            remove.click()


def _compare(page: Any) -> str:
    """Fill and run Compare, share it; the link."""
    pair = gallery(photorealistic=True)[0]
    page.get_by_role("tab", name="Compare", exact=True).click()
    _empty(page, "compare")
    page.locator("#compare-content input[type=file]").set_input_files(pair.content)
    page.locator("#compare-style input[type=file]").set_input_files(pair.style)
    page.locator("#compare-style img").wait_for()
    page.locator("#compare-run").click()
    page.locator("#compare-status").get_by_text("3 of 3 done.").wait_for(timeout=SECONDS)
    page.locator("#compare-share").click()
    link = page.locator("#compare-link a").first
    link.wait_for()
    return str(link.get_attribute("href"))


def _shot(page: Any, path: Path, *, whole: bool = False) -> None:
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(800)
    page.screenshot(path=path, full_page=whole)
    print(path)


def _for_readme(path: Path) -> None:
    """Smaller, as JPEG: the repository keeps these."""
    picture = to_pil(load_image(path).pixels)
    picture = picture.resize(
        (README_WIDTH, round(picture.height * README_WIDTH / picture.width)), Image.Resampling.LANCZOS
    )
    picture.save(path.with_suffix(".jpg"), quality=85)
    path.unlink()


if __name__ == "__main__":
    main()
