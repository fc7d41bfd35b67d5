"""The processes that train together, as accelerate has them: one alone, or those a launcher has started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..device import choose_device
from ..errors import StyleCoreError

if TYPE_CHECKING:
    from accelerate import Accelerator


def join_processes(device: str) -> Accelerator:
    """This process's place among those of ``accelerate launch`` or torchrun, and its device.

    Args:
        device: as in :func:`choose_device`; with several processes "cpu", or one GPU each.

    Raises:
        StyleCoreError: the accelerate package is missing.
        InvalidOption: a device this machine does not have.
    """
    try:
        from accelerate import Accelerator, DistributedDataParallelKwargs
    except ImportError:
        raise StyleCoreError("Training needs the accelerate package: pip install accelerate.") from None
    # A decoder that none of a process's pairs were drawn for has no gradient there.
    idle = DistributedDataParallelKwargs(find_unused_parameters=True)
    return Accelerator(cpu=choose_device(device).type == "cpu", kwargs_handlers=[idle])
