"""A device without float64, as Apple's GPUs are, played by the processor under the name of "meta"."""

from contextlib import contextmanager

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = torch.device("meta")


class There(torch.Tensor):
    """A tensor that says it lies on the device; its numbers are ``here``."""

    @staticmethod
    def __new__(cls, here):
        if here.dtype == torch.float64:
            raise TypeError("the device has no float64")
        return torch.Tensor._make_wrapper_subclass(
            cls, here.shape, strides=here.stride(), dtype=here.dtype, device=DEVICE
        )

    def __init__(self, here):
        self.here = here

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        raise TypeError(f"{function} outside of the device's mode")


class _Device(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
        is_there = any(isinstance(t, There) for t in tensors)
        if is_there and any(t.ndim and not isinstance(t, There) for t in tensors):
            raise TypeError(f"{function} of tensors on two devices")
        if kwargs.get("device") is not None:
            is_there = torch.device(kwargs["device"]) == DEVICE
            kwargs["device"] = torch.device("cpu")
        args, kwargs = tree_map(lambda t: t.here if isinstance(t, There) else t, (args, kwargs))
        out = function(*args, **kwargs)
        return tree_map(lambda t: There(t) if is_there and isinstance(t, torch.Tensor) else t, out)


@contextmanager
def device_without_float64():
    """Meanwhile tensors can be brought to, made on and fetched from :data:`DEVICE`."""
    with _Device():
        yield DEVICE
