"""Masks carried through the layers, against the released code's steps written out."""

import torch
import torch.nn.functional as F

from style_core.nets.encoder import LAYERS, POOL_BEFORE
from style_core.regions import Labels, carry_masks

MAP = torch.zeros(32, 48, dtype=torch.uint8)
MAP[:, 20:] = 3
LABELS = Labels(MAP)


def test_every_convolution_averages_and_every_pooling_halves():
    kernel = torch.full((1, 1, 3, 3), 1 / 9)
    expected = LABELS.masks((3,))
    for layer in LAYERS[: LAYERS.index("conv2_2") + 1]:
        if layer in POOL_BEFORE:
            expected = F.avg_pool2d(expected, 2)
        expected = F.conv2d(expected, kernel, padding=1)
    found = carry_masks(LABELS.masks((3,)), LAYERS, ["conv2_2"], pool_before=POOL_BEFORE)
    torch.testing.assert_close(found["conv2_2"], expected[0])


def test_sizes_are_those_of_the_feature_maps():
    masks = Labels(MAP[:31, :45]).masks((0, 3))
    found = carry_masks(masks, LAYERS, ["conv1_1", "conv3_1", "conv5_1"], pool_before=POOL_BEFORE)
    assert {k: tuple(v.shape) for k, v in found.items()} == {
        "conv1_1": (2, 31, 45), "conv3_1": (2, 7, 11), "conv5_1": (2, 1, 2),
    }  # fmt: skip
