"""Photos of the gallery for the tests of the photorealistic methods."""

import pytest
import torch

from demo.examples import gallery
from style_core import load_image


@pytest.fixture(scope="session")
def examples():
    """The gallery's pairs of content and style files."""
    return [(p.content, p.style) for p in gallery(photorealistic=True)]


@pytest.fixture(scope="session")
def pair(examples):
    """The first pair as tensors of 256 x 192 px."""
    pictures = (load_image(path).pixels for path in examples[0])
    return [torch.nn.functional.interpolate(p, (192, 256), mode="area") for p in pictures]
