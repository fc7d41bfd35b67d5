"""The regions that are shown before a run are those of the run."""

import numpy as np
import pytest
import torch
from PIL import Image

from style_core import InvalidSegments, find_regions, get_method, list_methods, stylize
from style_core.fronts import option_fields

from .conftest import photo

MASKED = [key for key in list_methods() if get_method(key).uses_segments]


def halves(height, width, share=0.5):
    """A mask: red above, blue below."""
    mask = np.zeros((height, width, 3), np.uint8)
    mask[: round(share * height)], mask[round(share * height) :] = (255, 0, 0), (0, 0, 255)
    return mask


def segments_of_a_run(method, *pictures, **options):
    quick = {"steps": 1} if "steps" in option_fields(get_method(method).options) else {}
    return stylize(method, *pictures, device="cpu", **quick, **options).segments


def assert_same(found, used):
    assert torch.equal(found.content, used.content)
    assert torch.equal(found.style, used.style)
    assert (found.notes, found.colors) == (used.notes, used.colors)


@pytest.mark.parametrize("masks", ["auto", "own"])
@pytest.mark.parametrize("method", MASKED)
def test_they_are_exactly_those_of_the_run(method, masks, tiny_weights):
    pictures = photo(72, 96), photo(64, 80, 1)
    given = ("auto", "auto") if masks == "auto" else (halves(36, 48), halves(60, 40, 0.3))
    how = {"content_mask": given[0], "style_mask": given[1], "weights_dir": tiny_weights}
    found = find_regions(method, *pictures, device="cpu", **how)
    assert found.content.unique().numel() > 1
    assert_same(found, segments_of_a_run(method, *pictures, **how))


def test_so_they_are_at_a_size_that_is_asked_for(tiny_weights):
    how = {"content_mask": "auto", "style_mask": "auto", "weights_dir": tiny_weights, "size": 64}
    found = find_regions("wct2", photo(96, 128), photo(64, 80, 1), device="cpu", **how)
    assert found.content.shape == (48, 64)
    assert_same(found, segments_of_a_run("wct2", photo(96, 128), photo(64, 80, 1), **how))


def test_so_they_are_where_each_region_has_a_style_of_its_own(tiny_weights):
    pictures = photo(72, 96), [photo(64, 80, 1), photo(64, 64, 2)]
    how = {"content_mask": halves(36, 48), "style_mask": None, "weights_dir": tiny_weights}
    found = find_regions("wct", *pictures, device="cpu", **how)
    assert found.content.unique().tolist() == [1, 2]
    assert found.colors == ((255, 0, 0), (0, 0, 255))
    assert_same(found, segments_of_a_run("wct", *pictures, **how))


def test_a_methods_own_encoder_finds_them(tiny_weights, monkeypatch):
    asked = []
    from style_core.pipeline import runtime

    name_of = runtime.weights.encoder_name
    monkeypatch.setattr(
        runtime.weights, "encoder_name", lambda family, kind: asked.append(kind) or name_of(family, kind)
    )
    for method in ("gatys", "wct2"):
        find_regions(method, photo(64, 64), photo(64, 64, 1), weights_dir=tiny_weights, device="cpu")
    assert list(dict.fromkeys(asked)) == [get_method("gatys").encoder, get_method("wct2").encoder]
    assert set(asked) == {"imagenet", "shared"}


@pytest.mark.parametrize(
    ("content_mask", "style_mask", "automatic", "other"),
    [
        (halves(32, 32), "auto", "style", "content"),
        (None, "auto", "style", "content"),
        ("auto", halves(32, 32), "content", "style"),
    ],
)
def test_one_automatic_mask_alone_is_refused_in_a_sentence(content_mask, style_mask, automatic, other):
    with pytest.raises(
        InvalidSegments, match=f"The {automatic} mask is 'auto', which .* the {other} mask is not"
    ):
        find_regions(
            "wct2", photo(32, 32), photo(32, 32, 1), content_mask=content_mask, style_mask=style_mask
        )


def test_no_masks_are_refused_in_a_sentence():
    with pytest.raises(InvalidSegments, match="There are no masks; give both"):
        find_regions("wct2", photo(32, 32), photo(32, 32, 1), content_mask=None, style_mask=None)


def test_the_pages_request_finds_those_of_the_pages_run(tmp_path):
    from demo.limits import Limits
    from demo.work import AUTO_MASKS, OWN_MASKS, Done, Request, perform, regions

    paths = []
    for k, picture in enumerate((photo(96, 128), photo(64, 80, 1))):
        paths.append(str(tmp_path / f"{k}.png"))
        array = picture[0].permute(1, 2, 0).mul(255).round().byte().numpy()
        Image.fromarray(array).save(paths[-1])
    masks = [str(tmp_path / f"mask{k}.png") for k in range(2)]
    for path in masks:
        Image.fromarray(halves(36, 48)).save(path)
    limits = Limits(max_megapixels=0.004)  # reduces the content
    for mode in (AUTO_MASKS, OWN_MASKS):
        asked = Request("wct2", paths[0], (paths[1],), masks=mode, content_mask=masks[0], style_mask=masks[1])
        done = next(d for d in perform(asked, limits, None) if isinstance(d, Done))
        found = regions(asked, limits)
        assert max(found.content.shape) < 128
        assert_same(found, done.result.segments)
