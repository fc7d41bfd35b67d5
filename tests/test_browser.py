"""The page in a real headless Chromium: open it, add pictures, run, look at the result."""

import base64
import io
import itertools
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo.examples import gallery
from demo.server import serve
from style_core import get_method, list_methods, load_image, read_settings, stylize
from style_core.fronts import option_default, to_pil

from .conftest import photo

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
playwright.expect.set_options(timeout=30_000)  # ms; other tests use the processor meanwhile


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STYLE_DEMO_EXAMPLES", str(tmp_path_factory.mktemp("examples")))
        running = serve(shares=str(tmp_path_factory.mktemp("shares")), quiet=True)
        yield running
        running.close()


def frames_every(milliseconds):
    """A script that gives a page a frame in so long; Gradio's asks for sixty a second though nothing moves.

    With every frame each page that the tests keep open takes a tenth of a processor, and the canvas of a
    brush, which is all work where there is no graphics card, the whole of one.
    """
    return f"""
        window.requestAnimationFrame = draw => setTimeout(() => draw(performance.now()), {milliseconds});
        window.cancelAnimationFrame = clearTimeout;
    """


class Visits:
    """Opens pages, each as a new visitor, and notes what they ask of other hosts and what fails in them."""

    def __init__(self, browser):
        self._browser, self._contexts, self._foreign, self._failures = browser, [], [], []

    def open(self, address, milliseconds_a_frame=50, **settings):
        context = self._browser.new_context(**{"viewport": {"width": 1280, "height": 1000}, **settings})
        self._contexts.append(context)
        context.add_init_script(frames_every(milliseconds_a_frame))
        page = context.new_page()
        home = address.split("/", 3)[2]
        page.on("request", lambda r: None if is_local(r.url, home) else self._foreign.append(r.url))
        page.on("pageerror", lambda error: self._failures.append(str(error)))
        page.goto(address)
        return page

    def check(self):
        """Nothing may have been asked of another host."""
        assert self._foreign == []
        assert self._failures == []

    def close(self):
        for context in self._contexts:
            context.close()
        self.check()


def is_local(address, home):
    return address.startswith(("data:", "blob:")) or address.split("/", 3)[2] == home


@pytest.fixture
def visit(browser):
    visits = Visits(browser)
    yield visits.open
    visits.close()


# To open the page takes four seconds of a processor: the tests share three of them.


@pytest.fixture(scope="module")
def visits(browser):
    visits = Visits(browser)
    yield visits
    visits.close()


@pytest.fixture(scope="module")
def kept_page(server, visits):
    return visits.open(server.url)


@pytest.fixture
def tab(kept_page, visits):
    """The page with WCT2's tab open and no word of an earlier test on it; its pictures may be there."""
    kept_page.evaluate("document.querySelectorAll('[data-testid=toast-close]').forEach(e => e.click())")
    playwright.expect(kept_page.get_by_test_id("toast-body")).to_have_count(0)
    yield on_wct2(kept_page)
    visits.check()


def dragged(page, source, target, position=None):
    """Drag by mouse; what is dragged is over the target, as the page sees it, before it drops."""
    page.evaluate("""() => {
        window.dragged = [];
        for (const kind of ["dragstart", "dragover", "drop"]) {
            window.addEventListener(kind, (event) => window.dragged.push([kind, event.composedPath()]), true);
        }
    }""")
    seen = "([kind, place]) => window.dragged.some((e) => e[0] === kind && (!place || e[1].includes(place)))"
    box = target.locator("xpath=ancestor-or-self::*[contains(@class, 'block')][1]").element_handle()
    source.hover(position=position)
    page.mouse.down()
    target.hover()
    page.wait_for_function(seen, arg=["dragstart", None])
    target.hover()
    page.wait_for_function(seen, arg=["dragover", box])
    page.mouse.up()
    page.wait_for_function(seen, arg=["drop", box])


PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def chinese_phone(server, visits):
    """A phone with a dark screen."""
    page = visits.open(server.url, viewport=PHONE, has_touch=True, locale="zh-CN", color_scheme="dark")
    page.locator("#photo-run").wait_for()
    return page


@pytest.fixture(scope="module")
def led_nowhere(server, visits):
    """The page of a visitor whom a link led nowhere; of large pixels and few frames, for the brush."""
    page = visits.open(
        f"{server.url}?share={'a' * 22}",
        milliseconds_a_frame=200,
        device_scale_factor=0.5,
        color_scheme="light",
    )
    page.locator("#photo-run").wait_for()
    return page


@pytest.fixture
def lost_phone(led_nowhere):
    led_nowhere.set_viewport_size(PHONE)
    return led_nowhere


@pytest.fixture
def other_visitor(led_nowhere):
    led_nowhere.set_viewport_size({"width": 1060, "height": 600})
    return led_nowhere


def loaded_anew(page):
    """Load the page again, as one that knows nothing of the visits before.

    At each message of an event Gradio's page goes through all of its parts once for every control of every
    event that was ever over on it: a page on which much was run takes several times as long as a new one.
    """
    page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
    page.reload()
    page.locator("#photo-run").wait_for()
    return page


def on_wct2(page):
    page.get_by_role("tab", name="WCT2", exact=True).click()
    page.locator("#wct2-run").wait_for()
    return page


def emptied(page, key):
    """Take both pictures out of a tab, which is open."""
    page.wait_for_timeout(500)  # those of other tabs are brought along, some frames later
    for side in ("content", "style"):
        remove = page.locator(f"#{key}-{side}").get_by_label("Remove Image")
        if remove.count():
            remove.click()
        playwright.expect(page.locator(f"#{key}-{side} img")).to_have_count(0)


def opened(page, name):
    """Open a folded part of the tab, if it is not."""
    part = page.locator(".label-wrap:visible").filter(has_text=name)
    if "open" not in part.get_attribute("class").split():
        part.click()


WIDTHS = itertools.count(240, 4)


@dataclass(frozen=True)
class Small:
    """Files of two pictures as wide as no other test's, which tells its results from those before it."""

    content: Path
    style: Path
    size: tuple[int, int]

    def done(self):
        """What the page says of the result."""
        return "{} x {} px in".format(*self.size)


