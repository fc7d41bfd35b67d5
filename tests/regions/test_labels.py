"""Label maps: what is in them, at any size."""

import numpy as np
import pytest
import torch
from PIL import Image

from style_core.regions import Labels
from style_core.regions.labels import resize_labels


def drawn(height=13, width=21, count=5):
    return torch.from_numpy(np.random.default_rng(2).integers(0, count, (height, width), np.uint8))


def test_the_labels_that_are_there_are_found():
    labels = torch.zeros(4, 4, dtype=torch.uint8)
    labels[1, 1], labels[2, 2] = 63, 7
    found = Labels(labels)
    assert found.present == (0, 7, 63)
    assert 7 in found
    assert 8 not in found


@pytest.mark.parametrize(("height", "width"), [(13, 21), (26, 42), (7, 11), (40, 9), (1, 1)])
def test_another_size_takes_the_value_at_the_middle_of_every_pixel(height, width):
    labels = drawn()
    image = Image.fromarray(labels.numpy()).resize((width, height), Image.Resampling.NEAREST)
    assert np.array_equal(resize_labels(labels, height, width).numpy(), np.asarray(image))


def test_the_same_size_is_the_same_map():
    labels = Labels(drawn())
    assert labels.at(13, 21) is labels


@pytest.mark.parametrize(("height", "width"), [(16, 24), (13, 24), (50, 80)])
def test_padding_mirrors_without_repeating_the_ends(height, width):
    found = Labels(drawn()).padded(height, width).map.numpy()
    wanted = np.pad(drawn().numpy(), ((0, height - 13), (0, width - 21)), mode="reflect")
    assert np.array_equal(found, wanted)


def test_masks_are_one_where_their_label_is():
    labels = Labels(drawn())
    masks = labels.masks(labels.present)
    assert masks.shape == (1, 5, 13, 21)
    assert torch.equal(masks.sum(1), torch.ones(1, 13, 21))
    assert torch.equal(masks[0, 3] == 1, labels.map == 3)
