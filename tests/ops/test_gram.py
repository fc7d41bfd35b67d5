"""Gram matrices and the style loss, against the formulas in float64 and autograd through them."""

import pytest
import torch

from style_core.ops.gram import Channels, GramTarget, gram_loss, gram_matrix, select


def features(channels=5, height=7, width=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, channels, height, width, generator=generator, dtype=torch.float64).clamp_min(0)


def soft_mask(height=7, width=6):
    mask = torch.zeros(height, width, dtype=torch.float64)
    mask[1:4, 2:] = torch.linspace(0.1, 1, 12, dtype=torch.float64).view(3, 4)
    return mask


def test_it_is_the_papers_inner_product_of_filter_responses():
    f = features()
    columns = f[0].flatten(1)
    torch.testing.assert_close(gram_matrix(f), columns @ columns.T / columns.shape[1])


def test_it_is_summed_in_float32_for_reduced_precision():
    f = features(channels=3, height=90, width=90)
    assert gram_matrix(f.bfloat16()).dtype == torch.float32
    torch.testing.assert_close(gram_matrix(f.bfloat16()).double(), gram_matrix(f), rtol=5e-3, atol=1e-3)


def test_a_mask_weighs_positions_by_its_square():
    f, mask = features(), soft_mask()
    columns = (f[0] * mask).flatten(1)
    expected = columns @ columns.T / mask.square().sum()
    torch.testing.assert_close(gram_matrix(f, select(mask)), expected)


def test_a_thin_soft_mask_of_an_even_picture_gives_the_same_matrix_as_a_broad_one():
    f = features(height=1, width=1).expand(1, 5, 7, 6)
    torch.testing.assert_close(gram_matrix(f, select(soft_mask())), gram_matrix(f))


def test_a_mask_of_nothing_selects_nothing():
    assert select(torch.full((3, 3), 1e-5)) is None


def test_channels_are_cut_and_scaled_first():
    f = features()
    channels = Channels(torch.linspace(1, 2, 5).double(), torch.full((5,), 0.5).double())
    limited = f.clamp_max(0.5) * channels.scale[:, None, None]
    torch.testing.assert_close(gram_matrix(f, channels=channels), gram_matrix(limited))


def formula(f, targets):
    """The loss written out, for autograd."""
    total = 0.0
    for target in targets:
        x = f[0].flatten(1)
        if target.channels is not None:
            x = torch.minimum(x, target.channels.ceiling[:, None]) * target.channels.scale[:, None]
        if target.positions is None:
            gram = x @ x.T / x.shape[1]
        else:
            x = x[:, target.positions.index] * target.positions.weight
            gram = x @ x.T
        total = total + target.scale * (gram - target.matrix).square().sum()
    return total


CHANNELS = Channels(torch.linspace(0.5, 2, 5).double(), torch.linspace(0.4, 1.5, 5).double())


@pytest.mark.parametrize("channels", [None, CHANNELS])
@pytest.mark.parametrize(
    "masks", [[None], [soft_mask()], [soft_mask(), 1 - soft_mask()], [None, soft_mask()]]
)
def test_value_and_gradient_are_those_of_the_formula(masks, channels):
    wanted = gram_matrix(features(seed=1))
    targets = [
        GramTarget(wanted, 0.7 + k, None if mask is None else select(mask), channels)
        for k, mask in enumerate(masks)
    ]
    own, reference = features().requires_grad_(), features().requires_grad_()
    value, expected = gram_loss(own, targets), formula(reference, targets)
    torch.testing.assert_close(value, expected)
    gradients = [torch.autograd.grad(3 * v, x)[0] for v, x in ((value, own), (expected, reference))]
    torch.testing.assert_close(*gradients)


def test_it_is_the_papers_style_loss_up_to_its_constants():
    """E_l = sum (G - A)^2 / (4 N^2 M^2) with G, A sums over positions (Gatys et al. 2016, equation 4)."""
    f, style = features(), features(seed=1)
    count, positions = f.shape[1], f.shape[2] * f.shape[3]
    sums = [x[0].flatten(1) @ x[0].flatten(1).T for x in (f, style)]
    layer_loss = (sums[0] - sums[1]).square().sum() / (4 * count**2 * positions**2)
    target = GramTarget(gram_matrix(style), 1 / (4 * count**2))
    torch.testing.assert_close(gram_loss(f, [target]), layer_loss)


def test_a_met_target_costs_nothing_and_pulls_nowhere():
    f = features().requires_grad_()
    value = gram_loss(f, [GramTarget(gram_matrix(f.detach()))])
    assert value.item() < 1e-25
    assert torch.autograd.grad(value, f)[0].abs().max() < 1e-14