def small_in(folder):
    pair = Small(folder / "content.png", folder / "style.png", (next(WIDTHS), 160))
    for seed, path in enumerate((pair.content, pair.style)):
        to_pil(photo(pair.size[1], pair.size[0], seed=seed)).save(path)
    return pair


@pytest.fixture
def small(tmp_path):
    return small_in(tmp_path)


def fill(page, key, pair):
    """Open a method's tab and put two files in."""
    page.get_by_role("tab", name=get_method(key).title, exact=True).click()
    fill_current(page, key, pair)


def fill_current(page, key, pair):
    """Put two files into the tab that is open."""
    emptied(page, key)
    page.locator(f"#{key}-content input[type=file]").set_input_files(pair.content)
    page.locator(f"#{key}-style input[type=file]").set_input_files(pair.style)
    for side in ("content", "style"):
        playwright.expect(page.locator(f"#{key}-{side} img")).to_be_visible()


def options_set(page, key, **values):
    """Type values into the number boxes of sliders."""
    for name, value in values.items():
        box = page.locator(f"#{key}-{name.replace('_', '-')} input[type=number]")
        box.fill(str(value))
        box.press("Tab")


def run(page, key, pair):
    """Press Run and wait for the result's size."""
    page.locator(f"#{key}-run").click()
    playwright.expect(page.locator(f"#{key}-status")).to_contain_text(pair.done(), timeout=60_000)


def on_door(page, title):
    page.get_by_role("tab", name=title, exact=True).click()
    page.locator(f"#{title.split()[0].lower()}-run").wait_for()
    return page


def pictures_in(page, key):
    """The names of the files in a tab's boxes."""
    sources = page.locator(f"#{key}-content img, #{key}-style img").evaluate_all("l => l.map(e => e.src)")
    return [source.rsplit("/", 1)[1] for source in sources]


def test_at_first_sight_a_result_is_on_stage_and_looks_to_tap_are_in_the_window(kept_page):
    stage = kept_page.locator("#photo-result img")
    playwright.expect(stage).to_have_count(2)
    assert sizes_of(stage) == [[768, 512]] * 2
    for part in (kept_page.locator("#photo-result"), kept_page.locator("#photo-looks button").last):
        place = part.bounding_box()
        assert place["y"] + place["height"] <= 1000
    assert kept_page.locator("#photo-looks button").count() == 8
    playwright.expect(kept_page.locator("#photo-plan")).to_contain_text("Full (768 x 512 px")
    border = kept_page.locator("#photo-result [role=slider]")
    border.focus()
    border.press("ArrowRight")
    clipped = float(re.search(r"([\d.]+)%\)", stage.last.evaluate("e => e.style.clipPath"))[1])
    assert clipped == pytest.approx(55, abs=0.5)
    border.press("ArrowLeft")
    for action in ("share", "download"):  # there is nothing of the visitor's yet
        playwright.expect(kept_page.locator(f"#photo-{action}")).to_be_disabled()


def test_a_tap_runs_on_the_picture_that_is_there_and_both_stay_everywhere(kept_page):
    page = on_door(kept_page, "Photo look")
    page.locator("#photo-looks button", has_text="Sunset").click()
    playwright.expect(page.locator("#photo-status")).to_contain_text("768 x 512 px in", timeout=60_000)
    playwright.expect(page.locator("#photo-looks [aria-pressed=true]")).to_contain_text("Sunset")
    playwright.expect(page.locator("#photo-share")).to_be_enabled()
    # What that run took is known now, and said of the next one.
    playwright.expect(page.locator("#photo-plan")).to_contain_text(re.compile(r"768 x 512 px, about \d+ s"))
    for title, key in (("WCT2", "wct2"), ("Compare", "compare"), ("Painting", "painting")):
        page.get_by_role("tab", name=title, exact=True).click()
        playwright.expect(page.locator(f"#{key}-content img")).to_be_visible()
        playwright.expect(page.locator(f"#{key}-style img")).to_have_attribute(
            "src", re.compile("sunset.jpg")
        )
        assert pictures_in(page, key) == ["castle.jpg", "sunset.jpg"]
    on_door(page, "Photo look")
    page.locator("#photo-looks button", has_text="Dusk").click()
    playwright.expect(page.locator("#photo-history button")).to_have_count(2, timeout=60_000)
    page.locator("#photo-history button").last.click()  # back to the first
    playwright.expect(page.locator("#photo-looks [aria-pressed=true]")).to_contain_text("Sunset")
    playwright.expect(page.locator("#photo-extras")).to_contain_text("castle-sunset-wct2.jpg")
    page.reload()
    playwright.expect(page.locator("#photo-style img")).to_have_attribute("src", re.compile("sunset.jpg"))
    assert pictures_in(page, "photo") == ["castle.jpg", "sunset.jpg"]


def test_a_picture_dragged_onto_the_other_box_is_in_both(kept_page):
    page = on_door(kept_page, "Photo look")
    dragged(page, page.locator("#photo-content img"), page.locator("#photo-style img"))
    playwright.expect(page.locator("#photo-style img")).to_have_attribute("src", re.compile("castle.jpg"))
    assert pictures_in(page, "photo") == ["castle.jpg", "castle.jpg"]
    playwright.expect(page.locator("#photo-status")).to_contain_text("px in", timeout=60_000)


def test_a_result_is_dragged_onto_a_box_and_copied_by_keyboard(kept_page):
    page = on_door(kept_page, "Photo look")
    playwright.expect(page.locator("#photo-extras")).to_contain_text("castle-castle-wct2")
    playwright.expect(page.locator("#photo-share")).to_be_enabled()  # nothing is drawn anew any more
    copier = page.locator("#photo-extras [data-copy-picture]")
    playwright.expect(copier).to_have_text("Copy picture")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    copier.focus()
    copier.press("Enter")
    playwright.expect(copier).to_have_text("✓ Copied")
    kinds = page.evaluate("navigator.clipboard.read().then(l => l.map(e => e.types))")
    assert kinds == [["image/png"]]
    page.evaluate("() => { navigator.clipboard.write = () => Promise.reject(new Error('refused')); }")
    copier.click()
    playwright.expect(copier).to_have_text("The browser does not allow copying; download it.")
    stage = page.locator("#photo-result img.fixed")
    dragged(page, stage, page.locator("#photo-style img"), position={"x": 600, "y": 100})
    result = re.compile("castle-castle-wct2.png$")  # the file, not the light picture of the stage
    playwright.expect(page.locator("#photo-style img")).to_have_attribute("src", result)


