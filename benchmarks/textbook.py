"""Gatys and Deep Photo as a textbook has them, to measure against: plain autograd, float32, a sparse matrix.

The same losses (unnormalized) on the same network's weights, one module after another, a mask product
for every region and layer, the matting Laplacian as a sparse matrix, ``torch.optim.LBFGS``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from pymatting import cf_laplacian
from torch import Tensor, nn

from style_core.nets.encoder import LAYERS, POOL_BEFORE, Encoder

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
CONTENT_LAYER = "conv4_2"
Closure = Callable[[], Tensor]


class PlainVGG(nn.Module):
    """The encoder as a sequence of plain modules."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.blocks = nn.ModuleDict()
        for name in LAYERS:
            own = getattr(encoder, name)
            conv = nn.Conv2d(own.in_channels, own.out_channels, 3, padding=1, padding_mode="reflect")
            conv.load_state_dict(own.state_dict())
            self.blocks[name] = nn.Sequential(conv, nn.ReLU())
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Every layer's rectified features."""
        found = {}
        for name, block in self.blocks.items():
            if name in POOL_BEFORE:
                x = F.max_pool2d(x, 2)
            x = found[name] = block(x)
        return found


def gram(features: Tensor) -> Tensor:
    """``F F' / (C M)``."""
    flat = features[0].flatten(1)
    return flat @ flat.T / flat.numel()


def gatys_iterations(encoder: Encoder, content: Tensor, style: Tensor) -> Closure:
    """One call is one iteration of L-BFGS."""
    network = PlainVGG(encoder)
    wanted = network(content)[CONTENT_LAYER]
    grams = {name: gram(network(style)[name]) for name in STYLE_LAYERS}

    def loss(x: Tensor) -> Tensor:
        features = network(x)
        style_loss = sum(F.mse_loss(gram(features[name]), grams[name]) for name in STYLE_LAYERS)
        return 5 * F.mse_loss(features[CONTENT_LAYER], wanted) + 100 * style_loss

    return _iterations(content, loss)


def deep_photo_iterations(
    encoder: Encoder, content: Tensor, style: Tensor, masks: Sequence[Tensor], style_masks: Sequence[Tensor]
) -> Closure:
    """One call is one iteration of L-BFGS with the photorealism term.

    Args:
        masks, style_masks: ``[1, 1, H, W]`` in [0, 1], one for each region.
    """
    network = PlainVGG(encoder)
    wanted = network(content)[CONTENT_LAYER]
    carried, style_carried = ([_carried(mask) for mask in side] for side in (masks, style_masks))
    style_features = network(style)
    grams = {
        name: [gram(style_features[name] * mask[name]) / mask[name].mean() for mask in style_carried]
        for name in STYLE_LAYERS
    }
    laplacian = _sparse(content)

    def loss(x: Tensor) -> Tensor:
        features = network(x)
        total = 5 * F.mse_loss(features[CONTENT_LAYER], wanted)
        for name in STYLE_LAYERS:
            for mask, target in zip(carried, grams[name], strict=True):
                share = mask[name].mean()
                total = total + 100 * share * F.mse_loss(gram(features[name] * mask[name]) / share, target)
        columns = x[0].flatten(1).T  # [H*W, 3]
        return total + 1e4 * (columns * torch.sparse.mm(laplacian, columns)).sum()

    return _iterations(content, loss)


def _iterations(start: Tensor, loss: Callable[[Tensor], Tensor]) -> Closure:
    x = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([x], max_iter=1, history_size=100, tolerance_grad=0, tolerance_change=0)

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss(x)
        value.backward()
        return value

    def iteration() -> Tensor:
        with torch.enable_grad():
            return optimizer.step(closure)

    return iteration


def _carried(mask: Tensor) -> dict[str, Tensor]:
    found = {}
    for name in LAYERS:
        if name in POOL_BEFORE:
            mask = F.avg_pool2d(mask, 2)
        mask = found[name] = F.avg_pool2d(mask, 3, stride=1, padding=1)
    return found


def _sparse(image: Tensor) -> Tensor:
    matrix = cf_laplacian(image[0].permute(1, 2, 0).double().numpy(), epsilon=1e-7, radius=1).tocsr()
    return torch.sparse_csr_tensor(
        torch.from_numpy(matrix.indptr), torch.from_numpy(matrix.indices),
        torch.from_numpy(matrix.data).float(), matrix.shape,
    )  # fmt: skip
