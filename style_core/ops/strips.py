"""How many rows are worked on at once."""

from __future__ import annotations

import torch

GPU_STRIP = 1 << 20  # px; enough to keep a GPU busy, and no more memory than that


def strip_rows(for_cache: int, width: int, device: torch.device) -> int:
    """Rows of a strip.

    Args:
        for_cache: so many on a processor, which finds again in its cache what it has just written.
        width: px. A GPU has no such cache, and every operation that is begun on it costs time: there a strip
            has about :data:`GPU_STRIP` px, and at least the processor's rows.
    """
    return for_cache if device.type == "cpu" else max(for_cache, GPU_STRIP // width)