def test_opening_every_part_of_the_page_does_not_change_a_run(tab, small):
    opened(tab, "Advanced")
    opened(tab, "Regions")
    tab.locator("#wct2-masks").get_by_label("automatic").check()
    fill(tab, "wct2", small)
    run(tab, "wct2", small)
    assert sizes_of(tab.locator("#wct2-result img")) == [list(small.size)] * 2
    assert tab.locator("[data-testid=toast-text]").count() == 0
    tab.locator("#wct2-masks").get_by_label("none").check()


def test_moving_a_strength_before_a_run_does_nothing(tab, small):
    """In a tab where none was; this test stands before the others that run there."""
    fill(tab, "photo_wct", small)
    slider = tab.locator("#photo_wct-style-strength input[type=range]")
    box = slider.bounding_box()
    tab.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
    tab.wait_for_timeout(1500)
    assert float(slider.input_value()) < 0.5
    assert tab.locator("#photo_wct-result img").count() == 0
    assert tab.locator("#photo_wct-status").inner_text().strip() == ""


def test_a_photo_is_restyled_and_nothing_leaves_the_machine(tab, small):
    fill(tab, "wct2", small)
    run(tab, "wct2", small)
    assert sizes_of(tab.locator("#wct2-result img")) == [list(small.size)] * 2


def test_a_missing_picture_is_asked_for(tab):
    emptied(tab, "wct2")
    tab.locator("#wct2-run").click()
    toast = tab.locator("[data-testid=toast-text]")
    playwright.expect(toast).to_contain_text("Please add a content picture")
    # The toast has that class and that word too, and goes by itself after ten seconds: it is not meant.
    boxes = tab.locator(".block .error:visible").filter(has_text="Error")
    playwright.expect(boxes).to_have_count(0)
    playwright.expect(toast).to_have_count(1)
    tab.locator("#wct2-content input[type=file]").set_input_files(gallery(photorealistic=True)[0].content)
    playwright.expect(toast).to_have_count(0, timeout=8_000)  # before it would by itself
    playwright.expect(boxes).to_have_count(0)


def test_markup_in_a_sentence_is_text_on_the_page(tab, small):
    """What a visitor typed, or a file was called, is shown letter by letter."""
    tab.get_by_role("tab", name="WCT", exact=True).click()
    opened(tab, "More styles")  # what is typed while it unfolds may be lost
    fill(tab, "wct", small)
    typed = "<b>it's</b> & &lt;1&gt; <img src=x>"
    weights = tab.locator("#wct-style-weights textarea, #wct-style-weights input").first
    weights.fill(typed)
    playwright.expect(weights).to_have_value(typed)
    tab.locator("#wct-run").click()
    toast = tab.locator("[data-testid=toast-text]")
    playwright.expect(toast).to_have_text(f"The weights must be numbers like 2, 1, not {typed}.")
    assert toast.locator("b, img").count() == 0
    weights.fill("")


@pytest.fixture(scope="module")
def page_anew(kept_page):
    """Once for all that ask for it."""
    return loaded_anew(kept_page)


@pytest.mark.usefixtures("page_anew")
@pytest.mark.parametrize("key", [key for key in list_methods() if key != "wct2"])
def test_every_tab_restyles_a_photo(tab, key, small):
    fill(tab, key, small)
    few = {"steps": 4} if tab.locator(f"#{key}-steps").count() else {}
    options_set(tab, key, **few)
    run(tab, key, small)
    assert sizes_of(tab.locator(f"#{key}-result img")) == [list(small.size)] * 2


def test_a_painting_that_takes_long_is_previewed_and_left_to_run(tab, small):
    fill(tab, "gatys", small)
    options_set(tab, "gatys", steps=4, style_strength=1)
    run(tab, "gatys", small)
    playwright.expect(tab.locator("#gatys-extras .st-files")).to_contain_text("content-style-gatys.png")
    options_set(tab, "gatys", style_strength=0.25)
    playwright.expect(tab.locator("#gatys-result .st-word")).to_have_text(
        "A preview at style strength 0.25; Run makes the exact picture."
    )
    opacity = tab.locator("#gatys-result img.fixed").evaluate("e => getComputedStyle(e).opacity")
    assert float(opacity) == pytest.approx(0.25)


def test_stopping_gatys_keeps_the_picture_reached_so_far(tab, small):
    fill(tab, "gatys", small)
    options_set(tab, "gatys", steps=2000)
    tab.locator("#gatys-run").click()
    playwright.expect(tab.locator("#gatys-status")).to_contain_text("of 2000, loss", timeout=60_000)
    playwright.expect(tab.locator("#gatys-status")).to_have_attribute("role", "progressbar")
    assert int(tab.locator("#gatys-status").get_attribute("aria-valuenow")) < 100
    playwright.expect(tab.locator("#gatys-result img").first).to_be_visible(timeout=30_000)
    tab.locator("#gatys-stop").click()
    playwright.expect(tab.locator("#gatys-status")).to_contain_text(small.done(), timeout=30_000)
    playwright.expect(tab.locator("[role=progressbar]")).to_have_count(0)
    playwright.expect(tab.locator("#gatys-notes")).to_contain_text("Stopped at step")


def test_an_example_fills_both_pictures_and_shows_its_result(tab):
    emptied(tab, "wct2")
    playwright.expect(tab.locator("#wct2-status")).not_to_contain_text("768 x 512 px")
    example = tab.locator("#wct2-examples tr.tr-body").nth(3)
    example.click()
    playwright.expect(tab.locator("#wct2-content img")).to_be_visible()
    playwright.expect(tab.locator("#wct2-style img")).to_be_visible()
    playwright.expect(tab.locator("#wct2-status")).to_contain_text("768 x 512 px", timeout=60_000)


