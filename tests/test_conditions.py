"""Options set in vain are noted, and only those: what a note says is held against pictures."""

import dataclasses
import functools

import pytest
import torch

from style_core import get_method, list_methods, stylize
from style_core.fronts import option_default, option_fields
from style_core.options import conditions, idle_notes

from .conftest import photo

QUICK = {"gatys": {"steps": 3}, "deep_photo": {"steps": 3}}
# What cannot be seen in one small picture on this machine, and why.
UNSEEN = {
    "size": "the size is the picture's own already",
    "precision": "processors without bfloat16 compute alike",
    "max_seconds": "nothing here takes a second",
    "coarse_to_fine": "so small a picture has one size only",
}
OTHER = {
    "content_strength": 0.25, "style_strength": 0.4, "seed": 5, "style_scale": 0.5, "levels": ("1", "2"),
    "passes": 2, "flat_strokes": 1.0, "comb_filter": False, "correction": False,
    "whitening": ("paper", "transport"),
    "noise_floor": 0.1, "detail": 0.3, "smoothing": ("guided",), "quiet_guide": False,
    "transfer": ("decoder",), "decoder": "sum", "steps": 2, "style_layers": ("conv2_1",),
    "content_layers": ("conv3_1",), "pooling": "average", "optimizer": "adam", "total_variation": 2.0,
    "colors": "luminance", "color_match": 0.0, "contrast_match": 0.0, "start": "style", "photorealism": 5.0,
    "refinement": ("none",), "working_size": 256,
}  # fmt: skip
WCT_SEED = "a texture, made without content or a content picture and level 4 or 5 and flat_strokes above 0"


@functools.cache
def run(key, folder, *, texture=False, **options):
    """The result of a method with some options, computed once."""
    content, style = photo(40, 56), photo(48, 64, seed=1)
    given = QUICK.get(key, {}) | options
    return stylize(key, None if texture else content, style, weights_dir=folder, device="cpu", **given)


def another(key, name):
    """A permitted value that is not the default."""
    kind = get_method(key).options
    values = OTHER[name] if name == "whitening" else (OTHER[name],)
    return next(v for v in values if v != option_default(kind, name))


def said(result, name):
    return [note for note in result.notes if note.startswith(f"{name} ") and "has no effect" in note]


def every_option():
    options = [(key, name) for key in list_methods() for name in option_fields(get_method(key).options)]
    return [(key, name) for key, name in options if name not in UNSEEN]


@pytest.mark.parametrize(("key", "name"), every_option())
def test_an_option_changes_the_picture_or_says_that_it_has_no_effect(tiny_weights, key, name):
    plain = run(key, tiny_weights)
    changed = run(key, tiny_weights, **{name: another(key, name)})
    assert not any("has no effect" in note for note in plain.notes)
    assert bool(said(changed, name)) == torch.equal(plain.image, changed.image)


@pytest.mark.parametrize(
    ("key", "mode", "name", "note"),
    [
        ("wct2", {"whitening": "paper"}, "noise_floor", "whitening transport and style_strength above 0"),
        ("wct2", {"whitening": "released"}, "noise_floor", "whitening transport and style_strength above 0"),
        (
            "photo_wct",
            {"whitening": "paper"},
            "noise_floor",
            "whitening transport and style_strength above 0",
        ),
        ("wct", {}, "noise_floor", "whitening transport and style_strength above 0"),
        ("wct2", {"style_strength": 0}, "whitening", "style_strength above 0"),
        ("photo_wct", {"style_strength": 0}, "detail", "style_strength above 0"),
        ("photo_wct", {"content_strength": 0}, "smoothing", "content_strength above 0"),
        (
            "photo_wct",
            {"smoothing": ("guided",)},
            "quiet_guide",
            "smoothing matting and content_strength above 0",
        ),
        (
            "photo_wct",
            {"content_strength": 0},
            "quiet_guide",
            "smoothing matting and content_strength above 0",
        ),
        ("wct", {"levels": ("1",)}, "content_strength", "a level above 1"),
        ("wct", {"texture": True}, "passes", "a content picture or at least 3"),
        (
            "gatys",
            {"content_strength": 0},
            "content_layers",
            "a content picture and content_strength above 0",
        ),
        ("gatys", {"texture": True}, "content_strength", "a content picture"),
        ("gatys", {"texture": True}, "content_layers", "a content picture and content_strength above 0"),
        ("gatys", {"texture": True}, "start", "a content picture"),
        (
            "gatys",
            {"style_layers": ("conv1_1",), "content_layers": ("conv1_2",)},
            "pooling",
            "a layer beyond conv1_2",
        ),
        ("deep_photo", {"content_strength": 0}, "photorealism", "content_strength above 0"),
        ("wct2", {}, "seed", "a method that draws at random"),
        ("wct", {"flat_strokes": 0}, "seed", WCT_SEED),
        ("wct", {"levels": ("3", "2", "1")}, "flat_strokes", "a content picture and level 4 or 5"),
        ("gatys", {}, "seed", "a texture, made without content or start noise"),
    ],
)
def test_a_mode_in_which_an_option_does_nothing(tiny_weights, key, mode, name, note):
    plain, changed = (run(key, tiny_weights, **mode, **more) for more in ({}, {name: another(key, name)}))
    value = option_fields(get_method(key).options)[name].said(another(key, name))
    assert said(changed, name) == [f"{name} {value} has no effect: it needs {note}."]
    assert said(plain, name) == []
    assert torch.equal(plain.image, changed.image)


@pytest.mark.parametrize(
    ("key", "mode", "name"),
    [
        ("wct", {"whitening": "transport"}, "noise_floor"),
        ("wct", {"texture": True, "levels": ("1",)}, "seed"),  # deeper tiny networks saturate
        (
            "wct",
            {"texture": True, "levels": ("1",), "style_strength": 0, "whitening": "transport"},
            "noise_floor",
        ),
        ("gatys", {"start": "noise"}, "seed"),
        ("gatys", {"texture": True}, "seed"),
        ("photo_wct", {"smoothing": ("matting",)}, "quiet_guide"),
    ],
)
def test_a_mode_in_which_it_does_something(tiny_weights, key, mode, name):
    plain, changed = (run(key, tiny_weights, **mode, **more) for more in ({}, {name: another(key, name)}))
    assert said(changed, name) == []
    assert not torch.equal(plain.image, changed.image)


def test_none_beside_other_refinements_is_noted(tiny_weights):
    both = run("deep_photo", tiny_weights, refinement=("none", "detail"))
    assert said(both, "refinement") == ["refinement none has no effect: it needs no other step beside it."]
    assert torch.equal(both.image, run("deep_photo", tiny_weights).image)
    assert said(run("deep_photo", tiny_weights, refinement=("none",)), "refinement") == []


@pytest.mark.parametrize("key", list_methods())
def test_conditions_name_options_and_values_there_are(key):
    kind = get_method(key).options
    fields = option_fields(kind)
    for name, _, part in (entry.partition("=") for entry in conditions(kind)):
        assert name in fields
        assert not part or part in fields[name].choices


@pytest.mark.parametrize("key", list_methods())
def test_defaults_are_never_noted(key):
    options = get_method(key).options()
    for texture in (False, True):
        assert list(idle_notes(options, is_texture=texture)) == []


def test_a_class_can_say_otherwise_than_the_one_it_extends():
    assert conditions(get_method("wct").options)["seed"].words == WCT_SEED
    assert "noise_floor" in conditions(get_method("wct").options)
    assert dataclasses.is_dataclass(get_method("wct").options)
