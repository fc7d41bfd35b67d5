"""What methods say they will take: it grows with the picture, the networks' width and the regions."""

import pytest
import torch

from style_core import get_method, list_methods, stylize
from style_core.method import Inputs, StyleInput
from style_core.methods.shared.feature_memory import START, need_feature_memory
from style_core.pipeline.runtime import RequestRuntime
from style_core.regions import Labels

from ...conftest import photo


class Said:
    """A runtime that is asked for memory, and an encoder of ``width``."""

    def need_memory(self, size):
        self.size = size

    def __init__(self, width, number_bytes):
        self.layer_width, self.number_bytes = width, number_bytes

    def width(self, layer):
        assert layer == "conv1_1"
        return self.layer_width


def said(side, *, style=16, regions=0, maps_regions=True, width=10, number_bytes=4, in_float32=False):
    labels = Labels((torch.arange(side * side).view(side, side) % max(1, regions)).to(torch.uint8))
    content = torch.zeros(1, 3, side, side)
    inputs = Inputs(content, (StyleInput(torch.zeros(1, 3, style, style)),), labels if regions else None)
    both = Said(width, number_bytes)
    need_feature_memory(both, both, inputs, maps_held=3, maps_regions=maps_regions, in_float32=in_float32)
    return both.size - START


def test_a_map_takes_so_many_bytes_for_each_pixel_and_channel():
    assert said(100) == 3 * 4 * 10 * 100 * 100
    assert said(200) == 4 * said(100)
    assert said(100, width=20) == 2 * said(100)
    assert said(100, number_bytes=2) == said(100) / 2
    assert said(100, number_bytes=2, in_float32=True) == said(100)


def test_every_region_that_is_mapped_takes_three_numbers_more_for_each_pixel():
    assert said(100, regions=7) - said(100) == 7 * 3 * 4 * 100 * 100
    assert said(100, regions=7, maps_regions=False) == said(100)


def test_a_large_style_of_a_small_content_counts():
    assert said(32, style=320) == 2 * 4 * 10 * 320 * 320


@pytest.mark.parametrize("key", list_methods())
def test_every_method_says_what_it_takes_before_it_works(monkeypatch, tiny_weights, key):
    class Asked(Exception):
        pass

    def asked(runtime, size):
        raise Asked

    monkeypatch.setattr(RequestRuntime, "need_memory", asked)
    assert get_method(key)
    with pytest.raises(Asked):
        stylize(key, photo(64, 64), photo(64, 64, seed=1), weights_dir=tiny_weights)