def sizes_of(images):
    """The sizes of the files, once they have arrived."""
    for image in images.all():
        playwright.expect(image).not_to_have_js_property("naturalWidth", 0)
    return [image.evaluate("e => [e.naturalWidth, e.naturalHeight]") for image in images.all()]


STYLE_STRENGTH = "#wct2-style-strength input[type=range]"


DEFAULTS = {
    name: option_default(get_method("wct2").options, name) for name in ("style_strength", "content_strength")
}


@pytest.fixture(scope="module")
def shown(kept_page, tmp_path_factory):
    """The pictures whose result WCT2's tab shows, until a test behind those of moved strengths runs there."""
    small = small_in(tmp_path_factory.mktemp("shown"))
    opened(on_wct2(loaded_anew(kept_page)), "Advanced")  # what is chosen while it unfolds may be lost
    fill(kept_page, "wct2", small)
    run(kept_page, "wct2", small)
    playwright.expect(kept_page.locator("#wct2-extras .st-files")).to_contain_text("content-style-wct2.jpg")
    return small


@pytest.fixture
def restyled(tab, shown):
    """The tab with a result at full style strength, and what the page asks of the server afterwards."""
    followed(tab)
    held = []  # so that the preview can be looked at for as long as that takes
    tab.route("**/queue/join*", lambda route: held.append(route))
    yield tab, held
    let_go(tab, held)
    options_set(tab, "wct2", **DEFAULTS)
    followed(tab)


def followed(page):
    """Wait until the page shows, and follows from, the picture of the strengths that its sliders say."""
    page.wait_for_function("""() => {
        const follower = document.querySelector("#wct2-extras strength-follower");
        return follower && follower.run === follower.dataset.run && follower.isExact();
    }""")


def let_go(page, held):
    """The server is asked again."""
    while held:
        held.pop().continue_()
    page.unroute("**/queue/join*")


def by_mouse(page, slider, share):
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 8, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * share, y, steps=5)
    return page.mouse.up


def by_touch(page, slider, share):
    box = slider.bounding_box()
    hand = page.context.new_cdp_session(page)
    hand.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    y = box["y"] + box["height"] / 2

    def touch(kind, *places):
        points = [{"x": x, "y": y, "id": 1} for x in places]
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", box["x"] + box["width"] - 8)
    for part in (0.9, 0.7, share):
        touch("touchMove", box["x"] + box["width"] * part)

    def release():
        touch("touchEnd")
        hand.detach()  # and with it the emulation

    return release


def by_keys(page, slider, share):
    slider.focus()
    for _ in range(round((1 - share) * 10)):
        slider.press("PageDown")
    slider.press("ArrowLeft")
    return lambda: None


def by_typing(page, slider, share):
    box = page.locator("#wct2-style-strength input[type=number]")
    box.click()
    box.press("Control+a")
    box.press_sequentially(f"{share:g}")
    return lambda: None


def pictures_of(page):
    """Content and result as they were sent for the stage, as floats."""
    sources = page.locator("#wct2-result img").evaluate_all("l => l.slice(0, 2).map(e => e.src)")
    found = [Image.open(io.BytesIO(page.request.get(source).body())).convert("RGB") for source in sources]
    return [np.asarray(picture, np.float64) for picture in found]


def part_of(array):
    """Right of the border between the two, above the words."""
    height, width = array.shape[:2]
    return array[int(0.2 * height) : int(0.7 * height), int(0.6 * width) : int(0.95 * width)]


def on_stage(page):
    """The mean color of that part as it is painted."""
    page.wait_for_timeout(200)
    image = page.locator("#wct2-result img.fixed")
    image.scroll_into_view_if_needed()
    painted = Image.open(io.BytesIO(image.screenshot())).convert("RGB")
    return part_of(np.asarray(painted, np.float64)).mean((0, 1))


@pytest.mark.parametrize("move", [by_mouse, by_touch, by_keys, by_typing])
def test_a_moved_strength_is_seen_at_once_and_the_exact_picture_follows(restyled, shown, move):
    page, held = restyled
    before, after = pictures_of(page)
    slider = page.locator(STYLE_STRENGTH)
    slider.scroll_into_view_if_needed()
    release = move(page, slider, 0.4)
    word = page.locator("#wct2-result .st-word")
    playwright.expect(word).to_contain_text("A preview at style strength 0.")
    strength = float(slider.input_value())
    assert strength == pytest.approx(0.4, abs=0.04)
    playwright.expect(word).to_have_text(
        f"A preview at style strength {strength:.2f}; the exact picture follows."
    )
    expected = part_of(before + strength * (after - before)).mean((0, 1))
    assert np.abs(part_of(after).mean((0, 1)) - expected).max() > 10  # the strength is to be seen
    np.testing.assert_allclose(on_stage(page), expected, atol=2)

    release()
    while not held:
        page.wait_for_timeout(50)
    let_go(page, held)
    playwright.expect(word).to_have_count(0)
    assert page.locator("#wct2-style-strength input[type=number]").input_value() == f"{strength:g}"
    exact = (
        stylize("wct2", shown.content, shown.style, style_strength=strength)
        .image[0]
        .permute(1, 2, 0)
        .double()
        .numpy()
        * 255
    )
    _, after = pictures_of(page)
    assert np.abs(after - exact).mean() < 3  # it is a JPEG
    np.testing.assert_allclose(on_stage(page), part_of(exact).mean((0, 1)), atol=2)
    opened(page, "Settings")
    playwright.expect(page.locator("#wct2-settings")).to_contain_text(f"{strength:g}")


def test_back_at_the_results_own_strength_nothing_is_a_preview(restyled):
    page, _ = restyled
    slider = page.locator(STYLE_STRENGTH)
    by_keys(page, slider, 0.9)
    playwright.expect(page.locator("#wct2-result .st-word")).to_have_count(1)
    page.locator("#wct2-style-strength .reset-button").click()
    playwright.expect(page.locator("#wct2-result .st-word")).to_have_count(0)
    assert page.locator("#wct2-result .st-previewed").count() == 0


