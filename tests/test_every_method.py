"""What every registered method promises; a sixth method is covered as soon as its file exists."""

import json

import pytest
import torch

from style_core import (
    Cancelled,
    EnoughDone,
    InvalidOption,
    OutOfMemory,
    get_method,
    list_methods,
    memory,
    progress,
    stylize,
)
from style_core.fronts import option_default, option_fields
from style_core.nets.pulse import PulsingModule

from .conftest import photo

METHODS = list_methods()
CONTENT, STYLE = photo(40, 53, seed=1), photo(48, 37, seed=2).flip(1)


@pytest.fixture
def run(tiny_weights):
    """A method with the tiny weights; one that takes steps takes few."""

    def stylized(method, content=CONTENT, style=STYLE, **options):
        few = {"steps": 4} if "steps" in option_fields(get_method(method).options) else {}
        given = {**few, **options}
        return stylize(method, content, style, weights_dir=tiny_weights, device="cpu", **given)

    return stylized


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 31), (64, 16), (16, 400)])
def test_result_has_exactly_the_contents_size_and_range(run, method, height, width):
    image = run(method, photo(height, width)).image
    assert image.shape == (1, 3, height, width)
    assert image.min() >= 0
    assert image.max() <= 1


@pytest.mark.parametrize("method", METHODS)
def test_size_sets_the_longer_side(run, method):
    assert run(method, size=32).image.shape == (1, 3, 24, 32)


@pytest.mark.parametrize("method", METHODS)
def test_a_tensor_that_wants_gradients_is_taken_as_a_picture(run, method):
    wanting = CONTENT.clone().requires_grad_()
    assert torch.equal(run(method, wanting).image, run(method).image)


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_gives_the_same_picture(run, method):
    assert torch.equal(run(method, seed=3).image, run(method, seed=3).image)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("flat", ["content", "style", "both"])
def test_flat_pictures_do_not_break_it(run, method, flat):
    gray = torch.full((1, 3, 32, 32), 0.5)
    content, style = gray if flat != "style" else CONTENT, gray if flat != "content" else STYLE
    assert torch.isfinite(run(method, content, style).image).all()


@pytest.mark.parametrize("method", METHODS)
def test_content_may_be_its_own_style(run, method):
    assert torch.isfinite(run(method, CONTENT, CONTENT).image).all()


@pytest.mark.parametrize("method", METHODS)
def test_progress_rises_from_zero_to_one(run, method):
    fractions = []
    run(method, progress=lambda fraction, message, preview=None: fractions.append(fraction))
    assert fractions[0] == 0
    assert fractions[-1] == 1
    assert fractions == sorted(fractions)
    assert len(fractions) > 3


@pytest.mark.parametrize("method", METHODS)
def test_cancelling_stops_the_work(run, method):
    def stop_halfway(fraction, message, preview=None):
        if fraction > 0.3:
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        run(method, progress=stop_halfway)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("is_enough", [True, False])
def test_no_layer_of_a_network_is_walked_after_a_stop(run, method, is_enough, monkeypatch):
    """Wherever it comes: where each report, of networks in the middle, too, is the one that stops."""
    monkeypatch.setattr(progress, "PULSE_SECONDS", 0)
    reports, after = [], []
    limit = [10**6]

    def report(fraction, message, preview=None):
        reports.append(message)
        if len(reports) >= limit[0]:
            raise (EnoughDone if is_enough else Cancelled)("Stopped.")

    def beat(self, x, own=PulsingModule.beat):
        if len(reports) >= limit[0]:
            after.append(reports[-1])
        own(self, x)

    monkeypatch.setattr(PulsingModule, "beat", beat)
    run(method, progress=report)
    everything = len(reports)
    assert everything > 20
    for limit[0] in range(2, everything, everything // 12):
        memory.forget()
        reports.clear()
        after.clear()
        try:
            result = run(method, progress=report)
        except Cancelled:  # or EnoughDone, of a method that has nothing to hand over
            result = None
        assert result is None or (is_enough and any(note.startswith("Stopped") for note in result.notes))
        assert len(after) <= 1, limit  # the layer that was being walked


@pytest.mark.parametrize("method", METHODS)
def test_masks_change_the_result_only_where_they_are_used(run, method):
    mask = torch.zeros(1, 3, 40, 53)
    mask[..., 26:] = 1
    style_mask = torch.zeros(1, 3, 48, 37)
    style_mask[:, :, 24:] = 1
    masked = run(method, content_mask=mask, style_mask=style_mask)
    is_changed = not torch.equal(masked.image, run(method).image)
    assert is_changed == get_method(method).uses_segments
    assert is_changed != any("does not use masks" in note for note in masked.notes)


@pytest.mark.parametrize("method", METHODS)
def test_every_option_has_a_help_text_and_a_permitted_default(method):
    options = get_method(method).options
    for name, option in option_fields(options).items():
        assert len(option.help) > 20
        assert not option.problem(option_default(options, name))
    assert {"content_strength", "style_strength", "seed", "size"} <= option_fields(options).keys()


@pytest.mark.parametrize("method", METHODS)
def test_settings_hold_every_option_as_json(run, method):
    settings = run(method).settings
    assert option_fields(get_method(method).options).keys() < settings.keys()
    assert json.loads(json.dumps(settings)) == settings


@pytest.mark.parametrize("method", METHODS)
def test_an_option_out_of_range_is_refused_before_any_work(run, method):
    with pytest.raises(InvalidOption, match=r"style_strength must be a number from 0 to 1, not 1\.5"):
        run(method, style_strength=1.5)


@pytest.mark.parametrize("method", METHODS)
def test_alpha_is_carried_through(run, method):
    import numpy as np

    rgba = np.dstack(
        [np.random.default_rng(0).random((24, 32, 3)), np.linspace(0, 1, 32)[None].repeat(24, 0)]
    )
    result = run(method, rgba)
    assert result.to_pil().mode == "RGBA"
    np.testing.assert_allclose(result.alpha[0, 0], rgba[..., 3], atol=1e-6)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_running_out_of_memory_is_a_sentence(run, monkeypatch, error):
    def failing(*args):
        raise error

    monkeypatch.setattr("style_core.pipeline.stylizing._run", failing)
    with pytest.raises(OutOfMemory, match="too little memory for this picture; choose a smaller size"):
        run(METHODS[0])


def test_other_runtime_errors_are_not_taken_for_a_lack_of_memory(run, monkeypatch):
    def failing(*args):
        raise RuntimeError("shapes differ")

    monkeypatch.setattr("style_core.pipeline.stylizing._run", failing)
    with pytest.raises(RuntimeError, match="shapes differ"):
        run(METHODS[0])
