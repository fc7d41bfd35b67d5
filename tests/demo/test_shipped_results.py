"""Results that came with the demo: one for every slow example, and what the code makes of its pictures."""

import json

import numpy as np
import pytest
from PIL import Image

from demo.examples import gallery
from demo.looks import NAMES, looks_of
from demo.shipped_results import (
    FIRST_SIGHTS,
    RECORD,
    RESULTS,
    first_sight,
    shipped_name,
    shipped_pairs,
    shipped_result,
    typical_result,
)
from demo.texts import table
from style_core import get_method, list_methods, load_image, measure_result, stylize
from style_core.fronts import option_default, option_fields

SHIPPED = shipped_pairs()


def test_every_result_that_is_promised_came_along_and_none_besides():
    names = {shipped_name(method, pair) for method, pair in SHIPPED}
    assert {path.stem for path in RESULTS.glob("*.jpg")} == names
    assert set(json.loads(RECORD.read_text("utf-8"))) == names
    assert all(typical_result(key) for key in list_methods())


@pytest.mark.parametrize(("method", "pair"), SHIPPED, ids=lambda each: str(getattr(each, "content", each)))
def test_a_result_was_made_with_the_defaults_of_today(method, pair):
    """Told by the settings that a picture's size does not change; and it is small."""
    kept = shipped_result(method, str(pair.content), str(pair.style))
    options = get_method(method).options
    assert kept.settings["method"] == method
    for name in {"content_strength", "style_strength", "steps", "seed"} & set(option_fields(options)):
        assert kept.settings[name] == option_default(options, name), name
    assert Image.open(kept.image).size == load_image(pair.content).size
    assert kept.image.stat().st_size < 200_000


@pytest.mark.parametrize("method", ["wct2", "wct"])
def test_a_quick_result_is_what_the_code_makes(method):
    """To the loss of its JPEG; of the slow ones ``python -m benchmarks.example_results --check`` tells."""
    pair = next(pair for key, pair in SHIPPED if key == method)
    shipped = np.asarray(Image.open(RESULTS / f"{shipped_name(method, pair)}.jpg"), np.float64)
    made = np.asarray(stylize(method, pair.content, pair.style).to_pil(), np.float64)
    assert np.abs(shipped - made).mean() < 4


@pytest.mark.parametrize("pair", gallery(photorealistic=False)[:2], ids=lambda pair: pair.content.stem)
def test_a_painting_has_more_of_its_style_than_the_photo(pair):
    kept = shipped_result("gatys", str(pair.content), str(pair.style))
    measured = measure_result(pair.content, pair.style, kept.image, device="cpu")
    assert measured.style < 0.6  # 1 is the photo itself
    assert measured.structure > 0.3


def test_what_is_no_example_has_no_result(tmp_path):
    pair = FIRST_SIGHTS[0][1]
    own = tmp_path / "own.png"
    Image.new("RGB", (20, 20)).save(own)
    assert shipped_result("wct2", str(own), str(pair.style)) is None
    assert shipped_result("wct2", None, str(pair.style)) is None
    assert shipped_result("wct", str(pair.content), str(pair.style)) is None


@pytest.mark.parametrize("photorealistic", [True, False])
def test_the_first_look_is_the_one_on_stage_and_all_have_names_in_both_languages(photorealistic):
    pair, result = first_sight("wct2" if photorealistic else "gatys")
    looks = looks_of(photorealistic=photorealistic, first=pair.style)
    assert looks[0].file == pair.style
    assert result.is_file()
    assert len(looks) == 8
    assert all(look.name in table() for look in looks)
    assert {look.file.stem for look in looks} <= set(NAMES)
