"""Photos of the gallery for the tests of the photorealistic methods."""

import functools

import pytest
import torch

from demo.examples import gallery
from style_core import get_method, load_image, stylize
from style_core.fronts import option_default, option_fields


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
