"""Which devices compute while Python goes on, so that to look at one of their numbers is to wait."""

from __future__ import annotations

import torch


def is_waited_for(device: torch.device) -> bool:
    """Whether numbers of a device have to be waited for, as those of GPUs are.

    There, what is needed on the processor is fetched at once, and positions are weighed, not selected: how
    many there are would have to be known first.
    """
    return device.type != "cpu"
