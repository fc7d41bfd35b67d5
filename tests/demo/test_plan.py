"""What Run will do is said before, with this machine's times once they are known."""

from types import SimpleNamespace

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from demo.calibration import calibrations
from demo.limits import Limits
from demo.pace import work
from demo.plan import plan
from demo.service import Service
from demo.shares import ShareStore
from demo.work import Done, Request


@pytest.fixture
def service(tmp_path):
    return Service(Limits(), ShareStore(str(tmp_path / "shares")))


@pytest.fixture
def asked(tmp_path):
    def make(method, width, height, **options):
        # A file of that size that is written in no time.
        Image.new("1", (width, height)).save(tmp_path / "content.png")
        return Request(method, str(tmp_path / "content.png"), (), options=options)

    return make


def test_a_large_photo_has_a_preview_and_the_whole(service, asked):
    large = asked("wct2", 4000, 3000)
    assert plan(service, large, "en") == "Preview (1 MP) · Full (12 MP)"
    for megapixels in (0.05, 0.4):
        done = work(megapixels, seen=megapixels)
        service.pace.note("wct2", done, 0.2 + 2 * done)
    # 1024 x 768 px are seen by the network; the others' colors cost a twelfth.
    assert plan(service, large, "en") == "Preview (1 MP, about 2 s) · Full (12 MP, about 4 s)"
    assert plan(service, large, "zh-CN") == "预览（1 百万像素，约 2 秒） · 完整图片（12 百万像素，约 4 秒）"


def test_no_pixels_are_decoded_for_it(service, asked, monkeypatch):
    """Of a large PNG that takes seconds, and is asked for with every change of the page."""
    monkeypatch.setattr(PngImageFile, "load", lambda *_: pytest.fail("decoded"))
    assert plan(service, asked("wct2", 4000, 3000), "en") == "Preview (1 MP) · Full (12 MP)"


def test_a_small_photo_is_made_at_once(service, asked):
    assert plan(service, asked("wct2", 768, 512), "en") == "Full (768 x 512 px)"


def test_a_painting_has_a_quick_one(service, asked):
    service.pace.note("gatys", work(512 * 341 / 1e6, 40), 6)
    assert plan(service, asked("gatys", 768, 512), "en") == (
        "Quick painting (512 x 341 px, about 6 s) · Full (768 x 512 px, about 50 s)"
    )


def test_what_the_limits_make_smaller_is_said_in_its_size(tmp_path, asked):
    service = Service(Limits(max_megapixels=3), ShareStore(str(tmp_path / "shares")))
    assert plan(service, asked("wct2", 4000, 3000), "en") == "Preview (1 MP) · Full (3 MP)"


def test_without_a_photo_nothing_is_said(service, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    assert plan(service, Request("wct2", None, ()), "en") == ""
    assert plan(service, Request("wct2", str(tmp_path / "text.png"), ()), "en") == ""


def test_the_machine_is_measured_without_what_loads_networks(service, monkeypatch):
    made, noted = [], []
    result = SimpleNamespace(picture=Image.new("RGB", (200, 100)), notes=())

    def performed(request, *how):
        made.append(request)
        yield Done(result, (), seconds=len(made))

    def note(method, done, seconds, *, is_trial):
        noted.append((method, seconds, is_trial))

    monkeypatch.setattr(service, "_perform", performed)
    monkeypatch.setattr("demo.service.perform", performed)
    monkeypatch.setattr(service.pace, "note", note)
    service.calibrate()
    assert made == calibrations()
    assert [request.method for request in made] == ["wct2", "wct2", "wct2", "gatys", "gatys"]
    assert noted == [("wct2", 2, True), ("wct2", 3, True), ("gatys", 5, True)]
    assert len({request.content for request in made if request.method == "wct2"}) == 3
