"""The viewer on a share page in a real headless Chromium, under the page's own content security policy."""

import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from demo.share_page import render_share, security_headers

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
playwright.expect.set_options(timeout=30_000)  # ms; other tests use the processor meanwhile

ID, NONCE = "a" * 22, "n0nce"
SIZES = {"content": (960, 640), "style": (500, 700), "content_mask": (960, 640), "result_1": (960, 640),
         "result_2": (480, 320), "result_3": (960, 640), "card": (1200, 630)}  # fmt: skip


def picture(number, size):
    """Waves and a ramp: something to recognise a place by."""
    y, x = np.mgrid[: size[1], : size[0]]
    u, v = x / size[0], y / size[1]
    channels = [127 + 90 * np.sin(9 * (u + k * v) + number + 2 * k) * (1 - 0.4 * v) for k in range(3)]
    return Image.fromarray(np.stack(channels, -1).clip(0, 255).astype(np.uint8))


def record():
    tiles = [
        {"picture": f"result_{k}", "label": label, "settings": {"style_strength": 0.8, "seed": k},
         "notes": ["The content was scaled to 960 x 640 px."] * (k == 2), "seconds": 0.52 * k,
         "measures": {"structure": 0.97 - 0.1 * k, "style": 0.2 * k}}
        for k, label in enumerate(("WCT2", "PhotoWCT", "Gatys"), 1)
    ]  # fmt: skip
    return {
        "version": 1, "kind": "compare", "title": "WCT2, PhotoWCT, Gatys", "tiles": tiles, "controls": {},
        "inputs": [{"picture": "content", "role": "content"}, {"picture": "style", "role": "style"},
                   {"picture": "content_mask", "role": "content_mask"}],
    }  # fmt: skip