def test_strengths_beyond_the_result_are_previewed_from_a_stronger_one_of_before(restyled):
    page, held = restyled
    let_go(page, held)
    before, strong = pictures_of(page)
    word, slider = page.locator("#wct2-result .st-word"), page.locator(STYLE_STRENGTH)
    by_typing(page, slider, 0.3)
    playwright.expect(word).to_have_count(1)
    playwright.expect(word).to_have_count(0)
    followed(page)
    page.route("**/queue/join*", lambda route: held.append(route))
    by_typing(page, slider, 0.8)
    playwright.expect(word).to_have_text("A preview at style strength 0.80; the exact picture follows.")
    expected = part_of(before + 0.8 * (strong - before)).mean((0, 1))
    np.testing.assert_allclose(on_stage(page), expected, atol=2)


def test_a_strength_without_preview_says_that_the_picture_is_another(restyled):
    page, held = restyled
    let_go(page, held)
    options_set(page, "wct2", content_strength=0.9)
    word = page.locator("#wct2-result .st-word")
    playwright.expect(word).to_have_text("Not yet the picture of these strengths; it follows.")
    playwright.expect(word).to_have_count(0)
    opened(page, "Settings")
    playwright.expect(page.locator("#wct2-settings")).to_contain_text("0.9")


def test_what_follows_only_by_run_says_so(restyled):
    page, held = restyled
    let_go(page, held)
    opened(page, "Advanced")
    page.locator("#wct2-decoder").get_by_label("sum").check()
    by_typing(page, page.locator(STYLE_STRENGTH), 0.5)
    playwright.expect(page.locator("#wct2-result .st-word")).to_have_text(
        "A preview at style strength 0.50; Run makes the exact picture."
    )
    page.locator("#wct2-decoder").get_by_label("cat5").check()


def test_a_photo_is_downloaded_as_jpeg_or_png_named_after_both_pictures(restyled, tmp_path):
    page, held = restyled
    let_go(page, held)
    for target, suffix in (("#wct2-download", "jpg"), ("#wct2-extras a", "png")):
        with page.expect_download() as waited:
            page.locator(target).first.click()
        assert waited.value.suggested_filename == f"content-style-wct2.{suffix}"
        waited.value.save_as(tmp_path / waited.value.suggested_filename)
        assert read_settings(tmp_path / f"content-style-wct2.{suffix}")["method"] == "wct2"


def test_on_a_phone_what_is_compared_comes_into_sight(chinese_phone, small):
    page = chinese_phone
    page.get_by_role("tab", name="比较", exact=True).click()
    page.locator("#compare-run").wait_for()
    fill_current(page, "compare", small)
    page.locator("#compare-run").click()
    slider = page.locator("#compare-slider style-slider")
    playwright.expect(slider).to_be_visible(timeout=60_000)
    playwright.expect(page.locator("#compare-status")).to_contain_text("3", timeout=60_000)
    page.wait_for_timeout(1000)  # it scrolls smoothly
    place, bar = slider.bounding_box(), page.locator("#compare-run").bounding_box()
    assert place["y"] >= 0
    assert place["y"] + place["height"] <= bar["y"]


def test_on_a_phone_the_preview_is_beside_the_slider(chinese_phone, small):
    page = chinese_phone
    page.get_by_label("More tabs").click()
    page.locator(".overflow-dropdown").get_by_text("Gatys", exact=True).click()
    fill_current(page, "gatys", small)
    options_set(page, "gatys", steps=4)
    page.locator("#gatys-run").click()
    playwright.expect(page.locator("#gatys-status")).to_contain_text(
        "{} x {}".format(*small.size), timeout=60_000
    )
    playwright.expect(page.locator("#gatys-extras .st-files")).to_have_count(1)
    page.wait_for_timeout(500)
    slider = page.locator("#gatys-style-strength input[type=range]")
    slider.evaluate("e => e.scrollIntoView({ block: 'center', behavior: 'instant' })")
    release = by_touch(page, slider, 0.4)
    board = page.locator(".st-float")
    playwright.expect(board).to_be_visible()
    playwright.expect(board.locator(".st-word")).to_contain_text("的预览；点击“运行”得到精确的图片。")
    place, hand = board.bounding_box(), slider.bounding_box()
    assert place["y"] >= 0
    assert place["y"] + place["height"] <= 844
    assert place["y"] + place["height"] < hand["y"] or place["y"] > hand["y"] + hand["height"]
    release()
    playwright.expect(board).to_have_count(0)


def test_a_family_says_what_it_would_fetch(tab):
    tab.get_by_role("tab", name="Gatys", exact=True).click()
    opened(tab, "Advanced")
    tab.locator("#gatys-family").get_by_label("vgg19", exact=True).check()
    playwright.expect(tab.locator("#gatys-family-note")).to_contain_text(
        "51.8 MB of VGG-19 from timm/vgg19.tv_in1k"
    )
    tab.locator("#gatys-family").get_by_label("compact").check()


@pytest.fixture(scope="module")
def comparison(kept_page):
    """The page with two methods compared in the tab for that."""
    loaded_anew(kept_page).get_by_role("tab", name="Compare", exact=True).click()
    fill_current(kept_page, "compare", gallery(photorealistic=True)[1])
    kept_page.locator("#compare-methods").get_by_label("PhotoWCT").uncheck()
    options_set(kept_page, "compare", size=256)
    kept_page.locator("#compare-run").click()
    playwright.expect(kept_page.locator("#compare-status")).to_contain_text("2 of 2 done.", timeout=60_000)


@pytest.fixture
def compared(tab, comparison):
    tab.get_by_role("tab", name="Compare", exact=True).click()
    return tab


def transforms(page):
    return page.locator("style-tiles .st-view img").evaluate_all("l => l.map(e => e.style.transform)")


