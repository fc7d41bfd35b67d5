"""Masks carried through the layers, against the released code's steps written out."""

import torch
import torch.nn.functional as F

from style_core.nets.encoder import LAYERS, POOL_BEFORE
from style_core.ops.segment_masks import carry_masks, one_hot

LABELS = torch.zeros(32, 48, dtype=torch.int64)
LABELS[:, 20:] = 3


def test_masks_are_one_where_their_label_is():
    masks = one_hot(LABELS, [0, 3])
    assert masks.shape == (1, 2, 32, 48)
    assert torch.equal(masks[0, 0] == 1, LABELS == 0)
    assert torch.equal(masks.sum(1), torch.ones(1, 32, 48))


def test_every_convolution_averages_and_every_pooling_halves():
    kernel = torch.full((1, 1, 3, 3), 1 / 9)
    expected = one_hot(LABELS, [3])
    for layer in LAYERS[: LAYERS.index("conv2_2") + 1]:
        if layer in POOL_BEFORE:
            expected = F.avg_pool2d(expected, 2)
        expected = F.conv2d(expected, kernel, padding=1)
    found = carry_masks(one_hot(LABELS, [3]), LAYERS, ["conv2_2"], pool_before=POOL_BEFORE)
    torch.testing.assert_close(found["conv2_2"], expected[0])


def test_sizes_are_those_of_the_feature_maps():
    masks = one_hot(LABELS[:31, :45], [0, 3])
    found = carry_masks(masks, LAYERS, ["conv1_1", "conv3_1", "conv5_1"], pool_before=POOL_BEFORE)
    assert {k: tuple(v.shape) for k, v in found.items()} == {
        "conv1_1": (2, 31, 45), "conv3_1": (2, 7, 11), "conv5_1": (2, 1, 2),
    }  # fmt: skip
