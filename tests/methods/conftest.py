"""Photos of the gallery for the tests of the photorealistic methods."""

import functools

import pytest
import torch

from demo.examples import gallery
from style_core import get_method, load_image, stylize
from style_core.fronts import option_default, option_fields
from style_core.method import Inputs, StyleInput
from style_core.pipeline.runtime import RequestRuntime
from style_core.progress import ignore_progress
from style_core.regions import Labels

from ..conftest import photo


@pytest.fixture(scope="session")
def examples():
    """The gallery's pairs of content and style files."""
    return [(p.content, p.style) for p in gallery(photorealistic=True)]


@pytest.fixture(scope="session")
def pair(examples):
    """The first pair as tensors of 256 x 192 px."""
    pictures = (load_image(path).pixels for path in examples[0])
    return [torch.nn.functional.interpolate(p, (192, 256), mode="area") for p in pictures]


@pytest.fixture(scope="session")
def small_pair(pair):
    """The same as tensors of 64 x 48 px."""
    return [torch.nn.functional.interpolate(p, (48, 64), mode="area") for p in pair]


@pytest.fixture
def with_a_label_of_one_pixel(tiny_weights):
    """A method's picture, and its notes, where no mask could have given such a label."""

    def run(key, **options):
        labels = torch.ones(48, 48, dtype=torch.uint8)
        labels[20, 20] = 2
        labels, chosen = Labels(labels), get_method(key)
        device, seeded = torch.device("cpu"), torch.Generator().manual_seed(0)
        runtime = RequestRuntime("compact", tiny_weights, device, seeded, ignore_progress)
        inputs = Inputs(photo(48, 48), (StyleInput(photo(48, 48, seed=1), labels),), labels)
        return chosen.stylize(inputs, chosen.options(**options), runtime), runtime.notes

    return run


def remembered(method, pair, **few):
    """``result(**options)`` of a pair, computed once for the same options, given or left as they are.

    ``few`` stands in for the method's defaults.
    """
    fields = get_method(method).options
    defaults = {name: option_default(fields, name) for name in option_fields(fields)}

    @functools.cache
    def computed(asked):
        return stylize(method, *pair, **dict(asked))

    def result(**options):
        given = {**few, **options}
        return computed(frozenset((k, v) for k, v in given.items() if k not in defaults or v != defaults[k]))

    return result