def test_compared_tiles_zoom_in_step_and_any_two_slide(compared):
    tiles = compared.locator("#compare-tiles .st-view img")
    playwright.expect(tiles).to_have_count(3)  # the content and two results
    playwright.expect(compared.locator("#compare-tiles figcaption").nth(2)).to_contain_text("keeps the photo")
    compared.wait_for_timeout(300)
    assert sizes_of(tiles) == [[256, 171]] * 3
    whole = transforms(compared)
    compared.locator("style-tiles").focus()
    compared.keyboard.press("+")
    compared.keyboard.press("ArrowRight")
    zoomed = transforms(compared)
    assert zoomed[0] != whole[0]
    assert len(set(zoomed)) == 1
    compared.keyboard.press("0")
    assert transforms(compared) == whole
    box = compared.locator("#compare-tiles .st-view").nth(1).bounding_box()
    compared.mouse.dblclick(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.2)
    assert len(set(transforms(compared))) == 1
    assert transforms(compared) != whole
    right = compared.locator("#compare-slider select[data-side=right]")
    right.select_option(label="WCT2")
    assert right.input_value() == compared.locator("#compare-slider img[data-side=right]").get_attribute(
        "src"
    )
    border = compared.locator("#compare-slider input[type=range]")
    border.focus()
    border.press("Home")
    left = compared.locator("#compare-slider img[data-side=left]")
    assert "100%" in left.evaluate("e => e.style.clipPath")


def test_a_shared_comparison_opens_elsewhere_and_after_a_restart(compared, visit, server, tmp_path):
    compared.locator("#compare-share").click()
    link = compared.locator("#compare-link a").first
    link.wait_for(timeout=20_000)
    address = link.get_attribute("href")
    stranger = visit(address)
    playwright.expect(stranger.locator("h1")).to_have_text("WCT, WCT2")
    playwright.expect(stranger.locator("style-tiles .st-view img")).to_have_count(3)
    assert all(width > 0 for width, _ in sizes_of(stranger.locator("main img")))
    assert all(stranger.locator("main img").evaluate_all("l => l.map(e => e.alt.length > 0)"))
    restarted = serve(shares=server.service.store._root, quiet=True)
    try:
        again = visit(address.replace(server.url.rstrip("/"), restarted.url.rstrip("/")))
        playwright.expect(again.locator("h1")).to_have_text("WCT, WCT2")
        again.get_by_role("link", name="Open in the demo").click()
        playwright.expect(again.locator("#compare-content img")).to_be_visible(timeout=20_000)
        playwright.expect(again.locator("#compare-style img")).to_be_visible()
        playwright.expect(again.locator("#compare-methods").get_by_label("PhotoWCT")).not_to_be_checked()
        assert again.locator("#compare-size input").input_value() == "256"
    finally:
        restarted.close()


def test_a_shared_result_fills_the_controls_of_its_tab(tab, visit, small):
    fill(tab, "wct2", small)
    options_set(tab, "wct2", style_strength=0.6)
    run(tab, "wct2", small)
    tab.locator("#wct2-share").click()
    link = tab.locator("#wct2-link a").first
    link.wait_for(timeout=20_000)
    stranger = visit(link.get_attribute("href"))
    stranger.get_by_role("link", name="Open in the demo").click()
    playwright.expect(stranger.locator("#wct2-style img")).to_be_visible(timeout=20_000)
    assert stranger.locator("#wct2-style-strength input[type=number]").input_value() == "0.6"
    run(stranger, "wct2", small)
    options_set(tab, "wct2", **DEFAULTS)


def test_on_a_phone_a_panel_of_few_words_is_as_wide_as_the_screen_lets_it(chinese_phone):
    page = chinese_phone
    for place in range(3):
        page.get_by_role("tab").nth(place).click()
        panel, main = (page.locator(f".door-{part}:visible").first for part in ("panel", "main"))
        panel.wait_for()
        assert panel.bounding_box()["width"] == main.bounding_box()["width"] > 340


def test_a_link_that_leads_nowhere_is_a_sentence_and_the_page_works(lost_phone):
    playwright.expect(lost_phone.locator("#notice")).to_contain_text("does not exist or has expired")
    lost_phone.locator("#photo-run").wait_for()


def test_a_phone_has_stage_looks_and_buttons_on_one_screen(lost_phone):
    for part in ("#photo-result", "#photo-looks", "#photo-run", "#photo-share"):
        place = lost_phone.locator(part).bounding_box()
        assert place["y"] >= 0
        assert place["y"] + place["height"] <= PHONE["height"]
    names = lost_phone.get_by_role("tab").all_inner_texts()
    assert names == ["Photo look", "Painting", "Clip", "Compare"]
    playwright.expect(lost_phone.get_by_label("More tabs")).to_be_visible()


@pytest.mark.parametrize(("name", "scheme"), [("lost_phone", "light"), ("chinese_phone", "dark")])
def test_a_phone_scrolls_only_up_and_down(request, name, scheme):
    page = request.getfixturevalue(name)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shade = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).slice(0, 3).map(Number)"
    )
    assert (sum(shade) < 200) == (scheme == "dark")


def test_the_page_is_chinese_for_chinese_browsers(chinese_phone):
    page = chinese_phone
    page.set_viewport_size({"width": 1280, "height": 1000})  # where all tabs are in sight
    page.get_by_role("tab", name="WCT2", exact=True).click()
    playwright.expect(page.get_by_role("button", name="运行", exact=True)).to_be_visible()
    page.get_by_role("button", name="运行", exact=True).click()
    playwright.expect(page.locator("[data-testid=toast-text]")).to_contain_text("请先添加")
    page.get_by_role("tab", name="比较", exact=True).click()
    playwright.expect(page.locator("#compare-run")).to_have_text("比较")


def test_pictures_have_alternative_texts(tab, small):
    fill(tab, "wct2", small)
    tab.wait_for_timeout(300)
    assert tab.locator("#wct2-content img").get_attribute("alt") == "Content photo"


def test_run_is_reached_and_pressed_by_keyboard(tab):
    emptied(tab, "wct2")
    tab.locator("#wct2-run").focus()
    tab.keyboard.press("Enter")
    playwright.expect(tab.locator("[data-testid=toast-text]")).to_contain_text("Please add a content picture")


def test_options_have_controls_and_long_texts_once_the_advanced_ones_are_open(tab):
    opened(tab, "Advanced")
    words = tab.locator("#wct2-style-strength .info-text")
    playwright.expect(words).to_have_text("How strongly the style is applied.")
    long = words.evaluate("e => getComputedStyle(e, '::after').content")
    assert "Blend of content and style features" in long
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