@pytest.fixture(scope="module")
def site():
    """A share as the demo serves it, without the demo."""
    pictures = {}
    for number, (name, size) in enumerate(SIZES.items()):
        buffer = io.BytesIO()
        picture(number, size).save(buffer, "PNG")
        pictures[name] = buffer.getvalue()
    blobs = {
        name: SimpleNamespace(width=w, height=h, media_type="image/png") for name, (w, h) in SIZES.items()
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.rsplit("/", 1)[-1]
            if self.path == f"/c/{ID}" or self.path == f"/zh/c/{ID}":
                share = SimpleNamespace(id=ID, record=record(), pictures=blobs, created=1.7e9, expires=1.71e9)
                language = "zh-CN" if self.path.startswith("/zh") else "en"
                base = f"http://127.0.0.1:{self.server.server_port}"
                self.answer(render_share(share, base, language, NONCE).encode(), "text/html; charset=utf-8")
            elif name in pictures:
                self.answer(pictures[name], "image/png")
            else:
                self.send_error(404)

        def answer(self, content, media_type):
            self.send_response(200)
            for key, value in {**security_headers(NONCE), "Content-Type": media_type}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


@pytest.fixture(scope="module")
def pages(browser, site):
    """A page of each kind, and what it complained of: to load the share anew leaves nothing of it behind."""
    kept, complaints = {}, []

    def page_of(**settings):
        if repr(settings) not in kept:
            context = browser.new_context(**{"viewport": {"width": 1280, "height": 1000}, **settings})
            page = kept[repr(settings)] = context.new_page()
            page.on(
                "console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None
            )
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("request", lambda r: None if r.url.startswith(site) else complaints.append(r.url))
            # the browser asks for an icon by itself
            page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
        return kept[repr(settings)]

    yield page_of, complaints
    for page in kept.values():
        page.context.close()


@pytest.fixture
def visit(pages, site):
    """Opens the share; at the end the console must be clean, and nothing asked of another host."""
    page_of, complaints = pages

    def open_page(path=f"/c/{ID}", **settings):
        page = page_of(**settings)
        page.goto(site + path)
        arrived(page)
        return page

    yield open_page
    found, complaints[:] = list(complaints), []
    assert found == []


def arrived(page):
    """Wait until all pictures are there, and drawn: the network's rest would be half a second later."""
    page.wait_for_function(
        """() => ['style-tiles', 'style-slider'].every(e => customElements.get(e)) &&
            [...document.querySelectorAll('main img')].every(e => e.complete && e.naturalWidth)"""
    )
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def centres(page):
    """Of every tile: the relative point of the picture in the middle of its view, and the zoom over "fit"."""
    return page.locator("style-tiles .st-view").evaluate_all(
        """views => views.map(view => {
             const img = view.querySelector('img'), box = img.getBoundingClientRect();
             const at = view.getBoundingClientRect();
             const fit = Math.min(view.clientWidth / img.naturalWidth, view.clientHeight / img.naturalHeight);
             return [(at.left + at.width / 2 - box.left) / box.width,
                     (at.top + at.height / 2 - box.top) / box.height,
                     box.width / (img.naturalWidth * fit)].map(v => Math.round(v * 1000) / 1000);
           })"""
    )


def one(values):
    """What all of them are, to a pixel."""
    assert np.ptp(np.array(values), axis=0).max() < 0.01, values
    return values[0]


def middle(page, number):
    view = page.locator("style-tiles .st-view").nth(number)
    view.scroll_into_view_if_needed()
    box = view.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_all_pictures_arrive(visit):
    page = visit()
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_load_state("networkidle")
    sizes = page.locator("main img").evaluate_all("l => l.map(e => [e.naturalWidth, e.alt.length > 0])")
    assert all(width > 0 and named for width, named in sizes)
    assert one(centres(page)) == pytest.approx([0.5, 0.5, 1.0], abs=0.005)


def test_the_wheel_scrolls_the_page_until_ctrl_or_a_click(visit):
    page = visit()
    x, y = middle(page, 1)
    page.mouse.move(x, y)
    before = page.evaluate("scrollY")
    page.mouse.wheel(0, -120)
    page.wait_for_timeout(200)
    assert page.evaluate("scrollY") < before
    assert one(centres(page))[2] == 1
    x, y = middle(page, 1)
    page.mouse.move(x, y)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_timeout(200)
    by_ctrl = one(centres(page))[2]
    assert by_ctrl > 1.3
    page.mouse.click(x, y)
    page.mouse.wheel(0, -200)
    page.wait_for_timeout(200)
    assert one(centres(page))[2] > by_ctrl * 1.3


def test_a_double_click_keeps_its_place_in_all_pictures_and_dragging_moves_all(visit):
    page = visit()
    x, y = middle(page, 2)
    page.mouse.dblclick(x + 40, y)
    u, v, zoom = one(centres(page))
    assert zoom >= 2
    assert u > 0.52
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y + 20, steps=4)
    page.mouse.up()
    moved = one(centres(page))
    assert moved[0] < u
    assert moved[1] < v
    page.mouse.dblclick(x, y)
    assert one(centres(page))[2] == 1


def test_keys_and_buttons_zoom_and_move(visit):
    page = visit()
    page.locator("style-tiles").focus()
    page.keyboard.press("+")
    assert one(centres(page))[2] == pytest.approx(1.5, abs=0.01)
    page.keyboard.press("ArrowRight")
    assert one(centres(page))[0] > 0.55
    page.keyboard.press("-")
    assert one(centres(page)) == pytest.approx([0.5, 0.5, 1], abs=0.01)
    page.get_by_role("button", name="Zoom in", exact=True).press("Enter")
    assert one(centres(page))[2] == pytest.approx(1.5, abs=0.01)
    page.get_by_role("button", name="Whole picture").click()
    page.get_by_role("button", name="Real pixels").click()
    shown = page.locator("style-tiles .st-view img").first.bounding_box()["width"]
    assert shown == pytest.approx(960, abs=1)
    page.locator("style-tiles").focus()
    page.keyboard.press("0")
    assert one(centres(page))[2] == 1


