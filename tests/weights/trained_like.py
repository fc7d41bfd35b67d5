"""Random kernels with the look of trained ones: smooth gray filters of pictures, few large weights behind."""

import torch
import torch.nn.functional as F


def trained_like(outputs, inputs, generator):
    """``[outputs, inputs, 3, 3]``; of pictures where there are three inputs."""
    if inputs != 3:
        return 0.01 * torch.randn(outputs, inputs, 3, 3, generator=generator) ** 3
    gray = torch.randn(outputs, 1, 2, 2, generator=generator)
    smooth = F.interpolate(gray, (3, 3), mode="bilinear", align_corners=True)
    return 0.2 * (smooth + 0.2 * torch.randn(outputs, 3, 3, 3, generator=generator))