def dropped(page, target, path):
    """Drop a file as a hand would, with the type a browser gives a suffix it does not know: none."""
    data = base64.b64encode(path.read_bytes()).decode()
    transfer = page.evaluate_handle(
        """async ([data, name]) => {
            const bytes = await (await fetch("data:application/octet-stream;base64," + data)).blob();
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], name, { type: "" }));
            return transfer;
        }""",
        [data, path.name],
    )
    target.dispatch_event("drop", {"dataTransfer": transfer})


def test_a_heic_photo_is_dropped_shown_and_restyled(tab, tmp_path):
    pillow_heif = pytest.importorskip(
        "pillow_heif", reason="pillow-heif, which writes HEIC, is not installed"
    )
    pair = gallery(photorealistic=True)[0]
    picture = to_pil(load_image(pair.content).pixels).resize((320, 208))
    pillow_heif.from_pillow(picture).save(tmp_path / "IMG_0001.HEIC", quality=80)
    emptied(tab, "wct2")
    dropped(tab, tab.locator("#wct2-content button").first, tmp_path / "IMG_0001.HEIC")
    shown = tab.locator("#wct2-content img").first
    playwright.expect(shown).to_have_attribute("src", re.compile("/shown"), timeout=30_000)
    tab.locator("#wct2-style input[type=file]").set_input_files(pair.style)
    playwright.expect(tab.locator("#wct2-style img")).to_be_visible()
    assert shown.evaluate("e => [e.naturalWidth, e.naturalHeight]") == [320, 208]
    tab.locator("#wct2-run").click()
    playwright.expect(tab.locator("#wct2-status")).to_contain_text("320 x 208 px in", timeout=60_000)


def test_a_waiting_visitor_sees_a_place_and_stop_frees_it(tab, other_visitor, small):
    first, second = loaded_anew(tab), other_visitor
    for page in (first, second):
        fill(page, "gatys", small)
        options_set(page, "gatys", steps=2000)
    first.locator("#gatys-run").click()
    playwright.expect(first.locator("#gatys-status")).to_contain_text("step", timeout=60_000)
    second.locator("#gatys-run").click()
    waits = second.locator("#gatys-result .st-queue")
    told = re.compile("^1 before you(, about [0-9]+ (s|min))?: a painting is being made$")
    playwright.expect(waits).to_have_text(told, timeout=20_000)
    first.locator("#gatys-stop").click()
    playwright.expect(second.locator("#gatys-status")).to_contain_text("step", timeout=30_000)
    playwright.expect(waits).to_have_count(0)
    second.locator("#gatys-stop").click()
    playwright.expect(second.locator("#gatys-status")).to_contain_text("px in", timeout=30_000)


def test_a_program_in_place_of_a_picture_is_refused_while_another_job_runs(
    tab, other_visitor, small, tmp_path
):
    """PostScript that never ends, named as a photo: a sentence at once, and the other visitor goes on."""
    (tmp_path / "loop.jpg").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n%%EndComments\n{} loop\nshowpage\n%%EOF\n"
    )
    fill(other_visitor, "gatys", small)
    options_set(other_visitor, "gatys", steps=2000)
    other_visitor.locator("#gatys-run").click()
    playwright.expect(other_visitor.locator("#gatys-status")).to_contain_text("%", timeout=60_000)
    emptied(tab, "wct2")
    tab.locator("#wct2-content input[type=file]").set_input_files(tmp_path / "loop.jpg")
    toast = tab.get_by_test_id("toast-body")
    playwright.expect(toast).to_contain_text("is not a picture in a format we can read", timeout=20_000)
    playwright.expect(tab.locator("#wct2-content img")).to_have_count(0)  # nothing broken stays in the box
    on_door(tab, "Photo look")  # in the lane of quick jobs, in which no painting is
    tab.locator("#photo-looks button", has_text="Snow").click()
    playwright.expect(tab.locator("#photo-status")).to_contain_text("px in", timeout=60_000)
    playwright.expect(other_visitor.locator("#gatys-status")).to_contain_text("%")  # still at work
    other_visitor.locator("#gatys-stop").click()
    playwright.expect(other_visitor.locator("#gatys-status")).to_contain_text(small.done(), timeout=60_000)


def test_masks_are_tapped_or_drawn_shown_and_used(other_visitor, small):
    """The last test: the canvases go on with their frames."""
    tab = on_wct2(other_visitor)
    fill(tab, "wct2", small)
    opened(tab, "Regions")
    tab.locator("#wct2-masks").get_by_label("tapped").check()
    for side in ("content", "style"):
        picture = tab.locator(f"#wct2-tap-{side} img")
        before = picture.get_attribute("src", timeout=30_000)
        picture.click(position={"x": 20, "y": 20})
        playwright.expect(picture).not_to_have_attribute("src", before)
    run(tab, "wct2", small)
    opened(tab, "Settings")
    playwright.expect(tab.locator("#wct2-settings")).to_contain_text('"own"')
    tab.locator("#wct2-masks").get_by_label("drawn").check()
    tab.locator("#wct2-draw-style canvas").first.wait_for()
    tab.wait_for_timeout(1500)  # the photo is drawn under the brush
    tab.locator("#wct2-draw-color").get_by_text("Red").click()
    for side in ("content", "style"):
        playwright.expect(
            tab.locator(f"#wct2-draw-{side} button[style*='rgb(255, 0, 0)']").first
        ).to_be_visible()
        playwright.expect(tab.locator(f"#wct2-draw-{side}")).not_to_have_class(re.compile("st-choosing"))
    for side in ("content", "style"):
        canvas = tab.locator(f"#wct2-draw-{side} canvas").first
        canvas.wait_for()
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        y = box["y"] + box["height"] * 0.4
        tab.mouse.move(box["x"] + box["width"] * 0.3, y)
        tab.mouse.down()
        for k in range(8):
            tab.mouse.move(box["x"] + box["width"] * (0.3 + 0.05 * k), y + 4 * k)
        tab.mouse.up()
        tab.wait_for_timeout(1500)
    tab.locator("#wct2-regions").click()
    shown = tab.locator("#wct2-regions-shown img").nth(1)
    playwright.expect(shown).to_be_visible(timeout=30_000)
    painted = np.asarray(Image.open(io.BytesIO(tab.request.get(shown.get_attribute("src")).body())), float)
    assert (painted[..., 0] - painted[..., 1:].max(2) > 80).any()  # in red