def test_enlarged_pixels_are_shown_as_they_are(visit):
    page = visit()
    page.locator("style-tiles").focus()
    for _ in range(8):
        page.keyboard.press("+")
    drawn = page.locator("style-tiles .st-view img").evaluate_all("l => l.map(e => e.style.imageRendering)")
    assert set(drawn) == {"pixelated"}


def test_two_fingers_pinch_all_pictures(visit):
    page = visit(has_touch=True, viewport={"width": 390, "height": 844})
    x, y = middle(page, 1)
    hand = page.context.new_cdp_session(page)
    fingers = lambda gap: [{"x": x - gap, "y": y, "id": 1}, {"x": x + gap, "y": y, "id": 2}]  # noqa: E731
    hand.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": fingers(20)})
    for gap in (30, 40, 50, 60):
        hand.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": fingers(gap)})
    hand.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(200)
    assert one(centres(page))[2] == pytest.approx(3, rel=0.25)


def test_the_zoom_survives_new_html_as_gradio_sets_it(visit):
    page = visit()
    page.locator("style-tiles").focus()
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    before = one(centres(page))
    page.evaluate("e => { const p = document.querySelector('style-tiles').parentElement; "
                  "p.innerHTML = p.innerHTML.replace(/ style=\"[^\"]*\"/g, ''); }")  # fmt: skip
    arrived(page)
    page.wait_for_timeout(200)
    assert one(centres(page)) == pytest.approx(before, abs=0.005)


def test_an_element_moved_in_the_page_takes_a_key_once(visit):
    page = visit()
    page.evaluate("() => { const e = document.querySelector('style-tiles'); e.parentElement.append(e); }")
    page.locator("style-tiles").focus()
    page.keyboard.press("+")
    assert one(centres(page))[2] == pytest.approx(1.5, abs=0.01)


def test_the_border_moves_by_key_and_by_dragging(visit):
    page = visit()
    border = page.get_by_role("slider", name="Border between the two pictures")
    left = page.locator('style-slider img[data-side="left"]')
    assert "50%" in left.evaluate("e => e.style.clipPath")
    border.focus()
    page.keyboard.press("Home")
    assert "100%" in left.evaluate("e => e.style.clipPath")
    stage = page.locator(".st-stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    y = box["y"] + box["height"] / 3
    page.mouse.move(box["x"] + box["width"] * 0.5, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, y, steps=3)
    page.mouse.up()
    line = page.locator(".st-line").bounding_box()
    assert line["x"] - box["x"] == pytest.approx(box["width"] * 0.75, abs=10)
    assert float(border.input_value()) == pytest.approx(75, abs=2)


def test_any_two_pictures_slide(visit):
    page = visit()
    for side, label, name in (
        ("Left picture", "PhotoWCT", "result_2"),
        ("Right picture", "Gatys", "result_3"),
    ):
        page.get_by_label(side).select_option(label=label)
        key = side.split()[0].lower()
        image = page.locator(f'style-slider img[data-side="{key}"]')
        assert image.get_attribute("src").endswith(f"/{name}")
        assert image.get_attribute("alt") == label
        playwright.expect(page.locator(f".st-{key}")).to_have_text(label)
    arrived(page)
    boxes = [page.locator(f'style-slider img[data-side="{s}"]').bounding_box() for s in ("left", "right")]
    assert boxes[0]["width"] == pytest.approx(boxes[1]["width"], abs=2)
    assert boxes[0]["height"] == pytest.approx(boxes[1]["height"], abs=2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_only_up_and_down(visit, scheme):
    page = visit(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shade = page.evaluate(
        "['body', '.st-view'].map(s => getComputedStyle(document.querySelector(s)).backgroundColor"
        ".match(/[0-9.]+/g).slice(0, 3).map(Number).reduce((a, b) => a + b))"
    )
    assert [value < 200 for value in shade] == [scheme == "dark"] * 2


def test_the_page_and_its_controls_are_chinese(visit):
    page = visit(f"/zh/c/{ID}")
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    playwright.expect(page.get_by_role("button", name="放大", exact=True)).to_be_visible()
    playwright.expect(page.get_by_role("slider", name="两张图片之间的分界")).to_be_attached()
