"""Where and how precisely networks run: device choice, native bfloat16, memory figures."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from functools import cache

import torch

from .container import container_memory
from .environment import megabytes
from .errors import InvalidOption, shortened

# Feature maps in pages of 2 MB, where the system gives them on request: asking for pages of 4 KB took up to
# half of the networks' time. torch reads this once, when it first allocates.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
DEVICES = ("auto", "cpu", "cuda", "mps")
TILE = "STYLE_CORE_TILE_MB"
PROCESSOR_TILE = 400  # MB; more makes nothing faster on processors
GPU_TILE = 8000  # MB; on a GPU every tile costs the time in which its operations are begun


def choose_device(name: str) -> torch.device:
    """The torch device of ``auto``, ``cpu``, ``cuda`` or ``mps``; auto prefers an accelerator.

    Raises:
        InvalidOption: an unknown name, or a device this machine does not have.
    """
    if name not in DEVICES:
        raise InvalidOption(f"device must be one of {', '.join(DEVICES)}, not {shortened(name)}.")
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if available[kind])
    if not available[name]:
        raise InvalidOption(f"device {name!r} is not available on this machine; use 'auto' or 'cpu'.")
    return torch.device(name)


@cache
def has_native_bfloat16(kind: str) -> bool:
    """Whether a device kind multiplies bfloat16 in hardware, so that it is faster than float32."""
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if kind != "cpu":
        return False
    # Older releases have only the private names; without any of them float32 is always right.
    if hasattr(torch.cpu, "get_capabilities"):
        found = torch.cpu.get_capabilities()
        return bool(found.get("avx512_bf16") or found.get("amx_bf16"))
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", bool)())


def default_device() -> str:
    """The kind of device that ``auto`` chooses."""
    return choose_device("auto").type


def use_threads(count: int) -> None:
    """Let computations that the calling thread starts use ``count`` processor threads.

    Several jobs that each take all of a machine's cores slow each other down manyfold.
    """
    torch.set_num_threads(max(1, count))


@cache
def _trimmer() -> Callable[[int], int]:
    """glibc's malloc_trim, or nothing where the C library has none."""
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):
        return lambda keep: 0
    return found


def give_memory_back() -> None:
    """Give the system what was freed, of which glibc keeps much for allocations to come."""
    _trimmer()(0)


def peak_memory(device: torch.device) -> int:
    """Most bytes held so far: of the process on the CPU, of the allocator on a GPU; 0 if unknown."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource  # not on Windows
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def held_memory(device: torch.device) -> int:
    """Bytes that this process holds now: its tensors on a GPU, else all that is resident; 0 if unknown."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def available_memory(device: torch.device) -> int | None:
    """Bytes that can still be allocated, or ``None`` where the system does not say.

    On a GPU what PyTorch has cached for tensors to come is free; elsewhere the limits of a container count as
    well as what the machine has.
    """
    if device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + cached
    found = [size for size in (_machine_memory(), container_memory()) if size is not None]
    return min(found, default=None)


def tile_budget(device: torch.device) -> int:
    """Bytes that the maps of one tile may take: at most half of what is free."""
    budget = megabytes(TILE, PROCESSOR_TILE if device.type == "cpu" else GPU_TILE)
    free = available_memory(device)
    return budget if free is None else min(budget, free // 2)


def _machine_memory() -> int | None:
    try:
        pages = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not a system that counts pages
        return None
    try:  # Linux lends its file cache; this figure includes what it would give back
        with open("/proc/meminfo") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return pages