@pytest.fixture(scope="module")
def clip_file(tmp_path_factory):
    """A clip of four frames."""
    video = pytest.importorskip("tests.video.conftest", reason="PyAV is not installed")
    frames = [video.scene(1, k / 40, (96, 64)) for k in range(4)]
    return video.write_clip(tmp_path_factory.mktemp("clip") / "pan.mp4", frames, sound_seconds=0.16)


def test_a_clip_dropped_on_a_photo_is_restyled_in_its_tab_and_shared(kept_page, visit, clip_file, tmp_path):
    page = on_door(loaded_anew(kept_page), "Photo look")
    page.locator("#photo-looks button", has_text="Dusk").click()
    # What is said below the stage may still be of the result before; this names the style.
    playwright.expect(page.locator("#photo-extras")).to_contain_text("-dusk-wct2.jpg", timeout=60_000)
    dropped(page, page.locator("#photo-content .image-container"), clip_file)
    playwright.expect(page.locator("#clip-looks [aria-pressed=true]")).to_contain_text("Dusk")  # picked there
    first_frame = page.locator("#clip-player style-slider img")
    playwright.expect(first_frame).to_have_count(2, timeout=60_000)
    playwright.expect(page.locator("#clip-facts")).to_have_text("96 x 64 px, 4 frames in 0.2 s")
    before = first_frame.first.get_attribute("src")
    page.locator("#clip-looks button", has_text="Sunset").click()
    playwright.expect(first_frame.first).not_to_have_attribute("src", before, timeout=60_000)
    page.locator("#clip-run").click()
    playwright.expect(page.locator("#clip-status")).to_contain_text("4 frames of 96 x 64 px in")
    playwright.expect(page.locator("#clip-facts")).to_contain_text("Run takes about")
    page.wait_for_function("[...document.querySelectorAll('clip-player video')].every(v => v.readyState > 1)")
    assert page.locator("clip-player video").count() == 2
    border = page.locator("clip-player .st-border")
    border.focus()
    border.press("Home")
    left = page.locator("clip-player video[data-side=left]")
    assert "100%" in left.evaluate("e => e.style.clipPath")
    place = border.bounding_box()
    page.mouse.click(place["x"] + place["width"] / 4, place["y"] + 40)
    shown = float(re.search(r"([\d.]+)%", left.evaluate("e => e.style.clipPath"))[1])
    assert shown == pytest.approx(75, abs=3)
    with page.expect_download() as waited:
        page.locator("#clip-download").click()
    assert waited.value.suggested_filename == "pan-sunset-wct2.mp4"
    page.locator("#clip-looks button", has_text="Dusk").click()
    playwright.expect(first_frame).to_have_count(2, timeout=60_000)
    page.locator("#clip-run").click()
    playwright.expect(page.locator("#clip-history button")).to_have_count(2, timeout=60_000)
    page.locator("#clip-history button").last.click()  # back to the first
    playwright.expect(page.locator("#clip-looks [aria-pressed=true]")).to_contain_text("Sunset")
    playwright.expect(page.locator("#clip-player video").first).to_have_attribute("src", re.compile("sunset"))
    page.locator("#clip-share").click()
    link = page.locator("#clip-link a").first
    link.wait_for(timeout=20_000)
    on_door(page, "Photo look")
    playwright.expect(page.locator("#photo-looks [aria-pressed=true]")).to_contain_text("Sunset")
    stranger = visit(link.get_attribute("href"))
    playwright.expect(stranger.locator("clip-player .cp-time")).to_contain_text("/ 0:00")
    stranger.wait_for_function(
        "[...document.querySelectorAll('clip-player video')].every(v => v.readyState > 1)"
    )
    stranger.get_by_role("link", name="Open in the demo").click()
    playwright.expect(stranger.locator("#clip-player style-slider img")).to_have_count(2, timeout=60_000)
    playwright.expect(stranger.locator("#clip-looks [aria-pressed=true]")).to_have_count(0)  # a copy of it


def test_a_bad_clip_is_one_sentence_and_is_taken_out_again(kept_page, tmp_path):
    page = on_door(kept_page, "Clip")
    clear = page.locator("#clip-clip").get_by_label("Clear")
    if clear.count():
        clear.click()
    # Its name is the words in it, which Gradio's label would hide.
    playwright.expect(page.locator("#clip-clip button.upload-container")).not_to_have_attribute(
        "aria-label", re.compile(".*")
    )
    text, empty = tmp_path / "text.mp4", tmp_path / "empty.mp4"
    text.write_text("Hello\n" * 200)
    empty.write_bytes(b"")
    toast = page.locator("[data-testid=toast-text]")
    for path, said in ((text, "cannot be read as a clip: it is none, or was cut off."), (empty, "is empty")):
        page.locator("#clip-clip input[type=file]").set_input_files(path)
        playwright.expect(toast).to_have_count(1)
        playwright.expect(toast).to_contain_text(f"'{path.name}' {said}")
        playwright.expect(page.locator("#clip-clip .file-preview")).to_have_count(0)
        page.wait_for_timeout(300)
        assert toast.count() == 1  # it stays after what taking the clip out has set off
        page.locator("[data-testid=toast-close]").click()
        playwright.expect(toast).to_have_count(0)
    page.locator("#clip-run").click()
    playwright.expect(toast).to_have_text("Please add a clip first.")
    page.locator("[data-testid=toast-close]").click()
    playwright.expect(toast).to_have_count(0)
    kept = page.locator("#clip-style img").get_attribute("src")
    no_picture = tmp_path / "text.png"
    no_picture.write_text("no picture")
    emptied(page, "clip")
    page.locator("#clip-style input[type=file]").set_input_files(no_picture)
    playwright.expect(toast).to_contain_text("'text.png'")
    page.wait_for_timeout(300)
    assert toast.count() == 1
    on_door(page, "Photo look")  # there the style is the one that was picked last
    assert page.locator("#photo-style img").get_attribute("src").rsplit("/", 1)[1] == kept.rsplit("/", 1)[1]
