"""The page in a real headless Chromium: open it, add pictures, run, look at the result."""

import re
import shutil

import pytest

from demo.examples import gallery
from demo.page import build_page
from style_core import get_method, list_methods

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed on this machine")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


@pytest.fixture(scope="module")
def url():
    blocks = build_page()
    _, address, _ = blocks.queue().launch(
        prevent_thread_lock=True, ssr_mode=False, run_history=False, quiet=True
    )
    yield address
    blocks.close()


@pytest.fixture
def tab(url):
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        opened = browser.new_page(viewport={"width": 1280, "height": 1000})
        requests = []
        opened.on("request", lambda request: requests.append(request.url))
        opened.goto(url)
        opened.get_by_role("tab", name="WCT2", exact=True).click()
        opened.locator("#wct2-run").wait_for()
        opened.foreign_requests = lambda: [u for u in requests if not u.startswith((url, "data:", "blob:"))]
        yield opened
        browser.close()


def test_a_photo_is_restyled_and_nothing_leaves_the_machine(tab):
    pair = gallery(photorealistic=True)[0]
    tab.locator("#wct2-content input[type=file]").set_input_files(pair.content)
    tab.locator("#wct2-style input[type=file]").set_input_files(pair.style)
    playwright.expect(tab.locator("#wct2-style img")).to_be_visible()
    tab.locator("#wct2-run").click()
    playwright.expect(tab.locator("#wct2-status")).to_contain_text(
        re.compile("768 x 512 px in"), timeout=60_000
    )
    sizes = [
        tab.locator("#wct2-result img").nth(k).evaluate("e => [e.naturalWidth, e.naturalHeight]")
        for k in (0, 1)
    ]
    assert sizes == [[768, 512], [768, 512]]
    assert tab.foreign_requests() == []


def test_opening_every_part_of_the_page_does_not_change_a_run(tab):
    pair = gallery(photorealistic=True)[1]
    tab.get_by_role("button", name="Advanced").click()
    tab.get_by_role("button", name="Regions").click()
    tab.get_by_label("automatic").check()
    tab.locator("#wct2-content input[type=file]").set_input_files(pair.content)
    tab.locator("#wct2-style input[type=file]").set_input_files(pair.style)
    playwright.expect(tab.locator("#wct2-style img")).to_be_visible()
    tab.locator("#wct2-run").click()
    playwright.expect(tab.locator("#wct2-status")).to_contain_text("640 x 427 px in", timeout=60_000)


def test_a_missing_picture_is_asked_for(tab):
    tab.locator("#wct2-run").click()
    playwright.expect(tab.locator("[data-testid=toast-text]")).to_contain_text("Please add a content picture")


def fill(tab, key):
    """Open a method's tab and put the first pair of its gallery in."""
    method = get_method(key)
    pair = gallery(photorealistic=method.photorealistic)[0]
    tab.get_by_role("tab", name=method.title, exact=True).click()
    tab.locator(f"#{key}-content input[type=file]").set_input_files(pair.content)
    tab.locator(f"#{key}-style input[type=file]").set_input_files(pair.style)
    playwright.expect(tab.locator(f"#{key}-style img")).to_be_visible()


@pytest.mark.parametrize("key", [key for key in list_methods() if key != "wct2"])
def test_every_tab_restyles_a_photo(tab, key):
    fill(tab, key)
    steps = tab.locator(f"#{key}-steps input[type=number]")
    if steps.count():
        steps.fill("4")
        steps.press("Tab")
    tab.locator(f"#{key}-run").click()
    playwright.expect(tab.locator(f"#{key}-status")).to_contain_text(
        re.compile("768 x 512 px in"), timeout=60_000
    )
    assert tab.foreign_requests() == []


def test_stopping_gatys_keeps_the_picture_reached_so_far(tab):
    fill(tab, "gatys")
    steps = tab.locator("#gatys-steps input[type=number]")
    steps.fill("2000")
    steps.press("Tab")
    tab.locator("#gatys-run").click()
    playwright.expect(tab.locator("#gatys-status")).to_contain_text("of 2000, loss", timeout=60_000)
    playwright.expect(tab.locator("#gatys-result img").first).to_be_visible(timeout=30_000)
    tab.locator("#gatys-stop").click()
    playwright.expect(tab.locator("#gatys-status")).to_contain_text("768 x 512 px in", timeout=30_000)
    playwright.expect(tab.locator("#gatys-notes")).to_contain_text("Stopped at step")


def test_an_example_fills_both_pictures(tab):
    tab.locator(".gallery-item:visible, table tr.tr-body:visible").first.click()
    playwright.expect(tab.locator("#wct2-content img")).to_be_visible()
    playwright.expect(tab.locator("#wct2-style img")).to_be_visible()


def test_options_have_controls(tab):
    tab.get_by_role("button", name="Advanced").click()
    for name in (
        "content-strength",
        "style-strength",
        "transfer",
        "decoder",
        "whitening",
        "noise-floor",
        "seed",
    ):
        playwright.expect(tab.locator(f"#wct2-{name}")).to_be_visible()
