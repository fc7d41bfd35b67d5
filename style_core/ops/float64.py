"""Where numbers can be computed in float64."""

from __future__ import annotations

import torch

WITHOUT = ("mps",)  # Apple's GPUs


def float64_device(device: torch.device) -> torch.device:
    """The device itself, or the processor where it has no float64."""
    return torch.device("cpu") if device.type in WITHOUT else device
