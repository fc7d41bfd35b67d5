"""The small result before the whole: when there is one, and what is said of what follows."""

import pytest
from PIL import Image

from demo.pace import about
from demo.small_first import comes_on_the_way, painting_follows, photo_follows, side_of, smaller
from demo.work import Request


@pytest.fixture
def asked(tmp_path):
    def make(method, width, height, **options):
        path = tmp_path / f"{width}.png"
        Image.new("RGB", (width, height)).save(path)
        return Request(method, str(path), (str(path),), options=options)

    return make


def test_a_large_photo_has_a_preview_of_a_megapixel(asked):
    alone = asked("wct2", 2400, 1000, working_size=None)
    assert smaller(alone).options == {"working_size": None, "size": 1549}  # 1549 x 645
    assert smaller(asked("wct", 2400, 1000)).options == {"size": 1549}
    assert smaller(asked("wct2", 1400, 1000)) is None
    assert not any(comes_on_the_way(each) for each in (alone, asked("wct", 2400, 1000)))


def test_of_a_photo_carried_to_its_size_it_is_what_the_network_saw(asked):
    for method in ("wct2", "photo_wct"):
        large = asked(method, 2400, 1000)
        assert comes_on_the_way(large)
        assert smaller(large).options == {"size": 1024}
    assert smaller(asked("wct2", 2400, 1000, working_size=700)).options["size"] == 700
    assert not comes_on_the_way(asked("wct2", 2400, 1000, working_size=3000))


def test_a_painting_has_a_quick_one_of_few_steps(asked):
    first = smaller(asked("gatys", 768, 512, style_strength=0.5))
    assert first.options == {"style_strength": 0.5, "size": 512, "steps": 40}
    assert smaller(asked("gatys", 300, 200)).options["size"] == 300


def test_there_is_none_of_a_chosen_size_of_a_texture_or_of_what_needs_its_steps(asked):
    assert smaller(asked("gatys", 768, 512, size=700)) is None
    assert smaller(Request("gatys", None, ("style.png",))) is None
    assert smaller(asked("deep_photo", 768, 512)) is None


def test_the_small_picture_has_its_pixels_and_the_words_their_time():
    assert side_of((4000, 3000), 1.0) == 1155  # 1155 x 866
    assert photo_follows((4032, 3024), None) == "A preview; all 12 megapixels follow"
    assert photo_follows((4032, 3024), "about 4 s") == "A preview; all 12 megapixels follow in about 4 s"
    assert painting_follows((1024, 683), None) == "Quick painting done; now refining to 1024 x 683 px"
    assert painting_follows((1024, 683), "about 40 s") == (
        "Quick painting done; now refining to 1024 x 683 px, about 40 s more"
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "about 1 s"), (3.6, "about 4 s"), (37, "about 40 s"), (90, "about 90 s"), (91, "about 2 min")],
)
def test_a_time_is_said_roundly(seconds, words):
    assert about(seconds) == words
